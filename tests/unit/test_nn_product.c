/* Products on the CPU against a triple loop in double: shapes, transpositions, strides, batches,
 * every instruction set that this machine has, and equal bits for any number of threads.
 * Covers: core/nn/cpu/product.c core/nn/cpu/gemm_baseline.c core/nn/cpu/gemm_avx2.c
 * Covers: core/nn/cpu/gemm_avx512.c */
#include "nn/cpu/product.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs some of the above. */
#include <cmocka.h>

static uint64_t state = 1;

static uint64_t next(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static int64_t below(int64_t n)
{
    return (int64_t)(next() % (uint64_t)n);
}

/* Numbers aligned to 64 bytes, exactly as many as asked for, so that a sanitizer sees a step
 * beyond. */
static nn_real *numbers(int64_t count)
{
    void *memory = NULL;

    assert_int_equal(posix_memalign(&memory, 64, (size_t)(count ? count : 1) * sizeof(nn_real)), 0);
    nn_real *values = memory;
    for (int64_t i = 0; i < count; i++)
        values[i] = (nn_real)((double)below(2001) / 1000 - 1);
    return values;
}

static nn_matrix matrix(const int64_t batch[3], int64_t rows, int64_t columns, bool transposed,
                        bool loose, unsigned shared)
{
    int64_t height = transposed ? columns : rows, width = transposed ? rows : columns;
    nn_matrix m = {.row = width + (loose ? below(20) : 0), .transposed = transposed};
    int64_t stride = height * m.row + (loose ? below(5) : 0);

    for (int i = 2; i >= 0; i--) {
        m.batch[i] = shared >> i & 1 ? 0 : stride;
        if (m.batch[i])
            stride *= batch[i];
    }
    return m;
}

/* One past the last element. */
static int64_t extent(const int64_t batch[3], const nn_matrix *m, int64_t rows, int64_t columns)
{
    int64_t last =
        m->transposed ? (columns - 1) * m->row + rows - 1 : (rows - 1) * m->row + columns - 1;

    for (int i = 0; i < 3; i++)
        last += (batch[i] - 1) * m->batch[i];
    return last + 1;
}

static double element(const nn_real *values, const nn_matrix *m, int64_t row, int64_t column)
{
    return (double)(m->transposed ? values[column * m->row + row] : values[row * m->row + column]);
}

/* Where c should be what, into expected; the rest of expected stays as it is in c. scale: the sum
 * of absolute values, by which errors are measured. */
static void reference(const nn_product *p, const nn_real *a, const nn_real *b, const nn_real *bias,
                      double *expected, double *scale)
{
    for (int64_t x = 0; x < p->batch[0]; x++)
        for (int64_t y = 0; y < p->batch[1]; y++)
            for (int64_t z = 0; z < p->batch[2]; z++) {
                const int64_t index[3] = {x, y, z};
                int64_t at[4] = {0};

                for (int i = 0; i < 3; i++) {
                    at[0] += index[i] * p->a.batch[i];
                    at[1] += index[i] * p->b.batch[i];
                    at[2] += index[i] * p->c.batch[i];
                    at[3] += index[i] * p->bias.batch[i];
                }
                for (int64_t i = 0; i < p->m; i++)
                    for (int64_t j = 0; j < p->n; j++) {
                        int64_t to = at[2] + i * p->c.row + j;
                        double sum = p->accumulate ? expected[to] : 0, size = fabs(sum);

                        for (int64_t k = 0; k < p->k; k++) {
                            double term =
                                element(a + at[0], &p->a, i, k) * element(b + at[1], &p->b, k, j);

                            sum += term;
                            size += fabs(term);
                        }
                        if (bias)
                            sum += (double)bias[at[3] + j];
                        expected[to] = sum;
                        scale[to] = size + 1;
                    }
            }
}

/* Runs one product in every way there is and compares. */
static void check(const nn_product *p, bool with_bias)
{
    int64_t size_a = extent(p->batch, &p->a, p->m, p->k);
    int64_t size_b = extent(p->batch, &p->b, p->k, p->n);
    int64_t size_c = extent(p->batch, &p->c, p->m, p->n);
    nn_real *a = numbers(size_a), *b = numbers(size_b), *start = numbers(size_c);
    nn_real *bias = with_bias ? numbers(extent(p->batch, &p->bias, 1, p->n)) : NULL;
    nn_real *c = numbers(size_c), *first = numbers(size_c);
    double *expected = calloc((size_t)size_c, sizeof *expected);
    double *scale = calloc((size_t)size_c, sizeof *scale);
    double tolerance = sizeof(nn_real) == 8 ? 1e-14 : 2e-6;

    assert_non_null(expected);
    assert_non_null(scale);
    for (int64_t i = 0; i < size_c; i++)
        expected[i] = (double)start[i];
    reference(p, a, b, bias, expected, scale);
    for (nn_isa isa = 0; isa < NN_ISA_COUNT; isa++) {
        if (!nn_isa_available(isa))
            continue;
        for (int way = 0; way < 6; way++) { /* 1, 2, 3 threads; b as it is, packed */
            nn_product_plan plan;
            nn_real *packed = NULL;

            nn_product_plan_make(&plan, p, isa, way / 2 + 1);
            nn_real *scratch = numbers((int64_t)nn_product_scratch(&plan));
            if (way % 2 && nn_product_packed(&plan)) {
                packed = numbers((int64_t)nn_product_packed(&plan));
                nn_product_pack(&plan, b, packed);
            }
            memcpy(c, start, (size_t)size_c * sizeof *c);
            nn_product_run(&plan, a, b, packed, bias, c, scratch);
            if (way == 0) {
                memcpy(first, c, (size_t)size_c * sizeof *c);
                for (int64_t i = 0; i < size_c; i++)
                    if (!(fabs((double)c[i] - expected[i]) <= tolerance * scale[i]))
                        fail_msg("%s m %lld n %lld k %lld, a%s row %lld, b%s row %lld, c row "
                                 "%lld%s%s: element %lld is %.9g, not %.9g",
                                 nn_isa_name(isa), (long long)p->m, (long long)p->n,
                                 (long long)p->k, p->a.transposed ? "'" : "", (long long)p->a.row,
                                 p->b.transposed ? "'" : "", (long long)p->b.row,
                                 (long long)p->c.row, p->accumulate ? ", added" : "",
                                 bias ? ", bias" : "", (long long)i, (double)c[i], expected[i]);
            } else if (memcmp(first, c, (size_t)size_c * sizeof *c)) {
                fail_msg("%s m %lld n %lld k %lld: %d threads, packed %d: other bits",
                         nn_isa_name(isa), (long long)p->m, (long long)p->n, (long long)p->k,
                         way / 2 + 1, packed != NULL);
            }
            free(scratch);
            free(packed);
        }
    }
    free(a);
    free(b);
    free(start);
    free(bias);
    free(c);
    free(first);
    free(expected);
    free(scale);
}

/* kind: bits 0 and 1 transpose a and b, bit 2 adds to c, bit 3 adds a bias, bit 4 leaves gaps
 * between rows and matrices. shared_a, shared_b: bits of the batch axes along which they stay. */
static nn_product product(int64_t x, int64_t y, int64_t z, int64_t m, int64_t n, int64_t k,
                          unsigned kind, unsigned shared_a, unsigned shared_b)
{
    nn_product p = {.batch = {x, y, z}, .m = m, .n = n, .k = k, .accumulate = kind & 4};

    p.a = matrix(p.batch, m, k, kind & 1, kind & 16, shared_a);
    p.b = matrix(p.batch, k, n, kind & 2, kind & 16, shared_b);
    p.c = matrix(p.batch, m, n, false, kind & 16, 0);
    p.bias = matrix(p.batch, 1, n, false, false, shared_b);
    return p;
}

static void test_every_small_shape(void **unused)
{
    static const int64_t size[] = {1, 2, 3, 7, 15, 17, 33};
    enum { COUNT = sizeof size / sizeof *size };

    (void)unused;
    for (int i = 0; i < COUNT * COUNT * COUNT; i++)
        for (unsigned t = 0; t < 4; t++) {
            unsigned kind = t | (unsigned)below(8) << 2;
            nn_product p = product(1, 1, 1, size[i % COUNT], size[i / COUNT % COUNT],
                                   size[i / COUNT / COUNT], kind, 0, 0);

            check(&p, kind & 8);
        }
}

static void test_random_shapes(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        unsigned kind = (unsigned)below(32);
        nn_product p = product(1, 1, 1, 1 + below(130), 1 + below(130), 1 + below(130), kind, 0, 0);

        check(&p, kind & 8);
    }
}

/* More than one block of k and of m, strides at which copies are made, results beyond the caches.
 */
static void test_blocks(void **unused)
{
    static const int64_t shape[][3] = {{5, 40, 1500}, {900, 33, 20},  {410, 7, 801}, {30, 1, 3000},
                                       {1, 200, 900}, {20, 70, 1024}, {40, 1767, 9}, {14, 64, 2048},
                                       {700, 410, 6}, {90, 3100, 33}};

    (void)unused;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (unsigned t = 0; t < 4; t++) {
            unsigned kind = t | (unsigned)below(8) << 2;
            nn_product p = product(1, 1, 1, shape[i][0], shape[i][1], shape[i][2], kind, 0, 0);

            check(&p, kind & 8);
        }
}

static void test_batches(void **unused)
{
    (void)unused;
    for (int i = 0; i < 120; i++) {
        unsigned kind = (unsigned)below(32);
        nn_product p =
            product(1 + below(3), 1 + below(4), 1 + below(5), 1 + below(40), 1 + below(40),
                    1 + below(40), kind, (unsigned)below(8), (unsigned)below(8));

        check(&p, kind & 8);
    }
    nn_product attention = product(1, 8, 4, 64, 64, 64, 2, 0, 0);

    check(&attention, false);
}

/* A number that is not finite spoils its own row of c and no other, also where kernels compute on
 * places beyond the matrix. */
static void test_not_finite_stays_in_its_row(void **unused)
{
    enum { M = 29, N = 21, K = 18 };

    (void)unused;
    for (nn_isa isa = 0; isa < NN_ISA_COUNT; isa++)
        for (unsigned kind = 0; nn_isa_available(isa) && kind < 4; kind++) {
            nn_product p = product(1, 1, 1, M, N, K, kind, 0, 0);
            nn_real *a = numbers(M * K), *b = numbers(K * N), *c = numbers(M * N);
            nn_product_plan plan;

            a[kind & 1 ? 4 * M + 11 : 11 * K + 4] = (nn_real)NAN;
            nn_product_plan_make(&plan, &p, isa, 1);
            nn_real *scratch = numbers((int64_t)nn_product_scratch(&plan));
            nn_product_run(&plan, a, b, NULL, NULL, c, scratch);
            for (int i = 0; i < M; i++)
                for (int j = 0; j < N; j++)
                    assert_int_equal(isnan(c[i * N + j]), i == 11);
            free(a);
            free(b);
            free(c);
            free(scratch);
        }
}

static void test_same_b(void **unused)
{
    nn_product one = product(1, 1, 1, 128, 64, 32, 2, 0, 0), other = one;

    (void)unused;
    other.m = 7;
    other.a.row = 99;
    assert_true(nn_product_same_b(&one, &other));
    other.b.row++;
    assert_false(nn_product_same_b(&one, &other));
    other = one;
    other.b.transposed = false;
    assert_false(nn_product_same_b(&one, &other));
    other = one;
    other.b.offset = 5;
    assert_false(nn_product_same_b(&one, &other));
    other = one;
    other.m = 1; /* does not pack */
    assert_false(nn_product_same_b(&one, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_small_shape),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_not_finite_stays_in_its_row),
        cmocka_unit_test(test_same_b),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
