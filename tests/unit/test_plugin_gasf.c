/* The encoder gasf: images against NumPy, round trips, what an image cannot hold. */
#include "encoder_test.h"
#include "golden.h"

static weir_dataset *series_of(const double *values, size_t rows, uint32_t steps, uint32_t channels)
{
    weir_series_shape shape = {
        .steps = steps, .channels = channels, .names = {"size", "direction"}};
    weir_table *table = weir_table_new_series(&shape, rows, NULL);
    weir_dataset *data;

    assert_non_null(table);
    for (size_t i = 0; i < rows * steps * channels; i++)
        weir_f32_out(table, "values")[i] = (float)values[i];
    for (size_t i = 0; i < rows; i++) {
        weir_u32_out(table, "length")[i] = steps;
        weir_codes_out(table, "label")[i] = weir_category_add(table, "label", "video/a", NULL);
    }
    data = weir_dataset_new(table, NULL);
    assert_non_null(data);
    return data;
}

static float *encode_all(struct encoder *encoder, const weir_dataset *data)
{
    size_t n = weir_dataset_rows(data);
    uint32_t *rows = malloc(n * sizeof *rows);
    float *out = malloc(n * encoder->job->layout.width * sizeof *out);

    assert_non_null(rows);
    assert_non_null(out);
    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)i;
    assert_int_equal(encoder->plugin->encode(encoder->job, encoder->state, data, rows, n, out),
                     WEIR_OK);
    free(rows);
    return out;
}

static void images_equal_numpy(void **state)
{
    json_t *golden = golden_load("gasf.json");
    const json_t *entry;
    size_t at;

    (void)state;
    assert_true(json_array_size(golden) > 0);
    json_array_foreach(golden, at, entry)
    {
        size_t count, pixels;
        uint32_t steps = (uint32_t)golden_number(entry, "steps");
        double *values = golden_doubles(entry, "values", &count);
        double *wanted = golden_doubles(entry, "images", &pixels);
        weir_dataset *data = series_of(values, 3, steps, 2);
        struct encoder encoder = {0};
        float *images;

        assert_int_equal(open_encoder(&encoder, "gasf",
                                      json_string_value(json_object_get(entry, "options")), data),
                         WEIR_OK);
        assert_int_equal(encoder.job->layout.count, 1);
        assert_int_equal(encoder.job->layout.width * 3, pixels);
        images = encode_all(&encoder, data);
        for (size_t i = 0; i < pixels; i++)
            assert_true(fabs((double)images[i] - wanted[i]) < 2e-6);
        free(images);
        free(values);
        free(wanted);
        close_encoder(&encoder);
        weir_dataset_free(data);
    }
    json_decref(golden);
}

/* Where the side is the length, or a multiple of it, nothing but rounding is lost; lengths and
 * paddings come back too. */
static void the_diagonal_inverts(void **state)
{
    static const char *const options[] = {"side=12", "side=24", "side=12 gamma=1 amplitude=0.5",
                                          "side=36 gamma=0.1"};
    weir_dataset *train = some_series(40);
    const weir_table *table = weir_dataset_table(train);
    const float *values = weir_f32(table, "values");

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        weir_table *out = round_trip("gasf", options[k], train, train);
        const float *made = weir_f32(out, "values");

        for (size_t i = 0; i < 40 * 12; i++) {
            assert_true(fabsf(made[2 * i] - values[2 * i]) <= 0.01f);
            assert_true(fabsf(made[2 * i + 1] - values[2 * i + 1]) <= 0);
        }
        assert_memory_equal(weir_u32(out, "length"), weir_u32(table, "length"),
                            40 * sizeof(uint32_t));
        weir_table_free(out);
    }
    weir_dataset_free(train);
}

/* A smooth series survives a third of its length in pixels; a constant one exactly. */
static void smaller_images(void **state)
{
    double values[3 * 96];
    weir_dataset *data;
    weir_table *out;
    double worst = 0;

    (void)state;
    for (size_t i = 0; i < 96; i++) {
        values[i] = 1000 * (1.2 + sin((double)i / 15.0));
        values[96 + i] = 700;
        values[192 + i] = 2200;
    }
    data = series_of(values, 3, 96, 1);
    out = round_trip("gasf", "side=32", data, data);
    for (size_t i = 0; i < 96; i++) {
        const float *made = weir_f32(out, "values");

        worst = fmax(worst, fabs((double)made[i] - values[i]));
        assert_true(fabs((double)made[96 + i] - 700) < 0.01);
        assert_true(fabs((double)made[192 + i] - 2200) < 0.01);
    }
    assert_true(worst > 0.1 && worst < 10);
    weir_table_free(out);
    weir_dataset_free(data);
}

static void whatever_comes_in(void **state)
{
    static const float wild[] = {0, 1, -1, 0.5f, 3e38f, -3e38f, 7, 1e-30f};
    weir_dataset *train = some_series(20);
    struct encoder encoder = {0};
    weir_random random = weir_random_new(3, "wild");
    size_t n = 50, width;
    weir_table *out = empty_like(weir_dataset_table(train));
    float *values;

    (void)state;
    assert_int_equal(open_encoder(&encoder, "gasf", "side=8", train), WEIR_OK);
    width = encoder.job->layout.width;
    values = malloc(n * width * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n * width; i++)
        values[i] = wild[weir_random_below(&random, 8)];
    assert_int_equal(weir_table_resize(out, n, NULL), WEIR_OK);
    assert_int_equal(encoder.plugin->decode(encoder.job, encoder.state, values, n, out), WEIR_OK);
    for (size_t i = 0; i < n * 12; i++) {
        float size = weir_f32(out, "values")[2 * i], way = weir_f32(out, "values")[2 * i + 1];

        assert_true(size >= 0 && size <= 1500);
        assert_true(way >= -1 && way <= 1 && fabsf(way - roundf(way)) <= 0);
    }
    free(values);
    weir_table_free(out);
    close_encoder(&encoder);
    weir_dataset_free(train);
}

/* Larger values than in training are taken as the largest. */
static void unknown_values(void **state)
{
    static const double known[] = {1, 2, 4, 8}, larger[] = {1, 20, 4, 8},
                        negative[] = {1, -2, 4, 8};
    weir_dataset *train = series_of(known, 1, 4, 1), *more = series_of(larger, 1, 4, 1);
    weir_dataset *less = series_of(negative, 1, 4, 1), *longer = series_of(known, 1, 2, 2);
    weir_table *out = round_trip("gasf", "side=4", train, more);
    struct encoder encoder = {0};
    uint32_t row = 0;
    float image[16];

    (void)state;
    assert_true(fabsf(weir_f32(out, "values")[1] - 8) < 1e-4f);
    weir_table_free(out);
    assert_int_equal(open_encoder(&encoder, "gasf", "side=4", train), WEIR_OK);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, less, &row, 1, image),
                     WEIR_EDATA);
    assert_non_null(strstr(weir_job_error(encoder.job)->text, "series 1, step 2: size is -2"));
    close_encoder(&encoder);
    assert_int_equal(open_encoder(&encoder, "gasf", "side=4", train), WEIR_OK);
    assert_int_equal(encoder.plugin->encode(encoder.job, encoder.state, longer, &row, 1, image),
                     WEIR_EDATA);
    assert_non_null(strstr(weir_job_error(encoder.job)->text, "2 steps and 2 channels"));
    close_encoder(&encoder);
    weir_dataset_free(train);
    weir_dataset_free(more);
    weir_dataset_free(less);
    weir_dataset_free(longer);
}

static void refused_series(void **state)
{
    static const double negative[] = {1, -2, 4, 8}, zero[] = {0, 0, 0, 0};
    weir_dataset *data = series_of(negative, 1, 4, 1);
    weir_dataset *flat = series_of(zero, 2, 2, 1);
    weir_dataset *train = some_series(4);
    weir_table *out;
    const uint32_t none = 0;
    weir_dataset *empty = weir_dataset_select(train, &none, 0, NULL);

    (void)state;
    check_refused("gasf", NULL, data, WEIR_EDATA, "step 2: size is -2; only a direction");
    check_refused("gasf", NULL, empty, WEIR_EDATA, "no rows");
    out = round_trip("gasf", "side=4", flat, flat);
    assert_true(fabsf(weir_f32(out, "values")[0]) <= 0 && weir_u32(out, "length")[1] == 0);
    weir_table_free(out);
    weir_dataset_free(data);
    weir_dataset_free(flat);
    weir_dataset_free(empty);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_equal_numpy), cmocka_unit_test(the_diagonal_inverts),
        cmocka_unit_test(smaller_images),     cmocka_unit_test(whatever_comes_in),
        cmocka_unit_test(unknown_values),     cmocka_unit_test(refused_series),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
