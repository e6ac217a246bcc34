/* The privacy accountant against integrals, published values and other accountants' figures.
 * Covers: core/nn/train/accountant.c */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <weir/nn.h>

static void assert_close(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%.15g instead of %.15g", value, expected);
}

/* The moment's definition, integrated with 40 digits (mpmath's quad over the normal density of
 * ((1 - q) + q exp((2 z - 1) / (2 sigma^2)))^alpha). */
static void divergences_are_the_integrals(void **state)
{
    static const struct {
        double noise, rate, order, rdp;
    } cases[] = {{1.1, 0.00427, 2.5, 2.9404047437714e-5},
                 {0.7, 0.01, 1.3, 0.000397022764419573},
                 {4, 0.01, 1.1, 3.54510468293441e-6},
                 {0.5, 0.2, 10.9, 20.0279926014614},
                 {1.1, 0.00427, 33, 8.009717765041433},
                 {2, 0.5, 64, 7.295850630032514},
                 {1, 1, 8, 4},
                 {10, 1e-4, 5.5, 2.76380570145051e-10},
                 {10, 1e-6, 7.5, 3.76881286558529e-14}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_close(nn_privacy_rdp(cases[i].noise, cases[i].rate, cases[i].order), cases[i].rdp,
                     1e-9);
}

static void divergences_grow_with_the_order(void **state)
{
    (void)state;
    for (double noise = 0.5; noise < 20; noise *= 3)
        for (double rate = 1e-6; rate < 1; rate *= 10) {
            double before = 0;
            for (double order = 1.05; order < 80; order += 0.35) {
                double rdp = nn_privacy_rdp(noise, rate, order);
                assert_true(isfinite(rdp));
                assert_true(rdp >= before * (1 - 1e-8));
                before = rdp;
            }
        }
    assert_true(nn_privacy_rdp(1, 0, 2) == 0);
    assert_true(isinf(nn_privacy_rdp(0, 0.1, 2)));
}

/* The three models of TensorFlow Privacy's MNIST tutorial (60 000 records, batches of 256, delta
 * 1e-5): its README gives 1.19, 3.01 and 7.10 with the classic conversion. */
static void tutorials_figures(void **state)
{
    static const double noise[] = {1.3, 1.1, 0.7}, epochs[] = {15, 60, 45},
                        published[] = {1.19, 3.01, 7.10};

    (void)state;
    for (int i = 0; i < 3; i++) {
        nn_mechanism m = {noise[i], 256.0 / 60000, (int64_t)(epochs[i] * 60000 / 256)};
        double classic, tight, order;
        assert_int_equal(nn_privacy_epsilon(1, &m, 1e-5, NN_CONVERT_CLASSIC, &classic, NULL, NULL),
                         WEIR_OK);
        assert_true(fabs(classic - published[i]) < 0.0051);
        assert_int_equal(nn_privacy_epsilon(1, &m, 1e-5, NN_CONVERT, &tight, &order, NULL),
                         WEIR_OK);
        assert_true(tight < classic && tight > 0.5 * classic);
        if (i == 1) { /* Google's dp-accounting 0.6 */
            assert_close(tight, 2.5965558697943036, 1e-9);
            assert_close(order, 8.1, 1e-12);
        }
    }
}

static void mechanisms_add_up(void **state)
{
    nn_mechanism one = {1.5, 0.01, 2000}, two[] = {{1.5, 0.01, 1000}, {1.5, 0.01, 1000}};
    nn_mechanism more[] = {{1.5, 0.01, 2000}, {3, 0.02, 500}};
    nn_mechanism none = {1.5, 0.01, 0};
    double a, b, c, d;

    (void)state;
    nn_privacy_epsilon(1, &one, 1e-6, NN_CONVERT, &a, NULL, NULL);
    nn_privacy_epsilon(2, two, 1e-6, NN_CONVERT, &b, NULL, NULL);
    nn_privacy_epsilon(2, more, 1e-6, NN_CONVERT, &c, NULL, NULL);
    nn_privacy_epsilon(1, &none, 1e-6, NN_CONVERT, &d, NULL, NULL);
    assert_close(a, b, 1e-12);
    assert_true(c > a);
    assert_true(d < 0.02); /* nothing is learnt; the grid of orders ends at 1024 */
}

static void noise_for_an_epsilon(void **state)
{
    nn_mechanism two[] = {{1, 0.01, 3000}, {2, 0.01, 3000}};
    double factor, epsilon;

    (void)state;
    for (double wanted = 0.1; wanted < 20; wanted *= 2) {
        nn_mechanism scaled[2] = {two[0], two[1]};
        assert_int_equal(nn_privacy_noise(2, two, 1e-5, wanted, NN_CONVERT, &factor, NULL),
                         WEIR_OK);
        for (int i = 0; i < 2; i++)
            scaled[i].noise *= factor;
        assert_int_equal(nn_privacy_epsilon(2, scaled, 1e-5, NN_CONVERT, &epsilon, NULL, NULL),
                         WEIR_OK);
        assert_true(epsilon <= wanted);
        assert_close(epsilon, wanted, 1e-4);
    }
}

static void nonsense_is_refused(void **state)
{
    nn_mechanism m = {1, 0.01, 100};
    double value;

    (void)state;
#define REFUSED(call, word)                                                                        \
    do {                                                                                           \
        weir_error error = {0};                                                                    \
        assert_int_equal(call, WEIR_EOPTION);                                                      \
        assert_non_null(strstr(error.text, word));                                                 \
    } while (0)
    REFUSED(nn_privacy_epsilon(1, &m, 0, NN_CONVERT, &value, NULL, &error), "delta");
    REFUSED(nn_privacy_epsilon(1, &m, NAN, NN_CONVERT, &value, NULL, &error), "delta");
    REFUSED(nn_privacy_noise(1, &m, 1e-5, -1, NN_CONVERT, &value, &error), "epsilon");
    REFUSED(nn_privacy_noise(1, &m, 1e-300, 1e-3, NN_CONVERT, &value, &error), "no noise");
    m.rate = 1.5;
    REFUSED(nn_privacy_epsilon(1, &m, 1e-5, NN_CONVERT, &value, NULL, &error), "rate");
    m = (nn_mechanism){0, 0.1, 1};
    REFUSED(nn_privacy_epsilon(1, &m, 1e-5, NN_CONVERT, &value, NULL, &error), "noise");
    m = (nn_mechanism){1, 0.1, -1};
    REFUSED(nn_privacy_epsilon(1, &m, 1e-5, NN_CONVERT, &value, NULL, &error), "steps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divergences_are_the_integrals),
        cmocka_unit_test(divergences_grow_with_the_order),
        cmocka_unit_test(tutorials_figures),
        cmocka_unit_test(mechanisms_add_up),
        cmocka_unit_test(noise_for_an_epsilon),
        cmocka_unit_test(nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
