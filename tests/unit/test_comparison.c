/* Holm, Friedman with Iman and Davenport, and Nemenyi against SciPy; blocks that agree, and what
 * cannot be compared. */
#include "unit/golden.h"
#include <string.h>
#include <weir/stats.h>

static json_t *golden;

static void holm_equals_python(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "holm"), at, entry)
    {
        size_t n;
        double *p = golden_doubles(entry, "p", &n), *wanted = golden_doubles(entry, "adjusted", &n);

        assert_int_equal(weir_holm(p, n, p, NULL), WEIR_OK);
        for (size_t i = 0; i < n; i++)
            assert_near(p[i], wanted[i], 1e-15);
        free(p);
        free(wanted);
    }
}

static void friedman_equals_scipy(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "friedman"), at, entry)
    {
        size_t all, k, n = (size_t)golden_number(entry, "n");
        double *values = golden_doubles(entry, "values", &all);
        double *wanted = golden_doubles(entry, "ranks", &k), ranks[8];
        weir_friedman found;

        assert_int_equal(all, n * k);
        assert_int_equal(weir_friedman_test(values, n, k, &found, ranks, NULL), WEIR_OK);
        assert_near(found.chi2, golden_number(entry, "chi2"), 1e-12);
        assert_near(found.f, golden_number(entry, "f"), 1e-11);
        assert_near(found.p, golden_number(entry, "p"), 1e-9);
        assert_near(found.least, golden_number(entry, "least"), 1e-9);
        for (size_t i = 0; i < k; i++)
            assert_near(ranks[i], wanted[i], 1e-15);
        free(values);
        free(wanted);
    }
}

static void blocks_that_agree(void **state)
{
    static const double values[] = {1, 2, 3, 10, 20, 30, 0.1, 0.2, 0.3},
                        ties[] = {1, 1, 2, 3, 3, 9};
    weir_friedman found;
    double ranks[3];

    (void)state;
    assert_int_equal(weir_friedman_test(values, 3, 3, &found, ranks, NULL), WEIR_OK);
    assert_near(found.chi2, 6, 1e-12);
    assert_true(isinf(found.f));
    assert_near(found.p, 1.0 / 36, 1e-15);
    assert_near(found.least, found.p, 0);
    assert_true(ranks[0] == 1 && ranks[2] == 3);
    assert_int_equal(weir_friedman_test(ties, 2, 3, &found, ranks, NULL), WEIR_OK);
    assert_true(isinf(found.f) && ranks[0] == 1.5 && ranks[1] == 1.5);
}

static void nemenyi_equals_scipy(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "nemenyi"), at, entry)
    {
        size_t k = (size_t)golden_number(entry, "k"), n = (size_t)golden_number(entry, "n");
        double alpha = golden_number(entry, "alpha"), critical;

        critical = weir_nemenyi_difference(k, n, alpha);
        assert_near(critical, golden_number(entry, "critical"), 1e-6);
        assert_near(weir_nemenyi_p(k, n, golden_number(entry, "difference")),
                    golden_number(entry, "p"), 1e-9);
        assert_near(weir_nemenyi_p(k, n, -critical), alpha, 1e-9);
    }
    assert_near(weir_nemenyi_p(4, 5, 0), 1, 1e-12);
    /* The table of Demsar 2006: q(0.05) of 2, 5 and 10 treatments. */
    assert_near(weir_nemenyi_difference(2, 1, 0.05), 1.960 * sqrt(2 * 3 / 6.0), 1e-3);
    assert_near(weir_nemenyi_difference(5, 1, 0.05), 2.728 * sqrt(5 * 6 / 6.0), 1e-3);
    assert_near(weir_nemenyi_difference(10, 1, 0.05), 3.164 * sqrt(10 * 11 / 6.0), 1e-3);
}

static void what_cannot_be_compared(void **state)
{
    static const double equal[] = {1, 1, 2, 2};
    weir_error first = {0}, second = {0};
    weir_friedman found;
    double ranks[2];

    (void)state;
    assert_int_equal(weir_friedman_test(equal, 2, 2, &found, ranks, &first), WEIR_EDATA);
    assert_non_null(strstr(first.text, "equal"));
    assert_int_equal(weir_friedman_test(equal, 1, 2, &found, ranks, &second), WEIR_EDATA);
    assert_non_null(strstr(second.text, "needs 2"));
    assert_true(isnan(weir_nemenyi_difference(1, 5, 0.05)));
    assert_true(isnan(weir_nemenyi_difference(3, 5, 1)));
    assert_true(isnan(weir_nemenyi_p(3, 0, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holm_equals_python),      cmocka_unit_test(friedman_equals_scipy),
        cmocka_unit_test(blocks_that_agree),       cmocka_unit_test(nemenyi_equals_scipy),
        cmocka_unit_test(what_cannot_be_compared),
    };
    int failed;

    golden = golden_load("comparison.json");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
