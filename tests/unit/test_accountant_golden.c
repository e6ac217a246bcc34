/* The privacy accountant against Google's dp-accounting (tests/golden/nn/rdp.py).
 * Covers: core/nn/train/accountant.c */
#include <string.h>

#include "golden.h"
#include <weir/nn.h>

enum { MOST = 8 };

static int read_mechanisms(const json_t *test, nn_mechanism *out)
{
    const json_t *list = golden_list(test, "mechanisms");
    int n = (int)json_array_size(list);

    assert_true(n <= MOST);
    for (int i = 0; i < n; i++) {
        const json_t *m = json_array_get(list, (size_t)i);
        out[i] = (nn_mechanism){golden_number(m, "noise"), golden_number(m, "rate"),
                                (int64_t)golden_number(m, "steps")};
    }
    return n;
}

static void divergences(void **state)
{
    json_t *document = golden_load("nn/rdp.json");
    const json_t *cases = golden_list(document, "cases");
    size_t n, k;
    double *orders = golden_doubles(document, "orders", &n);

    (void)state;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        nn_mechanism m[MOST];
        int count = read_mechanisms(json_array_get(cases, i), m);
        double *expected = golden_doubles(json_array_get(cases, i), "rdp", &k);
        assert_int_equal(k, n);
        for (size_t a = 0; a < n; a++) {
            double sum = 0;
            for (int j = 0; j < count; j++)
                sum += (double)m[j].steps * nn_privacy_rdp(m[j].noise, m[j].rate, orders[a]);
            assert_near(sum, expected[a], 1e-7);
        }
        free(expected);
    }
    free(orders);
    json_decref(document);
}

/* Its series for fractional orders errs upwards: noise 0.7, rate 256 / 60000, order 3.8 gives
 * 6.3195, where the integral with 40 digits is 6.3181005865882139. */
static void assert_epsilon(double found, double theirs)
{
    if (!(found <= theirs * (1 + 1e-9) && found >= theirs * (1 - 3e-4)))
        fail_msg("%.17g, theirs is %.17g", found, theirs);
}

static void epsilons(void **state)
{
    json_t *document = golden_load("nn/rdp.json");
    const json_t *cases = golden_list(document, "cases");

    (void)state;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *test = json_array_get(cases, i);
        nn_mechanism m[MOST];
        int count = read_mechanisms(test, m);
        double delta = golden_number(test, "delta"), epsilon, order;
        assert_int_equal(nn_privacy_epsilon(count, m, delta, NN_CONVERT, &epsilon, &order, NULL),
                         WEIR_OK);
        assert_epsilon(epsilon, golden_number(test, "epsilon"));
        assert_near(order, golden_number(test, "order"), 1e-12);
        assert_int_equal(
            nn_privacy_epsilon(count, m, delta, NN_CONVERT_CLASSIC, &epsilon, NULL, NULL), WEIR_OK);
        assert_epsilon(epsilon, golden_number(test, "epsilon_mironov"));
    }
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divergences),
        cmocka_unit_test(epsilons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
