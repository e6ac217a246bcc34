/* Eigenvalues of symmetric matrices, and distances of normal distributions against
 * scipy.linalg.sqrtm. */
#include "unit/golden.h"
#include <weir/stats.h>

static void eigen(void **state)
{
    /* 2 and 4 on (1, -1) and (1, 1), 1 alone; the upper triangle is not read */
    const double matrix[] = {3, 99, 99, 1, 3, 99, 0, 0, 1};
    double values[3], vectors[9];
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_eigen(matrix, 3, values, vectors, &error), WEIR_OK);
    assert_near(values[0], 4, 1e-14);
    assert_near(values[1], 2, 1e-14);
    assert_near(values[2], 1, 1e-14);
    assert_near(vectors[0] / vectors[1], 1, 1e-14);
    assert_near(vectors[3] / vectors[4], -1, 1e-14);
    assert_near(fabs(vectors[8]), 1, 1e-14);
    assert_int_equal(weir_eigen((double[]){NAN}, 1, values, NULL, &error), WEIR_EDIVERGE);
}

/* Covariances of full rank and not. */
static void golden(void **state)
{
    json_t *document = golden_load("frechet.json"), *entry;
    size_t at;

    (void)state;
    json_array_foreach(json_object_get(document, "points"), at, entry)
    {
        size_t width = (size_t)golden_number(entry, "width"), n_a, n_b;
        double *a = golden_doubles(entry, "a", &n_a), *b = golden_doubles(entry, "b", &n_b);
        weir_error error = {0};

        assert_near(weir_frechet(a, n_a / width, b, n_b / width, width, &error),
                    golden_number(entry, "distance"), 1e-5);
        assert_near(weir_frechet(b, n_b / width, a, n_a / width, width, &error),
                    weir_frechet(a, n_a / width, b, n_b / width, width, &error), 1e-10);
        /* of rank 5 in 12 dimensions too */
        assert_true(weir_frechet(a, n_a / width, a, n_a / width, width, &error) == 0);
        assert_int_equal(error.status, WEIR_OK);
        free(a);
        free(b);
    }
    assert_int_equal(at, 4);
    json_decref(document);
}

static void known(void **state)
{
    /* of one dimension: (m - n)^2 + (s - t)^2 */
    const double a[] = {1, 2, 3}, b[] = {10, 14, 18, 14};
    double t = sqrt(32.0 / 3);
    weir_error error = {0};

    (void)state;
    assert_near(weir_frechet(a, 3, b, 4, 1, &error), 144 + (t - 1) * (t - 1), 1e-12);
    assert_true(isnan(weir_frechet(a, 1, b, 4, 1, &error)));
    assert_int_equal(error.status, WEIR_EDATA);
}

/* Variances whose sum is no number: not a distance of 0. */
static void too_large(void **state)
{
    const double a[] = {8e153, 0, -8e153, 0, 0, 8e153, 0, -8e153}, b[] = {0, 0, 1, 1};
    const double sum[] = {1.5e154, 0, 0, 1.5e154};
    weir_error error = {0};

    (void)state;
    assert_true(weir_frechet(a, 4, b, 2, 2, &error) > 1e307);
    assert_int_equal(error.status, WEIR_OK);
    assert_true(isnan(weir_frechet(sum, 2, b, 2, 2, &error)));
    assert_int_equal(error.status, WEIR_EDIVERGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigen),
        cmocka_unit_test(golden),
        cmocka_unit_test(known),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
