/* The generator gasf_diffusion: the network's two shapes, labels, lengths and guidance, what it
 * refuses or counts, a fit that goes on.
 * Covers: plugins/generators/gasf_diffusion/data.c, diffusion.c, unet.c */
#include "generator_test.h"
#include <math.h>

#include "../../plugins/generators/gasf_diffusion/data.c"
#include "../../plugins/generators/gasf_diffusion/diffusion.c"
#include "../../plugins/generators/gasf_diffusion/unet.c"

#define NAME "gasf_diffusion"
#define TINY "preset=tiny"

static void near(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.12g instead of %.12g", a, b);
}

/* ---- The network ------------------------------------------------------------------------------*/

static int64_t weights(const struct design *d, int64_t batch)
{
    const int64_t shape[] = {batch, d->height, d->width, d->channels};
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1, .threads = 1, .device = "cpu"});
    nn_node *x = nn_input(g, "x", 4, shape), *t = nn_input(g, "t", 1, &batch);
    nn_node *label = nn_input(g, "label", 1, &batch), *length = nn_input(g, "length", 1, &batch);
    nn_node *out = unet(d, x, t, label, length), *parameter[512];
    int n = nn_parameters(g, "net.", 512, parameter);
    int64_t sum = 0;

    if (nn_status(g) != WEIR_OK)
        fail_msg("%s", nn_error(g)->text);
    assert_in_range(n, 1, 512);
    for (int i = 0; i < 4; i++)
        assert_int_equal(nn_size(out, i), shape[i]);
    for (int i = 0; i < n; i++)
        sum += nn_count(parameter[i]);
    nn_graph_free(g);
    return sum;
}

static void lines_and_images_have_as_many_weights(void **state)
{
    struct design d = {.height = 16,
                       .width = 16,
                       .channels = 3,
                       .labels = 4,
                       .base = 12,
                       .levels = 3,
                       .blocks = 2,
                       .heads = 4,
                       .multiple = {1, 2, 3},
                       .attends = {false, true, false}};
    int64_t image = weights(&d, 2), wider;

    (void)state;
    d.line = true;
    d.height = 1;
    d.width = 96;
    assert_int_equal(weights(&d, 2), image);
    d.base = 16;
    wider = weights(&d, 2);
    assert_true(wider > image * 3 / 2);
    d.labels++;
    assert_int_equal(weights(&d, 2), wider + 64); /* an embedding of 4 x 16 */
}

/* ---- The plugin -------------------------------------------------------------------------------*/

static weir_table *some(const char *options, const weir_dataset *train, uint64_t series)
{
    return generate(NAME, options, train, (weir_request){.series = (int64_t)series}, 1);
}

static uint32_t labelled(const weir_table *table, const char *label)
{
    uint32_t code = weir_category_code(table, "label", label), n = 0;

    for (size_t i = 0; i < weir_table_rows(table); i++)
        n += weir_codes(table, "label")[i] == code;
    return n;
}

/* How many series of each length there are. */
static void count_lengths(const weir_table *table, uint32_t count[13])
{
    memset(count, 0, 13 * sizeof *count);
    for (size_t i = 0; i < weir_table_rows(table); i++) {
        assert_in_range(weir_u32(table, "length")[i], 1, 12);
        count[weir_u32(table, "length")[i]]++;
    }
}

/* 40 series of 3 to 12 steps: 14 of video/a, 13 of each other label; sizes are whole, directions -1
 * or 1. */
static void labels_lengths_and_values(void **state)
{
    static const char *const options[] = {TINY, TINY " dimension=1",
                                          TINY " sampler=ddpm schedule=cosine guidance=3 scale=log",
                                          TINY " eta=1 dropout=0.1 side=9 attention=9"};
    weir_dataset *train = some_series(40);
    const float *given = weir_f32(weir_dataset_table(train), "values");
    float least = INFINITY, most = 0;
    uint32_t lengths[13], made[13];

    (void)state;
    for (size_t i = 0; i < (size_t)40 * 12; i++) /* 0: behind the end */
        if (given[2 * i] > 0) {
            least = fminf(least, given[2 * i]);
            most = fmaxf(most, given[2 * i]);
        }
    count_lengths(weir_dataset_table(train), lengths);
    for (size_t k = 0; k < 4; k++) {
        weir_table *out = some(options[k], train, 0), *more = some(options[k], train, 90);
        assert_int_equal(weir_table_rows(out), 40);
        assert_int_equal(labelled(out, "video/a"), 14);
        assert_int_equal(labelled(out, "video/b"), 13);
        assert_int_equal(labelled(out, "web/c"), 13);
        assert_int_equal(weir_table_rows(more), 90);
        assert_int_equal(labelled(more, "video/a"), 32); /* 31.5 */
        count_lengths(out, made);
        assert_memory_equal(made, lengths, sizeof made);
        for (size_t i = 0; i < 40; i++)
            for (uint32_t s = 0; s < 12; s++) {
                const float *v = weir_f32(out, "values") + (i * 12 + s) * 2;
                if (s >= weir_u32(out, "length")[i]) {
                    assert_true(v[0] == 0 && v[1] == 0);
                    continue;
                }
                assert_true(v[0] >= least && v[0] <= most && v[0] == floorf(v[0]));
                assert_true(fabsf(v[1]) == 1);
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
    struct run direct = run_generator(NAME, TINY, train, &none, 1, false, 0);
    weir_table *saved = generate(NAME, TINY, train, none, 1);
    weir_table *other = generate(NAME, TINY, train, none, 2);
    struct run refused = run_generator(NAME, TINY, train, &wrong, 1, false, 0);

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

/* What 16 series are like that are all to have one of two labels. */
static weir_table *of_label(const weir_dataset *train, const char *options, uint32_t label)
{
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, NAME);
    weir_job *job = new_job(generator, registry, options, 1);
    const weir_request none = {0};
    weir_table *out = empty_like(weir_dataset_table(train));
    struct model *m = weir_job_state(job);
    uint32_t *drawn;

    weir_job_phase(job, "fit");
    assert_int_equal(generator->fit(job, train, m), WEIR_OK);
    drawn = weir_alloc(job, 2 * (size_t)m->series, sizeof *drawn);
    assert_non_null(drawn);
    for (uint64_t i = 0; i < m->series; i++) {
        drawn[2 * i] = label;
        drawn[2 * i + 1] = m->drawn[2 * i + 1];
    }
    m->drawn = drawn;
    weir_job_phase(job, "sample");
    assert_int_equal(generator->sample(job, m, &none, out), WEIR_OK);
    weir_job_free(job);
    weir_registry_free(registry);
    return out;
}

/* A table of `rows` series of 8 steps; those of label b lie high, those of label a low. */
static weir_table *low_and_high(size_t rows, uint32_t labels)
{
    const weir_series_shape shape = {.steps = 8, .channels = 1, .names = {"bytes"}};
    weir_error error = {0};
    weir_table *table = weir_table_new_series(&shape, rows, &error);

    assert_non_null(table);
    for (size_t i = 0; i < rows; i++) {
        bool high = i % labels == 1;
        weir_codes_out(table, "label")[i] =
            weir_category_add(table, "label", high ? "b" : "a", &error);
        weir_u32_out(table, "length")[i] = 8;
        for (size_t k = 0; k < 8; k++)
            weir_f32_out(table, "values")[8 * i + k] =
                (high ? 800.f : 100.f) + (float)((3 * i + 5 * k) % 17);
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

static void without_guidance_labels_do_not_matter(void **state)
{
    static const char *const options[] = {TINY " steps=60 guidance=0", TINY " steps=60",
                                          TINY " steps=60 guidance=2"};
    weir_dataset *train = dataset(low_and_high(16, 2));

    (void)state;
    for (int k = 0; k < 3; k++) {
        weir_table *a = of_label(train, options[k], 0), *b = of_label(train, options[k], 1);
        bool equal = memcmp(weir_f32(a, "values"), weir_f32(b, "values"), 16 * 8 * 4) == 0;
        assert_int_equal(equal, k == 0);
        weir_table_free(a);
        weir_table_free(b);
    }
    weir_dataset_free(train);
}

/* Trained for a second, series of a label lie where they should. */
static void labels_are_learnt(void **state)
{
    static const char *const options[] = {
        TINY " steps=400 ema=0.95 width=16 sampling_steps=25",
        TINY " steps=400 ema=0.95 width=16 sampling_steps=25 dimension=1"};
    weir_dataset *train = dataset(low_and_high(32, 2));

    (void)state;
    for (int k = 0; k < 2; k++) {
        weir_table *out = some(options[k], train, 0);
        double mean[2] = {0};
        for (size_t i = 0; i < 32; i++) {
            bool high = weir_codes(out, "label")[i] == weir_category_code(out, "label", "b");
            for (size_t s = 0; s < 8; s++)
                mean[high] += (double)weir_f32(out, "values")[8 * i + s] / 128;
        }
        if (!(mean[0] < 350 && mean[1] > 550))
            fail_msg("means of %g and %g with %s", mean[0], mean[1], options[k]);
        weir_table_free(out);
    }
    weir_dataset_free(train);
}

/* A line of any series, and back: exact but for float32, with either scale. */
static void lines_go_there_and_back(void **state)
{
    enum { STEPS_OF = 12, CHANNELS = 2 };
    weir_dataset *train = some_series(20);
    const float *given = weir_f32(weir_dataset_table(train), "values");

    (void)state;
    for (int log = 0; log < 2; log++) {
        struct model m = {.steps = STEPS_OF,
                          .channel_count = CHANNELS,
                          .logarithmic = log,
                          .design = {.width = 16},
                          .channels = {{.largest = 1500, .least = 1, .low = 40, .high = 1500},
                                       {.largest = 1, .least = 1, .direction = 1, .high = 1}}};
        m.channels[1].low = -1;
        for (size_t i = 0; i < 20; i++) {
            float shown[STEPS_OF * CHANNELS], back[STEPS_OF * CHANNELS], line[16 * CHANNELS];
            memcpy(shown, given + i * STEPS_OF * CHANNELS, sizeof shown);
            bend(&m, shown, STEPS_OF * CHANNELS);
            line_of(&m, 0.25, shown, line);
            for (size_t k = 0; k < 16 * CHANNELS; k++)
                assert_true(line[k] >= -1 && line[k] <= 1);
            values_of_line(&m, 0.25, line, back);
            for (size_t k = 0; k < weir_u32(weir_dataset_table(train), "length")[i] * 2; k++)
                near((double)legal(&m, k % 2, back[k], NULL),
                     (double)given[i * STEPS_OF * CHANNELS + k], 0.01);
        }
    }
    weir_dataset_free(train);
}

/* ---- What comes in ----------------------------------------------------------------------------*/

static void fails(weir_table *table, const char *options, int status, const char *why)
{
    weir_dataset *train = dataset(table);
    const weir_request none = {0};
    struct run run = run_generator(NAME, options, train, &none, 1, false, 0);

    assert_int_equal(run.status, status);
    if (!strstr(run.text, why))
        fail_msg("'%s' does not say '%s'", run.text, why);
    weir_dataset_free(train);
}

static void bad_input_is_one_clear_line(void **state)
{
    weir_table *table = low_and_high(4, 2);

    (void)state;
    fails(low_and_high(0, 2), TINY, WEIR_EDATA, "no rows");
    memset(weir_u32_out(table, "length"), 0, 4 * sizeof(uint32_t));
    fails(table, TINY, WEIR_EDATA, "no series of the training set has a step");
    for (int k = 0; k < 2; k++) {
        table = low_and_high(4, 2);
        weir_f32_out(table, "values")[8 * 2 + 3] = -3;
        fails(table, k ? TINY " dimension=1" : TINY, WEIR_EDATA,
              "series 3, step 4: bytes is -3; only a direction");
    }
    fails(low_and_high(4, 2), TINY " guidance=2 label_dropout=0", WEIR_EOPTION, "label_dropout");
    fails(low_and_high(4, 2), TINY " multiples=1,two", WEIR_EOPTION, "multiples: 'two'");
    fails(low_and_high(4, 2), TINY " multiples=1,1,1,1,1,1,1,1,1", WEIR_EOPTION, "at most 8");
    fails(low_and_high(4, 2), TINY " attention=0", WEIR_EOPTION, "attention: '0'");
}

/* Series without steps are left out, longer ones cut. */
static void odd_series_are_left_out_or_cut(void **state)
{
    static const char *const options[] = {TINY " length=5", TINY " length=5 dimension=1"};

    (void)state;
    for (int k = 0; k < 2; k++) {
        weir_table *table = low_and_high(6, 1), *out;
        weir_dataset *train;
        weir_u32_out(table, "length")[0] = 0;
        weir_u32_out(table, "length")[1] = 2;
        train = dataset(table);
        out = some(options[k], train, 0);
        assert_int_equal(weir_table_rows(out), 5); /* of lengths 2, 5, 5, 5, 5 */
        for (size_t i = 0; i < 5; i++) {
            uint32_t length = weir_u32(out, "length")[i];
            assert_true(length == 2 || length == 5);
            for (size_t s = 0; s < 8; s++)
                assert_int_equal(weir_f32(out, "values")[8 * i + s] > 0, s < length);
        }
        weir_table_free(out);
        weir_dataset_free(train);
    }
}

static void one_class_of_constant_series(void **state)
{
    static const char *const options[] = {TINY, TINY " dimension=1", TINY " label_dropout=1"};

    (void)state;
    for (size_t rows = 1; rows < 20; rows += 14)
        for (int k = 0; k < 3; k++) {
            weir_table *table = low_and_high(rows, 1), *out;
            weir_dataset *train;
            for (size_t i = 0; i < rows * 8; i++)
                weir_f32_out(table, "values")[i] = 7.5f;
            train = dataset(table);
            out = some(options[k], train, 5);
            for (size_t i = 0; i < (size_t)5 * 8; i++)
                assert_true(weir_f32(out, "values")[i] == 7.5f);
            assert_int_equal(labelled(out, "a"), 5);
            weir_table_free(out);
            weir_dataset_free(train);
        }
}

/* A fit that was cut off after a checkpoint makes, when it goes on, the bytes of a whole one; and
 * the checkpoint is a model that can be sampled. */
static void a_fit_goes_on(void **state)
{
    static const char *const options[] = {TINY " dropout=0.1", TINY
                                          " dimension=1 predict=velocity decay=cosine warmup=3"};
    weir_dataset *train = some_series(20);
    const weir_request none = {0};

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct run whole = run_generator(NAME, options[k], train, &none, 1, false, 0);
        char folder[] = "/tmp/weir-test-XXXXXX", command[64];
        assert_int_equal(whole.status, WEIR_OK);
        assert_non_null(mkdtemp(folder));
        for (int round = 0; round < 3; round++) {
            weir_registry *registry;
            const weir_generator *generator = find_generator(&registry, NAME);
            weir_job *job = new_job_in(generator, registry, options[k], 1, folder);
            void *model = weir_job_state(job);
            weir_job_phase(job, "fit");
            if (round == 0)
                weir_job_cancel_at(job, k ? 36 : 56); /* 20 images, a start, 13 to 15 steps */
            else
                assert_int_equal(weir_checkpoint_resume(job, model), 14);
            if (round != 1)
                assert_int_equal(generator->fit(job, train, model), round ? WEIR_OK : WEIR_ECANCEL);
            weir_cancel_clear();
            if (round) {
                weir_table *out = empty_like(weir_dataset_table(train));
                assert_int_equal(generator->sample(job, model, &none, out), WEIR_OK);
                assert_int_equal(same(out, whole.out), round == 2);
                weir_table_free(out);
            }
            weir_job_free(job);
            weir_registry_free(registry);
        }
        weir_table_free(whole.out);
        snprintf(command, sizeof command, "rm -rf %s", folder);
        assert_int_equal(system(command), 0);
    }
    weir_dataset_free(train);
}

static void allocations_may_fail(void **state)
{
    weir_dataset *train = some_series(20);
    const weir_request none = {0};

    (void)state;
    for (int fail = -14; fail <= 14; fail++) {
        struct run run = run_generator(NAME, TINY " steps=2", train, &none, 1, false, fail);
        if (run.status != WEIR_OK)
            assert_int_equal(run.status, WEIR_ENOMEM);
        weir_table_free(run.out);
    }
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_images_have_as_many_weights),
        cmocka_unit_test(labels_lengths_and_values),
        cmocka_unit_test(requests_and_seeds),
        cmocka_unit_test(without_guidance_labels_do_not_matter),
        cmocka_unit_test(labels_are_learnt),
        cmocka_unit_test(lines_go_there_and_back),
        cmocka_unit_test(bad_input_is_one_clear_line),
        cmocka_unit_test(odd_series_are_left_out_or_cut),
        cmocka_unit_test(one_class_of_constant_series),
        cmocka_unit_test(a_fit_goes_on),
        cmocka_unit_test(allocations_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
