/* Running a metric or a downstream task of the build on two tables, in this process. */
#ifndef WEIR_TESTS_METRIC_H
#define WEIR_TESTS_METRIC_H

#include "plugin/job.h"
#include "plugin/options.h"
#include "plugin/registry.h"
#include "unit/golden.h"
#include <string.h>

static weir_registry *metric_registry;

static inline int metric_open(void **state)
{
    weir_error error = {0};

    (void)state;
    metric_registry = weir_registry_open(WEIR_BUILD_DIR "/plugins", &error);
    if (!metric_registry)
        fail_msg("%s", error.text);
    return 0;
}

static inline int metric_close(void **state)
{
    (void)state;
    weir_registry_free(metric_registry);
    return 0;
}

static inline const weir_loaded *metric_find(const char *name)
{
    weir_error error = {0};
    const weir_loaded *loaded = weir_registry_find(metric_registry, -1, name, &error);

    if (!loaded)
        fail_msg("%s", error.text);
    return loaded;
}

/* A numeric column of a packet or netflow table, added where it is optional, from doubles. */
static inline void metric_column(weir_table *table, const char *name, weir_type type,
                                 const double *values)
{
    size_t rows = weir_table_rows(table);

    if (weir_table_find(table, name) < 0)
        assert_int_equal(weir_table_add(table, name, type, 1, NULL), WEIR_OK);
    for (size_t i = 0; i < rows; i++) {
        if (type == WEIR_U8)
            weir_u8_out(table, name)[i] = (uint8_t)values[i];
        else if (type == WEIR_U16)
            weir_u16_out(table, name)[i] = (uint16_t)values[i];
        else if (type == WEIR_U32)
            weir_u32_out(table, name)[i] = (uint32_t)values[i];
        else if (type == WEIR_U64)
            weir_u64_out(table, name)[i] = (uint64_t)values[i];
        else if (type == WEIR_I64)
            weir_i64_out(table, name)[i] = (int64_t)values[i] * 1000;
        else
            weir_f64_out(table, name)[i] = values[i];
    }
}

/* A packet table of golden columns; times are microseconds. */
static inline weir_dataset *metric_packets(const json_t *columns)
{
    static const struct {
        const char *name;
        weir_type type;
    } all[] = {{"time", WEIR_I64},    {"srcip", WEIR_U32},   {"dstip", WEIR_U32},
               {"srcport", WEIR_U16}, {"dstport", WEIR_U16}, {"proto", WEIR_U8},
               {"pkt_len", WEIR_U16}, {"ttl", WEIR_U8}};
    weir_error error = {0};
    weir_table *table =
        weir_table_new(WEIR_PACKETS, json_array_size(golden_list(columns, "time")), &error);
    weir_dataset *data;

    assert_non_null(table);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t n;
        double *values = golden_doubles(columns, all[i].name, &n);

        assert_int_equal(n, weir_table_rows(table));
        metric_column(table, all[i].name, all[i].type, values);
        free(values);
    }
    data = weir_dataset_new(table, &error);
    if (!data)
        fail_msg("%s", error.text);
    return data;
}

/* A table of flow records of golden columns; times are microseconds. */
static inline weir_dataset *metric_records(const json_t *columns)
{
    static const struct {
        const char *name;
        weir_type type;
    } all[] = {{"ts", WEIR_I64},      {"srcip", WEIR_U32},   {"dstip", WEIR_U32},
               {"srcport", WEIR_U16}, {"dstport", WEIR_U16}, {"proto", WEIR_U8},
               {"td", WEIR_F64},      {"pkt", WEIR_U64},     {"byt", WEIR_U64}};
    static const char *const texts[] = {"type", "label"};
    size_t rows = json_array_size(golden_list(columns, "ts"));
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_NETFLOW, rows, &error);
    weir_dataset *data;

    assert_non_null(table);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t n;
        double *values = golden_doubles(columns, all[i].name, &n);

        assert_int_equal(n, rows);
        metric_column(table, all[i].name, all[i].type, values);
        free(values);
    }
    for (size_t i = 0; i < 2; i++) {
        const json_t *list = golden_list(columns, texts[i]);

        assert_int_equal(weir_table_add(table, texts[i], WEIR_CATEGORY, 1, &error), WEIR_OK);
        for (size_t row = 0; row < rows; row++)
            weir_codes_out(table, texts[i])[row] = weir_category_add(
                table, texts[i], json_string_value(json_array_get(list, row)), &error);
    }
    data = weir_dataset_new(table, &error);
    if (!data)
        fail_msg("%s", error.text);
    return data;
}

/* The rows of scores.json, a new array; settings: "option=value …". NULL with the error's text in
 * `error` on failure. */
static inline json_t *metric_try(const char *name, const char *settings, const weir_dataset *real,
                                 const weir_dataset *synthetic, weir_error *error)
{
    const weir_plugin *plugin = metric_find(name)->plugin;
    json_t *given = weir_options_parse(settings, error);
    json_t *options = weir_options_resolve(plugin, given, error), *rows = NULL;
    weir_job_setup setup = {.plugin = plugin,
                            .options = options,
                            .seed = 1,
                            .threads = 1,
                            .device = "cpu",
                            .log_fd = -1,
                            .status_fd = -1};
    weir_job *job;
    int status;

    json_decref(given);
    if (!options)
        return NULL;
    job = weir_job_new(&setup, error);
    if (!job) {
        json_decref(options);
        return NULL;
    }
    weir_job_phase(job, "score");
    status = weir_scores_begin(job, real, synthetic);
    if (!status)
        status = plugin->kind == WEIR_KIND_METRIC
                     ? ((const weir_metric *)plugin)->score(job, real, synthetic)
                     : ((const weir_downstream *)plugin)->score(job, real, NULL, synthetic);
    if (!status)
        rows = weir_scores_end(job);
    weir_job_end(job, status, error);
    weir_job_free(job);
    json_decref(options);
    return rows;
}

static inline json_t *metric_run(const char *name, const char *settings, const weir_dataset *real,
                                 const weir_dataset *synthetic)
{
    weir_error error = {0};
    json_t *rows = metric_try(name, settings, real, synthetic, &error);

    if (!rows || error.status)
        fail_msg("%s: %s", name, error.text);
    return rows;
}

/* A metric on the two tables of flow records of netflow.json. */
static inline json_t *metric_run_records(const char *name, const char *settings,
                                         const json_t *golden)
{
    weir_dataset *real = metric_records(json_object_get(golden, "real"));
    weir_dataset *synthetic = metric_records(json_object_get(golden, "synthetic"));
    json_t *rows = metric_run(name, settings, real, synthetic);

    weir_dataset_free(real);
    weir_dataset_free(synthetic);
    return rows;
}

/* The row of a feature. */
static inline const json_t *metric_row(const json_t *rows, const char *feature)
{
    const json_t *row;
    size_t at;

    json_array_foreach(
        rows, at,
        row) if (!strcmp(json_string_value(json_object_get(row, "feature")), feature)) return row;
    fail_msg("no score of %s", feature);
    return NULL;
}

static inline double metric_value(const json_t *rows, const char *feature)
{
    const json_t *row = metric_row(rows, feature);

    if (strcmp(json_string_value(json_object_get(row, "status")), "ok"))
        fail_msg("%s is n/a: %s", feature, json_string_value(json_object_get(row, "reason")));
    return golden_number(row, "value");
}

/* Fails unless the feature is n/a for a reason that contains the text. */
static inline void metric_is_na(const json_t *rows, const char *feature, const char *text)
{
    const json_t *row = metric_row(rows, feature);
    const char *reason = json_string_value(json_object_get(row, "reason"));

    assert_string_equal(json_string_value(json_object_get(row, "status")), "n/a");
    assert_true(json_is_null(json_object_get(row, "value")));
    if (!strstr(reason ? reason : "", text))
        fail_msg("%s is n/a because of '%s', not '%s'", feature, reason ? reason : "", text);
}

/* Compares with golden features: numbers, or { value, n_real, n_synthetic }. */
static inline void metric_equals(const json_t *rows, const json_t *golden, double tolerance)
{
    const char *feature;
    const json_t *expected;
    size_t compared = 0;

    json_object_foreach((json_t *)(uintptr_t)golden, feature, expected)
    {
        const json_t *row = metric_row(rows, feature);

        if (json_is_number(expected)) {
            assert_near(metric_value(rows, feature), json_number_value(expected), tolerance);
        } else {
            assert_near(metric_value(rows, feature), golden_number(expected, "value"), tolerance);
            assert_int_equal(json_integer_value(json_object_get(row, "n_real")),
                             golden_number(expected, "n_real"));
            assert_int_equal(json_integer_value(json_object_get(row, "n_synthetic")),
                             golden_number(expected, "n_synthetic"));
        }
        compared++;
    }
    assert_true(compared > 0);
}

#endif
