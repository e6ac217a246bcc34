/* frechet against SciPy and scikit-learn; what it refuses, with which numbers; values that no image
 * can hold. */
#include "unit/series.h"

static void golden(void **state)
{
    json_t *document = golden_load("frechet.json"), *expected;
    uint32_t steps = (uint32_t)golden_number(document, "steps");
    const char *settings = json_string_value(json_object_get(document, "settings"));
    weir_dataset *real = series_golden(golden_list(document, "real"), steps, 2);
    weir_dataset *synthetic = series_golden(golden_list(document, "synthetic"), steps, 2);
    json_t *rows = metric_run("frechet", settings, real, synthetic);
    const json_t *scores = json_object_get(document, "scores");
    static const char *const variants[] = {"pca-3/a", "pca-3/b"};
    size_t at;

    (void)state;
    assert_near(series_score(rows, "FD", "pca-6"), golden_number(scores, "FD"), 1e-5);
    assert_near(series_score(rows, "FD_CLASS", "pca-3"), golden_number(scores, "FD_CLASS"), 1e-5);
    assert_near(series_score(rows, "FD_CLASS_SD", "pca-3"), golden_number(scores, "FD_CLASS_SD"),
                1e-5);
    json_array_foreach(json_object_get(document, "within"), at, expected) assert_near(
        series_score(rows, "FD_CLASS", variants[at]), json_number_value(expected), 1e-5);
    assert_int_equal(at, 2);
    assert_near(metric_value(rows, "NN"), golden_number(scores, "NN"), 1e-5);
    assert_near(metric_value(rows, "COPIES"), golden_number(scores, "COPIES"), 0);
    assert_near(metric_value(rows, "COPIES_REAL"), golden_number(scores, "COPIES_REAL"), 0);
    assert_int_equal(
        json_integer_value(json_object_get(series_row(rows, "FD_CLASS", "pca-3"), "n_real")), 20);
    json_decref(rows);
    json_decref(document);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

/* Series that wander about, differently for each seed. */
static weir_dataset *wanderers(size_t n, size_t labels, uint64_t seed)
{
    weir_dataset *data = series_new(n, 12, 1, labels);
    weir_random random = weir_random_new(seed, "wanderers");

    for (size_t i = 0; i < n * 12; i++)
        series_values(data)[i] = (float)(weir_random_uniform(&random) * (1 + (double)(i / 12 % 3)));
    return data;
}

static void too_few(void **state)
{
    weir_dataset *real = wanderers(16, 2, 1), *synthetic = wanderers(40, 2, 2);
    json_t *rows = metric_run("frechet", "", real, synthetic);

    (void)state;
    metric_is_na(
        rows, "FD",
        "16 series of each side are too few for a covariance of 16 dimensions: 17 would do");
    assert_true(series_score(rows, "FD_CLASS", "pca-4") > 0);
    json_decref(rows);
    rows = metric_run("frechet", "components=7 class_components=5", real, synthetic);
    assert_int_equal(json_integer_value(json_object_get(series_row(rows, "FD", "pca-7"), "n_real")),
                     16);
    assert_int_equal(
        json_integer_value(json_object_get(series_row(rows, "FD", "pca-7"), "n_synthetic")), 16);
    metric_is_na(rows, "FD_CLASS", "no label has 10 real series");
    json_decref(rows);
    weir_dataset_free(real);

    real = wanderers(40, 4, 1);
    rows = metric_run("frechet", "", real, synthetic);
    metric_is_na(rows, "FD_CLASS", "label 'c' has 0 synthetic series; 8 of each label");
    metric_is_na(rows, "FD_CLASS_SD", "label 'c'");
    series_row(rows, "FD_CLASS", "pca-4"); /* the variant that other generators' scores have */
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

/* A score is the same whether others are wanted or not, where rows are drawn too. */
static void each_feature_alone(void **state)
{
    weir_dataset *real = wanderers(60, 2, 1), *synthetic = wanderers(40, 2, 2);
    json_t *rows = metric_run("frechet", "", real, synthetic);
    double distance = series_score(rows, "FD_CLASS", "pca-4");

    (void)state;
    json_decref(rows);
    rows = metric_run("frechet", "features=FD_CLASS", real, synthetic);
    assert_near(series_score(rows, "FD_CLASS", "pca-4"), distance, 0);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

/* Two steps: four pixels, two of them equal, are three dimensions. */
static void few_pixels(void **state)
{
    weir_dataset *real = series_new(40, 2, 1, 1), *synthetic = series_new(40, 2, 1, 1);
    weir_random random = weir_random_new(1, "few pixels");
    json_t *rows;

    (void)state;
    for (size_t i = 0; i < 80; i++) {
        series_values(real)[i] = (float)weir_random_uniform(&random);
        series_values(synthetic)[i] = (float)weir_random_uniform(&random);
    }
    rows = metric_run("frechet", "", real, synthetic);
    assert_true(series_score(rows, "FD", "pca-3") > 0);
    assert_true(series_score(rows, "FD_CLASS", "pca-3") > 0);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void constant(void **state)
{
    weir_dataset *real = series_new(30, 12, 1, 2), *synthetic = wanderers(30, 2, 1);
    json_t *rows;

    (void)state;
    rows = metric_run("frechet", "", real, synthetic);
    metric_is_na(rows, "FD", "all real images are equal");
    metric_is_na(rows, "FD_CLASS", "all real images are equal");
    metric_is_na(rows, "NN", "half of the real series have one equal to them");
    assert_near(metric_value(rows, "COPIES_REAL"), 1, 0);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

/* A direction of 0.8 is one of 1, and -3 is no size: the rest of the set is still scored. */
static void no_pixel(void **state)
{
    weir_dataset *real = wanderers(40, 2, 1), *synthetic = wanderers(40, 2, 1);
    json_t *rows;

    (void)state;
    for (size_t i = 0; i < 40 * 12; i++) {
        series_values(real)[i] = i % 3 ? 1 : -1;
        series_values(synthetic)[i] = i % 3 ? 0.8f : -3;
    }
    series_values(real)[0] = 0;
    rows = metric_run("frechet", "", real, synthetic);
    assert_near(metric_value(rows, "COPIES"), 1, 0);
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

static void classifier(void **state)
{
    weir_dataset *real = wanderers(60, 2, 1), *synthetic = wanderers(60, 2, 2);
    json_t *rows =
        metric_run("frechet", "map=classifier preset=tiny components=6", real, synthetic);

    (void)state;
    assert_true(series_score(rows, "FD", "classifier-6") > 0);
    assert_true(series_score(rows, "FD_CLASS", "classifier-4") > 0);
    json_decref(rows);
    rows = metric_run("frechet", "map=classifier preset=tiny", real, synthetic);
    metric_is_na(rows, "FD", "60 series of each side are too few for a covariance of");
    json_decref(rows);
    weir_dataset_free(real);
    real = wanderers(60, 1, 1);
    rows = metric_run("frechet", "map=classifier preset=tiny", real, synthetic);
    metric_is_na(rows, "FD", "map=classifier needs real series of two labels or more");
    json_decref(rows);
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

/* With weights of a small network of the same layout. */
static void inception(void **state)
{
    static const char *const weights = WEIR_SOURCE_DIR "/tests/golden/inception.safetensors";
    weir_dataset *real = wanderers(10, 1, 1), *synthetic = wanderers(10, 1, 2);
    weir_error error = {0};
    char settings[512];
    json_t *rows;

    (void)state;
    snprintf(settings, sizeof settings, "map=inception components=3 weights=%s", weights);
    rows = metric_run("frechet", settings, real, synthetic);
    assert_true(series_score(rows, "FD", "inception-3") > 0);
    assert_true(series_score(rows, "FD_CLASS", "inception-3") > 0);
    json_decref(rows);
    rows = metric_run("frechet", settings, real, real);
    assert_near(series_score(rows, "FD", "inception-3"), 0, 0);
    json_decref(rows);
    rows = metric_run("frechet", "map=inception", real, synthetic);
    metric_is_na(rows, "FD", "map=inception needs option weights");
    json_decref(rows);
    rows = metric_try("frechet", "map=inception weights=" WEIR_SOURCE_DIR "/README.md", real,
                      synthetic, &error);
    assert_null(rows);
    assert_non_null(strstr(error.text, "README.md"));
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),
        cmocka_unit_test(too_few),
        cmocka_unit_test(each_feature_alone),
        cmocka_unit_test(few_pixels),
        cmocka_unit_test(constant),
        cmocka_unit_test(no_pixel),
        cmocka_unit_test(classifier),
        cmocka_unit_test(inception),
    };
    return cmocka_run_group_tests(tests, metric_open, metric_close);
}
