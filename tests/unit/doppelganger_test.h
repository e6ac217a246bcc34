/* What the tests of DoppelGANger share: a job, sequences of two classes, a small network, resuming.
 */
#ifndef WEIR_TEST_DOPPELGANGER_H
#define WEIR_TEST_DOPPELGANGER_H

#include <math.h>

#include "nn/models/dg.h"
#include "nn_files.h"
#include "plugin/archive.h"
#include "plugin/inside.h"

enum { LENGTH = 5, ATTRIBUTES = 4, FEATURES = 2, COUNT = 60 };

static inline int nothing(weir_job *job, const weir_dataset *train, void *model)
{
    (void)job, (void)train, (void)model;
    return WEIR_OK;
}

static const weir_generator generator = {
    .abi = WEIR_ABI, .kind = WEIR_KIND_GENERATOR, .name = "test", .fit = nothing};

static inline weir_job *new_job(uint64_t seed)
{
    weir_error error = {0};
    weir_job_setup setup = {.plugin = (const weir_plugin *)&generator,
                            .seed = seed,
                            .threads = 1,
                            .device = "cpu",
                            .log_fd = -1,
                            .status_fd = -1};
    weir_job *job = weir_job_new(&setup, &error);

    if (!job)
        fail_msg("%s", error.text);
    return job;
}

/* ---- Sequences of two classes: A (two of three) are long and high, B short and low
 * -------------*/

static const weir_segment attribute_segments[] = {
    {"class", 2, WEIR_SOFTMAX}, {"level", 1, WEIR_SIGMOID}, {"sign", 1, WEIR_TANH}};
static const weir_segment feature_segments[] = {{"value", 1, WEIR_SIGMOID},
                                                {"trend", 1, WEIR_LINEAR}};
static const weir_layout attribute_layout = {ATTRIBUTES, 3, attribute_segments};
static const weir_layout feature_layout = {FEATURES, 2, feature_segments};

static inline bool is_a(uint32_t row)
{
    return row % 3 != 0;
}

static inline int attributes(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        out[i * ATTRIBUTES + !is_a(rows[i])] = 1;
        out[i * ATTRIBUTES + 2] = is_a(rows[i]) ? 0.9f : 0.1f;
        out[i * ATTRIBUTES + 3] = is_a(rows[i]) ? 0.5f : -0.5f;
    }
    return WEIR_OK;
}

static inline int features(void *context, const uint32_t *rows, size_t n, nn_real *out,
                           uint32_t *lengths)
{
    const uint32_t *wrong = context;
    for (size_t i = 0; i < n; i++) {
        lengths[i] = is_a(rows[i]) ? LENGTH : 2;
        for (uint32_t t = 0; t < lengths[i]; t++) {
            out[(i * LENGTH + t) * FEATURES] = is_a(rows[i]) ? 0.8f : 0.2f;
            out[(i * LENGTH + t) * FEATURES + 1] = (nn_real)(0.1 * t);
        }
        if (wrong)
            lengths[i] = *wrong;
    }
    return WEIR_OK;
}

static inline nn_doppelganger_settings small(void)
{
    nn_doppelganger_settings s = nn_doppelganger_defaults(LENGTH);
    s.sample_len = 2;
    s.attribute_layers = s.critic_layers = 2;
    s.attribute_width = s.critic_width = 32;
    s.lstm = 16;
    s.batch = 20;
    s.critic_steps = 2;
    s.rate = 2e-3;
    return s;
}

static inline nn_doppelganger *new_model(weir_job *job, const nn_doppelganger_settings *settings)
{
    nn_doppelganger *model = nn_doppelganger_new(job, settings, &attribute_layout, &feature_layout);

    if (!model)
        fail_msg("%s", weir_job_error(job)->text);
    return model;
}

static inline nn_doppelganger_training training_of(int64_t steps)
{
    return (nn_doppelganger_training){
        .data = {.count = COUNT, .attributes = attributes, .features = features}, .steps = steps};
}

static inline nn_doppelganger *trained(weir_job *job, const nn_doppelganger_settings *settings,
                                       int64_t steps)
{
    nn_doppelganger *model = new_model(job, settings);
    nn_doppelganger_training training = training_of(steps);

    if (nn_doppelganger_train(job, model, &training) != WEIR_OK)
        fail_msg("%s", weir_job_error(job)->text);
    return model;
}

typedef struct drawn {
    size_t n;
    nn_real attributes[300 * ATTRIBUTES], features[300 * LENGTH * FEATURES];
    uint32_t lengths[300];
} drawn;

static inline void draw(weir_job *job, const nn_doppelganger *model, size_t n, drawn *out)
{
    nn_doppelganger_sampler *sampler = nn_doppelganger_sampler_new(job, model, 64, "test");

    memset(out, 0, sizeof *out);
    out->n = n;
    if (!sampler || nn_doppelganger_attributes(sampler, n, out->attributes) != WEIR_OK ||
        nn_doppelganger_features(sampler, n, out->attributes, out->features, out->lengths) !=
            WEIR_OK)
        fail_msg("%s", weir_job_error(job)->text);
    nn_doppelganger_sampler_free(sampler);
}

static inline void assert_legal(const drawn *d)
{
    for (size_t i = 0; i < d->n; i++) {
        const nn_real *a = d->attributes + i * ATTRIBUTES, *f = d->features + i * LENGTH * FEATURES;
        assert_true(a[0] + a[1] == 1 && (a[0] == 0 || a[0] == 1));
        assert_true(a[2] >= 0 && a[2] <= 1 && a[3] >= -1 && a[3] <= 1);
        assert_in_range(d->lengths[i], 1, LENGTH);
        for (uint32_t t = 0; t < LENGTH; t++) {
            if (t < d->lengths[i])
                assert_true(f[t * FEATURES] > 0 && f[t * FEATURES] < 1);
            else
                assert_true(f[t * FEATURES] == 0 && f[t * FEATURES + 1] == 0);
        }
    }
}

static drawn one, two;

static inline weir_archive *through_folder(weir_job *job, const nn_doppelganger *model,
                                           bool critics)
{
    weir_archive *archive = weir_archive_new(weir_job_error(job)), *back;

    if (nn_doppelganger_put(job, archive, model, "net", critics) != WEIR_OK ||
        weir_archive_write(archive, folder, NULL) != WEIR_OK)
        fail_msg("%s", weir_job_error(job)->text);
    weir_archive_free(archive);
    back = weir_archive_read(folder, weir_job_error(job));
    assert_non_null(back);
    return back;
}

static inline nn_doppelganger *got(weir_job *job, const weir_archive *archive)
{
    nn_doppelganger *model = nn_doppelganger_get(job, archive, "net");

    if (!model)
        fail_msg("%s", weir_job_error(job)->text);
    return model;
}

static inline void assert_same_cost(const nn_doppelganger *a, const nn_doppelganger *b)
{
    nn_doppelganger_cost x = nn_doppelganger_spent(a), y = nn_doppelganger_spent(b);

    assert_true(x.private == y.private && x.epsilon == y.epsilon && x.delta == y.delta &&
                x.clip == y.clip);
    for (int i = 0; i < 2; i++)
        assert_true(x.mechanism[i].noise == y.mechanism[i].noise &&
                    x.mechanism[i].rate == y.mechanism[i].rate &&
                    x.mechanism[i].steps == y.mechanism[i].steps);
}

/* A checkpoint in the folder, and the place of the stream that the core would store with it. */
static struct {
    weir_job *job;
    nn_doppelganger *model;
    weir_random streams[3];
} kept;
static const char *const streams[] = {"batches", "critic", "attribute_critic"};

static inline int keep(void *context, int64_t step)
{
    (void)context;
    if (step != 4)
        return WEIR_OK;
    weir_archive_free(through_folder(kept.job, kept.model, false));
    for (int i = 0; i < 3; i++)
        kept.streams[i] = *weir_stream(kept.job, streams[i]);
    return WEIR_OK;
}

/* A training that went on from a checkpoint ends with the bytes of the uninterrupted one. */
static inline void resumed_is_the_same(double noise, double ema)
{
    weir_job *job = new_job(5), *second = new_job(5);
    nn_doppelganger_settings settings = small();
    nn_doppelganger_training training = training_of(7);
    nn_doppelganger *back;
    weir_archive *archive;

    settings.privacy.noise = noise;
    settings.ema = ema;
    settings.generator_steps = 2;
    kept.job = job;
    kept.model = new_model(job, &settings);
    training.checkpoint = keep;
    training.checkpoint_every = 2;
    if (nn_doppelganger_train(job, kept.model, &training) != WEIR_OK)
        fail_msg("%s", weir_job_error(job)->text);
    draw(job, kept.model, 70, &one);

    archive = weir_archive_read(folder, weir_job_error(second));
    back = got(second, archive);
    draw(second, back, 70, &two); /* a checkpoint is a model */
    assert_legal(&two);
    assert_memory_not_equal(&one, &two, sizeof one);
    second->resumed = 4;
    for (int i = 0; i < 3; i++)
        *weir_stream(second, streams[i]) = kept.streams[i];
    training.checkpoint = NULL;
    if (nn_doppelganger_train(second, back, &training) != WEIR_OK)
        fail_msg("%s", weir_job_error(second)->text);
    draw(second, back, 70, &two);
    assert_memory_equal(&one, &two, sizeof one);
    assert_same_cost(back, kept.model);

    nn_doppelganger_free(back);
    nn_doppelganger_free(kept.model);
    weir_archive_free(archive);
    weir_job_free(job);
    weir_job_free(second);
}

#endif
