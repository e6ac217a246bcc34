/* Scaled columns: the arithmetic of both scales, and finding columns. */
#include "generator_test.h"
#include <math.h>

static weir_dataset *three(void)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 3, &error);
    const uint16_t sizes[] = {40, 240, 1040};

    for (int i = 0; i < 3; i++) {
        weir_i64_out(table, "time")[i] = INT64_C(1700000000000000000) + i * i * INT64_C(1000);
        weir_u16_out(table, "pkt_len")[i] = sizes[i];
    }
    return weir_dataset_new(table, &error);
}

static void scale(bool logarithmic, float *values)
{
    static const char *const names[] = {"pkt_len", "time"};
    const weir_list list = {2, names};
    const uint32_t rows[] = {0, 1, 2};
    weir_dataset *data = three();
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_scale scale = {.logarithmic = logarithmic};

    assert_int_equal(weir_scale_fit(job, data, list, &scale), WEIR_OK);
    assert_int_equal(scale.count, 2);
    assert_int_equal(weir_scale_encode(job, &scale, data, rows, 3, values), WEIR_OK);
    weir_job_free(job);
    weir_registry_free(registry);
    weir_dataset_free(data);
}

static void test_linear(void **state)
{
    float values[6];

    (void)state;
    scale(false, values);
    assert_true(values[0] == 0 && values[2] == 0.2f && values[4] == 1);
    assert_true(values[1] == 0 && values[3] == 0.25f && values[5] == 1);
}

static void test_logarithmic(void **state)
{
    float values[6];
    double size = (log(241.0) - log(41.0)) / (log(1041.0) - log(41.0));
    double time = log(1001.0) / log(4001.0); /* counted from the first */

    (void)state;
    scale(true, values);
    assert_true(values[0] == 0 && values[4] == 1 && values[1] == 0 && values[5] == 1);
    assert_true(fabs((double)values[2] - size) < 1e-6);
    assert_true(fabs((double)values[3] - time) < 1e-6);
}

static void test_columns(void **state)
{
    weir_dataset *data = three();
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_type type;

    (void)state;
    assert_int_equal(weir_column_type(job, weir_dataset_table(data), "time", &type), WEIR_OK);
    assert_int_equal(type, WEIR_I64);
    assert_non_null(weir_column_in(job, data, "time", WEIR_I64));
    assert_null(weir_column_in(job, data, "time", WEIR_U8));
    assert_non_null(strstr(weir_job_error(job)->text, "no column 'time' of type u8"));
    weir_job_free(job);
    weir_registry_free(registry);
    weir_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_logarithmic),
        cmocka_unit_test(test_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
