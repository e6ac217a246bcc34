/* The generator doppelganger: labels, lengths, ranges and choices of series; what it refuses; a fit
 * that goes on. */
#include "generator_test.h"
#include <math.h>

#define TINY "preset=tiny"

static weir_table *some(const char *options, const weir_dataset *train, uint64_t series)
{
    return generate("doppelganger", options, train, (weir_request){.series = (int64_t)series}, 1);
}

static uint32_t labelled(const weir_table *table, const char *label)
{
    uint32_t code = weir_category_code(table, "label", label), n = 0;

    for (size_t i = 0; i < weir_table_rows(table); i++)
        n += weir_codes(table, "label")[i] == code;
    return n;
}

static void assert_padded(const weir_table *table)
{
    const weir_series_shape *shape = weir_table_series(table);

    for (size_t i = 0; i < weir_table_rows(table); i++) {
        uint32_t length = weir_u32(table, "length")[i];
        assert_in_range(length, 1, shape->steps);
        for (size_t k = (size_t)length * shape->channels; k < shape->steps * shape->channels; k++)
            assert_true(weir_f32(table, "values")[i * shape->steps * shape->channels + k] == 0);
    }
}

/* 40 series: 14 of video/a, 13 of each other label; sizes are whole, directions -1 or 1. */
static void labels_lengths_and_values(void **state)
{
    static const char *const options[] = {TINY, TINY " normalise=channel",
                                          TINY " scale=log sample_len=5", TINY " choices=1"};
    weir_dataset *train = some_series(40);
    const float *given = weir_f32(weir_dataset_table(train), "values");
    float least = INFINITY, most = 0;

    (void)state;
    for (size_t i = 0; i < (size_t)40 * 12; i++) /* 0: behind the end */
        if (given[2 * i] > 0) {
            least = fminf(least, given[2 * i]);
            most = fmaxf(most, given[2 * i]);
        }
    for (size_t k = 0; k < 4; k++) {
        weir_table *out = some(options[k], train, 0), *more = some(options[k], train, 90);
        assert_int_equal(weir_table_rows(out), 40);
        assert_int_equal(labelled(out, "video/a"), 14);
        assert_int_equal(labelled(out, "video/b"), 13);
        assert_int_equal(labelled(out, "web/c"), 13);
        assert_int_equal(weir_table_rows(more), 90);
        assert_int_equal(labelled(more, "video/a"), 32); /* 31.5 */
        assert_padded(out);
        for (size_t i = 0; i < 40; i++)
            for (uint32_t s = 0; s < weir_u32(out, "length")[i]; s++) {
                const float *v = weir_f32(out, "values") + (i * 12 + s) * 2;
                assert_true(v[0] >= least && v[0] <= most && v[0] == floorf(v[0]));
                assert_true(k == 3 ? fabsf(v[1]) <= 1 : fabsf(v[1]) == 1);
            }
        weir_table_free(out);
        weir_table_free(more);
    }
    weir_dataset_free(train);
}

static void requests_and_seeds(void **state)
{
    weir_dataset *train = some_series(20);
    const weir_request none = {0}, wrong = {.packets = 5};
    struct run direct = run_generator("doppelganger", TINY, train, &none, 1, false, 0);
    weir_table *saved = generate("doppelganger", TINY, train, none, 1);
    weir_table *other = generate("doppelganger", TINY, train, none, 2);
    struct run refused = run_generator("doppelganger", TINY, train, &wrong, 1, false, 0);

    (void)state;
    assert_int_equal(direct.status, WEIR_OK);
    assert_true(same(direct.out, saved));
    assert_false(same(saved, other));
    assert_int_equal(refused.status, WEIR_EOPTION);
    weir_table_free(direct.out);
    weir_table_free(saved);
    weir_table_free(other);
    weir_dataset_free(train);
}

/* A table of `rows` series of 3 steps and one channel, all of one label. */
static weir_table *plain(size_t rows)
{
    const weir_series_shape shape = {.steps = 3, .channels = 1, .names = {"bytes"}};
    weir_error error = {0};
    weir_table *table = weir_table_new_series(&shape, rows, &error);

    assert_non_null(table);
    for (size_t i = 0; i < rows; i++) {
        weir_codes_out(table, "label")[i] = weir_category_add(table, "label", "only", &error);
        weir_u32_out(table, "length")[i] = 3;
        for (size_t k = 0; k < 3; k++)
            weir_f32_out(table, "values")[3 * i + k] = 7.5f;
    }
    return table;
}

static weir_dataset *dataset(weir_table *table)
{
    weir_error error = {0};
    weir_dataset *data = weir_dataset_new(table, &error);

    if (!data)
        fail_msg("%s", error.text);
    return data;
}

static void one_class_of_constant_series(void **state)
{
    static const char *const options[] = {TINY, TINY " epsilon=3 steps=4"};

    (void)state;
    for (size_t rows = 1; rows < 30; rows += 14)
        for (int k = 0; k < 1 + (rows > 1); k++) {
            weir_dataset *train = dataset(plain(rows));
            weir_table *out = some(options[k], train, 5);
            for (size_t i = 0; i < 5; i++)
                for (uint32_t s = 0; s < weir_u32(out, "length")[i]; s++)
                    assert_true(weir_f32(out, "values")[3 * i + s] == 7.5f);
            assert_int_equal(labelled(out, "only"), 5);
            weir_table_free(out);
            weir_dataset_free(train);
        }
}

/* Series of very different heights: each is flat by its own range. */
static void series_keep_their_own_range(void **state)
{
    weir_table *table = plain(40), *out;
    weir_dataset *train;
    double worst = 0;

    (void)state;
    for (size_t i = 0; i < 40; i++)
        for (size_t k = 0; k < 3; k++)
            weir_f32_out(table, "values")[3 * i + k] = 0.5f + 25 * (float)i;
    train = dataset(table);
    out = some(TINY " steps=400", train, 40);
    for (size_t i = 0; i < 40; i++) {
        const float *v = weir_f32(out, "values") + 3 * i;
        for (uint32_t s = 1; s < weir_u32(out, "length")[i]; s++)
            worst = fmax(worst, fabs((double)(v[s] - v[0])));
    }
    if (!(worst < 250)) /* of 975 */
        fail_msg("steps of one series differ by %g", worst);
    weir_table_free(out);
    weir_dataset_free(train);
}

static void fails(weir_table *table, const char *options, int status, const char *why)
{
    weir_dataset *train = dataset(table);
    const weir_request none = {0};
    struct run run = run_generator("doppelganger", options, train, &none, 1, false, 0);

    assert_int_equal(run.status, status);
    if (!strstr(run.text, why))
        fail_msg("'%s' does not say '%s'", run.text, why);
    weir_dataset_free(train);
}

static void bad_input_is_one_clear_line(void **state)
{
    weir_table *table = plain(4);
    weir_dataset *train;

    (void)state;
    fails(plain(0), TINY, WEIR_EDATA, "no rows");
    memset(weir_u32_out(table, "length"), 0, 4 * sizeof(uint32_t));
    fails(table, TINY, WEIR_EDATA, "no series of the training set has a step");
    fails(plain(4), TINY " noise=1 epsilon=1", WEIR_EOPTION, "one must be 0");
    fails(plain(1), TINY " noise=1", WEIR_EDATA, "privately");
    /* a series without steps beside others is left out */
    table = plain(4);
    weir_u32_out(table, "length")[1] = 0;
    train = dataset(table);
    table = some(TINY, train, 0);
    assert_int_equal(weir_table_rows(table), 3);
    weir_table_free(table);
    weir_dataset_free(train);
}

/* A fit that was cut off after a checkpoint makes, when it goes on, the bytes of a whole one. */
static void a_fit_goes_on(void **state)
{
    weir_dataset *train = some_series(20);
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, "doppelganger");
    const weir_request none = {0};
    struct run whole = run_generator("doppelganger", TINY, train, &none, 1, false, 0);
    char folder[] = "/tmp/weir-test-XXXXXX", command[64];
    weir_error error = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (int round = 0; round < 2; round++) {
        weir_job *plain_job = new_job(generator, registry, TINY, 1);
        weir_job_setup setup = {.plugin = (const weir_plugin *)generator,
                                .options =
                                    json_array_get(kept_options, json_array_size(kept_options) - 1),
                                .registry = registry,
                                .seed = 1,
                                .threads = 1,
                                .device = "cpu",
                                .folder = folder,
                                .log_fd = -1,
                                .status_fd = -1};
        weir_job *job = weir_job_new(&setup, &error);
        void *model;
        assert_non_null(job);
        model = weir_job_state(job);
        weir_job_phase(job, "fit");
        if (round == 0)
            weir_job_cancel_at(job, 59); /* three calls a step: in step 20 */
        else
            assert_int_equal(weir_checkpoint_resume(job, model), 16);
        assert_int_equal(generator->fit(job, train, model), round ? WEIR_OK : WEIR_ECANCEL);
        weir_cancel_clear();
        if (round) {
            weir_table *out = empty_like(weir_dataset_table(train));
            assert_int_equal(generator->sample(job, model, &none, out), WEIR_OK);
            assert_true(same(out, whole.out));
            weir_table_free(out);
        }
        weir_job_free(job);
        weir_job_free(plain_job);
    }
    weir_table_free(whole.out);
    weir_registry_free(registry);
    weir_dataset_free(train);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void allocations_may_fail(void **state)
{
    weir_dataset *train = some_series(20);
    const weir_request none = {0};

    (void)state;
    for (int fail = -12; fail <= 12; fail++) {
        struct run run =
            run_generator("doppelganger", TINY " steps=2", train, &none, 1, false, fail);
        if (run.status != WEIR_OK)
            assert_int_equal(run.status, WEIR_ENOMEM);
        weir_table_free(run.out);
    }
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_lengths_and_values),
        cmocka_unit_test(requests_and_seeds),
        cmocka_unit_test(one_class_of_constant_series),
        cmocka_unit_test(series_keep_their_own_range),
        cmocka_unit_test(bad_input_is_one_clear_line),
        cmocka_unit_test(a_fit_goes_on),
        cmocka_unit_test(allocations_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
