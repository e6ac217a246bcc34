/* doppelganger: DoppelGANger on labelled series. This file: the descriptor, the fit, the model in
 * an archive. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static const weir_option options[] = {
    WEIR_CHOICE(struct options, normalise, "series|channel",
                "values within each series' own range, which is an attribute, or the channel's"),
    WEIR_CHOICE(struct options, scale, "linear|log", "what values are scaled as: log(1 + |x|)"),
    WEIR_INT(struct options, choices, 8, 1, MOST_CHOICES,
             "a channel of at most so many different values is a choice of them"),
    WEIR_INT(struct options, sample_len, 0, 0, 65536,
             "steps made at once; 0: what makes about 50 of the longest series"),
    WEIR_INT(struct options, attribute_noise, 5, 1, 65536, "numbers of noise for the attributes"),
    WEIR_INT(struct options, feature_noise, 5, 1, 65536, "numbers of noise for each step"),
    WEIR_INT(struct options, attribute_layers, 4, 1, 64,
             "hidden layers of the attributes' network"),
    WEIR_INT(struct options, attribute_width, 512, 1, 65536, "their width"),
    WEIR_INT(struct options, lstm, 100, 1, 65536, "width of the LSTM"),
    WEIR_INT(struct options, critic_layers, 4, 1, 64, "hidden layers of each critic"),
    WEIR_INT(struct options, critic_width, 512, 1, 65536, "their width"),
    WEIR_INT(struct options, batch, 100, 2, 1048576, "series a step; private: on average"),
    WEIR_INT(struct options, critic_steps, 5, 1, 1000, "rounds of the critics a step"),
    WEIR_INT(struct options, generator_steps, 1, 1, 8, "updates of the generator a step"),
    WEIR_REAL(struct options, learning_rate, 1e-4, 1e-12, 1e6, "of Adam"),
    WEIR_REAL(struct options, beta1, 0.5, 0, 0.999999, "of Adam"),
    WEIR_REAL(struct options, beta2, 0.999, 0, 0.999999999, "of Adam"),
    WEIR_REAL(struct options, penalty, 10, 0, 1e6, "weight of the gradient penalties"),
    WEIR_REAL(struct options, attribute_weight, 1, 0, 1e6,
              "weight of the attribute critic in the generator's loss"),
    WEIR_CHOICE(struct options, mixing, "uniform|one",
                "penalty between real and made series, or, as published code has it, at made ones"),
    WEIR_REAL(struct options, momentum, 0.1, 1e-6, 1, "of batch norm's statistics"),
    WEIR_REAL(struct options, ema, 0, 0, 0.999999, "decay of averaged weights; 0: none"),
    WEIR_REAL(struct options, epochs, 400, 1e-6, 1e9, "passes over the training set"),
    WEIR_INT(struct options, steps, 0, 0, 1000000000, "training steps; 0: those of the epochs"),
    WEIR_REAL(struct options, noise, 0, 0, 1e6,
              "differential privacy: deviation of the noise over clip; 0: not private"),
    WEIR_REAL(struct options, epsilon, 0, 0, 1e6,
              "differential privacy: noise such that the training costs this; 0: not private"),
    WEIR_REAL(struct options, delta, 0, 0, 0.999999, "of the epsilon; 0: 1 / number of series"),
    WEIR_REAL(struct options, clip, 1, 1e-9, 1e9, "largest norm of one series' gradient"),
    WEIR_PRESET("tiny",
                "attribute_layers=2 attribute_width=32 lstm=16 critic_layers=2 critic_width=32 "
                "batch=20 critic_steps=2 learning_rate=1e-3 steps=40",
                "for the checks"),
    WEIR_PRESET("quick",
                "attribute_layers=3 attribute_width=128 lstm=64 critic_layers=3 critic_width=192 "
                "learning_rate=5e-4 steps=2500",
                "about two minutes with one thread"),
    WEIR_PRESET("published", "mixing=one momentum=0.9",
                "NetShare's code: penalty at made series, batch norm of the last batch"),
    WEIR_END};

/* ---- Fit --------------------------------------------------------------------------------------*/

static nn_doppelganger_settings settings_of(const struct options *o, uint32_t length)
{
    return (nn_doppelganger_settings){.length = length,
                                      .sample_len =
                                          o->sample_len ? o->sample_len : (length + 49) / 50,
                                      .attribute_noise = o->attribute_noise,
                                      .feature_noise = o->feature_noise,
                                      .attribute_layers = o->attribute_layers,
                                      .attribute_width = o->attribute_width,
                                      .lstm = o->lstm,
                                      .critic_layers = o->critic_layers,
                                      .critic_width = o->critic_width,
                                      .momentum = o->momentum,
                                      .batch = o->batch,
                                      .critic_steps = o->critic_steps,
                                      .generator_steps = o->generator_steps,
                                      .rate = o->learning_rate,
                                      .beta1 = o->beta1,
                                      .beta2 = o->beta2,
                                      .penalty = o->penalty,
                                      .attribute_weight = o->attribute_weight,
                                      .mixing = o->mixing ? NN_MIXING_ONE : NN_MIXING_UNIFORM,
                                      .ema = o->ema,
                                      .privacy = {o->noise, o->epsilon, o->delta, o->clip}};
}

static int checkpoint(void *context, int64_t step)
{
    const struct training *t = context;

    return weir_checkpoint(t->job, t->model, step);
}

static int new_network(weir_job *job, struct model *m)
{
    const struct options *o = weir_options(job);
    nn_doppelganger_settings settings = settings_of(o, m->length);
    weir_layout attributes, features;

    if (layouts(job, m, &attributes, &features) != WEIR_OK)
        return weir_job_error(job)->status;
    m->net = nn_doppelganger_new(job, &settings, &attributes, &features);
    return m->net ? WEIR_OK : weir_job_error(job)->status;
}

static int fit(weir_job *job, const weir_dataset *train, void *model)
{
    const struct options *o = weir_options(job);
    struct model *m = model;
    struct training t;
    bool private = o->noise > 0 || o->epsilon > 0;
    int status = learn(job, train, m, &t);

    if (status != WEIR_OK)
        return status;
    if (private) {
        m->counts = NULL;
        weir_log(job, "the epsilon is that of the training; labels, ranges, choices, the greatest "
                      "length and the number of series are taken from the data as they are");
    }
    /* what a checkpoint brought is the network to go on with */
    if (!m->net && new_network(job, m) != WEIR_OK)
        return weir_job_error(job)->status;
    nn_doppelganger_training training = {
        .data = {(uint32_t)m->series, &t, give_attributes, give_features},
        .steps = o->steps
                     ? o->steps
                     : nn_doppelganger_steps(nn_doppelganger_about(m->net), m->series, o->epochs),
        .checkpoint = checkpoint};
    return nn_doppelganger_train(job, m->net, &training);
}

/* ---- Archive ----------------------------------------------------------------------------------*/

static int save(weir_job *job, const void *model, weir_archive *to)
{
    const struct model *m = model;
    uint64_t labels = label_count(m), ranges[] = {m->channel_count, 2},
             choices[] = {m->channel_count, MOST_CHOICES};
    float range[WEIR_MAX_CHANNELS][2], values[WEIR_MAX_CHANNELS][MOST_CHOICES];
    uint32_t kinds[WEIR_MAX_CHANNELS][2];
    int status = weir_put_table(to, "labels", m->labels);

    for (uint32_t c = 0; c < m->channel_count; c++) {
        const struct channel *channel = &m->channels[c];
        range[c][0] = channel->low;
        range[c][1] = channel->high;
        kinds[c][0] = channel->choices;
        kinds[c][1] = channel->whole;
        memcpy(values[c], channel->values, sizeof values[c]);
    }
#define THEN(call)                                                                                 \
    if (status == WEIR_OK)                                                                         \
        status = (call);
    THEN(weir_put_number(to, "series", (double)m->series))
    THEN(weir_put_number(to, "length", m->length))
    THEN(weir_put_number(to, "by_series", m->by_series))
    THEN(weir_put_number(to, "logarithmic", m->logarithmic))
    THEN(weir_put_number(to, "counted", m->counts != NULL))
    if (m->counts)
        THEN(weir_put_array(to, "counts", WEIR_U64, 1, &labels, m->counts))
    THEN(weir_put_array(to, "ranges", WEIR_F32, 2, ranges, range))
    THEN(weir_put_array(to, "kinds", WEIR_U32, 2, ranges, kinds))
    THEN(weir_put_array(to, "choices", WEIR_F32, 2, choices, values))
    THEN(nn_doppelganger_put(job, to, m->net, "net", false))
#undef THEN
    return status;
}

static int load_channels(weir_job *job, struct model *m, const weir_archive *from)
{
    uint64_t pairs[] = {m->channel_count, 2}, many[] = {m->channel_count, MOST_CHOICES};
    const float *ranges = weir_get_array(from, "ranges", WEIR_F32, 2, pairs);
    const uint32_t *kinds = weir_get_array(from, "kinds", WEIR_U32, 2, pairs);
    const float *choices = weir_get_array(from, "choices", WEIR_F32, 2, many);

    if (!ranges || !kinds || !choices)
        return weir_job_error(job)->status;
    for (uint32_t c = 0; c < m->channel_count; c++) {
        struct channel *channel = &m->channels[c];
        *channel = (struct channel){.low = ranges[2 * c],
                                    .high = ranges[2 * c + 1],
                                    .choices = kinds[2 * c],
                                    .whole = kinds[2 * c + 1]};
        memcpy(channel->values, choices + c * MOST_CHOICES, sizeof channel->values);
        if (!(channel->low <= channel->high) || channel->choices > MOST_CHOICES)
            return weir_fail(job, WEIR_EDATA, "channel %u: a range of %g to %g, %u choices", c,
                             (double)channel->low, (double)channel->high, channel->choices);
    }
    return WEIR_OK;
}

static int load_counts(weir_job *job, struct model *m, const weir_archive *from)
{
    uint64_t labels = label_count(m), sum = 0;
    const uint64_t *counts = weir_get_array(from, "counts", WEIR_U64, 1, &labels);

    m->counts = counts ? weir_alloc(job, labels, sizeof *counts) : NULL;
    if (!m->counts)
        return weir_job_error(job)->status;
    memcpy(m->counts, counts, labels * sizeof *counts);
    for (uint64_t i = 0; i < labels; i++)
        sum += counts[i] <= m->series ? counts[i] : m->series + 1;
    if (sum != m->series)
        return weir_fail(job, WEIR_EDATA, "the labels' counts do not sum to %llu series",
                         (unsigned long long)m->series);
    return WEIR_OK;
}

/* Whether the network makes what these channels and labels need. */
static int check_widths(weir_job *job, const struct model *m)
{
    weir_layout attributes, features;

    if (layouts(job, m, &attributes, &features) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!nn_doppelganger_suits(m->net, m->length, &attributes, &features))
        return weir_fail(job, WEIR_EDATA, "the network does not fit the channels and labels");
    return WEIR_OK;
}

static int load(weir_job *job, void *model, const weir_archive *from)
{
    struct model *m = model;
    double series, length, by_series, logarithmic, counted;

    m->labels = weir_get_table(from, "labels");
    if (!m->labels || weir_get_number(from, "series", &series) != WEIR_OK ||
        weir_get_number(from, "length", &length) != WEIR_OK ||
        weir_get_number(from, "by_series", &by_series) != WEIR_OK ||
        weir_get_number(from, "logarithmic", &logarithmic) != WEIR_OK ||
        weir_get_number(from, "counted", &counted) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!weir_table_series(m->labels) || !(series >= 1 && series < 4294967295.) ||
        !(length >= 1 && length <= weir_table_series(m->labels)->steps) || label_count(m) == 0)
        return weir_fail(job, WEIR_EDATA, "the model of %g series of %g steps is damaged", series,
                         length);
    m->channel_count = weir_table_series(m->labels)->channels;
    m->series = (uint64_t)series;
    m->length = (uint32_t)length;
    m->by_series = by_series != 0;
    m->logarithmic = logarithmic != 0;
    if (load_channels(job, m, from) != WEIR_OK ||
        (counted != 0 && load_counts(job, m, from) != WEIR_OK))
        return weir_job_error(job)->status;
    m->net = nn_doppelganger_get(job, from, "net");
    return m->net ? check_widths(job, m) : weir_job_error(job)->status;
}

static void drop(weir_job *job, void *model)
{
    struct model *m = model;

    (void)job;
    nn_doppelganger_free(m->net);
    weir_table_free(m->owned);
}

WEIR_GENERATOR(doppelganger, .summary = "DoppelGANger: a GAN of labelled series with an LSTM",
               .reference = "Lin, Jain, Wang, Fanti, Sekar, Using GANs for Sharing Networked Time "
                            "Series Data, IMC 2020",
               .options = options, .options_size = sizeof(struct options),
               .state_size = sizeof(struct model), .accepts = WEIR_SERIES,
               .produces = WEIR_SERIES | WEIR_LABELS, .fit = fit, .sample = sample, .save = save,
               .load = load, .free = drop);
