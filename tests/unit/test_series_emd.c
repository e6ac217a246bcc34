/* series_emd against SciPy and NumPy on series of different lengths, and what it does where a side
 * has nothing to compare. */
#include "unit/series.h"

static void golden(void **state)
{
    json_t *document = golden_load("series_emd.json");
    uint32_t steps = (uint32_t)golden_number(document, "steps");
    weir_dataset *real = series_golden(golden_list(document, "real"), steps, 2);
    weir_dataset *synthetic = series_golden(golden_list(document, "synthetic"), steps, 2);
    json_t *rows = metric_run("series_emd", "", real, synthetic), *scores;
    size_t at, compared = 0;

    (void)state;
    json_array_foreach(json_object_get(document, "scores"), at, scores)
    {
        const char *feature;
        json_t *expected;

        json_object_foreach(scores, feature, expected)
        {
            bool lengths = !strncmp(feature, "LEN", 3);

            assert_near(series_score(rows, feature,
                                     lengths ? ""
                                     : at    ? "c1"
                                             : "c0"),
                        json_number_value(expected), 1e-9);
            compared++;
        }
    }
    assert_int_equal(compared, 16);
    assert_int_equal(
        json_integer_value(json_object_get(series_row(rows, "LEN", ""), "n_synthetic")), 17);
    json_decref(rows);
    json_decref(document);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void ramp(const weir_dataset *data, size_t steps)
{
    for (size_t i = 0; i < weir_dataset_rows(data) * steps; i++)
        series_values(data)[i] = (float)(i % steps);
}

/* What lies behind a series' length is not looked at. */
static void only_steps_in_use(void **state)
{
    weir_dataset *real = series_new(6, 8, 1, 2), *synthetic = series_new(6, 8, 1, 2);
    json_t *rows;

    (void)state;
    ramp(real, 8);
    ramp(synthetic, 8);
    for (size_t i = 0; i < 6; i++) {
        series_lengths(real)[i] = series_lengths(synthetic)[i] = 5;
        series_values(synthetic)[i * 8 + 6] = 1000;
    }
    rows = metric_run("series_emd", "", real, synthetic);
    assert_near(series_score(rows, "VAL", "c0"), 0, 0);
    assert_near(series_score(rows, "STEP", "c0"), 0, 0);
    assert_near(series_score(rows, "ACF_CLASS", "c0"), 0, 0);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void nothing_to_compare(void **state)
{
    weir_dataset *real = series_new(6, 8, 1, 3), *synthetic = series_new(6, 8, 1, 2);
    json_t *rows;

    (void)state;
    ramp(synthetic, 8);
    rows = metric_run("series_emd", "", real, synthetic);
    metric_is_na(rows, "VAL", "all real values are equal");
    metric_is_na(rows, "LEN_CLASS", "no series with a row and the label 'c'");
    /* a constant has no autocorrelation, a ramp has */
    assert_true(series_score(rows, "ACF", "c0") > 0.1);
    json_decref(rows);
    for (size_t i = 0; i < 6; i++)
        series_lengths(synthetic)[i] = 1;
    rows = metric_run("series_emd", "", real, synthetic);
    metric_is_na(rows, "STEP", "the synthetic data has no series with two steps");
    metric_is_na(rows, "ACF", "the synthetic data has no series with two steps");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),
        cmocka_unit_test(only_steps_in_use),
        cmocka_unit_test(nothing_to_compare),
    };
    return cmocka_run_group_tests(tests, metric_open, metric_close);
}
