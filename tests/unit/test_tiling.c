/* The time line of a request: repetitions keep the rate, impossible durations are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>
#include <weir/sampling.h>

static const int64_t times[] = {1000, 1100, 1300};

static void test_as_the_trace(void **state)
{
    weir_tiling tiling;
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_tiling_init(&tiling, times, 3, 0, &error), WEIR_OK);
    assert_int_equal(tiling.count, 3);
    assert_int_equal(tiling.length, 301);
    assert_int_equal(tiling.window, 450);
}

static void test_shorter_and_longer(void **state)
{
    weir_tiling tiling;
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_tiling_init(&tiling, times, 3, 101e-9, &error), WEIR_OK);
    assert_int_equal(tiling.count, 2);
    assert_int_equal(weir_tiling_init(&tiling, times, 3, 100e-9, &error), WEIR_OK);
    assert_int_equal(tiling.count, 1);
    assert_int_equal(weir_tiling_init(&tiling, times, 3, 1000e-9, &error), WEIR_OK);
    assert_int_equal(tiling.count, 7);
    assert_int_equal(weir_tiling_time(&tiling, 2), 1300);
    assert_int_equal(weir_tiling_time(&tiling, 3), 1450);
    assert_int_equal(weir_tiling_time(&tiling, 6), 1900);
}

static void test_refusals(void **state)
{
    const int64_t far[] = {INT64_MIN, INT64_MAX};
    weir_tiling tiling;
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_tiling_init(&tiling, times, 0, 0, &error), WEIR_EDATA);
    error = (weir_error){0};
    assert_int_equal(weir_tiling_init(&tiling, far, 2, 0, &error), WEIR_EDATA);
    error = (weir_error){0};
    assert_int_equal(weir_tiling_init(&tiling, times, 3, 1e300, &error), WEIR_EOPTION);
    error = (weir_error){0};
    assert_int_equal(weir_tiling_init(&tiling, times, 3, 1e5, &error), WEIR_EOPTION);
    error = (weir_error){0};
    assert_int_equal(weir_tiling_init(&tiling, times, 1, 0, &error), WEIR_OK);
    assert_int_equal(tiling.count, 1);
    assert_int_equal(weir_tiling_init(&tiling, times, 1, 0.01, &error), WEIR_EOPTION);
    assert_non_null(strstr(error.text, "one time"));
}

static void test_requests(void **state)
{
    const weir_request series = {.series = 3}, packets = {.packets = 3}, none = {0};
    const weir_request huge = {.flows = INT64_C(1) << 40};
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_request_check(&none, WEIR_SERIES, &error), WEIR_OK);
    assert_int_equal(weir_request_check(&packets, WEIR_NETFLOW, &error), WEIR_OK);
    assert_int_equal(weir_request_check(&packets, WEIR_SERIES, &error), WEIR_EOPTION);
    error = (weir_error){0};
    assert_int_equal(weir_request_check(&series, WEIR_PACKETS, &error), WEIR_EOPTION);
    error = (weir_error){0};
    assert_int_equal(weir_request_check(&huge, WEIR_PACKETS, &error), WEIR_EOPTION);
    assert_null(weir_time_column(WEIR_SERIES));
    assert_string_equal(weir_time_column(WEIR_NETFLOW), "ts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_trace),
        cmocka_unit_test(test_shorter_and_longer),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
