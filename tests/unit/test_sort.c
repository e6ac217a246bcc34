/* Sorting: the radix path and the small path, signs, zeros, infinities, order already there. */
#include "stats/sort.h"
#include "unit/golden.h"
#include <string.h>
#include <weir/random.h>
#include <weir/stats.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void check(double *values, size_t n)
{
    double *expected = malloc((n ? n : 1) * sizeof *expected);

    assert_non_null(expected);
    if (n)
        memcpy(expected, values, n * sizeof *values);
    qsort(expected, n, sizeof *expected, compare);
    assert_int_equal(weir_sort(values, n, NULL), WEIR_OK);
    for (size_t i = 0; i < n; i++)
        assert_true(values[i] == expected[i]);
    free(expected);
}

static void sorts_as_qsort_does(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 511, 512, 513, 5000, 70001};
    weir_random random = weir_random_new(1, "sort");
    static double values[70001];

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (size_t i = 0; i < sizes[k]; i++)
            values[i] = weir_random_normal(&random) * pow(10, weir_random_normal(&random) * 90);
        check(values, sizes[k]);
        for (size_t i = 0; i < sizes[k]; i++)
            values[i] = (double)weir_random_below(&random, 7) - 3;
        check(values, sizes[k]);
        check(values, sizes[k]);
    }
}

static void extremes_are_in_order(void **state)
{
    static double values[1000];

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        values[i] = (double)(i % 10) - 4.5;
    values[500] = -INFINITY;
    values[600] = INFINITY;
    values[700] = 5e-324;
    values[701] = -0.0;
    values[702] = -1.7976931348623157e308;
    check(values, 1000);
    assert_true(isinf(values[0]) && isinf(values[999]));
}

static void codes_are_sorted(void **state)
{
    static const uint32_t tops[] = {1, 3, 300, 70000, UINT32_MAX};
    weir_random random = weir_random_new(2, "codes");
    static uint32_t codes[3000], scratch[3000], expected[3000];

    (void)state;
    weir_sort_codes(codes, scratch, 0);
    for (size_t k = 0; k < sizeof tops / sizeof tops[0]; k++) {
        for (size_t i = 0; i < 3000; i++)
            expected[i] = codes[i] = (uint32_t)weir_random_below(&random, tops[k]);
        qsort(expected, 3000, sizeof *expected, compare_u32);
        weir_sort_codes(codes, scratch, 3000);
        assert_memory_equal(codes, expected, sizeof codes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_as_qsort_does),
        cmocka_unit_test(extremes_are_in_order),
        cmocka_unit_test(codes_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
