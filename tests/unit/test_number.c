/* Numbers in text: exact decimals, nearest doubles, shortest texts. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/number.h"
#include <weir/random.h>

static bool integer(const char *text, int power, int64_t *value, bool *exact)
{
    weir_decimal decimal;

    return weir_decimal_parse(text, strlen(text), &decimal) &&
           weir_decimal_integer(decimal, power, value, exact);
}

static void test_integers(void **state)
{
    static const struct {
        const char *text;
        int power;
        int64_t value;
        bool exact;
    } cases[] = {
        {"0", 0, 0, true},
        {"60.0", 0, 60, true},
        {"-7", 3, -7000, true},
        {"1458298072364000.0", 3, 1458298072364000000, true},
        {"1.458298072364e15", 3, 1458298072364000000, true},
        {"1521118773289502.125", 3, 1521118773289502125, true},
        {"1533042911.474174", 9, 1533042911474174000, true},
        {"0.4", 0, 0, false},
        {"0.5", 0, 1, false},
        {"1.2345", 3, 1235, false},
        {"9223372036854775807", 0, INT64_MAX, true},
        {"00000000000000000000012", 0, 12, true},
        {"1e-30", 0, 0, false},
        {"0e99999", 9, 0, true},
        {"12e2", -2, 12, true},
        {".5e1", 0, 5, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        bool exact = false;
        if (!integer(cases[i].text, cases[i].power, &value, &exact) || value != cases[i].value ||
            exact != cases[i].exact)
            fail_msg("%s gave %lld, exact %d", cases[i].text, (long long)value, exact);
    }
}

static void test_refused(void **state)
{
    static const char *const texts[] = {"",   "-",    "+",   ".",   "e5",    "1e",  "1e+", "1 ",
                                        " 1", "0x10", "nan", "inf", "1.2.3", "1,5", "--1", "12a"};
    weir_decimal decimal;
    int64_t value;
    bool exact;
    double real;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (weir_decimal_parse(texts[i], strlen(texts[i]), &decimal) ||
            weir_real_parse(texts[i], strlen(texts[i]), &real))
            fail_msg("'%s' was taken", texts[i]);
    }
    assert_false(integer("9223372036854775808", 0, &value, &exact));
    assert_false(integer("1e300", 0, &value, &exact));
    assert_false(weir_real_parse("1e999", 5, &real));
}

static void test_reals(void **state)
{
    weir_random random = weir_random_new(2, "reals");

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = weir_random_u64(&random);
        double value, back;
        float single;
        char text[40];

        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        if (i % 2)
            value = floor(weir_random_uniform(&random) * 1e9) / 1e6;
        weir_real_text(value, 17, text);
        assert_true(weir_real_parse(text, strlen(text), &back));
        assert_true(back == value);
        assert_true(back == strtod(text, NULL));
        single = (float)weir_random_normal(&random);
        weir_real_text((double)single, 9, text);
        assert_true(weir_real_parse(text, strlen(text), &back));
        assert_true((float)back == single);
    }
}

static void test_texts(void **state)
{
    char text[40];

    (void)state;
    weir_real_text(0.1, 17, text);
    assert_string_equal(text, "0.1");
    weir_real_text(305.63599999999997, 17, text);
    assert_string_equal(text, "305.63599999999997");
    weir_real_text((double)0.1f, 9, text);
    assert_string_equal(text, "0.1");
    weir_real_text(-3, 17, text);
    assert_string_equal(text, "-3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
