/* The Hurst exponent against nolds, dense and as counts, and where it has no value. */
#include "unit/golden.h"
#include <weir/random.h>
#include <weir/stats.h>

/* The same series through its occupied positions. */
static double by_counts(const double *series, size_t n)
{
    weir_hurst_plan plan = weir_hurst_prepare(n);
    uint32_t *at = malloc(n * sizeof *at);
    double *values = malloc(n * sizeof *values), result;
    size_t occupied = 0;

    assert_non_null(at);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++) {
        if (series[i] == 0)
            continue;
        at[occupied] = (uint32_t)i;
        values[occupied++] = series[i];
    }
    result = weir_hurst_counts(&plan, at, values, occupied);
    free(at);
    free(values);
    return result;
}

static void equals_nolds(void **state)
{
    json_t *golden = golden_load("stats.json");
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "hurst"), at, entry)
    {
        size_t n;
        double *series = golden_doubles(entry, "series", &n), value = golden_number(entry, "value");
        bool whole = true;

        for (size_t i = 0; i < n; i++)
            whole = whole && series[i] == floor(series[i]);
        assert_near(weir_hurst_rs(series, n), value, 1e-9);
        if (whole)
            assert_near(by_counts(series, n), value, 1e-9);
        free(series);
    }
    json_decref(golden);
}

static void block_sizes_are_those_of_nolds(void **state)
{
    static const size_t sizes[] = {9, 10, 12, 13, 14, 16, 17, 19, 21, 23, 26, 28, 31, 35, 38};
    weir_hurst_plan plan = weir_hurst_prepare(400);

    (void)state;
    assert_int_equal(plan.count, 15);
    assert_memory_equal(plan.sizes, sizes, sizeof sizes);
}

static void dense_and_counts_agree(void **state)
{
    weir_random random = weir_random_new(3, "hurst");
    double series[400];

    (void)state;
    for (size_t trial = 0; trial < 200; trial++) {
        for (size_t i = 0; i < 400; i++)
            series[i] = weir_random_below(&random, 400) < 2 + trial * 2
                            ? (double)(1 + weir_random_below(&random, 50))
                            : 0;
        series[3] = series[200] = 1;
        assert_near(by_counts(series, 400), weir_hurst_rs(series, 400), 1e-9);
    }
}

static void no_value_without_variation(void **state)
{
    double series[400];

    (void)state;
    for (size_t i = 0; i < 400; i++)
        series[i] = 0.1;
    assert_true(isnan(weir_hurst_rs(series, 400)));
    for (size_t i = 0; i < 400; i++)
        series[i] = 3;
    assert_true(isnan(by_counts(series, 400)));
    for (size_t i = 0; i < 400; i++)
        series[i] = 0;
    assert_true(isnan(by_counts(series, 400)));
    assert_true(isnan(weir_hurst_rs(series, 15)));
    assert_true(isnan(weir_hurst_rs(series, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_nolds),
        cmocka_unit_test(block_sizes_are_those_of_nolds),
        cmocka_unit_test(dense_and_counts_agree),
        cmocka_unit_test(no_value_without_variation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
