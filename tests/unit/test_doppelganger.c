/* DoppelGANger: what it learns, its archive, resuming, batches, privacy.
 * Covers: core/nn/models/doppelganger.c, core/nn/models/doppelganger_network.c,
 * core/nn/models/doppelganger_train.c, core/nn/models/doppelganger_data.c,
 * core/nn/models/doppelganger_private.c, core/nn/models/doppelganger_archive.c,
 * core/nn/models/doppelganger_sample.c */
#include <math.h>

#include "nn/models/dg.h"
#include "nn_files.h"
#include "plugin/archive.h"
#include "plugin/inside.h"

enum { LENGTH = 5, ATTRIBUTES = 4, FEATURES = 2, COUNT = 60 };

static int nothing(weir_job *job, const weir_dataset *train, void *model)
{
    (void)job, (void)train, (void)model;
    return WEIR_OK;
}

static const weir_generator generator = {
    .abi = WEIR_ABI, .kind = WEIR_KIND_GENERATOR, .name = "test", .fit = nothing};

static weir_job *new_job(uint64_t seed)
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

static bool is_a(uint32_t row)
{
    return row % 3 != 0;
}

static int attributes(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        out[i * ATTRIBUTES + !is_a(rows[i])] = 1;
        out[i * ATTRIBUTES + 2] = is_a(rows[i]) ? 0.9f : 0.1f;
        out[i * ATTRIBUTES + 3] = is_a(rows[i]) ? 0.5f : -0.5f;
    }
    return WEIR_OK;
}

static int features(void *context, const uint32_t *rows, size_t n, nn_real *out, uint32_t *lengths)
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

static nn_doppelganger_settings small(void)
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

static nn_doppelganger *new_model(weir_job *job, const nn_doppelganger_settings *settings)
{
    nn_doppelganger *model = nn_doppelganger_new(job, settings, &attribute_layout, &feature_layout);

    if (!model)
        fail_msg("%s", weir_job_error(job)->text);
    return model;
}

static nn_doppelganger_training training_of(int64_t steps)
{
    return (nn_doppelganger_training){
        .data = {.count = COUNT, .attributes = attributes, .features = features}, .steps = steps};
}

static nn_doppelganger *trained(weir_job *job, const nn_doppelganger_settings *settings,
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

static void draw(weir_job *job, const nn_doppelganger *model, size_t n, drawn *out)
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

static void assert_legal(const drawn *d)
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

static void it_learns_what_belongs_together(void **state)
{
    weir_job *job = new_job(1), *other = new_job(2);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model = trained(job, &settings, 500);
    double share = 0, value[2] = {0}, length[2] = {0}, n[2] = {0};

    (void)state;
    draw(job, model, 300, &one);
    assert_legal(&one);
    for (size_t i = 0; i < one.n; i++) {
        int b = one.attributes[i * ATTRIBUTES] == 0;
        n[b]++;
        value[b] += (double)one.features[i * LENGTH * FEATURES];
        length[b] += one.lengths[i];
    }
    share = n[0] / (double)one.n;
    if (!(fabs(share - 2. / 3) < 0.2))
        fail_msg("class A is %.2f of all", share);
    if (!(value[0] / n[0] - value[1] / n[1] > 0.3))
        fail_msg("first values: %.2f of A, %.2f of B", value[0] / n[0], value[1] / n[1]);
    if (!(length[0] / n[0] - length[1] / n[1] > 1.5))
        fail_msg("lengths: %.2f of A, %.2f of B", length[0] / n[0], length[1] / n[1]);
    draw(job, model, 300, &two);
    assert_memory_equal(&one, &two, sizeof one);
    draw(other, model, 300, &two);
    assert_memory_not_equal(&one, &two, sizeof one);
    nn_doppelganger_free(model);
    weir_job_free(job);
    weir_job_free(other);
}

/* ---- Archives
 * ----------------------------------------------------------------------------------*/

static weir_archive *through_folder(weir_job *job, const nn_doppelganger *model, bool critics)
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

static nn_doppelganger *got(weir_job *job, const weir_archive *archive)
{
    nn_doppelganger *model = nn_doppelganger_get(job, archive, "net");

    if (!model)
        fail_msg("%s", weir_job_error(job)->text);
    return model;
}

static void what_was_put_comes_back(void **state)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model, *back;
    weir_archive *archive;

    (void)state;
    settings.mixing = NN_MIXING_ONE;
    settings.ema = 0.9;
    model = trained(job, &settings, 3);
    draw(job, model, 70, &one);
    assert_legal(&one);
    for (int critics = 0; critics < 2; critics++) {
        archive = through_folder(job, model, critics);
        back = got(job, archive);
        assert_int_equal(nn_find(back->graph, "critic.0.weight") != NULL, critics);
        assert_int_equal(nn_find(back->graph, "attribute_critic.0.weight") != NULL, critics);
        for (const dg_number *n = dg_numbers; n->name; n++)
            assert_true(dg_number_of(nn_doppelganger_about(back), n) == dg_number_of(&settings, n));
        assert_int_equal(nn_doppelganger_about(back)->mixing, NN_MIXING_ONE);
        draw(job, back, 70, &two);
        assert_memory_equal(&one, &two, sizeof one);
        nn_doppelganger_free(back);
        weir_archive_free(archive);
    }
    nn_doppelganger_free(model);
    weir_job_free(job);
}

static void assert_same_cost(const nn_doppelganger *a, const nn_doppelganger *b)
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

static int keep(void *context, int64_t step)
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
static void resumed_is_the_same(double noise, double ema)
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

static void plain_training_resumes(void **state)
{
    (void)state;
    resumed_is_the_same(0, 0);
    resumed_is_the_same(0, 0.8);
}

static void private_training_resumes(void **state)
{
    (void)state;
    resumed_is_the_same(2, 0);
}

static void fine_tuning_begins_with_the_others_weights(void **state)
{
    weir_job *job = new_job(1), *other = new_job(2);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *first = trained(job, &settings, 30), *second;
    nn_doppelganger_training training = training_of(1);
    nn_real a[32], b[32];

    (void)state;
    settings.rate = 1e-9;
    second = new_model(other, &settings);
    training.from = first;
    assert_int_equal(nn_doppelganger_train(other, second, &training), WEIR_OK);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"generator.attribute.0.bias", "critic.0.bias",
                                            "attribute_critic.1.bias"};
        nn_value(nn_find(first->graph, names[i]), a);
        nn_value(nn_find(second->graph, names[i]), b);
        for (int k = 0; k < 32; k++)
            assert_true(fabs((double)(a[k] - b[k])) < 1e-6);
    }
    nn_doppelganger_free(first);
    nn_doppelganger_free(second);
    weir_job_free(job);
    weir_job_free(other);
}

/* ---- Batches
 * -----------------------------------------------------------------------------------*/

static void a_sequence_as_the_critics_see_it(void **state)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model = new_model(job, &settings);
    nn_doppelganger_training training = training_of(1);
    dg_batch batch;
    static const nn_real wanted[2][6][4] = {
        {{0.2f, 0, 1, 0}, {0.2f, 0.1f, 0, 1}}, /* two of two a step: nothing behind them */
        {{0.8f, 0, 1, 0},
         {0.8f, 0.1f, 1, 0},
         {0.8f, 0.2f, 1, 0},
         {0.8f, 0.3f, 1, 0},
         {0.8f, 0.4f, 0, 1},
         {0, 0, 0, 1}}}; /* the step's other record is there, but empty */

    (void)state;
    assert_int_equal(dg_records(model), 6);
    assert_int_equal(dg_batch_new(job, &batch, model, 3), WEIR_OK);
    batch.rows[0] = 3;
    batch.rows[1] = 4;
    assert_int_equal(dg_batch_fill(job, &batch, model, &training.data, 2, true), WEIR_OK);
    for (int i = 0; i < 48; i++)
        assert_true(fabsf(batch.records[i] - (&wanted[0][0][0])[i]) < 1e-6f);
    for (int i = 48; i < 72; i++) /* no third sequence */
        assert_true(batch.records[i] == 0);
    dg_batch_free(&batch);
    nn_doppelganger_free(model);
    weir_job_free(job);
}

static void every_sequence_once_an_epoch(void **state)
{
    weir_job *job = new_job(1);
    weir_random random = weir_random_new(1, "order");
    dg_order order = {0};
    uint32_t rows[5], seen[7] = {0};

    (void)state;
    assert_int_equal(dg_order_new(job, &order, 7), WEIR_OK);
    for (int i = 0; i < 7; i++) { /* five epochs */
        dg_order_next(&order, &random, 5, rows);
        for (int k = 0; k < 5; k++)
            seen[rows[k]]++;
    }
    for (int i = 0; i < 7; i++)
        assert_int_equal(seen[i], 5);
    dg_order_free(&order);
    weir_job_free(job);
}

/* ---- Privacy
 * -----------------------------------------------------------------------------------*/

static void privacy_is_accounted_for(void **state)
{
    weir_job *job = new_job(1), *other = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model, *back;
    nn_doppelganger_cost cost;
    nn_mechanism mechanism = {1.5, 20. / COUNT, 2 * 2};
    double epsilon;
    weir_archive *archive;

    (void)state;
    settings.privacy.noise = 1.5;
    model = trained(job, &settings, 2);
    cost = nn_doppelganger_spent(model);
    assert_int_equal(nn_privacy_epsilon(2, (nn_mechanism[]){mechanism, mechanism}, 1. / COUNT,
                                        NN_CONVERT, &epsilon, NULL, weir_job_error(job)),
                     WEIR_OK);
    assert_true(cost.private && fabs(cost.epsilon - epsilon) < 1e-12);
    assert_true(cost.delta == 1. / COUNT && cost.clip == 1);
    archive = through_folder(job, model, false);
    back = got(job, archive);
    assert_same_cost(back, model);
    nn_doppelganger_free(back);
    nn_doppelganger_free(model);
    /* the noise for an epsilon that is given */
    settings.privacy.noise = 0;
    settings.privacy.epsilon = epsilon;
    model = trained(other, &settings, 2);
    assert_true(fabs(nn_doppelganger_spent(model).mechanism[0].noise - 1.5) < 1e-3);
    assert_true(fabs(nn_doppelganger_spent(model).epsilon - epsilon) < 1e-3);
    nn_doppelganger_free(model);
    weir_archive_free(archive);
    weir_job_free(job);
    weir_job_free(other);
}

/* A budget ends a training sooner, which costs less. */
static void a_budget_ends_it(double noise)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger_training training = training_of(6);
    nn_doppelganger *model;
    nn_doppelganger_cost whole;
    json_t *budget = json_pack("{s:[[i]]}", "steps", 4);
    int64_t made = 0;

    settings.privacy.noise = noise;
    training.made = &made;
    model = new_model(job, &settings);
    assert_int_equal(dg_cost(job, &settings, COUNT, 6, &whole), WEIR_OK);
    job->setup.budget = budget;
    assert_int_equal(nn_doppelganger_train(job, model, &training), WEIR_OK);
    assert_int_equal(made, 4);
    assert_true(noise > 0 ? model->cost.epsilon < whole.epsilon : !model->cost.private);
    if (noise > 0)
        assert_int_equal(model->cost.mechanism[1].steps, 4 * 2);
    nn_doppelganger_free(model);
    weir_job_free(job);
    json_decref(budget);
}

static void budgets_are_kept(void **state)
{
    (void)state;
    a_budget_ends_it(0);
    a_budget_ends_it(1);
}

/* With no noise worth the name and no clipping, the mean gradient of all is that of a batch of all:
 * the first step of both ways goes the same way. */
static void private_gradients_are_the_batchs(void **state)
{
    weir_job *job = new_job(3), *other = new_job(3);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *plain, *private;
    nn_real a[32], b[32], same = 0;

    (void)state;
    settings.batch = COUNT;
    settings.critic_steps = 1;
    plain = trained(job, &settings, 1);
    settings.privacy = (nn_doppelganger_privacy){.noise = 1e-9, .delta = 1e-5, .clip = 1e6};
    private = trained(other, &settings, 1);
    nn_value(nn_find(plain->graph, "critic.0.bias"), a);
    nn_value(nn_find(private->graph, "critic.0.bias"), b);
    for (int i = 0; i < 32; i++)
        same += a[i] * b[i] > 0;
    if (same < 24)
        fail_msg("%g of 32 biases went the same way", (double)same);
    nn_doppelganger_free(plain);
    nn_doppelganger_free(private);
    weir_job_free(job);
    weir_job_free(other);
}

/* ---- Mistakes
 * ----------------------------------------------------------------------------------*/

static void refused(const nn_doppelganger_settings *settings, const nn_doppelganger_training *t,
                    int status, const char *why)
{
    weir_job *job = new_job(1);
    nn_doppelganger *model = nn_doppelganger_new(job, settings, &attribute_layout, &feature_layout);

    if (model)
        assert_int_equal(nn_doppelganger_train(job, model, t), status);
    assert_int_equal(weir_job_error(job)->status, status);
    if (!strstr(weir_job_error(job)->text, why))
        fail_msg("'%s' does not say '%s'", weir_job_error(job)->text, why);
    nn_doppelganger_free(model);
    weir_job_free(job);
}

static int not_a_number(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    (void)context, (void)rows;
    out[(n - 1) * ATTRIBUTES] = (nn_real)NAN;
    return WEIR_OK;
}

static int gives_up(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    (void)context, (void)rows, (void)n, (void)out;
    return WEIR_EIO;
}

static void mistakes_are_said(void **state)
{
    nn_doppelganger_settings good = small(), bad;
    nn_doppelganger_training t = training_of(2), other;
    uint32_t wrong = 0;
    weir_job *job = new_job(1);
    nn_doppelganger *model = new_model(job, &good);

    (void)state;
    bad = good, bad.batch = 1;
    refused(&bad, &t, WEIR_EOPTION, "batch is 1");
    bad = good, bad.rate = NAN;
    refused(&bad, &t, WEIR_EOPTION, "rate is nan");
    bad = good, bad.privacy.noise = bad.privacy.epsilon = 1;
    refused(&bad, &t, WEIR_EOPTION, "one must be 0");
    other = t, other.data.count = 0;
    refused(&good, &other, WEIR_EDATA, "no sequences");
    other = t, other.data.context = &wrong;
    refused(&good, &other, WEIR_EBUG, "has 0 records; 1 to 5");
    other = t, other.data.attributes = not_a_number;
    refused(&good, &other, WEIR_EDATA, "not finite");
    bad = good, bad.rate = 1e30;
    other = t, other.steps = 50;
    refused(&bad, &other, WEIR_EDIVERGE, "not finite");
    bad = good, bad.privacy.noise = 1;
    other = t, other.data.count = 1;
    refused(&bad, &other, WEIR_EDATA, "privately");
    other = t, other.data.attributes = gives_up;
    assert_int_equal(nn_doppelganger_train(job, model, &other), WEIR_EIO);
    nn_doppelganger_free(model);
    weir_job_free(job);
}

/* One sequence, and fewer than a batch. */
static void few_sequences_are_enough(void **state)
{
    nn_doppelganger_settings settings = small();

    (void)state;
    for (uint32_t n = 1; n < 4; n++) {
        weir_job *job = new_job(1);
        nn_doppelganger *model = new_model(job, &settings);
        nn_doppelganger_training training = training_of(2);
        training.data.count = n;
        settings.privacy.noise = n == 3 ? 1 : 0;
        assert_int_equal(nn_doppelganger_train(job, model, &training), WEIR_OK);
        draw(job, model, 5, &one);
        assert_legal(&one);
        nn_doppelganger_free(model);
        weir_job_free(job);
    }
}

static void epochs_are_steps(void **state)
{
    nn_doppelganger_settings settings = small();

    (void)state;
    assert_int_equal(nn_doppelganger_steps(&settings, 60, 2), 6);
    assert_int_equal(nn_doppelganger_steps(&settings, 61, 1), 4);
    assert_int_equal(nn_doppelganger_steps(&settings, 1, 0.1), 1);
}

static void a_job_can_be_cancelled(void **state)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model = new_model(job, &settings);
    nn_doppelganger_training training = training_of(1000);

    (void)state;
    weir_job_cancel_at(job, 3);
    assert_int_equal(nn_doppelganger_train(job, model, &training), WEIR_ECANCEL);
    weir_cancel_clear();
    nn_doppelganger_free(model);
    weir_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_what_belongs_together),
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(plain_training_resumes),
        cmocka_unit_test(private_training_resumes),
        cmocka_unit_test(fine_tuning_begins_with_the_others_weights),
        cmocka_unit_test(a_sequence_as_the_critics_see_it),
        cmocka_unit_test(every_sequence_once_an_epoch),
        cmocka_unit_test(privacy_is_accounted_for),
        cmocka_unit_test(budgets_are_kept),
        cmocka_unit_test(private_gradients_are_the_batchs),
        cmocka_unit_test(mistakes_are_said),
        cmocka_unit_test(few_sequences_are_enough),
        cmocka_unit_test(epochs_are_steps),
        cmocka_unit_test(a_job_can_be_cancelled),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
