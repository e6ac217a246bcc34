/* Convolutions and their gradients on the CPU against the definition written out.
 * Covers: core/nn/cpu/conv.c core/nn/cpu/conv_plain.c */
#include "nn/cpu/conv.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs some of the above. */
#include <cmocka.h>

static uint64_t state = 3;

static nn_real *numbers(int64_t count)
{
    void *memory = NULL;

    assert_int_equal(posix_memalign(&memory, 64, (size_t)(count ? count : 1) * sizeof(nn_real)), 0);
    nn_real *values = memory;
    for (int64_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        values[i] = (nn_real)((double)(state >> 33 & 0x7ff) / 1024 - 1);
    }
    return values;
}

typedef struct example {
    int64_t batch, height, width, in, out, kh, kw, stride, pad;
} example;

static const example examples[] = {
    {2, 8, 8, 1, 4, 3, 3, 1, 1},    {1, 9, 7, 3, 5, 3, 3, 2, 1},    {2, 6, 6, 16, 16, 1, 1, 1, 0},
    {2, 8, 8, 16, 32, 3, 3, 2, 1},  {1, 5, 11, 7, 3, 1, 5, 1, 0},   {3, 4, 4, 32, 16, 3, 3, 1, 1},
    {1, 8, 8, 2, 2, 3, 3, 2, 0},    {1, 7, 7, 64, 48, 3, 3, 1, 1},  {2, 1, 20, 8, 8, 1, 3, 1, 0},
    {1, 4, 4, 3, 3, 4, 4, 1, 3},    {1, 1, 1, 5, 6, 1, 1, 1, 0},    {2, 16, 16, 3, 32, 3, 3, 1, 1},
    {2, 16, 16, 32, 1, 3, 3, 1, 1}, {1, 10, 10, 20, 24, 5, 5, 3, 2}};

static nn_convolution shape_of(const example *e, nn_op op)
{
    return (nn_convolution){.op = op,
                            .batch = e->batch,
                            .height = e->height,
                            .width = e->width,
                            .in = e->in,
                            .out = e->out,
                            .kh = e->kh,
                            .kw = e->kw,
                            .out_height = (e->height + 2 * e->pad - e->kh) / e->stride + 1,
                            .out_width = (e->width + 2 * e->pad - e->kw) / e->stride + 1,
                            .stride = e->stride,
                            .pad = e->pad};
}

/* The number of x that the window sees at (p, q) + (r, s), or -1 in the padding. */
static int64_t seen(const nn_convolution *c, int64_t b, int64_t p, int64_t q, int64_t r, int64_t s,
                    int64_t channel)
{
    int64_t i = p * c->stride - c->pad + r, j = q * c->stride - c->pad + s;

    if (i < 0 || j < 0 || i >= c->height || j >= c->width)
        return -1;
    return ((b * c->height + i) * c->width + j) * c->in + channel;
}

/* Every product x w y of the trilinear form, given to the operand that is asked for. */
static void definition(const nn_convolution *c, const nn_real *x, const nn_real *w,
                       const nn_real *y, double *result)
{
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t p = 0; p < c->out_height; p++)
            for (int64_t q = 0; q < c->out_width; q++)
                for (int64_t o = 0; o < c->out; o++)
                    for (int64_t i = 0; i < c->in; i++)
                        for (int64_t r = 0; r < c->kh; r++)
                            for (int64_t s = 0; s < c->kw; s++) {
                                int64_t at_x = seen(c, b, p, q, r, s, i);
                                int64_t at_w = ((o * c->in + i) * c->kh + r) * c->kw + s;
                                int64_t at_y =
                                    ((b * c->out_height + p) * c->out_width + q) * c->out + o;

                                if (at_x < 0)
                                    continue;
                                if (c->op == NN_OP_CONV)
                                    result[at_y] += (double)x[at_x] * (double)w[at_w];
                                else if (c->op == NN_OP_CONV_DATA)
                                    result[at_x] += (double)y[at_y] * (double)w[at_w];
                                else
                                    result[at_w] += (double)x[at_x] * (double)y[at_y];
                            }
}

static void compare(const double *expected, const nn_real *values, int64_t count, const char *what,
                    size_t e, int threads)
{
    double most = 0, tolerance = sizeof(nn_real) == 8 ? 1e-13 : 2e-6;

    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs(expected[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(expected[i] - (double)values[i]) <= tolerance * (most + 1)))
            fail_msg("%s, example %zu, %d threads: element %lld is %g, not %g", what, e, threads,
                     (long long)i, (double)values[i], expected[i]);
}

static void check(size_t e, nn_op op)
{
    nn_convolution c = shape_of(&examples[e], op);
    int64_t size_x = c.batch * c.height * c.width * c.in, size_w = c.out * c.in * c.kh * c.kw;
    int64_t size_y = c.batch * c.out_height * c.out_width * c.out;
    int64_t size = op == NN_OP_CONV ? size_y : op == NN_OP_CONV_DATA ? size_x : size_w;
    nn_real *x = numbers(size_x), *w = numbers(size_w), *y = numbers(size_y);
    nn_real *written = op == NN_OP_CONV ? y : op == NN_OP_CONV_DATA ? x : w;
    double *expected = calloc((size_t)size, sizeof *expected);
    nn_real *first = numbers(size);

    assert_non_null(expected);
    definition(&c, x, w, y, expected);
    for (int threads = 1; threads <= 2; threads++)
        for (int again = 0; again < 2; again++) { /* what was there before must not matter */
            weir_error error = {0};
            nn_conv_plan *conv = nn_conv_new(&c, threads, &error);

            assert_string_equal(error.text, "");
            assert_non_null(conv);
            nn_real *scratch = numbers((int64_t)nn_conv_scratch(conv));
            assert_int_equal(nn_conv_run(conv, x, w, y, scratch, &error), WEIR_OK);
            compare(expected, written, size, nn_conv_way(conv), e, threads);
            if (again)
                assert_memory_equal(first, written, (size_t)size * sizeof *first);
            memcpy(first, written, (size_t)size * sizeof *first);
            nn_conv_free(conv);
            free(scratch);
        }
    nn_conv_plain(&c, x, w, y);
    compare(expected, written, size, "loops", e, 1);
    free(x);
    free(w);
    free(y);
    free(expected);
    free(first);
}

static void test_forward(void **unused)
{
    (void)unused;
    for (size_t e = 0; e < sizeof examples / sizeof *examples; e++)
        check(e, NN_OP_CONV);
}

static void test_data(void **unused)
{
    (void)unused;
    for (size_t e = 0; e < sizeof examples / sizeof *examples; e++)
        check(e, NN_OP_CONV_DATA);
}

static void test_weight(void **unused)
{
    (void)unused;
    for (size_t e = 0; e < sizeof examples / sizeof *examples; e++)
        check(e, NN_OP_CONV_WEIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_weight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
