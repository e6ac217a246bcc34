/* The kernels of a matrix product, written once with vectors of NN_BYTES bytes, NN_ROWS rows and
 * two vectors of columns a tile; included by gemm_baseline.c, gemm_avx2.c and gemm_avx512.c, which
 * define these and NN_GEMM, the name of the table. Compiled with contraction: a product and its
 * addition are one instruction where there is one. */
#include "nn/cpu/gemm.h"
#include <string.h>

#ifdef NN_DOUBLE
#define NN_WIDTH (NN_BYTES / 8)
#else
#define NN_WIDTH (NN_BYTES / 4)
#endif
#define NN_COLUMNS (2 * NN_WIDTH)
/* A tile's rows in whole vectors, as pack_a reads and writes them. */
#define NN_SPAN ((NN_ROWS + NN_WIDTH - 1) / NN_WIDTH * NN_WIDTH)
#define NN_AHEAD 4 /* rows of a that pack_a fetches before it reads them */
#ifdef __clang__
#define NN_UNROLL _Pragma("clang loop unroll(full)")
#define NN_UNROLL_2 _Pragma("clang loop unroll_count(2)")
#else
#define NN_UNROLL _Pragma("GCC unroll 32")
#define NN_UNROLL_2 _Pragma("GCC unroll 2")
#endif
#define NN_INLINE static inline __attribute__((always_inline))

typedef nn_real vector __attribute__((vector_size(NN_BYTES)));
typedef nn_real anywhere
    __attribute__((vector_size(NN_BYTES), aligned(sizeof(nn_real)), may_alias));

NN_INLINE vector load(const nn_real *from)
{
    return *(const anywhere *)from;
}

NN_INLINE void store(nn_real *to, vector v)
{
    *(anywhere *)to = v;
}

/* x in every place. A list: adding x to a vector of zeros would be an addition, because of -0. */
NN_INLINE vector splat(nn_real x)
{
#if NN_WIDTH == 16
    return (vector){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#elif NN_WIDTH == 8
    return (vector){x, x, x, x, x, x, x, x};
#elif NN_WIDTH == 4
    return (vector){x, x, x, x};
#else
    return (vector){x, x};
#endif
}

NN_INLINE int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where a tile's sums begin: at zeros, at a bias, at what c holds. */
typedef struct start {
    const nn_real *at;
    int64_t row;
} start;

static const nn_real zeros[NN_COLUMNS];

/* A tile of `rows` rows and `wide` vectors of c in registers. Element (i, p) of a is at
 * a[i a_row + p a_step]. rows and wide are constants where this is inlined. */
NN_INLINE void tile(int rows, int wide, const nn_panel *panel, const nn_real *a, int64_t a_row,
                    int64_t a_step, start from, nn_real *c, int64_t c_row)
{
    const nn_real *b = panel->b;
    int64_t b_row = panel->b_row;
    vector sum[NN_ROWS][2];

    NN_UNROLL
    for (int i = 0; i < rows; i++) {
        sum[i][0] = load(from.at + i * from.row);
        if (wide == 2)
            sum[i][1] = load(from.at + i * from.row + NN_WIDTH);
    }
    NN_UNROLL_2
    for (int64_t p = panel->k; p > 0; p--) {
        vector first = load(b), second = wide == 2 ? load(b + NN_WIDTH) : first;

        NN_UNROLL
        for (int i = 0; i < rows; i++) {
            vector x = splat(a[i * a_row]);

            sum[i][0] += x * first;
            if (wide == 2)
                sum[i][1] += x * second;
        }
        a += a_step;
        b += b_row;
    }
    NN_UNROLL
    for (int i = 0; i < rows; i++) {
        store(c + i * c_row, sum[i][0]);
        if (wide == 2)
            store(c + i * c_row + NN_WIDTH, sum[i][1]);
    }
}

#define NN_TILE(rows)                                                                              \
    static void tile_##rows##_1(const nn_panel *panel, const nn_real *a, int64_t a_row,            \
                                int64_t a_step, start from, nn_real *c, int64_t c_row)             \
    {                                                                                              \
        tile(rows, 1, panel, a, a_row, a_step, from, c, c_row);                                    \
    }                                                                                              \
    static void tile_##rows##_2(const nn_panel *panel, const nn_real *a, int64_t a_row,            \
                                int64_t a_step, start from, nn_real *c, int64_t c_row)             \
    {                                                                                              \
        tile(rows, 2, panel, a, a_row, a_step, from, c, c_row);                                    \
    }
#define NN_TILE_ROW(rows) {tile_##rows##_1, tile_##rows##_2},
#if NN_ROWS == 14
#define NN_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#else
#define NN_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

NN_TILES(NN_TILE)

static void (*const tiles_of[NN_ROWS][2])(const nn_panel *, const nn_real *, int64_t, int64_t,
                                          start, nn_real *, int64_t) = {NN_TILES(NN_TILE_ROW)};

/* Rows of tile t when m rows are cut into `tiles`: as equal as can be. */
NN_INLINE int64_t rows_of(int64_t m, int64_t t, int64_t tiles)
{
    return m / tiles + (t < m % tiles);
}

/* A tile of c, or, where its rows are read as well, the next one while this is computed. */
NN_INLINE void fetch_c(const nn_panel *panel, const nn_real *c, int64_t rows, int64_t next,
                       bool first)
{
    int64_t begin = panel->accumulate && !first ? rows : 0;
    int64_t end = panel->accumulate ? rows + next : rows;

    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < panel->n; j += 64 / (int64_t)sizeof *c)
            __builtin_prefetch(c + i * panel->c_row + j, 1);
}

static void panel_product(const nn_panel *panel)
{
    int64_t m = panel->m, n = panel->n, tiles = (m + NN_ROWS - 1) / NN_ROWS;
    int wide = n > NN_WIDTH ? 2 : 1;
    bool whole = n == wide * NN_WIDTH; /* else the tile is put together in `part` */
    nn_real part[NN_ROWS * NN_COLUMNS], bias[NN_COLUMNS] = {0};
    start from = {zeros, 0};

    if (!whole)
        memset(part, 0, sizeof part);
    if (panel->bias) {
        memcpy(bias, panel->bias, (size_t)n * sizeof *bias);
        from.at = bias;
    }
    for (int64_t t = 0, at = 0; t < tiles; t++) {
        int64_t rows = rows_of(m, t, tiles), a_row = panel->a_row ? panel->a_row : 1;
        nn_real *c = panel->c + at * panel->c_row;

        if (panel->far)
            fetch_c(panel, c, rows, t + 1 < tiles ? rows_of(m, t + 1, tiles) : 0, t == 0);
        if (panel->accumulate)
            from = whole ? (start){c, panel->c_row} : (start){part, NN_COLUMNS};
        if (panel->accumulate && !whole)
            for (int64_t i = 0; i < rows; i++)
                memcpy(part + i * NN_COLUMNS, c + i * panel->c_row, (size_t)n * sizeof *c);
        tiles_of[rows - 1][wide - 1](panel, panel->a + at * (panel->a_row ? a_row : panel->k),
                                     a_row, panel->a_row ? 1 : rows, from, whole ? c : part,
                                     whole ? panel->c_row : NN_COLUMNS);
        if (!whole)
            for (int64_t i = 0; i < rows; i++)
                memcpy(c + i * panel->c_row, part + i * NN_COLUMNS, (size_t)n * sizeof *c);
        at += rows;
    }
}

/* [k][rows] tile after tile; a is read along its rows, which may lie pages apart, so that those to
 * come are fetched ahead. Whole vectors are stored beyond a tile's rows, where the next k follows;
 * at the last k it does not. */
static void pack_a(int64_t m, int64_t k, const nn_real *a, int64_t row, nn_real *to)
{
    int64_t tiles = (m + NN_ROWS - 1) / NN_ROWS, least = m / tiles, more = m % tiles;

    for (int64_t p = 0; p < k; p++, a += row) {
        for (int64_t i = 0; i < m && p + NN_AHEAD < k; i += 64 / (int64_t)sizeof *a)
            __builtin_prefetch(a + NN_AHEAD * row + i);
        for (int64_t t = 0, at = 0; t < tiles; t++) {
            int64_t rows = least + (t < more); /* rows_of, whose divisions would count here */
            nn_real *tile_at = to + at * k + p * rows;

            /* What is read beyond the row is of the next one. */
            if (p + 1 < k && at + NN_SPAN <= m + row)
                for (int64_t i = 0; i < rows; i += NN_WIDTH)
                    store(tile_at + i, load(a + at + i));
            else
                for (int64_t i = 0; i < rows; i++)
                    tile_at[i] = a[at + i];
            at += rows;
        }
    }
}

/* A square of vectors over its diagonal, by log2(width) rounds that interleave r[i] with
 * r[i + width / 2]. */
NN_INLINE void transpose(vector r[NN_WIDTH])
{
    vector next[NN_WIDTH];

    NN_UNROLL
    for (int round = 1; round < NN_WIDTH; round *= 2) {
        NN_UNROLL
        for (int i = 0; i < NN_WIDTH / 2; i++) {
            vector x = r[i], y = r[i + NN_WIDTH / 2];
#if NN_WIDTH == 16
            next[2 * i] = __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                                  22, 7, 23);
            next[2 * i + 1] = __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                                      13, 29, 14, 30, 15, 31);
#elif NN_WIDTH == 8
            next[2 * i] = __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
            next[2 * i + 1] = __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
#elif NN_WIDTH == 4
            next[2 * i] = __builtin_shufflevector(x, y, 0, 4, 1, 5);
            next[2 * i + 1] = __builtin_shufflevector(x, y, 2, 6, 3, 7);
#else
            next[2 * i] = __builtin_shufflevector(x, y, 0, 2);
            next[2 * i + 1] = __builtin_shufflevector(x, y, 1, 3);
#endif
        }
        NN_UNROLL
        for (int i = 0; i < NN_WIDTH; i++)
            r[i] = next[i];
    }
}

static void pack_b(int64_t n, int64_t k, const nn_real *b, int64_t row, bool transposed,
                   nn_real *to)
{
    int64_t whole = n - n % NN_WIDTH; /* columns in whole vectors */

    if (!transposed) {
        for (int64_t p = 0; p < k; p++, b += row, to += NN_COLUMNS) {
            for (int64_t j = 0; j < whole; j += NN_WIDTH)
                store(to + j, load(b + j));
            for (int64_t j = whole; j < NN_COLUMNS; j++)
                to[j] = j < n ? b[j] : 0;
        }
        return;
    }
    for (int64_t j = 0; j < whole; j += NN_WIDTH) {
        const nn_real *from = b + j * row;
        int64_t p = 0;

        for (; p + NN_WIDTH <= k; p += NN_WIDTH) {
            vector square[NN_WIDTH];

            NN_UNROLL
            for (int i = 0; i < NN_WIDTH; i++)
                square[i] = load(from + i * row + p);
            transpose(square);
            NN_UNROLL
            for (int i = 0; i < NN_WIDTH; i++)
                store(to + (p + i) * NN_COLUMNS + j, square[i]);
        }
        for (; p < k; p++)
            for (int i = 0; i < NN_WIDTH; i++)
                to[p * NN_COLUMNS + j + i] = from[i * row + p];
    }
    for (int64_t j = whole; j < NN_COLUMNS; j++)
        for (int64_t p = 0; p < k; p++)
            to[p * NN_COLUMNS + j] = j < n ? b[j * row + p] : 0;
}

NN_INLINE nn_real across(vector v)
{
    nn_real part[NN_WIDTH];

    store(part, v);
    for (int half = NN_WIDTH / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            part[i] += part[i + half];
    return part[0];
}

/* `rows` sums at a time, each by two vectors that are added at the end. */
NN_INLINE void dots(int rows, int64_t k, const nn_real *a, int64_t row, const nn_real *x,
                    nn_real *y, int64_t y_step, bool accumulate)
{
    vector even[4], odd[4];
    int64_t p = 0;

    NN_UNROLL
    for (int i = 0; i < rows; i++)
        even[i] = odd[i] = (vector){0};
    for (; p + 2 * NN_WIDTH <= k; p += 2 * NN_WIDTH) {
        vector first = load(x + p), second = load(x + p + NN_WIDTH);

        NN_UNROLL
        for (int i = 0; i < rows; i++) {
            even[i] += load(a + i * row + p) * first;
            odd[i] += load(a + i * row + p + NN_WIDTH) * second;
        }
    }
    NN_UNROLL
    for (int i = 0; i < rows; i++) {
        nn_real sum = across(even[i] + odd[i]);

        for (int64_t q = p; q < k; q++)
            sum += a[i * row + q] * x[q];
        y[i * y_step] = accumulate ? y[i * y_step] + sum : sum;
    }
}

static void dot(int64_t m, int64_t k, const nn_real *a, int64_t row, const nn_real *x, nn_real *y,
                int64_t y_step, bool accumulate)
{
    int64_t i = 0;

    for (; i + 4 <= m; i += 4)
        dots(4, k, a + i * row, row, x, y + i * y_step, y_step, accumulate);
    for (; i < m; i++)
        dots(1, k, a + i * row, row, x, y + i * y_step, y_step, accumulate);
}

static void sweep(int64_t m, int64_t k, const nn_real *a, int64_t row, const nn_real *x, nn_real *y,
                  int64_t y_step, bool accumulate)
{
    enum { WIDE = 8 };
    nn_real part[WIDE * NN_WIDTH];

    for (int64_t at = 0; at < m; at += WIDE * NN_WIDTH) {
        int64_t count = smaller(m - at, WIDE * NN_WIDTH);

        if (count == WIDE * NN_WIDTH) {
            vector sum[WIDE];

            NN_UNROLL
            for (int i = 0; i < WIDE; i++)
                sum[i] = (vector){0};
            for (int64_t p = 0; p < k; p++) {
                const nn_real *from = a + p * row + at;
                vector factor = splat(x[p]);

                NN_UNROLL
                for (int i = 0; i < WIDE; i++)
                    sum[i] += load(from + i * NN_WIDTH) * factor;
            }
            NN_UNROLL
            for (int i = 0; i < WIDE; i++)
                store(part + i * NN_WIDTH, sum[i]);
        } else {
            memset(part, 0, sizeof part);
            for (int64_t p = 0; p < k; p++)
                for (int64_t i = 0; i < count; i++)
                    part[i] += a[p * row + at + i] * x[p];
        }
        for (int64_t i = 0; i < count; i++) {
            nn_real *to = y + (at + i) * y_step;

            *to = accumulate ? *to + part[i] : part[i];
        }
    }
}

const nn_gemm NN_GEMM = {
    .rows = NN_ROWS,
    .columns = NN_COLUMNS,
    .panel = panel_product,
    .pack_b = pack_b,
    .pack_a = pack_a,
    .dot = dot,
    .sweep = sweep,
};
