/* Means, intervals, ranks and rank correlation against SciPy; BCa's random part by its properties.
 */
#include "stats/bootstrap.h"
#include "unit/golden.h"
#include <weir/stats.h>

static json_t *golden;

static void summaries_equal_scipy(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "interval"), at, entry)
    {
        size_t n, resamples;
        double *values = golden_doubles(entry, "values", &n);
        double *means = golden_doubles(entry, "means", &resamples);
        weir_interval t = weir_t_interval(values, n, 0.95);
        weir_interval bca = weir_bca_bounds(values, n, 0.95, means, resamples);

        assert_near(weir_mean(values, n), golden_number(entry, "mean"), 1e-12);
        assert_near(weir_deviation(values, n), golden_number(entry, "deviation"), 1e-12);
        assert_near(t.low, golden_number(entry, "t_low"), 1e-9);
        assert_near(t.high, golden_number(entry, "t_high"), 1e-9);
        assert_near(bca.low, golden_number(entry, "bca_low"), 1e-9);
        assert_near(bca.high, golden_number(entry, "bca_high"), 1e-9);
        assert_int_equal(weir_sort(values, n, NULL), WEIR_OK);
        assert_near(weir_quantile_sorted(values, n, 0.37), golden_number(entry, "q37"), 1e-12);
        assert_true(weir_quantile_sorted(values, n, 0) == values[0]);
        assert_true(weir_quantile_sorted(values, n, 1) == values[n - 1]);
        free(values);
        free(means);
    }
}

static void bca_is_repeatable_and_near_scipy(void **state)
{
    const json_t *entry = json_array_get(golden_list(golden, "interval"), 2);
    weir_interval one, two, other;
    size_t n;
    double *values = golden_doubles(entry, "values", &n), width;

    (void)state;
    assert_int_equal(weir_bca_interval(values, n, 0.95, 5000, 1, &one, NULL), WEIR_OK);
    assert_int_equal(weir_bca_interval(values, n, 0.95, 5000, 1, &two, NULL), WEIR_OK);
    assert_int_equal(weir_bca_interval(values, n, 0.95, 5000, 2, &other, NULL), WEIR_OK);
    assert_memory_equal(&one, &two, sizeof one);
    assert_true(one.low != other.low);
    width = one.high - one.low;
    assert_true(fabs(one.low - golden_number(entry, "bca_low")) < 0.1 * width);
    assert_true(fabs(one.high - golden_number(entry, "bca_high")) < 0.1 * width);
    free(values);
}

static void degenerate_intervals(void **state)
{
    static const double equal[] = {2, 2, 2};
    weir_interval interval = {0, 0};
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_bca_interval(equal, 3, 0.95, 1000, 1, &interval, NULL), WEIR_OK);
    assert_true(interval.low == 2 && interval.high == 2);
    assert_int_equal(weir_bca_interval(equal, 2, 0.95, 1000, 1, &interval, &error), WEIR_EDATA);
    assert_true(isnan(weir_t_interval(equal, 1, 0.95).low));
    assert_true(isnan(weir_deviation(equal, 1)));
    assert_true(isnan(weir_mean(equal, 0)));
    assert_true(isnan(weir_quantile_sorted(equal, 0, 0.5)));
}

static void ranks_equal_scipy(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "rank"), at, entry)
    {
        size_t n;
        double *a = golden_doubles(entry, "a", &n), *b = golden_doubles(entry, "b", &n);
        double *expected = golden_doubles(entry, "ranks", &n), *ranks = malloc(n * sizeof *ranks);

        assert_non_null(ranks);
        assert_int_equal(weir_ranks(a, n, ranks, NULL), WEIR_OK);
        assert_memory_equal(ranks, expected, n * sizeof *ranks);
        assert_near(weir_spearman(a, b, n, NULL), golden_number(entry, "rho"), 1e-12);
        assert_near(weir_spearman(a, a, n, NULL), 1, 1e-15);
        for (size_t i = 0; i < n; i++)
            expected[i] = 4;
        assert_true(isnan(weir_spearman(a, expected, n, NULL)));
        free(a);
        free(b);
        free(expected);
        free(ranks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summaries_equal_scipy),
        cmocka_unit_test(bca_is_repeatable_and_near_scipy),
        cmocka_unit_test(degenerate_intervals),
        cmocka_unit_test(ranks_equal_scipy),
    };
    int failed;

    golden = golden_load("stats.json");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
