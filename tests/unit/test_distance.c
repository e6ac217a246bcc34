/* Distances against SciPy, their bounds and symmetry, empty samples, and the curve of a
 * distribution. */
#include "unit/golden.h"
#include <string.h>
#include <weir/stats.h>

#define E 2.718281828459045

static json_t *golden;

static void emd_equals_scipy(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "emd"), at, entry)
    {
        size_t n_a, n_b;
        double *a = golden_doubles(entry, "a", &n_a), *b = golden_doubles(entry, "b", &n_b);
        double first = a[0], value = golden_number(entry, "value");

        assert_near(weir_emd(a, n_a, b, n_b, NULL), value, 1e-12);
        assert_near(weir_emd(b, n_b, a, n_a, NULL), value, 1e-12);
        assert_true(weir_emd(a, n_a, a, n_a, NULL) == 0);
        assert_true(a[0] == first);
        free(a);
        free(b);
    }
}

static uint32_t *codes_of(const json_t *entry, const char *key, size_t *n)
{
    double *values = golden_doubles(entry, key, n);
    uint32_t *codes = malloc(*n * sizeof *codes);

    assert_non_null(codes);
    for (size_t i = 0; i < *n; i++)
        codes[i] = (uint32_t)values[i];
    free(values);
    return codes;
}

static void jsd_equals_scipy(void **state)
{
    const json_t *entry;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "jsd"), at, entry)
    {
        size_t n_a, n_b, n;
        uint32_t *a = codes_of(entry, "a", &n_a), *b = codes_of(entry, "b", &n_b);
        double *p = golden_doubles(entry, "p", &n), *q = golden_doubles(entry, "q", &n);
        double distance = golden_number(entry, "distance_e");

        assert_near(sqrt(weir_jsd_codes(a, n_a, b, n_b, E, NULL)), distance, 1e-11);
        assert_near(sqrt(weir_jsd_codes(b, n_b, a, n_a, E, NULL)), distance, 1e-11);
        assert_near(sqrt(weir_jsd_codes(a, n_a, b, n_b, 2, NULL)),
                    golden_number(entry, "distance_2"), 1e-11);
        assert_near(weir_jsd_ranks(a, n_a, b, n_b, E, NULL), golden_number(entry, "ranks_e"),
                    1e-11);
        assert_near(sqrt(weir_jsd(p, q, n, E)), distance, 1e-11);
        free(a);
        free(b);
        free(p);
        free(q);
    }
}

static void disjoint_supports_reach_the_bound(void **state)
{
    static const uint32_t a[] = {1, 1, 2}, b[] = {3};

    (void)state;
    assert_near(weir_jsd_codes(a, 3, b, 1, E, NULL), log(2), 1e-15);
    assert_near(weir_jsd_codes(a, 3, b, 1, 2, NULL), 1, 1e-15);
}

static void empty_samples_are_errors(void **state)
{
    weir_error error = {0};
    double one = 1;
    uint32_t code = 1;

    (void)state;
    assert_true(isnan(weir_emd(&one, 1, &one, 0, &error)));
    assert_int_equal(error.status, WEIR_EDATA);
    error = (weir_error){0};
    assert_true(isnan(weir_jsd_codes(&code, 0, &code, 1, E, &error)));
    assert_int_equal(error.status, WEIR_EDATA);
    error = (weir_error){0};
    assert_true(isnan(weir_jsd_ranks(&code, 1, &code, 0, E, &error)));
    assert_int_equal(error.status, WEIR_EDATA);
}

static void cdf_table_is_the_distribution_function(void **state)
{
    static const double real[] = {0, 0, 1, 5}, synthetic[] = {-2, 1, 1, 1, 9};
    static const double x[] = {-2, 0, 1, 5, 9}, f[] = {0, 0.5, 0.75, 1, 1},
                        g[] = {0.2, 0.2, 0.8, 0.8, 1};
    weir_table *table = weir_cdf_table(real, 4, synthetic, 5, 100, NULL);

    (void)state;
    assert_non_null(table);
    assert_int_equal(weir_table_rows(table), 5);
    assert_memory_equal(weir_f64(table, "x"), x, sizeof x);
    assert_memory_equal(weir_f64(table, "real"), f, sizeof f);
    assert_memory_equal(weir_f64(table, "synthetic"), g, sizeof g);
    weir_table_free(table);
}

static void cdf_table_is_short(void **state)
{
    static double real[5000];
    weir_table *table;
    size_t rows;

    (void)state;
    for (size_t i = 0; i < 5000; i++)
        real[i] = (double)i * 0.25;
    table = weir_cdf_table(real, 5000, real + 10, 4000, 200, NULL);
    assert_non_null(table);
    rows = weir_table_rows(table);
    assert_true(rows > 150 && rows <= 202);
    assert_true(weir_f64(table, "x")[0] == 0);
    assert_true(weir_f64(table, "real")[rows - 1] == 1);
    for (size_t i = 1; i < rows; i++)
        assert_true(weir_f64(table, "x")[i] > weir_f64(table, "x")[i - 1]);
    weir_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emd_equals_scipy),
        cmocka_unit_test(jsd_equals_scipy),
        cmocka_unit_test(disjoint_supports_reach_the_bound),
        cmocka_unit_test(empty_samples_are_errors),
        cmocka_unit_test(cdf_table_is_the_distribution_function),
        cmocka_unit_test(cdf_table_is_short),
    };
    int failed;

    golden = golden_load("stats.json");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
