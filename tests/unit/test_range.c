/* Ranges of columns: exact at 64 bits, clamping, uniform draws with both bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>
#include <weir/sampling.h>

static void test_times_are_exact(void **state)
{
    const int64_t times[] = {INT64_C(1700000000000000003), INT64_C(1700000000000000000),
                             INT64_C(1700000060000000000)};
    int64_t out[1];
    weir_range range;
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_range_learn(&range, WEIR_I64, times, 3, 1, &error), WEIR_OK);
    assert_true(weir_range_span(&range) == 6e10);
    assert_true(weir_range_offset(&range, times, 0) == 3);
    weir_range_set(&range, out, 0, 3.4);
    assert_int_equal(out[0], times[0]);
    weir_range_set(&range, out, 0, 1e300);
    assert_int_equal(out[0], times[2]);
    weir_range_set(&range, out, 0, -5);
    assert_int_equal(out[0], times[1]);
    weir_range_set(&range, out, 0, NAN);
    assert_int_equal(out[0], times[1]);
}

static void test_whole_u64_and_signs(void **state)
{
    const uint64_t all[] = {0, UINT64_MAX};
    const int64_t both[] = {-10, 10};
    uint64_t big[1];
    int64_t out[1];
    weir_range range;
    weir_error error = {0};
    weir_random random = weir_random_new(1, "range");

    (void)state;
    assert_int_equal(weir_range_learn(&range, WEIR_U64, all, 2, 1, &error), WEIR_OK);
    weir_range_set(&range, big, 0, weir_range_span(&range));
    assert_true(big[0] == UINT64_MAX);
    weir_range_set(&range, big, 0, nextafter(weir_range_span(&range), 0));
    assert_true(big[0] < UINT64_MAX);
    weir_range_draw(&range, &random, big, 0);
    assert_int_equal(weir_range_learn(&range, WEIR_I64, both, 2, 1, &error), WEIR_OK);
    weir_range_set(&range, out, 0, 3);
    assert_int_equal(out[0], -7);
}

static void test_draws_cover_the_bounds(void **state)
{
    const uint8_t values[] = {7, 9, 8};
    int seen[256] = {0};
    weir_range range;
    weir_error error = {0};
    weir_random random = weir_random_new(1, "range");

    (void)state;
    assert_int_equal(weir_range_learn(&range, WEIR_U8, values, 3, 1, &error), WEIR_OK);
    for (int i = 0; i < 3000; i++) {
        uint8_t value;

        weir_range_draw(&range, &random, &value, 0);
        seen[value]++;
    }
    assert_int_equal(seen[7] + seen[8] + seen[9], 3000);
    assert_true(seen[7] > 800 && seen[8] > 800 && seen[9] > 800);
}

static void test_stride_and_refusals(void **state)
{
    const float values[] = {1, 100, 2, 200, 3, 300};
    const double bad[] = {0, NAN}, good[] = {2, 5}, far[] = {-1.5e308, 1.5e308};
    weir_range range;
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_range_learn(&range, WEIR_F32, values + 1, 3, 2, &error), WEIR_OK);
    assert_true(range.low.f == 100 && range.high.f == 300);
    assert_int_equal(weir_range_learn(&range, WEIR_F32, values, 0, 1, &error), WEIR_EDATA);
    error = (weir_error){0};
    assert_int_equal(weir_range_learn(&range, WEIR_F64, bad, 2, 1, &error), WEIR_EDATA);
    error = (weir_error){0};
    assert_int_equal(weir_range_learn(&range, WEIR_F64, far, 2, 1, &error), WEIR_EDATA);
    error = (weir_error){0};
    assert_int_equal(weir_range_learn(&range, WEIR_F64, good, 2, 1, &error), WEIR_OK);
    assert_true(weir_range_offset(&range, bad, 1) == 0);
}

static void test_integers_of_every_width(void **state)
{
    static const weir_type types[] = {WEIR_U8,  WEIR_U16, WEIR_U32,
                                      WEIR_U64, WEIR_I64, WEIR_CATEGORY};
    static const uint64_t most[] = {UINT8_MAX,  UINT16_MAX, UINT32_MAX,
                                    UINT64_MAX, UINT64_MAX, UINT32_MAX};

    (void)state;
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        uint64_t data[3] = {0, 0, 0}; /* room for three of the widest */

        weir_integer_put(types[t], data, 1, UINT64_MAX);
        assert_true(weir_integer_get(types[t], data, 0) == 0);
        assert_true(weir_integer_get(types[t], data, 1) == most[t]);
        assert_true(weir_integer_get(types[t], data, 2) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_exact),         cmocka_unit_test(test_whole_u64_and_signs),
        cmocka_unit_test(test_draws_cover_the_bounds),  cmocka_unit_test(test_stride_and_refusals),
        cmocka_unit_test(test_integers_of_every_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
