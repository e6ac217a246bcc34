/* Classes of flows: where they part, shares as text; the metric flow_classes. */
#include "unit/generator_test.h"
#include "unit/metric.h"
#include <math.h>

/* Flows of these packets, each lasting so many seconds. */
static weir_dataset *flows_like(const uint32_t *packets, const double *seconds, size_t n)
{
    weir_error error = {0};
    weir_table *table;
    weir_dataset *data;
    size_t rows = 0, at = 0;

    for (size_t f = 0; f < n; f++)
        rows += packets[f];
    table = weir_table_new(WEIR_PACKETS, rows, &error);
    assert_non_null(table);
    for (size_t f = 0; f < n; f++)
        for (uint32_t k = 0; k < packets[f]; k++, at++) {
            weir_u32_out(table, "srcip")[at] = (uint32_t)f;
            weir_i64_out(table, "time")[at] =
                packets[f] > 1 ? llrint(1e9 * seconds[f] * k / (packets[f] - 1)) : 0;
        }
    data = weir_dataset_new(table, &error);
    assert_non_null(data);
    return data;
}

static const uint32_t some_sizes[] = {50, 30, 5, 5, 5, 2, 1, 1, 1, 0};
static const double some_times[] = {1, 40, 50, 2, 3, 1, 0, 0, 0};

static void test_thresholds(void **state)
{
    weir_dataset *data = flows_like(some_sizes, some_times, 9);
    weir_classes classes;
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_classes_learn(data, &classes, &error), WEIR_OK);
    assert_int_equal(classes.packets, 30);                    /* 50 + 30 of 100 */
    assert_int_equal(classes.duration, INT64_C(40000000000)); /* 50 + 40 of 97 s */
    assert_int_equal(weir_class_of(&classes, 30, 4e10), WEIR_ELEPHANT | WEIR_LONG);
    assert_int_equal(weir_class_of(&classes, 29, 4e10 - 1), 0);
    weir_dataset_free(data);
    data = flows_like((const uint32_t[]){1, 1}, some_times, 2);
    assert_int_equal(weir_classes_learn(data, &classes, &error), WEIR_OK);
    assert_int_equal(classes.packets, 1);
    assert_int_equal(classes.duration, 0);
    weir_dataset_free(data);
    data = flows_like((const uint32_t[]){4, 6}, some_times, 2);
    assert_int_equal(weir_classes_learn(data, &classes, &error), WEIR_OK);
    assert_int_equal(classes.packets, 4); /* 6 of 10 are not 80 % */
    weir_dataset_free(data);
    data = weir_dataset_new(weir_table_new(WEIR_PACKETS, 0, &error), &error);
    assert_int_equal(weir_classes_learn(data, &classes, &error), WEIR_EDATA);
    weir_dataset_free(data);
    data = some_series(3);
    error = (weir_error){0};
    assert_int_equal(weir_classes_learn(data, &classes, &error), WEIR_EDATA);
    weir_dataset_free(data);
}

static void test_shares(void **state)
{
    static const char *const bad[] = {"elephants",          "tigers=0.1",   "long=2", "long=",
                                      "mice=0.5,mice=0.5",  "long=0.5 x",   "=0.5",   "short=nan",
                                      "long=0.5,short=0.6", "long=0.5,,x=1"};
    double shares[2];
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_class_shares("", shares, &error), WEIR_OK);
    assert_true(shares[0] < 0 && shares[1] < 0);
    assert_int_equal(weir_class_shares("short=0.25,elephants=0.2", shares, &error), WEIR_OK);
    assert_near(shares[0], 0.2, 1e-12);
    assert_near(shares[1], 0.75, 1e-12);
    assert_int_equal(weir_class_shares("mice=1,elephants=0", shares, &error), WEIR_OK);
    assert_near(shares[0], 0, 1e-12);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error = (weir_error){0};
        assert_int_equal(weir_class_shares(bad[i], shares, &error), WEIR_EOPTION);
        assert_non_null(strstr(error.text, "elephants=0.2,long=0.5"));
    }
}

static double scored(const json_t *rows, const char *feature)
{
    const json_t *row;
    size_t i;

    json_array_foreach(
        (json_t *)rows, i,
        row) if (strcmp(json_string_value(json_object_get(row, "feature")), feature) ==
                 0) return json_number_value(json_object_get(row, "value"));
    fail_msg("no score %s", feature);
    return NAN;
}

static void test_metric(void **state)
{
    /* 2 of 9 elephants, 2 of 9 long; against 1 of 4 and 2 of 4. */
    weir_dataset *real = flows_like(some_sizes, some_times, 9);
    weir_dataset *made =
        flows_like((const uint32_t[]){31, 29, 3, 1}, (const double[]){1, 60, 41, 0}, 4);
    weir_error error = {0};
    json_t *rows = metric_try("flow_classes", "", real, made, &error);

    (void)state;
    assert_non_null(rows);
    assert_near(scored(rows, "ELEPHANTS_REAL"), 2 / 9.0, 1e-12);
    assert_near(scored(rows, "LONG"), 0.5, 1e-12);
    assert_near(scored(rows, "SIZES"), 1 / 4.0 - 2 / 9.0, 1e-12);
    assert_near(scored(rows, "TIMES"), 2 / 4.0 - 2 / 9.0, 1e-12);
    /* Real: long elephant 1, short elephant 1, long mouse 1, short mice 6; made: 0, 1, 2, 1. */
    assert_near(scored(rows, "CLASSES"),
                (1 / 9.0 + (1 / 4.0 - 1 / 9.0) + (2 / 4.0 - 1 / 9.0) + (6 / 9.0 - 1 / 4.0)) / 2,
                1e-12);
    json_decref(rows);
    rows = metric_try("flow_classes", "weights=mice=0.5 elephant=2", real, made, &error);
    assert_non_null(rows);
    assert_near(scored(rows, "ELEPHANTS"), 0.75, 1e-12);
    assert_near(scored(rows, "SIZES"), 0.25, 1e-12);
    assert_near(scored(rows, "TIMES"), 2 / 4.0 - 2 / 9.0, 1e-12);
    json_decref(rows);
    assert_null(metric_try("flow_classes", "weights=cats=1", real, made, &error));
    assert_int_equal(error.status, WEIR_EOPTION);
    weir_dataset_free(real);
    weir_dataset_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thresholds),
                                       cmocka_unit_test(test_shares),
                                       cmocka_unit_test(test_metric)};

    return cmocka_run_group_tests(tests, metric_open, metric_close);
}
