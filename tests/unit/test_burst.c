/* The downstream task burst against pandas and SciPy in both variants, the defects that ref keeps
 * (Q-PHASE, Q-EMPTY1), and what has no value. */
#include "unit/metric.h"

static json_t *golden;

static weir_dataset *trace(const char *size, const char *side)
{
    return metric_packets(json_object_get(json_object_get(golden, size), side));
}

static void equals_scipy(const char *size, const char *variant)
{
    const json_t *expected = json_object_get(golden, size);
    weir_dataset *real = trace(size, "real"), *synthetic = trace(size, "synthetic");
    char settings[64];
    json_t *rows;

    snprintf(settings, sizeof settings, "variant=%s points=%d", variant,
             (int)golden_number(expected, "points"));
    rows = metric_run("burst", settings, real, synthetic);
    metric_equals(rows, json_object_get(json_object_get(expected, "burst"), variant), 1e-9);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void both_variants_equal_scipy(void **state)
{
    (void)state;
    equals_scipy("large", "fix");
    equals_scipy("large", "ref");
    equals_scipy("small", "fix");
    equals_scipy("small", "ref");
}

/* Specs D.17. */
static void small_case(void **state)
{
    weir_dataset *real = trace("small", "real"), *synthetic = trace("small", "synthetic");
    json_t *rows = metric_run("burst", "variant=ref points=8", real, synthetic);

    (void)state;
    assert_true(metric_value(rows, "BD") == 0);
    assert_near(metric_value(rows, "TB"), 2, 1e-12);
    assert_near(metric_value(rows, "NU"), 0.075819, 1e-5);
    assert_near(metric_value(rows, "BPS"), 245, 1e-12);
    assert_near(metric_value(rows, "NPS"), 108, 1e-12);
    metric_is_na(rows, "BURST_BYTES", "BPS");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

/* `n` packets of the lengths given, `step` seconds apart, from `start` microseconds on. */
static weir_dataset *beats(const double *lengths, size_t n, double step, double start)
{
    weir_table *table = weir_table_new(WEIR_PACKETS, n, NULL);

    assert_non_null(table);
    for (size_t i = 0; i < n; i++) {
        weir_i64_out(table, "time")[i] = (int64_t)((start + (double)i * step * 1e6) * 1e3);
        weir_u16_out(table, "pkt_len")[i] = (uint16_t)lengths[i];
    }
    return weir_dataset_new(table, NULL);
}

/* Q-PHASE: the same trace a little later in the day falls into other bins in ref only. */
static void phase_matters_in_ref_only(void **state)
{
    weir_dataset *real = trace("large", "real"), *moved;
    json_t *columns = json_deep_copy(json_object_get(json_object_get(golden, "large"), "real"));
    json_t *times = json_object_get(columns, "time"), *fix, *ref;

    (void)state;
    for (size_t i = 0; i < json_array_size(times); i++)
        json_array_set_new(times, i,
                           json_integer(json_integer_value(json_array_get(times, i)) + 300000));
    moved = metric_packets(columns);
    fix = metric_run("burst", "points=60", real, moved);
    ref = metric_run("burst", "points=60 variant=ref", real, moved);
    assert_true(metric_value(fix, "NU") == 0 && metric_value(fix, "BURST_BYTES") == 0);
    assert_true(metric_value(ref, "NU") > 0);
    json_decref(fix);
    json_decref(ref);
    json_decref(columns);
    weir_dataset_free(real);
    weir_dataset_free(moved);
}

/* Q-EMPTY1: where every bin is a burst, ref takes the empty sample for a distance of 1. */
static void empty_samples(void **state)
{
    static const double uneven[] = {100, 10, 100, 10, 100}, flat[] = {100, 100, 100, 100, 100};
    static const double full[] = {100, 100, 100, 100, 1}; /* fix: the last bin is closed */
    weir_dataset *real = beats(uneven, 5, 1, 0);
    weir_dataset *for_fix = beats(full, 5, 1, 0), *for_ref = beats(flat, 5, 1, 0);
    json_t *fix = metric_run("burst", "points=4", real, for_fix);
    json_t *ref = metric_run("burst", "points=4 variant=ref", real, for_ref);

    (void)state;
    metric_is_na(fix, "NPS", "the synthetic trace has no packet outside bursts");
    metric_is_na(fix, "TB", "the synthetic trace has fewer than two bursts");
    metric_is_na(fix, "GAP_BYTES", "");
    metric_value(fix, "BPS");
    assert_true(metric_value(ref, "NPS") == 1);
    /* Gaps of 1 s each against the reference's stand-in, 0. */
    assert_near(metric_value(ref, "TB"), 1, 1e-12);
    json_decref(fix);
    json_decref(ref);
    weir_dataset_free(real);
    weir_dataset_free(for_fix);
    weir_dataset_free(for_ref);
}

/* The level is seen only against the real trace's fullest bin. */
static void utilisation_of_the_real_trace(void **state)
{
    static const double one[] = {100, 10, 100, 10, 100}, half[] = {50, 5, 50, 5, 50};
    weir_dataset *real = beats(one, 5, 1, 0), *synthetic = beats(half, 5, 1, 1e15);
    json_t *own = metric_run("burst", "points=4", real, synthetic);
    json_t *level = metric_run("burst", "points=4 utilisation=real", real, synthetic);

    (void)state;
    assert_true(metric_value(own, "NU") == 0);
    assert_true(metric_value(level, "NU") > 0.1);
    json_decref(own);
    json_decref(level);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void nothing_to_bin(void **state)
{
    static const double lengths[] = {100, 0, 0};
    weir_dataset *one = beats(lengths, 1, 1, 0), *none = beats(lengths, 0, 1, 0);
    weir_dataset *hollow = beats(lengths + 1, 2, 1, 0);
    json_t *rows = metric_run("burst", "", one, one);

    (void)state;
    metric_is_na(rows, "BD", "duration of 0 s");
    json_decref(rows);
    rows = metric_run("burst", "", one, none);
    metric_is_na(rows, "NU", "the synthetic trace has no packets");
    json_decref(rows);
    rows = metric_run("burst", "variant=ref", hollow, one);
    metric_is_na(rows, "BPS", "packets of no length only");
    json_decref(rows);
    weir_dataset_free(one);
    weir_dataset_free(none);
    weir_dataset_free(hollow);
}

static void too_many_bins_have_no_score(void **state)
{
    static const double lengths[] = {100, 100};
    weir_dataset *real = beats(lengths, 2, 0.001, 0), *year = beats(lengths, 2, 3e7, 0);
    json_t *rows = metric_run("burst", "variant=ref", real, year);

    (void)state;
    metric_is_na(rows, "NU", "the synthetic trace spans");
    metric_is_na(rows, "BURST_BYTES", "the synthetic trace spans");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(year);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_variants_equal_scipy),     cmocka_unit_test(small_case),
        cmocka_unit_test(phase_matters_in_ref_only),     cmocka_unit_test(empty_samples),
        cmocka_unit_test(utilisation_of_the_real_trace), cmocka_unit_test(nothing_to_bin),
        cmocka_unit_test(too_many_bins_have_no_score),
    };
    int failed;

    golden = golden_load("metrics.json");
    failed = cmocka_run_group_tests(tests, metric_open, metric_close);
    json_decref(golden);
    return failed;
}
