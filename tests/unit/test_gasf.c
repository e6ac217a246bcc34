/* Images of series by <weir/gasf.h>: by hand, two of them in one job, settings and data refused.
 * Against NumPy and in full: test_plugin_gasf.c. */
#include "generator_test.h"
#include <math.h>
#include <weir/gasf.h>

static weir_dataset *series_of(const float *values, size_t rows, uint32_t steps)
{
    weir_series_shape shape = {.steps = steps, .channels = 1, .names = {"size"}};
    weir_table *table = weir_table_new_series(&shape, rows, NULL);
    weir_dataset *data;

    assert_non_null(table);
    memcpy(weir_f32_out(table, "values"), values, rows * steps * sizeof *values);
    for (size_t i = 0; i < rows; i++)
        weir_codes_out(table, "label")[i] = weir_category_add(table, "label", "a", NULL);
    data = weir_dataset_new(table, NULL);
    assert_non_null(data);
    return data;
}

/* The values 0, 1, 1 and 0 of 1: angles of 90, 0, 0 and 90 degrees, whose sums' cosines are -1, 0
 * and 1. */
static void fields_by_hand(void **state)
{
    static const float values[] = {0, 4, 4, 0};
    static const float fine[4][4] = {
        {0, 0.5f, 0.5f, 0}, {0.5f, 1, 1, 0.5f}, {0.5f, 1, 1, 0.5f}, {0, 0.5f, 0.5f, 0}};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *data = series_of(values, 1, 4);
    weir_gasf large = {.side = 4, .gamma = 1, .amplitude = 1};
    weir_gasf small = {.side = 2, .gamma = 1, .amplitude = 0.5};
    weir_table *out = empty_like(weir_dataset_table(data));
    const uint32_t row = 0;
    float image[16];

    (void)state;
    assert_int_equal(weir_gasf_learn(job, &large, data), WEIR_OK);
    assert_int_equal(weir_gasf_learn(job, &small, data), WEIR_OK);
    assert_int_equal(large.steps, 4);
    assert_int_equal(large.channels, 1);
    assert_true(fabsf(large.channel[0].largest - 4) <= 0 && large.channel[0].direction <= 0);
    assert_int_equal(weir_gasf_encode(job, &large, data, &row, 1, image), WEIR_OK);
    for (size_t i = 0; i < 16; i++)
        assert_true(fabsf(image[i] - fine[i / 4][i % 4]) < 1e-6f);
    assert_int_equal(weir_table_resize(out, 1, NULL), WEIR_OK);
    assert_int_equal(weir_gasf_decode(job, &large, image, 1, out), WEIR_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(fabsf(weir_f32(out, "values")[i] - values[i]) < 1e-5f);
    assert_int_equal(weir_u32(out, "length")[0], 3);
    assert_int_equal(weir_gasf_encode(job, &small, data, &row, 1, image), WEIR_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(fabsf(image[i] - 0.25f) < 1e-6f); /* each block's mean is 0.5 */
    weir_table_free(out);
    weir_dataset_free(data);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* What was learnt before does not stay. */
static void learning_again(void **state)
{
    static const float first[] = {9, 1, 2, 3}, second[] = {1, -1, 0, 1};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *data = series_of(first, 1, 4), *other = series_of(second, 2, 2);
    weir_gasf gasf = {.side = 2, .gamma = 0.25, .amplitude = 1};

    (void)state;
    assert_int_equal(weir_gasf_learn(job, &gasf, data), WEIR_OK);
    assert_true(fabsf(gasf.channel[0].least - 1) <= 0);
    assert_int_equal(weir_gasf_learn(job, &gasf, other), WEIR_OK);
    assert_int_equal(gasf.steps, 2);
    assert_true(fabsf(gasf.channel[0].largest - 1) <= 0 && gasf.channel[0].direction > 0);
    weir_dataset_free(data);
    weir_dataset_free(other);
    weir_job_free(job);
    weir_registry_free(registry);
}

static void check_refused(weir_gasf gasf, const weir_dataset *data, int status, const char *text)
{
    weir_registry *registry;
    weir_job *job = any_job(&registry);

    assert_int_equal(weir_gasf_learn(job, &gasf, data), status);
    assert_non_null(strstr(weir_job_error(job)->text, text));
    weir_job_free(job);
    weir_registry_free(registry);
}

static void refused(void **state)
{
    static const float values[] = {1, 2}, negative[] = {1, -2};
    const weir_gasf good = {.side = 2, .gamma = 1, .amplitude = 1};
    weir_dataset *data = series_of(values, 1, 2), *bad = series_of(negative, 1, 2);
    weir_dataset *packets = weir_dataset_new(weir_table_new(WEIR_PACKETS, 1, NULL), NULL);
    weir_dataset *empty = weir_dataset_select(data, NULL, 0, NULL);

    (void)state;
    check_refused((weir_gasf){.side = 1, .gamma = 1, .amplitude = 1}, data, WEIR_EOPTION,
                  "1 pixels a side");
    check_refused((weir_gasf){.side = 2, .gamma = 0, .amplitude = 1}, data, WEIR_EOPTION,
                  "gamma 0");
    check_refused((weir_gasf){.side = 2, .gamma = 1, .amplitude = -1}, data, WEIR_EOPTION,
                  "amplitude -1");
    check_refused(good, packets, WEIR_EDATA, "no series");
    check_refused(good, empty, WEIR_EDATA, "no rows");
    check_refused(good, bad, WEIR_EDATA, "step 2: size is -2; only a direction");
    weir_dataset_free(data);
    weir_dataset_free(bad);
    weir_dataset_free(packets);
    weir_dataset_free(empty);
}

/* A value between those of a direction, which is not negative either. */
static void no_direction(void **state)
{
    static const float values[] = {1, -1, 0, 0.5f};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *train = series_of(values, 1, 2), *other = series_of(values + 2, 1, 2);
    weir_gasf gasf = {.side = 2, .gamma = 1, .amplitude = 1};
    const uint32_t row = 0;
    float image[4];

    (void)state;
    assert_int_equal(weir_gasf_learn(job, &gasf, train), WEIR_OK);
    assert_int_equal(weir_gasf_encode(job, &gasf, other, &row, 1, image), WEIR_EDATA);
    assert_non_null(strstr(weir_job_error(job)->text,
                           "series 1, step 2: size is 0.5; in training it is a direction"));
    weir_dataset_free(train);
    weir_dataset_free(other);
    weir_job_free(job);
    weir_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_by_hand),
        cmocka_unit_test(learning_again),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_direction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
