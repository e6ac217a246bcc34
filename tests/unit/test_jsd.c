/* The metric jsd against SciPy, root and base, and labels matched by text or, in ref, by number
 * (Q-TYPE). */
#include "unit/metric.h"
#include <weir/stats.h>

static json_t *golden;

static json_t *run(const char *size, const char *settings)
{
    const json_t *traces = json_object_get(golden, size);
    weir_dataset *real = metric_packets(json_object_get(traces, "real"));
    weir_dataset *synthetic = metric_packets(json_object_get(traces, "synthetic"));
    json_t *rows = metric_run("jsd", settings, real, synthetic);

    weir_dataset_free(real);
    weir_dataset_free(synthetic);
    return rows;
}

static void equals_scipy(void **state)
{
    static const char *const sizes[] = {"large", "small"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *rows = run(sizes[i], "");

        metric_equals(rows, json_object_get(json_object_get(golden, sizes[i]), "jsd"), 1e-9);
        json_decref(rows);
    }
}

static const char *unit_of(const json_t *rows, const char *feature)
{
    return json_string_value(json_object_get(metric_row(rows, feature), "unit"));
}

/* Specs D.17: CascadeNet reports the distance, NetShare its square. */
static void roots_and_bases(void **state)
{
    json_t *distance = run("small", ""), *divergence = run("small", "root=divergence");
    json_t *bits = run("small", "root=divergence base=2"), *ref = run("small", "variant=ref");

    (void)state;
    assert_near(metric_value(distance, "SP"), 0.242651476, 1e-8);
    assert_near(metric_value(divergence, "SP"), 0.058879739, 1e-8);
    assert_near(metric_value(divergence, "DP"), 0.024300595, 1e-7);
    assert_near(metric_value(divergence, "PR"), 0.009185601, 1e-7);
    assert_near(metric_value(bits, "SP"), metric_value(divergence, "SP") / log(2), 1e-12);
    assert_near(metric_value(ref, "SP"), 0.242651476, 1e-8);
    assert_near(metric_value(ref, "SA_RANK"), 0.058879739, 1e-8);
    assert_near(metric_value(ref, "DA_RANK"), 0.056157508, 1e-8);
    assert_string_equal(unit_of(distance, "SA_RANK"), "distance, base e");
    assert_string_equal(unit_of(ref, "SA_RANK"), "divergence, base e");
    assert_string_equal(unit_of(ref, "SA"), "distance, base e");
    assert_string_equal(unit_of(bits, "SA"), "divergence, base 2");
    json_decref(distance);
    json_decref(divergence);
    json_decref(bits);
    json_decref(ref);
}

/* Records whose types are the words given. */
static weir_dataset *records(const char *const *words, size_t n)
{
    weir_table *table = weir_table_new(WEIR_NETFLOW, n, NULL);

    assert_non_null(table);
    assert_int_equal(weir_table_add(table, "type", WEIR_CATEGORY, 1, NULL), WEIR_OK);
    for (size_t i = 0; i < n; i++) {
        weir_i64_out(table, "ts")[i] = (int64_t)i;
        weir_u16_out(table, "dstport")[i] = 5000;
        weir_codes_out(table, "type")[i] = weir_category_add(table, "type", words[i], NULL);
    }
    return weir_dataset_new(table, NULL);
}

static void labels_are_matched_by_text(void **state)
{
    static const char *const a[] = {"ddos", "ddos", "normal", "scan"};
    static const char *const b[] = {"normal", "normal", "ddos", "worm"};
    static const char *const c[] = {"scan", "ddos", "normal", "ddos"};
    weir_dataset *real = records(a, 4), *renamed = records(b, 4), *same = records(c, 4);
    json_t *fix = metric_run("jsd", "", real, renamed);
    json_t *ref = metric_run("jsd", "variant=ref", real, renamed);
    json_t *equal = metric_run("jsd", "", real, same);
    double p[] = {2, 1, 1, 0}, q[] = {1, 2, 0, 1};

    (void)state;
    assert_near(metric_value(fix, "TYPE"), sqrt(weir_jsd(p, q, 4, exp(1))), 1e-12);
    assert_true(metric_value(ref, "TYPE") == 0);
    assert_true(metric_value(equal, "TYPE") == 0);
    metric_is_na(fix, "LABEL", "label");
    metric_is_na(fix, "TOP", "no destination port from 1 to 1023");
    json_decref(fix);
    json_decref(ref);
    json_decref(equal);
    weir_dataset_free(real);
    weir_dataset_free(renamed);
    weir_dataset_free(same);
}

static void flow_records_equal_scipy(void **state)
{
    static const char *const settings[] = {"variant=fix", "variant=ref"};
    json_t *records = golden_load("netflow.json");

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *rows = metric_run_records("jsd", settings[i], records);

        metric_equals(rows, json_object_get(json_object_get(records, "jsd"), settings[i] + 8),
                      1e-9);
        json_decref(rows);
    }
    json_decref(records);
}

/* A preset asks for what the data set has; what a table lacks of it has a reason. */
static void presets_of_data_sets(void **state)
{
    static const char *const words[] = {"normal", "scan"};
    json_t *given = json_pack("{s:s}", "preset", "ton");
    weir_error error = {0};
    const weir_plugin *plugin = metric_find("jsd")->plugin;
    json_t *options = weir_options_resolve(plugin, given, &error);
    json_t *features = json_object_get(options, "features");
    weir_dataset *data = records(words, 2);
    json_t *ton = metric_run("jsd", "preset=ton", data, data);
    json_t *ugr16 = metric_run("jsd", "preset=ugr16", data, data);

    (void)state;
    assert_non_null(options);
    assert_int_equal(json_array_size(ton), json_array_size(features));
    assert_int_equal(json_array_size(ugr16), json_array_size(features) - 1);
    assert_true(metric_value(ton, "TYPE") == 0);
    metric_is_na(ton, "LABEL", "no column 'label'");
    json_decref(given);
    json_decref(options);
    json_decref(ton);
    json_decref(ugr16);
    weir_dataset_free(data);
}

static void empty_traces_have_no_distance(void **state)
{
    weir_dataset *real = metric_packets(json_object_get(json_object_get(golden, "small"), "real"));
    uint32_t none = 0;
    weir_dataset *empty = weir_dataset_select(real, &none, 0, NULL);
    json_t *rows = metric_run("jsd", "", real, empty);

    (void)state;
    metric_is_na(rows, "SA", "the synthetic trace has no rows");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_scipy),
        cmocka_unit_test(roots_and_bases),
        cmocka_unit_test(labels_are_matched_by_text),
        cmocka_unit_test(flow_records_equal_scipy),
        cmocka_unit_test(presets_of_data_sets),
        cmocka_unit_test(empty_traces_have_no_distance),
    };
    int failed;

    golden = golden_load("metrics.json");
    failed = cmocka_run_group_tests(tests, metric_open, metric_close);
    json_decref(golden);
    return failed;
}
