/* Covers: core/nn/cuda/kernels.cu, core/nn/cuda/device.h. The kernels written by hand, run here as
 * plain C with one thread: what they compute, not how fast, needs no GPU. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nn/philox.h"

static const struct {
    unsigned x;
} blockIdx = {0}, threadIdx = {0}, blockDim = {1}, gridDim = {1};

static void sincospif(float turns, float *sine, float *cosine)
{
    *sine = (float)sin(3.14159265358979323846 * (double)turns);
    *cosine = (float)cos(3.14159265358979323846 * (double)turns);
}

#define KERNEL static void
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "nn/cuda/kernels.cu"
#pragma GCC diagnostic pop

static float random_number(void)
{
    static uint32_t state = 7;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (float)(1 << 23) - 1;
}

static void noise_is_that_of_every_device(void **state)
{
    enum { COUNT = 11 };
    const unsigned long long key = 0x123456789abcdefull;
    unsigned long long draws = 5;
    float uniform[COUNT], normal[COUNT];
    (void)state;
    draw_uniform(uniform, &draws, key, COUNT);
    draw_normal(normal, &draws, key, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned w[4];
        nn_philox(key, 5, i / 4, w);
        assert_true(uniform[i] == (float)(w[i % 4] >> 8) / 16777216.0f);
        double u = ((w[i % 4 & 2] >> 8) + 1.0) / 16777216, v = (w[i % 4 | 1] >> 8) / 16777216.0;
        double radius = sqrt(-2 * log(u)), turn = 2 * 3.14159265358979323846 * v;
        assert_true(fabs((double)normal[i] - radius * (i % 2 ? sin(turn) : cos(turn))) <
                    1e-6 * (1 + radius));
    }
    advance(&draws);
    assert_true(draws == 6);
}

static void lookups_read_and_sum_rows(void **state)
{
    const float table[3][3] = {{1, 2, 9}, {3, 4, 9}, {5, 6, 9}}; /* rows 3 apart, 2 wide */
    const float index[] = {2, 0, 7, -1, 2};
    const float wanted[5][2] = {{5, 6}, {1, 2}, {0, 0}, {0, 0}, {5, 6}};
    float found[5][2], summed[3][2];
    (void)state;
    gather(&found[0][0], &table[0][0], index, 5, 3, 2, 3, 2);
    assert_memory_equal(found, wanted, sizeof wanted);
    const float values[5][2] = {{1, 10}, {2, 20}, {3, 30}, {4, 40}, {5, 50}};
    const float sums[3][2] = {{2, 20}, {0, 0}, {6, 60}};
    scatter(&summed[0][0], &values[0][0], index, 5, 3, 2, 2, 2);
    assert_memory_equal(summed, sums, sizeof sums);
}

static void fill(float *x, Int n)
{
    for (Int i = 0; i < n; i++)
        x[i] = random_number();
}

static double dot(const float *a, const float *b, Int n)
{
    double sum = 0;
    for (Int i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* y . conv(x, w) is linear in each, and the gradients are what makes the three forms of it equal.
 */
static void convolutions_are_adjoint(void **state)
{
    static const Int cases[][7] = {/* batch height width in out k stride, pad k / 2 */
                                   {2, 5, 6, 3, 4, 3, 1},
                                   {1, 7, 5, 2, 3, 3, 2},
                                   {3, 4, 4, 1, 2, 1, 1},
                                   {2, 8, 8, 2, 1, 5, 3}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const Int *k = cases[c], pad = k[5] / 2;
        Shape s = {k[0],
                   k[1],
                   k[2],
                   k[3],
                   k[4],
                   k[5],
                   k[5],
                   (k[1] + 2 * pad - k[5]) / k[6] + 1,
                   (k[2] + 2 * pad - k[5]) / k[6] + 1,
                   k[6],
                   pad};
        Int nx = s.batch * s.height * s.width * s.in, nw = s.out * s.in * s.kh * s.kw;
        Int ny = s.batch * s.out_height * s.out_width * s.out;
        float *x = malloc((size_t)nx * 8), *w = malloc((size_t)nw * 8), *y = malloc((size_t)ny * 8);
        assert_true(x && w && y);
        float *dx = x + nx, *dw = w + nw, *made = y + ny;
        fill(x, nx);
        fill(w, nw);
        fill(y, ny);
        conv(made, x, w, s);
        conv_data(dx, y, w, s);
        conv_weight(dw, x, y, s);
        double form = dot(y, made, ny);
        assert_true(fabs(form) > 1e-3);
        assert_true(fabs(dot(x, dx, nx) - form) < 1e-4 * (1 + fabs(form)));
        assert_true(fabs(dot(w, dw, nw) - form) < 1e-4 * (1 + fabs(form)));
        free(x);
        free(w);
        free(y);
    }
}

/* A kernel that moves an image by one pixel tells where each weight looks. */
static void a_convolution_looks_where_it_should(void **state)
{
    Shape s = {1, 3, 3, 1, 1, 3, 3, 3, 3, 1, 1};
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    float w[9] = {0}, y[9];
    (void)state;
    w[0 * 3 + 1] = 1; /* the row above */
    conv(y, x, w, s);
    const float wanted[9] = {0, 0, 0, 1, 2, 3, 4, 5, 6};
    assert_memory_equal(y, wanted, sizeof y);
}

static void weights_turn_there_and_back(void **state)
{
    Shape s = {.in = 2, .out = 2, .kh = 1, .kw = 3};
    float w[12], turned[12], back[12];
    (void)state;
    fill(w, 12);
    to_channels_last(turned, w, s);
    assert_true(turned[1] == w[3]); /* [out][kh][kw][in]: the second channel of the first place */
    from_channels_last(back, turned, s);
    assert_memory_equal(back, w, sizeof w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_that_of_every_device),
        cmocka_unit_test(lookups_read_and_sum_rows),
        cmocka_unit_test(convolutions_are_adjoint),
        cmocka_unit_test(a_convolution_looks_where_it_should),
        cmocka_unit_test(weights_turn_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
