/* The vector routines: every function over the whole range of floats against the C library in
 * double, the special values, noise against known answers and its moments, on every instruction
 * set of this machine.
 * Covers: core/nn/cpu/vector_baseline.c, core/nn/cpu/vector_avx2.c, core/nn/cpu/vector_avx512.c. */
#include "nn/cpu/isa.h"
#include "nn/cpu/vector.h"
#include "nn/philox.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const nn_vector *vector_of(nn_isa isa)
{
    if (!nn_isa_available(isa))
        return NULL;
#if defined __x86_64__
    if (isa == NN_ISA_AVX512)
        return &nn_vector_avx512;
    if (isa == NN_ISA_AVX2)
        return &nn_vector_avx2;
#endif
    return isa == NN_ISA_BASELINE ? &nn_vector_baseline : NULL;
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double recip(double x)
{
    return 1 / x;
}

static double positive(double x)
{
    return x > 0 ? 1 : 0;
}

/* The largest error allowed, in units of the last place. */
static const struct {
    nn_op op;
    double (*exact)(double);
    double most;
} functions[] = {
    {NN_OP_EXP, exp, 1.0},     {NN_OP_EXPM1, expm1, 2.0},     {NN_OP_LOG, log, 1.0},
    {NN_OP_LOG1P, log1p, 2.0}, {NN_OP_SQRT, sqrt, 0.501},     {NN_OP_RECIP, recip, 0.501},
    {NN_OP_TANH, tanh, 2.5},   {NN_OP_SIGMOID, sigmoid, 2.5}, {NN_OP_ERF, erf, 1.5},
    {NN_OP_SIN, sin, 2.0},     {NN_OP_COS, cos, 2.0},         {NN_OP_ABS, fabs, 0},
    {NN_OP_STEP, positive, 0}, {NN_OP_FLOOR, floor, 0},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

enum { PIECE = 1000 };

/* Units in the last place of nn_real that got is off exact. */
static double distance(nn_real got, double exact)
{
    const int digits = sizeof(nn_real) == 4 ? 24 : 53, least = sizeof(nn_real) == 4 ? -149 : -1074;
    double rounded = (double)(nn_real)exact;
    int exponent;

    if (isnan(exact))
        return isnan((double)got) ? 0 : INFINITY;
    if (isinf(rounded) || isinf((double)got))
        return rounded == (double)got ? 0 : INFINITY;
    frexp(exact, &exponent);
    exponent = exponent - digits < least ? least : exponent - digits;
    return fabs((double)got - exact) / ldexp(1, exponent);
}

static void functions_are_accurate(void **unused)
{
    const uint32_t by = 2003;
    static nn_real x[PIECE], y[PIECE];
    static double exact[PIECE];

    (void)unused;
    for (int f = 0; f < FUNCTIONS; f++) {
        double worst[NN_ISA_COUNT] = {0}, where[NN_ISA_COUNT] = {0};
        for (uint64_t bits = 0; bits < 1ull << 32;) {
            int n = 0;
            for (; n < PIECE && bits < 1ull << 32; bits += by, n++) {
                uint32_t word = (uint32_t)bits;
                float value;
                memcpy(&value, &word, sizeof value);
                x[n] = (nn_real)value;
                exact[n] = functions[f].exact((double)value);
            }
            for (nn_isa isa = NN_ISA_BASELINE; isa < NN_ISA_COUNT; isa++) {
                if (!vector_of(isa))
                    continue;
                vector_of(isa)->step[functions[f].op][0](n, y, x, x, x);
                for (int i = 0; i < n; i++) {
                    double off = distance(y[i], exact[i]);
                    if (!(off <= worst[isa])) {
                        worst[isa] = off;
                        where[isa] = (double)x[i];
                    }
                }
            }
        }
        for (nn_isa isa = NN_ISA_BASELINE; isa < NN_ISA_COUNT; isa++) {
            double most = functions[f].most;
            if (sizeof(nn_real) == 8) /* the C library's against itself */
                most = functions[f].op == NN_OP_SIGMOID ? 4 : 0.5;
            if (getenv("WEIR_TEST_VERBOSE") && vector_of(isa))
                print_message("%s %s: %.3f ulp at %.9g\n", nn_isa_name(isa),
                              nn_op_name(functions[f].op), worst[isa], where[isa]);
            if (!(worst[isa] <= most))
                fail_msg("%s, %s: %.3f ulp off at %.9g", nn_isa_name(isa),
                         nn_op_name(functions[f].op), worst[isa], where[isa]);
        }
    }
}

/* Zero keeps its sign, and infinities, NaN and the edges are what the C library says. */
static void special_values(void **unused)
{
    static const double edges[] = {0.0,   -0.0,  INFINITY, -INFINITY, (double)NAN, 1,     -1,
                                   88.72, 88.8,  -87,      -103.9,    -105,        1e-40, -1e-40,
                                   1e38,  -1e38, 1e6,      1e7,       0.5,         2};
    enum { EDGES = sizeof edges / sizeof edges[0] };

    (void)unused;
    for (nn_isa isa = NN_ISA_BASELINE; isa < NN_ISA_COUNT; isa++)
        for (int f = 0; vector_of(isa) && f < FUNCTIONS; f++)
            for (int n = 1; n <= EDGES; n += EDGES - 1) { /* a vector of them, and one by one */
                nn_real x[EDGES], y[EDGES];
                for (int i = 0; i < EDGES; i++)
                    x[i] = (nn_real)edges[i];
                for (int i = 0; i + n <= EDGES; i += n)
                    vector_of(isa)->step[functions[f].op][0](n, y + i, x + i, x + i, x + i);
                for (int i = 0; i < EDGES; i++) {
                    double exact = functions[f].exact((double)x[i]);
                    if (!(distance(y[i], exact) <= 4) ||
                        (exact == 0 && !signbit(exact) != !signbit((double)y[i])))
                        fail_msg("%s, %s(%.9g): %.9g, not %.9g", nn_isa_name(isa),
                                 nn_op_name(functions[f].op), (double)x[i], (double)y[i], exact);
                }
            }
}

/* All forms of the operations with two and three operands, odd lengths, in place. */
static void forms_agree(void **unused)
{
    static const int ops[] = {NN_OP_ADD,       NN_OP_SUB,       NN_OP_MUL,       NN_OP_DIV,
                              NN_OP_MAX,       NN_OP_SELECT,    NN_STEP_MUL_ADD, NN_STEP_MUL_SUB,
                              NN_STEP_SUB_MUL, NN_STEP_MUL_MUL, NN_STEP_ADD_ADD};
    enum { N = 37 };

    (void)unused;
    for (nn_isa isa = NN_ISA_BASELINE; isa < NN_ISA_COUNT; isa++)
        for (size_t o = 0; vector_of(isa) && o < sizeof ops / sizeof ops[0]; o++)
            for (int form = 0; form < 8; form++) {
                nn_step_function *call = vector_of(isa)->step[ops[o]][form];
                nn_real a[N], b[N], c[N], out[N + 1];
                if (!call)
                    continue;
                for (int i = 0; i < N; i++) {
                    a[i] = (nn_real)(i % 5 - 2);
                    b[i] = (nn_real)(i % 7 + 1) / 4;
                    c[i] = (nn_real)(i % 3) - 8;
                }
                out[N] = 77;
                memcpy(out, form & 1 ? b : a, sizeof a);
                call(N, out, form & 1 ? a : out, form & 1 ? out : b, c);
                assert_true(out[N] == 77);
                for (int i = 0; i < N; i++) {
                    double x = (double)a[form & 1 ? 0 : i], y = (double)b[form & 2 ? 0 : i];
                    double z = (double)c[form & 4 ? 0 : i], exact;
                    if (form & 1 && form & 2)
                        break; /* b is not in its own place then */
                    exact = ops[o] == (int)NN_STEP_MUL_ADD   ? x * y + z
                            : ops[o] == (int)NN_STEP_MUL_SUB ? x * y - z
                            : ops[o] == (int)NN_STEP_SUB_MUL ? z - x * y
                            : ops[o] == (int)NN_STEP_MUL_MUL ? x * y * z
                            : ops[o] == (int)NN_STEP_ADD_ADD ? x + y + z
                                                             : nn_evaluate((nn_op)ops[o], x, y, z);
                    if (fabs((double)out[i] - exact) > 1e-6 * fabs(exact))
                        fail_msg("%s, operation %d, form %d: %.9g, not %.9g", nn_isa_name(isa),
                                 ops[o], form, (double)out[i], exact);
                }
            }
}

/* The answers that the authors of Philox publish with it. */
static void philox_is_philox(void **unused)
{
    unsigned w[4];

    (void)unused;
    nn_philox(0, 0, 0, w);
    assert_int_equal(w[0], 0x6627e8d5);
    assert_int_equal(w[1], 0xe169c58d);
    assert_int_equal(w[2], 0xbc57ac4c);
    assert_int_equal(w[3], 0x9b00dbd8);
    nn_philox(~0ull, ~0ull, ~0ull, w);
    assert_int_equal(w[0], 0x408f276d);
    assert_int_equal(w[1], 0x41c83b0e);
    assert_int_equal(w[2], 0xa20bc7c6);
    assert_int_equal(w[3], 0x6d5451fd);
    nn_philox(0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull, w);
    assert_int_equal(w[0], 0xd16cfe09);
    assert_int_equal(w[1], 0x94fdcceb);
    assert_int_equal(w[2], 0x5001e420);
    assert_int_equal(w[3], 0x24126ea1);
}

/* Every instruction set draws what philox.h defines, from any block on, of any length. */
static void noise_is_defined(void **unused)
{
    enum { N = 1003, FIRST = 5 };
    const double precision = sizeof(nn_real) == 4 ? 1e-6 : 1e-12;

    (void)unused;
    for (nn_isa isa = NN_ISA_BASELINE; isa < NN_ISA_COUNT; isa++)
        for (int kind = 0; vector_of(isa) && kind < 2; kind++) {
            nn_real x[N + 1];
            x[N] = 77;
            vector_of(isa)->draw((nn_noise_kind)kind, 0x123456789abcdefull, 3, FIRST, N, x);
            assert_true(x[N] == 77);
            for (int i = 0; i < N; i++) {
                unsigned w[4];
                double u, t;
                nn_philox(0x123456789abcdefull, 3, FIRST + (unsigned)i / 4, w);
                if (kind == NN_NOISE_UNIFORM) {
                    assert_true((double)x[i] == (w[i % 4] >> 8) * 0x1p-24);
                    continue;
                }
                u = ((w[i % 4 & 2] >> 8) + 1) * 0x1p-24;
                t = 6.283185307179586 * (w[i % 4 | 1] >> 8) * 0x1p-24;
                u = sqrt(-2 * log(u)) * (i % 2 ? sin(t) : cos(t));
                if (!(fabs((double)x[i] - u) <= precision))
                    fail_msg("%s, normal %d: %.9g, not %.9g", nn_isa_name(isa), i, (double)x[i], u);
            }
        }
}

static void noise_has_its_moments(void **unused)
{
    enum { N = 1 << 20 };
    /* Of uniform numbers in [0, 1) and of normals: powers 1 to 4. */
    static const double moment[2][4] = {{0.5, 1.0 / 3, 0.25, 0.2}, {0, 1, 0, 3}};
    static const double spread[2][4] = {{0.289, 0.298, 0.284, 0.267}, {1, 1.42, 3.88, 9.8}};
    nn_real *x = malloc(N * sizeof *x);

    (void)unused;
    assert_non_null(x);
    for (int kind = 0; kind < 2; kind++) {
        nn_vector_baseline.draw((nn_noise_kind)kind, 42, 0, 0, N, x);
        for (int power = 0; power < 4; power++) {
            double sum = 0;
            for (int i = 0; i < N; i++)
                sum += pow((double)x[i], power + 1);
            assert_true(fabs(sum / N - moment[kind][power]) < 5 * spread[kind][power] / 1024);
        }
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_accurate),
        cmocka_unit_test(special_values),
        cmocka_unit_test(forms_agree),
        cmocka_unit_test(philox_is_philox),
        cmocka_unit_test(noise_is_defined),
        cmocka_unit_test(noise_has_its_moments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
