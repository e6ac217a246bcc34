/* A series read off its whole image: nearer to the image than what the diagonal gives, directions
 * cell by cell, known lengths, exact images, cancelling. Covers: core/data/gasf_solve.c */
#include "generator_test.h"
#include <math.h>
#include <weir/gasf.h>

enum { STEPS = 24, SIDE = 8, SERIES = 6, CHANNELS = 2, PIXELS = SIDE * SIDE * CHANNELS };

/* Sizes that jump and directions; those behind 18 + i steps are 0. */
static weir_dataset *jumping(void)
{
    weir_series_shape shape = {
        .steps = STEPS, .channels = CHANNELS, .names = {"size", "direction"}};
    weir_table *table = weir_table_new_series(&shape, SERIES, NULL);
    weir_dataset *data;
    float *values = weir_f32_out(table, "values");

    for (uint32_t i = 0; i < SERIES; i++) {
        weir_u32_out(table, "length")[i] = 18 + i;
        weir_codes_out(table, "label")[i] = weir_category_add(table, "label", "a", NULL);
        for (uint32_t k = 0; k < 18 + i; k++, values += CHANNELS) {
            uint32_t dice = (k * 7919 + i * 104729 + k * k * 31) % 97;
            values[0] = dice % 3 ? (float)(40 + 15 * dice) : 40;
            values[1] = dice % 5 < 2 ? -1 : 1;
        }
        values += (size_t)(STEPS - 18 - i) * CHANNELS;
    }
    data = weir_dataset_new(table, NULL);
    assert_non_null(data);
    return data;
}

static const uint32_t rows[SERIES] = {0, 1, 2, 3, 4, 5};

/* The mean square by which the image of what was read off differs, and the table read. */
static double off(weir_job *job, weir_gasf *gasf, const float *images, const weir_dataset *data,
                  bool known, weir_table *out)
{
    float *again = test_calloc(SERIES * PIXELS, sizeof *again);
    weir_table *copy = empty_like(weir_dataset_table(data));
    weir_dataset *read;
    double sum = 0;

    assert_int_equal(weir_table_resize(out, SERIES, NULL), WEIR_OK);
    for (uint32_t i = 0; i < SERIES; i++)
        weir_u32_out(out, "length")[i] = known ? 18 + i : 0;
    assert_int_equal(weir_gasf_decode(job, gasf, images, SERIES, out), WEIR_OK);
    assert_int_equal(weir_table_resize(copy, SERIES, NULL), WEIR_OK);
    memcpy(weir_f32_out(copy, "values"), weir_f32(out, "values"),
           SERIES * STEPS * CHANNELS * sizeof(float));
    for (uint32_t i = 0; i < SERIES; i++)
        weir_codes_out(copy, "label")[i] = weir_category_add(copy, "label", "a", NULL);
    read = weir_dataset_new(copy, NULL);
    assert_non_null(read);
    assert_int_equal(weir_gasf_encode(job, gasf, read, rows, SERIES, again), WEIR_OK);
    for (size_t i = 0; i < SERIES * PIXELS; i++) {
        double d = (double)again[i] - (double)images[i];
        sum += d * d;
    }
    weir_dataset_free(read);
    test_free(again);
    return sum / (SERIES * PIXELS);
}

static void nearer_than_the_diagonal(void **state)
{
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *data = jumping();
    weir_gasf gasf = {.side = SIDE, .gamma = 0.25, .amplitude = 0.5};
    weir_table *out = empty_like(weir_dataset_table(data));
    const float *was = weir_f32(weir_dataset_table(data), "values");
    float images[SERIES * PIXELS];
    double plain, unknown, known;

    (void)state;
    assert_int_equal(weir_gasf_learn(job, &gasf, data), WEIR_OK);
    assert_true(fabsf(gasf.channel[1].direction - 1) <= 0); /* no 0 before an end */
    assert_int_equal(weir_gasf_encode(job, &gasf, data, rows, SERIES, images), WEIR_OK);
    plain = off(job, &gasf, images, data, false, out);
    gasf.passes = 6;
    unknown = off(job, &gasf, images, data, false, out);
    known = off(job, &gasf, images, data, true, out);
    assert_true(unknown < plain / 10);
    assert_true(known < plain / 100);
    for (uint32_t i = 0; i < SERIES; i++) {
        const float *now = weir_f32(out, "values") + (size_t)i * STEPS * CHANNELS;
        assert_int_equal(weir_u32(out, "length")[i], 18 + i);
        for (uint32_t k = 0; k < STEPS; k += STEPS / SIDE) { /* as many of each in each cell */
            float sum = 0;
            for (uint32_t j = k; j < k + STEPS / SIDE; j++)
                sum += now[j * CHANNELS + 1] - was[((size_t)i * STEPS + j) * CHANNELS + 1];
            assert_true(fabsf(sum) <= 0);
        }
    }
    weir_table_free(out);
    weir_dataset_free(data);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* Where no pixel is a mean there is nothing to move; and a cancelled job ends. */
static void exact_and_cancelled(void **state)
{
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_dataset *data = jumping();
    weir_gasf exact = {.side = STEPS, .gamma = 0.25, .amplitude = 1, .passes = 6};
    weir_gasf small = {.side = SIDE, .gamma = 0.3, .amplitude = 1, .passes = 6};
    weir_table *out = empty_like(weir_dataset_table(data));
    float images[SERIES * STEPS * STEPS * CHANNELS];

    (void)state;
    assert_int_equal(weir_table_resize(out, SERIES, NULL), WEIR_OK);
    assert_int_equal(weir_gasf_learn(job, &exact, data), WEIR_OK);
    assert_int_equal(weir_gasf_learn(job, &small, data), WEIR_OK);
    assert_int_equal(weir_gasf_encode(job, &exact, data, rows, SERIES, images), WEIR_OK);
    assert_int_equal(weir_gasf_decode(job, &exact, images, SERIES, out), WEIR_OK);
    for (size_t i = 0; i < SERIES * STEPS * CHANNELS; i++)
        assert_true(fabsf(weir_f32(out, "values")[i] -
                          weir_f32(weir_dataset_table(data), "values")[i]) < 0.02f);
    assert_int_equal(weir_gasf_encode(job, &small, data, rows, SERIES, images), WEIR_OK);
    weir_job_cancel_at(job, weir_job_asked(job) + 3);
    assert_int_equal(weir_gasf_decode(job, &small, images, SERIES, out), WEIR_ECANCEL);
    weir_cancel_clear();
    weir_table_free(out);
    weir_dataset_free(data);
    weir_job_free(job);
    weir_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearer_than_the_diagonal),
        cmocka_unit_test(exact_and_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
