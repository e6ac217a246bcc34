/* The routines of vector.h, included once for each instruction set by vector_NAME.c, which is
 * compiled for it and defines NN_VECTOR, the table's name, and NN_VECTOR_NAME. Plain loops that
 * the compiler turns into vector instructions; the order of sums is part of the loops. */
#include "nn/cpu/vector.h"
#include "nn/cpu/vector_math.h"
#include "nn/philox.h"

/* The larger, or the one that is NaN. */
static inline nn_real larger(nn_real x, nn_real y)
{
    return x >= y || x != x ? x : y;
}

#define STEP(name, form)                                                                           \
    static void name##_##form(int64_t n, nn_real *out, const nn_real *a, const nn_real *b,         \
                              const nn_real *c)

#define UNARY(name, expression)                                                                    \
    STEP(name, 0)                                                                                  \
    {                                                                                              \
        (void)b, (void)c;                                                                          \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                        \
        {                                                                                          \
            nn_real x = a[i];                                                                      \
            out[i] = (expression);                                                                 \
        }                                                                                          \
    }

/* The operands X, Y, Z are a[i] or a0 and so on. */
#define FORM(name, form, expression, X, Y, Z)                                                      \
    STEP(name, form)                                                                               \
    {                                                                                              \
        nn_real a0 = a[0], b0 = b[0], c0 = c[0];                                                   \
        (void)a0, (void)b0, (void)c0;                                                              \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                        \
        {                                                                                          \
            nn_real x = X, y = Y, z = Z;                                                           \
            (void)z;                                                                               \
            out[i] = (expression);                                                                 \
        }                                                                                          \
    }
#define BINARY(name, expression)                                                                   \
    FORM(name, 0, expression, a[i], b[i], c0)                                                      \
    FORM(name, 1, expression, a0, b[i], c0)                                                        \
    FORM(name, 2, expression, a[i], b0, c0)
#define TERNARY(name, expression)                                                                  \
    FORM(name, 0, expression, a[i], b[i], c[i])                                                    \
    FORM(name, 1, expression, a0, b[i], c[i])                                                      \
    FORM(name, 2, expression, a[i], b0, c[i])                                                      \
    FORM(name, 3, expression, a0, b0, c[i])                                                        \
    FORM(name, 4, expression, a[i], b[i], c0)                                                      \
    FORM(name, 5, expression, a0, b[i], c0)                                                        \
    FORM(name, 6, expression, a[i], b0, c0)

UNARY(exp, nn_exp1(x))
UNARY(expm1, nn_expm11(x))
UNARY(log, nn_log1(x))
UNARY(log1p, nn_log1p1(x))
UNARY(recip, 1 / x)
UNARY(tanh, nn_tanh1(x))
UNARY(sigmoid, nn_sigmoid1(x))
UNARY(erf, nn_erf1(x))
UNARY(step, (nn_real)(x > 0 ? 1 : 0))
#ifdef NN_DOUBLE
UNARY(sqrt, sqrt(x))
UNARY(abs, fabs(x))
UNARY(floor, floor(x))
UNARY(sin, nn_sin1(x))
UNARY(cos, nn_cos1(x))
#else
UNARY(sqrt, sqrtf(x))
UNARY(abs, fabsf(x))
UNARY(floor, floorf(x))

/* Angles beyond NN_TURNING, infinite and NaN are rare and go to the C library, all together. */
static bool turning(int64_t n, const float *a)
{
    int far = 0;

#pragma omp simd reduction(+ : far)
    for (int64_t i = 0; i < n; i++)
        far += fabsf(a[i]) <= NN_TURNING ? 0 : 1;
    return far == 0;
}

STEP(sin, 0)
{
    (void)b, (void)c;
    if (turning(n, a)) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            out[i] = nn_turn1(a[i], 0);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)sin((double)a[i]);
}

STEP(cos, 0)
{
    (void)b, (void)c;
    if (turning(n, a)) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            out[i] = nn_turn1(a[i], 1);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)cos((double)a[i]);
}
#endif

BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x *y)
BINARY(div, x / y)
BINARY(max, larger(x, y))
TERNARY(select, x != 0 ? y : z)
TERNARY(mul_add, x *y + z)
TERNARY(mul_sub, x *y - z)
TERNARY(sub_mul, z - x * y)
TERNARY(mul_mul, x *y *z)
TERNARY(add_add, x + y + z)

/* ---- moving ---- */

enum { FEW = 4 }; /* rows of a transposition that are not worth going along */

static inline void copy_row(int64_t n, nn_real *to, const nn_real *from)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
}

static void load(int64_t rows, int64_t columns, nn_real *to, const nn_real *from, int64_t row,
                 int64_t column)
{
    if (row == 1 && column == 2 && rows == 2) { /* pairs */
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) {
            to[j] = from[2 * j];
            to[columns + j] = from[2 * j + 1];
        }
        return;
    }
    if (row == 1 && rows > FEW && column > 1) { /* a transposition: along the lines of memory */
        for (int64_t j = 0; j < columns; j++)
            for (int64_t i = 0; i < rows; i++)
                to[i * columns + j] = from[j * column + i];
        return;
    }
    for (int64_t i = 0; i < rows; i++, to += columns, from += row) {
        nn_real first = *from;
        if (column == 1) {
            copy_row(columns, to, from);
        } else if (column == 0) {
#pragma omp simd
            for (int64_t j = 0; j < columns; j++)
                to[j] = first;
        } else if (column == 2) {
#pragma omp simd
            for (int64_t j = 0; j < columns; j++)
                to[j] = from[2 * j];
        } else {
#pragma omp simd
            for (int64_t j = 0; j < columns; j++)
                to[j] = from[j * column];
        }
    }
}

static void store(int64_t rows, int64_t columns, nn_real *to, int64_t row, int64_t column,
                  const nn_real *from)
{
    if (row == 1 && column == 2 && rows == 2) {
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) {
            to[2 * j] = from[j];
            to[2 * j + 1] = from[columns + j];
        }
        return;
    }
    if (row == 1 && rows > FEW && column > 1) {
        for (int64_t j = 0; j < columns; j++)
            for (int64_t i = 0; i < rows; i++)
                to[j * column + i] = from[i * columns + j];
        return;
    }
    for (int64_t i = 0; i < rows; i++, from += columns, to += row) {
        if (column == 1) {
            copy_row(columns, to, from);
        } else {
            for (int64_t j = 0; j < columns; j++)
                to[j * column] = from[j];
        }
    }
}

/* ---- reducing ---- */

static void plus(int64_t n, nn_real *to, const nn_real *from)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* Lanes side by side, then halves of them: the longest chain of additions is n / 64 + 6. */
static nn_real sum_row(int64_t n, const nn_real *x)
{
    enum { LANES = 64 };
    nn_real lane[LANES] = {0};
    int64_t i = 0;

    if (n < LANES / 4) {
        for (; i < n; i++)
            lane[0] += x[i];
        return lane[0];
    }
    for (; i + LANES <= n; i += LANES)
        plus(LANES, lane, x + i);
    plus(n - i, lane, x + i);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

static void raise_to(int64_t n, nn_real *to, const nn_real *from)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = larger(to[i], from[i]);
}

static nn_real peak_row(int64_t n, const nn_real *x)
{
    enum { LANES = 32 };
    nn_real lane[LANES], s;
    int64_t i = 0;

    if (n < 2 * LANES) {
        s = x[0];
        for (i = 1; i < n; i++)
            s = larger(s, x[i]);
        return s;
    }
    copy_row(LANES, lane, x);
    for (i = LANES; i + LANES <= n; i += LANES)
        raise_to(LANES, lane, x + i);
    raise_to(n - i, lane, x + i);
    s = lane[0];
    for (i = 1; i < LANES; i++)
        s = larger(s, lane[i]);
    return s;
}

static void sum(int64_t rows, int64_t columns, bool keep_rows, bool keep_columns, nn_real *to,
                const nn_real *from)
{
    if (keep_rows) {
        for (int64_t i = 0; i < rows; i++)
            to[i] = sum_row(columns, from + i * columns);
    } else if (keep_columns) {
        copy_row(columns, to, from);
        for (int64_t i = 1; i < rows; i++)
            plus(columns, to, from + i * columns);
    } else {
        to[0] = sum_row(rows * columns, from);
    }
}

static void peak(int64_t rows, int64_t columns, bool keep_rows, bool keep_columns, nn_real *to,
                 const nn_real *from)
{
    if (keep_rows) {
        for (int64_t i = 0; i < rows; i++)
            to[i] = peak_row(columns, from + i * columns);
    } else if (keep_columns) {
        copy_row(columns, to, from);
        for (int64_t i = 1; i < rows; i++)
            raise_to(columns, to, from + i * columns);
    } else {
        to[0] = peak_row(rows * columns, from);
    }
}

static void add_kahan(int64_t n, nn_real *sums, nn_real *rest, const nn_real *part)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        nn_real y = part[i] - rest[i], s = sums[i] + y, lost = (s - sums[i]) - y;
        rest[i] = lost == lost ? lost : 0; /* an infinite sum stays one */
        sums[i] = s;
    }
}

/* ---- noise ---- */

enum { DRAWN = 64 }; /* blocks at a time */

static inline nn_real share(uint32_t word)
{
    return (nn_real)(int32_t)(word >> 8);
}

/* cos and sin of a quarter turn times t, 0 <= t < 4. */
static inline void turn(nn_real t, nn_real *cosine, nn_real *sine)
{
#ifdef NN_DOUBLE
    *cosine = cos(t * 0x1.921fb54442d18p0);
    *sine = sin(t * 0x1.921fb54442d18p0);
#else
    float k = t + NN_ROUNDER - NN_ROUNDER, r = (t - k) * 0x1.921fb6p0f, s = r * r;
    int32_t quarter = (int32_t)k;
    float x = nn_cos_reduced(s), y = nn_sin_reduced(r, s);
    float u = quarter & 1 ? y : x, v = quarter & 1 ? x : y;
    *cosine = (quarter + 1) & 2 ? -u : u;
    *sine = quarter & 2 ? -v : v;
#endif
}

static inline nn_real radius(uint32_t word)
{
#ifdef NN_DOUBLE
    return sqrt(-2 * log((share(word) + 1) * 0x1p-24));
#else
    return sqrtf(-2 * nn_log_normal((share(word) + 1) * 0x1p-24f, 0));
#endif
}

static void draw_blocks(nn_noise_kind kind, uint64_t key, uint64_t draw, uint64_t block,
                        nn_real to[4 * DRAWN])
{
    uint32_t w[4][DRAWN];
    nn_real x[4][DRAWN];

#pragma omp simd
    for (int b = 0; b < DRAWN; b++) {
        unsigned v[4];
        nn_philox(key, draw, block + (uint64_t)b, v);
        w[0][b] = v[0];
        w[1][b] = v[1];
        w[2][b] = v[2];
        w[3][b] = v[3];
    }
    if (kind == NN_NOISE_UNIFORM) {
#pragma omp simd
        for (int b = 0; b < DRAWN; b++)
            for (int j = 0; j < 4; j++)
                x[j][b] = share(w[j][b]) * NN_C(0x1p-24);
    } else {
        for (int j = 0; j < 4; j += 2) {
#pragma omp simd
            for (int b = 0; b < DRAWN; b++) {
                nn_real r = radius(w[j][b]), cosine, sine;
                turn(share(w[j + 1][b]) * NN_C(0x1p-22), &cosine, &sine);
                x[j][b] = r * cosine;
                x[j + 1][b] = r * sine;
            }
        }
    }
#pragma omp simd
    for (int b = 0; b < DRAWN; b++) {
        to[4 * b] = x[0][b];
        to[4 * b + 1] = x[1][b];
        to[4 * b + 2] = x[2][b];
        to[4 * b + 3] = x[3][b];
    }
}

static void draw_noise(nn_noise_kind kind, uint64_t key, uint64_t draw, uint64_t block,
                       int64_t count, nn_real *to)
{
    nn_real last[4 * DRAWN];

    for (; count >= 4 * DRAWN; count -= 4 * DRAWN, to += 4 * DRAWN, block += DRAWN)
        draw_blocks(kind, key, draw, block, to);
    if (count > 0) {
        draw_blocks(kind, key, draw, block, last);
        copy_row(count, to, last);
    }
}

#define ONE(name)                                                                                  \
    {                                                                                              \
        name##_0                                                                                   \
    }
#define TWO(name)                                                                                  \
    {                                                                                              \
        name##_0, name##_1, name##_2                                                               \
    }
#define THREE(name)                                                                                \
    {                                                                                              \
        name##_0, name##_1, name##_2, name##_3, name##_4, name##_5, name##_6                       \
    }

const nn_vector NN_VECTOR = {
    .name = NN_VECTOR_NAME,
    .step =
        {
            [NN_OP_EXP] = ONE(exp),
            [NN_OP_EXPM1] = ONE(expm1),
            [NN_OP_LOG] = ONE(log),
            [NN_OP_LOG1P] = ONE(log1p),
            [NN_OP_SQRT] = ONE(sqrt),
            [NN_OP_RECIP] = ONE(recip),
            [NN_OP_TANH] = ONE(tanh),
            [NN_OP_SIGMOID] = ONE(sigmoid),
            [NN_OP_ERF] = ONE(erf),
            [NN_OP_SIN] = ONE(sin),
            [NN_OP_COS] = ONE(cos),
            [NN_OP_ABS] = ONE(abs),
            [NN_OP_STEP] = ONE(step),
            [NN_OP_FLOOR] = ONE(floor),
            [NN_OP_ADD] = TWO(add),
            [NN_OP_SUB] = TWO(sub),
            [NN_OP_MUL] = TWO(mul),
            [NN_OP_DIV] = TWO(div),
            [NN_OP_MAX] = TWO(max),
            [NN_OP_SELECT] = THREE(select),
            [NN_STEP_MUL_ADD] = THREE(mul_add),
            [NN_STEP_MUL_SUB] = THREE(mul_sub),
            [NN_STEP_SUB_MUL] = THREE(sub_mul),
            [NN_STEP_MUL_MUL] = THREE(mul_mul),
            [NN_STEP_ADD_ADD] = THREE(add_add),
        },
    .load = load,
    .store = store,
    .sum = sum,
    .peak = peak,
    .add = add_kahan,
    .raise = raise_to,
    .plus = plus,
    .draw = draw_noise,
};
