/* The metric overlap against sets in Python, a copy, and what cannot be looked up. */
#include "unit/metric.h"

static json_t *golden;

static weir_dataset *trace(const char *size, const char *side)
{
    return metric_packets(json_object_get(json_object_get(golden, size), side));
}

static void equals_python(void **state)
{
    weir_dataset *real = trace("large", "real"), *synthetic = trace("large", "synthetic");
    json_t *rows = metric_run("overlap", "", real, synthetic);

    (void)state;
    metric_equals(rows, json_object_get(json_object_get(golden, "large"), "overlap"), 1e-15);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void one_record_in_seven(void **state)
{
    weir_dataset *real = trace("small", "real"), *synthetic = trace("small", "synthetic");
    json_t *rows = metric_run("overlap", "", real, synthetic);

    (void)state;
    assert_near(metric_value(rows, "REC"), 1.0 / 7, 1e-15);
    metric_is_na(rows, "RUN", "nothing of that kind");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void a_copy_overlaps_wholly(void **state)
{
    static const char *const features[] = {"REC", "TUPLE", "IP", "RUN"};
    weir_dataset *real = trace("large", "real");
    json_t *rows = metric_run("overlap", "", real, real);

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(metric_value(rows, features[i]) == 1);
    assert_true(metric_value(rows, "REC_REAL") < 1);
    json_decref(rows);
    weir_dataset_free(real);
}

/* The longest run that is looked up matters: of single packets nearly all are known. */
static void runs_have_a_length(void **state)
{
    weir_dataset *real = trace("large", "real"), *synthetic = trace("large", "synthetic");
    json_t *one = metric_run("overlap", "run=1", real, synthetic);
    json_t *ten = metric_run("overlap", "run=10", real, synthetic);

    (void)state;
    assert_true(metric_value(one, "RUN") == 1);
    assert_true(metric_value(ten, "RUN") < 0.1);
    json_decref(one);
    json_decref(ten);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void records_need_a_ttl(void **state)
{
    weir_table *table = weir_table_new(WEIR_PACKETS, 10, NULL);
    weir_dataset *bare = weir_dataset_new(table, NULL);
    json_t *rows = metric_run("overlap", "", bare, bare);

    (void)state;
    metric_is_na(rows, "REC", "ttl");
    assert_true(metric_value(rows, "TUPLE") == 1);
    json_decref(rows);
    weir_dataset_free(bare);
}

static void flow_records_are_looked_up(void **state)
{
    weir_table *a = weir_table_new(WEIR_NETFLOW, 4, NULL),
               *b = weir_table_new(WEIR_NETFLOW, 2, NULL);
    weir_dataset *real, *synthetic;
    json_t *rows;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        weir_u32_out(a, "srcip")[i] = (uint32_t)i;
        weir_u64_out(a, "byt")[i] = 100 * i;
    }
    weir_u32_out(b, "srcip")[0] = weir_u32_out(b, "srcip")[1] = 3;
    weir_u64_out(b, "byt")[0] = 300;
    weir_u64_out(b, "byt")[1] = 301;
    real = weir_dataset_new(a, NULL);
    synthetic = weir_dataset_new(b, NULL);
    rows = metric_run("overlap", "", real, synthetic);
    assert_near(metric_value(rows, "REC"), 0.5, 1e-15);
    assert_true(metric_value(rows, "TUPLE") == 1 && metric_value(rows, "REC_REAL") == 0);
    metric_is_na(rows, "RUN", "nothing of that kind");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void flow_records_equal_python(void **state)
{
    json_t *records = golden_load("netflow.json");
    json_t *rows = metric_run_records("overlap", "run=2", records);

    (void)state;
    metric_equals(rows, json_object_get(records, "overlap"), 1e-15);
    json_decref(rows);
    json_decref(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_python),
        cmocka_unit_test(one_record_in_seven),
        cmocka_unit_test(a_copy_overlaps_wholly),
        cmocka_unit_test(runs_have_a_length),
        cmocka_unit_test(records_need_a_ttl),
        cmocka_unit_test(flow_records_are_looked_up),
        cmocka_unit_test(flow_records_equal_python),
    };
    int failed;

    golden = golden_load("metrics.json");
    failed = cmocka_run_group_tests(tests, metric_open, metric_close);
    json_decref(golden);
    return failed;
}
