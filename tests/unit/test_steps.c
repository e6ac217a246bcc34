/* Steps of time: bounds, positions, runs, times far apart. Covers: core/data/steps.c */
#include "generator_test.h"
#include <math.h>

/* So late that a double does not tell times apart. */
#define EPOCH INT64_C(1700000000000000000)

static void assert_near(double a, double b, double most)
{
    if (!(fabs(a - b) <= most))
        fail_msg("%.17g is not %.17g", a, b);
}

static weir_dataset *at_times(const int64_t *times, size_t n)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, n, &error);

    assert_non_null(table);
    memcpy(weir_i64_out(table, "time"), times, n * sizeof *times);
    return weir_dataset_new(table, &error);
}

static void test_steps(void **state)
{
    static const int64_t times[] = {EPOCH + 1000, EPOCH + 1099, EPOCH + 1100, EPOCH + 1150,
                                    EPOCH + 1199, EPOCH + 1999, EPOCH + 2000};
    static const uint32_t rows[] = {0, 1, 2, 3, 4, 5, 6};
    weir_dataset *data = at_times(times, 7);
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_steps steps;
    uint32_t step;
    double position;

    (void)state;
    assert_int_equal(weir_steps_of(job, data, 0, 10, &steps), WEIR_OK);
    assert_true(steps.width == 100 && steps.first == EPOCH + 1000);
    assert_int_equal(weir_step_of(&steps, 0, &position), 0);
    assert_true(position == 0);
    assert_int_equal(weir_step_of(&steps, 3, &position), 1);
    assert_true(position == 0.5);
    assert_int_equal(weir_step_of(&steps, 6, &position), 9);
    assert_true(position == 1);
    assert_int_equal(weir_step_run(&steps, rows, 7, &step), 2);
    assert_int_equal(step, 0);
    assert_int_equal(weir_step_run(&steps, rows + 2, 5, &step), 3);
    assert_int_equal(step, 1);
    assert_int_equal(weir_step_run(&steps, rows + 5, 2, &step), 2);
    assert_int_equal(step, 9);
    /* With the width of another trace, all that is later lies at the end. */
    assert_int_equal(weir_steps_of(job, data, 10, 10, &steps), WEIR_OK);
    assert_int_equal(weir_step_of(&steps, 2, &position), 9);
    assert_true(position == 1);
    weir_dataset_free(data);
    weir_job_free(job);
    weir_registry_free(registry);
}

static void test_extremes(void **state)
{
    static const int64_t same[] = {5, 5}, far[] = {INT64_MIN, 0, INT64_MAX};
    weir_dataset *still = at_times(same, 2), *wide = at_times(far, 3), *none = at_times(same, 0);
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_steps steps;
    double position;

    (void)state;
    assert_int_equal(weir_steps_of(job, still, 0, 10, &steps), WEIR_OK);
    assert_true(steps.width == 1);
    assert_int_equal(weir_step_of(&steps, 1, &position), 0);
    assert_int_equal(weir_steps_of(job, wide, 0, 4, &steps), WEIR_OK);
    assert_int_equal(weir_step_of(&steps, 1, NULL), 2);
    assert_int_equal(weir_step_of(&steps, 2, NULL), 3);
    assert_int_equal(weir_steps_of(job, none, 0, 4, &steps), WEIR_EDATA);
    assert_non_null(strstr(weir_job_error(job)->text, "no rows"));
    weir_dataset_free(still);
    weir_dataset_free(wide);
    weir_dataset_free(none);
    weir_job_free(job);
    weir_registry_free(registry);
}

static void test_spread(void **state)
{
    (void)state;
    assert_true(weir_step_spread(0.3, 0.2, 0, 1) == 0.3);
    assert_near(weir_step_spread(0.5, 0.25, 0, 3), 0.25, 1e-12);
    assert_near(weir_step_spread(0.5, 0.25, 1, 3), 0.5, 1e-12);
    assert_near(weir_step_spread(0.5, 0.25, 2, 3), 0.75, 1e-12);
    assert_true(weir_step_spread(0.1, 0.5, 0, 2) == 0);
    assert_true(weir_step_spread(0.9, 0.5, 1, 2) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
