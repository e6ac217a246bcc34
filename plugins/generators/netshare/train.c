/* Training the network of one chunk: batches on demand from ragged storage, public pre-training,
 * fine-tuning from the seed chunk. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "netshare.h"

/* What the network's callbacks read. */
struct source {
    weir_job *job;
    const struct chunks *chunks;
    const struct attributes *attributes;
    struct codec codec;
    struct window windows[MOST_CHUNKS];
    struct piece *pieces;
    size_t count;
    struct bent bent;
    struct model *model;
};

nn_doppelganger_settings netshare_settings(const struct options *o, uint32_t length)
{
    nn_doppelganger_settings s = nn_doppelganger_defaults(length);

    s.sample_len = o->sample_len < length ? o->sample_len : length;
    s.attribute_noise = o->attribute_noise;
    s.feature_noise = o->feature_noise;
    s.attribute_layers = o->attribute_layers;
    s.attribute_width = o->attribute_width;
    s.lstm = o->lstm;
    s.critic_layers = o->critic_layers;
    s.critic_width = o->critic_width;
    s.momentum = o->momentum;
    s.batch = o->batch;
    s.critic_steps = o->critic_steps;
    s.rate = o->rate;
    s.beta1 = o->beta1;
    s.beta2 = o->beta2;
    s.penalty = o->penalty;
    s.attribute_weight = o->attribute_weight;
    s.mixing = o->mixing == MIX_ONE ? NN_MIXING_ONE : NN_MIXING_UNIFORM;
    s.ema = o->ema;
    return s;
}

static int64_t limited(const struct options *o, double epochs, double share, uint64_t sequences)
{
    nn_doppelganger_settings settings = netshare_settings(o, 1);
    int64_t steps = nn_doppelganger_steps(&settings, sequences, epochs);
    int64_t most = (int64_t)ceil((double)o->max_steps * share);

    return o->max_steps > 0 && steps > most ? most : steps;
}

int64_t netshare_steps(const struct options *o, const struct model *model, uint32_t c, bool seed)
{
    double share = seed || o->scratch ? 1 : o->fine_tune;

    return limited(o, (double)o->epochs * share, share, model->tallies[c].pieces);
}

/* ---- Batches ---------------------------------------------------------------------------------*/

static int give_attributes(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    struct source *s = context;

    return netshare_encode_attributes(s->job, s->attributes, s->chunks, s->windows, s->pieces, rows,
                                      n, out);
}

static int give_features(void *context, const uint32_t *rows, size_t n, nn_real *out,
                         uint32_t *lengths)
{
    struct source *s = context;

    for (size_t i = 0; i < n; i++) {
        const struct piece *piece = &s->pieces[rows[i]];

        netshare_encode_piece(&s->codec, s->chunks, piece,
                              out + i * s->model->length * s->codec.width, &s->bent);
        lengths[i] = piece->count;
    }
    return WEIR_OK;
}

static int make_checkpoint(void *context, int64_t step)
{
    struct source *s = context;

    return weir_checkpoint(s->job, s->model, step);
}

/* Counts over all pieces once, so that what is bent is said once. */
static int look_over(struct source *s)
{
    struct bent bent;
    nn_real *room = malloc((size_t)s->model->length * s->codec.width * sizeof *room);

    if (!room)
        return weir_error_memory(weir_job_error(s->job), s->model->length * s->codec.width,
                                 "the packets of a piece");
    for (size_t i = 0; i < s->count; i++) {
        netshare_encode_piece(&s->codec, s->chunks, &s->pieces[i], room, &s->bent);
        if (i % 4096 == 4095 && weir_progress(s->job, 0, 0) != WEIR_OK)
            break;
    }
    free(room);
    bent = s->bent;
    if (bent.negative)
        weir_log(s->job, "%llu values that are negative or not finite were learnt as 0",
                 (unsigned long long)bent.negative);
    if (bent.unseen)
        weir_log(s->job,
                 "%llu classes are not in the dictionary and were learnt as any of its classes",
                 (unsigned long long)bent.unseen);
    if (bent.outside)
        weir_log(s->job, "%llu values outside the range were learnt as its nearest bound",
                 (unsigned long long)bent.outside);
    return weir_job_error(s->job)->status;
}

/* ---- Training --------------------------------------------------------------------------------*/

/* Whether this part begins with the public trace. */
static bool goes_public(weir_job *job, const struct options *o)
{
    return o->public_trace && o->public_epochs > 0 && (weir_part(job) == 0 || o->scratch);
}

/* All pieces of a trace, or those of one chunk. */
static int fill_source(weir_job *job, const struct chunks *chunks, uint32_t from, uint32_t to,
                       const struct attributes *attributes, struct model *model, struct source *s)
{
    const struct options *o = weir_options(job);
    int status = WEIR_OK;

    *s = (struct source){.job = job,
                         .chunks = chunks,
                         .attributes = attributes,
                         .codec = model->codec,
                         .model = model};
    netshare_scale_gaps(&s->codec, model->parts[0].most_gap);
    for (uint32_t c = from; c < to && status == WEIR_OK; c++) {
        struct tally tally;

        s->windows[c] = netshare_window(job, chunks, c, o->timestamps == TIMES_PUBLISHED);
        status = netshare_pieces(job, chunks, c, model->length, model->privacy.private, &s->pieces,
                                 &s->count, &tally);
        if (tally.lost)
            weir_log(job,
                     "chunk %u: %llu packets are left out: where the fit is private, a flow gives "
                     "one piece a chunk",
                     c, (unsigned long long)tally.lost);
    }
    return status == WEIR_OK ? look_over(s) : status;
}

/* A training of the part's network: on the public trace, or on the chunk. */
struct stage {
    nn_doppelganger_settings settings;
    weir_layout features;
    const nn_doppelganger *from;
    int64_t before, steps, total; /* made before this one; of this one; of the part */
    double share;                 /* of the whole fit, by which it is due to end */
};

static int train(struct source *s, struct model *model, const struct stage *stage, int64_t *made)
{
    struct part *part = &model->parts[0];
    nn_doppelganger *begun = weir_resumed(s->job) > stage->before ? part->network : NULL;
    nn_doppelganger_training training = {
        .data = {.count = (uint32_t)s->count,
                 .context = s,
                 .attributes = give_attributes,
                 .features = give_features},
        .steps = stage->steps,
        .from = stage->from,
        .before = stage->before,
        .total = stage->total,
        .share = stage->share,
        .made = made,
        .checkpoint = make_checkpoint,
    };

    if (s->count > UINT32_MAX)
        return weir_fail(s->job, WEIR_EDATA, "%zu pieces of flows are too many", s->count);
    if (!begun)
        part->network =
            nn_doppelganger_new(s->job, &stage->settings, &s->attributes->layout, &stage->features);
    return part->network ? nn_doppelganger_train(s->job, part->network, &training)
                         : (int)weir_job_error(s->job)->status;
}

/* Steps of all parts together. */
static double all_steps(const struct options *o, const struct model *model, int64_t public)
{
    double all = 0;
    bool seed = true;

    for (uint32_t c = 0; c < model->chunks; c++)
        if (model->tallies[c].pieces > 0) {
            all += (double)netshare_steps(o, model, c, seed);
            all += seed || o->scratch ? (double)public : 0;
            seed = false;
        }
    return all;
}

/* A column that the public trace lacks would be learnt as zeros. */
static int check_columns(weir_job *job, const struct model *model, const weir_dataset *public)
{
    for (uint32_t i = 1; i < model->codec.count; i++) {
        const struct feature *feature = &model->codec.features[i];

        if (!weir_table_read(weir_dataset_table(public), feature->name, feature->type))
            return weir_fail(job, WEIR_EDATA,
                             "the public trace has no column '%s', which the training set has",
                             feature->name);
    }
    return WEIR_OK;
}

/* The public trace, without noise. The network that it leaves is the model's until the next one is
 * made. */
static int train_public(weir_job *job, const struct attributes *attributes, struct model *model,
                        struct stage *stage)
{
    const struct options *o = weir_options(job);
    struct source source = {0};
    struct chunks chunks;
    struct tally tally;
    uint64_t pieces = 0;
    int64_t made = 0, steps = stage->steps;
    double all;
    int status = check_columns(job, model, o->public_trace);

    if (status == WEIR_OK)
        status = netshare_cut(job, o->public_trace, model->chunks, &chunks);
    for (uint32_t c = 0; c < model->chunks && status == WEIR_OK; c++) {
        status = netshare_pieces(job, &chunks, c, model->length, model->privacy.private, NULL, NULL,
                                 &tally);
        pieces += tally.pieces;
    }
    stage->steps = limited(o, (double)o->public_epochs, 1, pieces);
    stage->total = stage->steps + steps;
    all = all_steps(o, model, stage->steps);
    stage->share = (double)stage->steps / all;
    if (status == WEIR_OK && model->public_steps == 0) {
        status = fill_source(job, &chunks, 0, model->chunks, attributes, model, &source);
        if (status == WEIR_OK)
            status = train(&source, model, stage, &made);
        model->public_steps = made;
    }
    free(source.pieces);
    stage->share = (double)stage->total / all;
    stage->steps = steps;
    stage->before = model->public_steps;
    return status;
}

int netshare_train(weir_job *job, const struct chunks *chunks, uint32_t c, struct model *model)
{
    const struct options *o = weir_options(job);
    const struct model *base = weir_part_base(job);
    struct stage stage = {
        .settings = netshare_settings(o, model->length),
        .features = {model->codec.width, model->codec.count, model->codec.segments},
        .steps = netshare_steps(o, model, c, !base),
    };
    nn_doppelganger *public = NULL;
    struct attributes attributes;
    struct source source = {0};
    int status = netshare_open_attributes(job, model->tags ? model->chunks : 0, &attributes);

    if (status == WEIR_OK)
        status = netshare_check_networks(job, model, &attributes);
    stage.share = (double)stage.steps / all_steps(o, model, 0);
    stage.from = base && !o->scratch ? base->parts[0].network : NULL;
    if (status == WEIR_OK && goes_public(job, o)) {
        status = train_public(job, &attributes, model, &stage);
        if (status == WEIR_OK && weir_resumed(job) <= stage.before) {
            stage.from = public = model->parts[0].network;
            model->parts[0].network = NULL;
        }
    }
    if (model->privacy.private)
        stage.settings.privacy = (nn_doppelganger_privacy){
            .noise = model->privacy.noise, .delta = o->delta, .clip = o->clip};
    if (status == WEIR_OK)
        status = fill_source(job, chunks, c, c + 1, &attributes, model, &source);
    if (status == WEIR_OK)
        status = train(&source, model, &stage, NULL);
    nn_doppelganger_free(public);
    free(source.pieces);
    return status;
}
