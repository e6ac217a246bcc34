/* The metric emd against SciPy and nolds in both variants, the defects that variant ref keeps
 * (specs D.16), and what has no value. */
#include "unit/metric.h"

static json_t *golden;

static const json_t *part(const char *size, const char *group, const char *variant)
{
    const json_t *values = json_object_get(json_object_get(golden, size), group);

    return variant ? json_object_get(values, variant) : values;
}

static weir_dataset *trace(const char *size, const char *side)
{
    return metric_packets(json_object_get(json_object_get(golden, size), side));
}

static void equals_scipy(const char *size, const char *settings, const char *variant)
{
    weir_dataset *real = trace(size, "real"), *synthetic = trace(size, "synthetic");
    json_t *rows = metric_run("emd", settings, real, synthetic);

    metric_equals(rows, part(size, "emd", variant), 1e-9);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void fix_equals_scipy(void **state)
{
    (void)state;
    equals_scipy("large", "", "fix");
    equals_scipy("small", "", "fix");
}

static void ref_equals_scipy(void **state)
{
    (void)state;
    equals_scipy("large", "variant=ref", "ref");
    equals_scipy("small", "variant=ref", "ref");
}

/* Q-AT: both formulas in both variants. */
static void throughput_both_ways(void **state)
{
    weir_dataset *real = trace("small", "real"), *synthetic = trace("small", "synthetic");
    json_t *ref = metric_run("emd", "variant=ref", real, synthetic);
    json_t *span = metric_run("emd", "variant=ref throughput=span", real, synthetic);
    json_t *fix = metric_run("emd", "throughput=precedence", real, synthetic);

    (void)state;
    assert_near(metric_value(ref, "AT"), 1244.666666667, 1e-11);
    assert_near(metric_value(span, "AT"), 1242.333333333, 1e-11);
    assert_near(metric_value(fix, "AT"), 1244.666666667, 1e-11);
    json_decref(ref);
    json_decref(span);
    json_decref(fix);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

/* Q-BIN: in ref a trace that is another slowed down has the same bins, in fix it has not. */
static void windows_differ_by_variant(void **state)
{
    json_t *columns = json_deep_copy(json_object_get(json_object_get(golden, "large"), "real"));
    json_t *times = json_object_get(columns, "time"), *ref, *fix;
    weir_dataset *real = trace("large", "real"), *slow;
    json_int_t first = json_integer_value(json_array_get(times, 0));

    (void)state;
    for (size_t i = 0; i < json_array_size(times); i++) {
        json_int_t time = json_integer_value(json_array_get(times, i));

        json_array_set_new(times, i, json_integer(first + (time - first) * 2));
    }
    slow = metric_packets(columns);
    ref = metric_run("emd", "variant=ref", real, slow);
    fix = metric_run("emd", "", real, slow);
    assert_true(metric_value(ref, "BU") < 1e-3);
    assert_true(metric_value(fix, "BU") > 0.1);
    assert_true(metric_value(fix, "OUT") > 0.1 && metric_value(fix, "OUT") < 0.9);
    metric_is_na(ref, "OUT", "window of its own");
    json_decref(ref);
    json_decref(fix);
    json_decref(columns);
    weir_dataset_free(real);
    weir_dataset_free(slow);
}

static void outside_is_counted(void **state)
{
    weir_dataset *real = trace("large", "real"), *synthetic = trace("large", "synthetic");
    json_t *rows = metric_run("emd", "features=OUT,PL", real, synthetic);

    (void)state;
    assert_near(metric_value(rows, "OUT"),
                golden_number(json_object_get(golden, "large"), "outside"), 1e-15);
    assert_int_equal(json_array_size(rows), 2);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void equal_traces_have_no_distance(void **state)
{
    weir_dataset *real = trace("large", "real");
    json_t *rows = metric_run("emd", "", real, real);
    const json_t *row;
    size_t at, scored = 0;

    (void)state;
    json_array_foreach(rows, at, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "status")), "ok"))
            continue;
        assert_true(json_number_value(json_object_get(row, "value")) == 0);
        scored++;
    }
    assert_int_equal(scored, 12);
    metric_is_na(rows, "TD", "");
    json_decref(rows);
    weir_dataset_free(real);
}

static void too_little_is_not_a_number(void **state)
{
    weir_dataset *real = trace("small", "real"), *synthetic = trace("small", "synthetic");
    uint32_t one = 0;
    weir_dataset *single = weir_dataset_select(synthetic, &one, 1, NULL);
    weir_dataset *empty = weir_dataset_select(synthetic, &one, 0, NULL);
    json_t *rows = metric_run("emd", "", real, synthetic);

    (void)state;
    metric_is_na(rows, "LD", "real trace has no flow that occupies enough bins");
    json_decref(rows);
    rows = metric_run("emd", "", real, single);
    metric_is_na(rows, "IT", "the synthetic trace has fewer than two rows");
    metric_is_na(rows, "AT", "the synthetic trace has no flow that lasts");
    metric_value(rows, "PL");
    json_decref(rows);
    rows = metric_run("emd", "", single, real);
    metric_is_na(rows, "BU", "the real trace has no flow in a window of more than 0 s");
    json_decref(rows);
    rows = metric_run("emd", "", real, empty);
    metric_is_na(rows, "PL", "the synthetic trace has no packets");
    metric_is_na(rows, "OUT", "the synthetic trace has no packets");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
    weir_dataset_free(single);
    weir_dataset_free(empty);
}

/* Flow records: durations in seconds, which ref cuts to whole ones. */
static weir_dataset *records(double shift)
{
    static const double td[] = {0.25, 0.75, 1.5, 3}, bytes[] = {100, 200, 300, 4000};
    weir_table *table = weir_table_new(WEIR_NETFLOW, 4, NULL);

    assert_non_null(table);
    for (size_t i = 0; i < 4; i++) {
        weir_i64_out(table, "ts")[i] = (int64_t)i * (int64_t)i * 1000000000;
        weir_f64_out(table, "td")[i] = td[i] + shift;
        weir_u64_out(table, "pkt")[i] = 1 + i;
        weir_u64_out(table, "byt")[i] = (uint64_t)(bytes[i] + 100 * shift);
        weir_u32_out(table, "srcip")[i] = (uint32_t)(i / 2);
    }
    return weir_dataset_new(table, NULL);
}

static void records_are_compared(void **state)
{
    weir_dataset *real = records(0), *synthetic = records(0.5);
    json_t *fix = metric_run("emd", "", real, synthetic);
    json_t *ref = metric_run("emd", "variant=ref", real, synthetic);

    (void)state;
    assert_near(metric_value(fix, "TD"), 0.5, 1e-15);
    /* 0 0 1 3 against 0 1 2 3: the same by chance; see below. */
    assert_near(metric_value(ref, "TD"), 0.5, 1e-15);
    assert_near(metric_value(fix, "BYT"), 50, 1e-15);
    assert_true(metric_value(fix, "PKT") == 0 && metric_value(fix, "TS") == 0);
    assert_true(metric_value(fix, "IT") == 0 && metric_value(fix, "FIT") == 0);
    metric_is_na(fix, "PL", "");
    json_decref(fix);
    json_decref(ref);
    weir_dataset_free(synthetic);
    synthetic = records(0.1);
    fix = metric_run("emd", "", real, synthetic);
    ref = metric_run("emd", "variant=ref", real, synthetic);
    assert_near(metric_value(fix, "TD"), 0.1, 1e-12);
    assert_true(metric_value(ref, "TD") == 0);
    json_decref(fix);
    json_decref(ref);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void records_equal_scipy(void **state)
{
    static const char *const settings[] = {"variant=fix", "variant=ref"};
    json_t *netflow = golden_load("netflow.json"), *rows;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rows = metric_run_records("emd", settings[i], netflow);
        metric_equals(rows, json_object_get(json_object_get(netflow, "emd"), settings[i] + 8),
                      1e-9);
        json_decref(rows);
    }
    rows = metric_run_records("emd", "preset=cidds", netflow);
    assert_int_equal(json_array_size(rows), 4);
    assert_near(metric_value(rows, "TD"), golden_number(netflow, "TD_rounded"), 1e-12);
    json_decref(rows);
    json_decref(netflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fix_equals_scipy),
        cmocka_unit_test(ref_equals_scipy),
        cmocka_unit_test(throughput_both_ways),
        cmocka_unit_test(windows_differ_by_variant),
        cmocka_unit_test(outside_is_counted),
        cmocka_unit_test(equal_traces_have_no_distance),
        cmocka_unit_test(too_little_is_not_a_number),
        cmocka_unit_test(records_are_compared),
        cmocka_unit_test(records_equal_scipy),
    };
    int failed;

    golden = golden_load("metrics.json");
    failed = cmocka_run_group_tests(tests, metric_open, metric_close);
    json_decref(golden);
    return failed;
}
