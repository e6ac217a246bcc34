/* Spearman's, Kendall's and Wilcoxon's tests against SciPy and against all orders and signs tried
 * in Python; the smallest p; what cannot be tested. */
#include "unit/golden.h"
#include <string.h>
#include <weir/random.h>
#include <weir/stats.h>

static json_t *golden;

static void correlations_equal_python(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "correlation"), at, entry)
    {
        size_t n;
        double *a = golden_doubles(entry, "a", &n), *b = golden_doubles(entry, "b", &n);
        weir_outcome rho, tau;

        assert_int_equal(weir_spearman_test(a, b, n, 20000, 3, &rho, NULL), WEIR_OK);
        assert_int_equal(weir_kendall_test(a, b, n, &tau, NULL), WEIR_OK);
        assert_near(rho.statistic, golden_number(entry, "rho"), 1e-12);
        assert_near(tau.statistic, golden_number(entry, "tau"), 1e-12);
        assert_near(tau.p, golden_number(entry, "tau_p"), 1e-9);
        assert_int_equal(rho.exact, n <= WEIR_EXACT_ORDERS);
        if (rho.exact) {
            assert_near(rho.p, golden_number(entry, "rho_p"), 1e-12);
            assert_near(rho.least, golden_number(entry, "rho_least"), 1e-12);
            assert_near(tau.least, golden_number(entry, "tau_least"), 1e-12);
        } else {
            /* SciPy has a t limit; 20000 orders are good to 0.01 and never give less than one. */
            assert_true(fabs(rho.p - golden_number(entry, "rho_p_limit")) < 0.01);
            assert_near(rho.least, 1.0 / 20001, 1e-12);
            assert_true(rho.p >= rho.least && tau.p >= tau.least);
        }
        free(a);
        free(b);
    }
}

static void random_orders_follow_the_seed(void **state)
{
    weir_random random = weir_random_new(1, "test");
    double a[12], b[12];
    weir_outcome one, same, other, swapped;

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        a[i] = weir_random_normal(&random);
        b[i] = a[i] + weir_random_normal(&random);
    }
    assert_int_equal(weir_spearman_test(a, b, 12, 500, 1, &one, NULL), WEIR_OK);
    assert_int_equal(weir_spearman_test(a, b, 12, 500, 1, &same, NULL), WEIR_OK);
    assert_int_equal(weir_spearman_test(a, b, 12, 500, 2, &other, NULL), WEIR_OK);
    assert_memory_equal(&one.p, &same.p, sizeof one.p);
    assert_true(one.p != other.p);
    assert_false(one.exact);
    /* All orders of 9: the sign of rho is no matter, and the smallest p is 2 of 9!. */
    for (size_t i = 0; i < 9; i++)
        b[i] = -(double)i;
    for (size_t i = 0; i < 9; i++)
        a[i] = (double)i;
    assert_int_equal(weir_spearman_test(a, b, 9, 0, 0, &swapped, NULL), WEIR_OK);
    assert_near(swapped.statistic, -1, 1e-15);
    assert_near(swapped.p, 2.0 / 362880, 1e-18);
    assert_near(swapped.least, weir_least_p_orders(9), 1e-18);
}

static void signs_equal_python(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "signed"), at, entry)
    {
        size_t n;
        double *differences = golden_doubles(entry, "differences", &n);
        weir_outcome found, turned;

        assert_int_equal(weir_wilcoxon_test(differences, n, &found, NULL), WEIR_OK);
        assert_near(found.statistic, golden_number(entry, "statistic"), 1e-12);
        assert_near(found.p, golden_number(entry, "p"), 1e-9);
        assert_int_equal(found.exact, n <= 50);
        assert_true(found.least <= found.p);
        for (size_t i = 0; i < n; i++)
            differences[i] = -differences[i];
        assert_int_equal(weir_wilcoxon_test(differences, n, &turned, NULL), WEIR_OK);
        assert_near(turned.p, found.p, 1e-12);
        free(differences);
    }
}

/* Before there is data: five pairs cannot be significant at 5%, six can. */
static void the_smallest_p_is_known(void **state)
{
    static const double same[] = {1, 2, 3, 4, 5, 6}, zeros[] = {0, -0.0, 0};
    weir_outcome found;

    (void)state;
    assert_near(weir_least_p_signs(5), 0.0625, 1e-15);
    assert_near(weir_least_p_signs(6), 0.03125, 1e-15);
    assert_true(weir_least_p_signs(0) == 1 && weir_least_p_signs(1) == 1);
    assert_int_equal(weir_wilcoxon_test(same, 6, &found, NULL), WEIR_OK);
    assert_near(found.p, weir_least_p_signs(6), 1e-15);
    assert_near(found.least, found.p, 1e-15);
    assert_near(weir_least_p_orders(4), 1.0 / 12, 1e-15);
    assert_true(weir_least_p_orders(0) == 1 && weir_least_p_orders(2) == 1);
    assert_int_equal(weir_wilcoxon_test(zeros, 3, &found, NULL), WEIR_OK);
    assert_true(found.p == 1 && found.least == 1);
}

static void refused(int status, const weir_error *error, const char *text)
{
    assert_int_equal(status, WEIR_EDATA);
    assert_non_null(strstr(error->text, text));
}

static void what_cannot_be_tested(void **state)
{
    static const double a[] = {1, 2, 3}, equal[] = {4, 4, 4};
    weir_outcome found;
    weir_error errors[4] = {{0}};

    (void)state;
    refused(weir_spearman_test(a, equal, 3, 10, 1, &found, &errors[0]), &errors[0], "all equal");
    refused(weir_kendall_test(equal, a, 3, &found, &errors[1]), &errors[1], "all equal");
    refused(weir_kendall_test(a, a, 2, &found, &errors[2]), &errors[2], "needs 3");
    refused(weir_wilcoxon_test(a, 0, &found, &errors[3]), &errors[3], "no differences");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correlations_equal_python),
        cmocka_unit_test(random_orders_follow_the_seed),
        cmocka_unit_test(signs_equal_python),
        cmocka_unit_test(the_smallest_p_is_known),
        cmocka_unit_test(what_cannot_be_tested),
    };
    int failed;

    golden = golden_load("comparison.json");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
