/* Devices: what is asked for is had or is an error; jobs and keys carry it.
 * Covers: core/run/device.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "declaring.h"
#include "run/device.h"

static void words(void **state)
{
    weir_error error = {0};
    const char *device;

    (void)state;
    assert_int_equal(weir_device_choose(NULL, &device, &error), WEIR_OK);
    assert_string_equal(device, "cpu");
    assert_int_equal(weir_device_choose("cpu", &device, &error), WEIR_OK);
    assert_string_equal(device, "cpu");
    /* auto is the CPU while docs/benchmarks.md records no run on a GPU */
    assert_int_equal(weir_device_choose("auto", &device, &error), WEIR_OK);
    assert_string_equal(device, "cpu");
    assert_int_equal(weir_device_choose("gpu", &device, &error), WEIR_EOPTION);
    assert_string_equal(error.text, "device 'gpu' is unknown: auto, cpu or cuda");
}

/* On a machine without a GPU or without its back end: refused with the reason, never the CPU. */
static void cuda_is_had_or_refused(void **state)
{
    weir_error error = {0};
    weir_experiment *experiment;
    const char *device;

    (void)state;
    if (weir_device_choose("cuda", &device, &error) == WEIR_OK) {
        assert_string_equal(device, "cuda");
        return;
    }
    assert_int_equal(error.status, WEIR_EOPTION);
    assert_true(strlen(error.text) > strlen("device 'cuda' cannot be used: "));
    assert_non_null(strstr(error.text, "device 'cuda' cannot be used: "));
    /* a declaration too, when it is made */
    experiment = declaring_new();
    error = (weir_error){0};
    assert_int_equal(declaring_generate(experiment,
                                        "{'generator':'bootstrap','train':TRACE,'device':'cuda'}",
                                        &error),
                     -1);
    assert_non_null(strstr(error.text, "device 'cuda' cannot be used: "));
    weir_experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(cuda_is_had_or_refused),
    };

    return cmocka_run_group_tests(tests, declaring_set_up, declaring_tear_down);
}
