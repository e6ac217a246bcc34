/* gasf_diffusion: class-conditional diffusion on images of series (NetDiffus). This file: the
 * descriptor, the options, the model in an archive. */
#include <math.h>
#include <string.h>

#include "model.h"

static const weir_option options[] = {
    WEIR_INT(struct options, dimension, 2, 1, 2, "2: images of series; 1: the series themselves"),
    WEIR_INT(struct options, side, 32, 4, 512, "pixels of a side of the images"),
    WEIR_INT(struct options, length, 0, 0, 1048576,
             "steps of a series that are used, longer ones cut; 0: of the longest; packets: 32"),
    WEIR_REAL(struct options, gamma, 0.25, 0.01, 10, "exponent of the images' gamma correction"),
    WEIR_INT(struct options, passes, 6, 0, 16,
             "of reading a series off its whole image; 0: off the diagonal alone"),
    WEIR_CHOICE(
        struct options, scale, "linear|log",
        "of channels of three orders of magnitude and more: values, or log(1 + value / least)"),
    WEIR_INT(struct options, width, 32, 4, 1024, "channels of the network's first level"),
    WEIR_LIST(struct options, multiples, "1,2,4",
              "of the width, one a level; levels whose images would be too small are left out"),
    WEIR_INT(struct options, blocks, 1, 1, MOST_BLOCKS, "residual blocks a level"),
    WEIR_LIST(struct options, attention, "8", "sides of the images that have attention"),
    WEIR_INT(struct options, heads, 4, 1, 64, "of attention"),
    WEIR_REAL(struct options, dropout, 0, 0, 0.9, "in the residual blocks"),
    WEIR_CHOICE(struct options, schedule, "linear|cosine", "how noise grows over the steps"),
    WEIR_INT(struct options, diffusion_steps, 1000, 1, 100000, "steps from image to noise"),
    WEIR_REAL(struct options, label_dropout, 0.1, 0, 1,
              "probability that the network is not told the label in training"),
    WEIR_REAL(struct options, guidance, 1, 0, 100,
              "how much labels matter: 0 not at all, 1 as learnt, above 1 more"),
    WEIR_CHOICE(struct options, sampler, "ddpm|ddim", "how an image is drawn"),
    WEIR_CHOICE(struct options, variance, "large|small",
                "of ddpm's fresh noise: beta, or that of the posterior"),
    WEIR_REAL(struct options, eta, 0, 0, 1,
              "fresh noise of ddim: 0 none, 1 as much as ddpm, small"),
    WEIR_INT(struct options, sampling_steps, 0, 0, 100000, "of them in sampling; 0: all"),
    WEIR_INT(struct options, batch, 16, 1, 65536, "series a training step"),
    WEIR_INT(struct options, steps, 20000, 1, 1000000000, "training steps"),
    WEIR_CHOICE(struct options, predict, "noise|velocity", "what the network tells of an image"),
    WEIR_CHOICE(struct options, decay, "none|cosine",
                "of the learning rate: along half a cosine to 0 at the last step"),
    WEIR_INT(struct options, warmup, 0, 0, 1000000000,
             "first steps, over which the learning rate rises"),
    WEIR_REAL(struct options, learning_rate, 3e-4, 1e-12, 1e3, "of AdamW"),
    WEIR_REAL(struct options, weight_decay, 0, 0, 1, "of AdamW"),
    WEIR_REAL(struct options, clip, 1, 0, 1e9, "largest norm of the gradient; 0: any"),
    WEIR_REAL(struct options, ema, 0.999, 0, 0.9999999, "decay of the averaged weights"),
    WEIR_PRESET("tiny",
                "side=8 width=8 multiples=1,2 attention=4 batch=8 diffusion_steps=50 steps=20 "
                "learning_rate=2e-3 ema=0.8 sampler=ddim sampling_steps=5",
                "for the checks"),
    WEIR_PRESET("quick",
                "side=16 width=16 multiples=1,2,2 attention=4 steps=7000 learning_rate=2e-3 "
                "warmup=200 decay=cosine ema=0.998 schedule=cosine predict=velocity sampler=ddim "
                "eta=1 sampling_steps=50",
                "about two minutes with one thread"),
    WEIR_PRESET("published",
                "side=64 passes=0 width=128 multiples=1,1,2,3,4 blocks=2 attention=16,8 batch=128 "
                "learning_rate=1e-4 clip=0 ema=0.9999 label_dropout=0 steps=100000",
                "NetDiffus: five levels, 1000 linear steps; for a GPU"),
    WEIR_END};

static const weir_role roles[] = {{"images", "gasf", "side=$side gamma=$gamma passes=$passes",
                                   "series as images; not used with dimension = 1"},
                                  {NULL, NULL, NULL, NULL}};

/* ---- Archive ----------------------------------------------------------------------------------*/

enum { RANGES = 4, FACTS = 3 };

static int put_flows(const struct model *m, weir_archive *to)
{
    uint64_t flows = weir_table_rows(m->flows), two = 2;
    int status = weir_put_table(to, "flows", m->flows);

    if (status == WEIR_OK)
        status = weir_put_array(to, "counts", WEIR_U32, 1, &flows, m->counts);
    return status == WEIR_OK ? weir_put_array(to, "span", WEIR_I64, 1, &two, m->span) : status;
}

static int put_channels(const struct model *m, weir_archive *to)
{
    uint64_t ranges[] = {m->channel_count, RANGES}, facts[] = {m->channel_count, FACTS},
             choices[] = {m->channel_count, MOST_CHOICES};
    float range[WEIR_MAX_CHANNELS][RANGES], values[WEIR_MAX_CHANNELS][MOST_CHOICES];
    uint32_t fact[WEIR_MAX_CHANNELS][FACTS];
    int status;

    for (uint32_t c = 0; c < m->channel_count; c++) {
        const struct channel *channel = &m->channels[c];
        range[c][0] = channel->low;
        range[c][1] = channel->high;
        range[c][2] = channel->largest;
        range[c][3] = channel->least;
        fact[c][0] = channel->direction;
        fact[c][1] = channel->whole;
        fact[c][2] = channel->choices;
        memcpy(values[c], channel->values, sizeof values[c]);
    }
    status = weir_put_array(to, "ranges", WEIR_F32, 2, ranges, range);
    if (status == WEIR_OK)
        status = weir_put_array(to, "facts", WEIR_U32, 2, facts, fact);
    return status == WEIR_OK ? weir_put_array(to, "choices", WEIR_F32, 2, choices, values) : status;
}

static int save(weir_job *job, const void *model, weir_archive *to)
{
    const struct model *m = model;
    uint64_t drawn[] = {m->series, 2};
    int64_t side = m->design.line ? 0 : m->design.height;
    int status = weir_put_table(to, "labels", m->labels);

    if (status == WEIR_OK)
        status = weir_put_number(to, "side", (double)side);
    if (status == WEIR_OK)
        status = weir_put_number(to, "unfinished", m->unfinished);
    if (status == WEIR_OK)
        status = weir_put_array(to, "drawn", WEIR_U32, 2, drawn, m->drawn);
    if (status == WEIR_OK)
        status = put_channels(m, to);
    if (status == WEIR_OK)
        status = weir_put_number(to, "packets", m->flows != NULL);
    if (status == WEIR_OK && m->flows)
        status = put_flows(m, to);
    return status == WEIR_OK ? nn_put(job, to, m->graph, m->unfinished ? "" : "net.", "net")
                             : status;
}

static int load_channels(weir_job *job, struct model *m, const weir_archive *from)
{
    uint64_t ranges[] = {m->channel_count, RANGES}, facts[] = {m->channel_count, FACTS},
             choices[] = {m->channel_count, MOST_CHOICES};
    const float *range = weir_get_array(from, "ranges", WEIR_F32, 2, ranges);
    const uint32_t *fact = weir_get_array(from, "facts", WEIR_U32, 2, facts);
    const float *values = weir_get_array(from, "choices", WEIR_F32, 2, choices);

    if (!range || !fact || !values)
        return weir_job_error(job)->status;
    for (uint32_t c = 0; c < m->channel_count; c++) {
        struct channel *channel = &m->channels[c];
        *channel = (struct channel){.low = range[RANGES * c],
                                    .high = range[RANGES * c + 1],
                                    .largest = range[RANGES * c + 2],
                                    .least = range[RANGES * c + 3],
                                    .direction = fact[FACTS * c],
                                    .whole = fact[FACTS * c + 1],
                                    .choices = fact[FACTS * c + 2]};
        memcpy(channel->values, values + c * MOST_CHOICES, sizeof channel->values);
        if (!(channel->low <= channel->high) || channel->choices > MOST_CHOICES)
            return weir_fail(job, WEIR_EDATA, "channel %u: a range of %g to %g, %u choices", c,
                             (double)channel->low, (double)channel->high, channel->choices);
    }
    return WEIR_OK;
}

static int load_drawn(weir_job *job, struct model *m, const weir_archive *from)
{
    uint64_t shape[] = {0, 2};
    uint32_t labels = label_count(m);

    m->drawn = weir_get_array(from, "drawn", WEIR_U32, 2, shape);
    if (!m->drawn)
        return weir_job_error(job)->status;
    m->series = shape[0];
    for (uint64_t i = 0; i < m->series; i++)
        if (m->drawn[2 * i] >= labels || m->drawn[2 * i + 1] < 1 || m->drawn[2 * i + 1] > m->steps)
            return weir_fail(
                job, WEIR_EDATA, "training series %llu: label %u of %u, length %u of %u",
                (unsigned long long)i, m->drawn[2 * i], labels, m->drawn[2 * i + 1], m->steps);
    return m->series ? WEIR_OK : weir_fail(job, WEIR_EDATA, "the model knows of no series");
}

static int load_flows(weir_job *job, struct model *m, const weir_archive *from)
{
    uint64_t flows, two = 2;
    const int64_t *span = weir_get_array(from, "span", WEIR_I64, 1, &two);

    m->flows = span ? weir_get_table(from, "flows") : NULL;
    if (!m->flows)
        return weir_job_error(job)->status;
    memcpy(m->span, span, sizeof m->span);
    flows = weir_table_rows(m->flows);
    m->counts = weir_get_array(from, "counts", WEIR_U32, 1, &flows);
    if (!m->counts)
        return weir_job_error(job)->status;
    if (weir_table_schema(m->flows) != WEIR_PACKETS || m->channel_count != 3 || flows == 0)
        return weir_fail(job, WEIR_EDATA, "the model of %llu flows and %u channels is damaged",
                         (unsigned long long)flows, m->channel_count);
    for (uint64_t i = 0; i < flows; i++) {
        int64_t start = weir_i64(m->flows, "time")[i];
        if (m->counts[i] < 1 || start > m->span[1] ||
            start < (i ? weir_i64(m->flows, "time")[i - 1] : m->span[0]))
            return weir_fail(job, WEIR_EDATA,
                             "flow %llu of the model has %u packets or is out of order",
                             (unsigned long long)i, m->counts[i]);
    }
    return WEIR_OK;
}

/* A graph that has the weights' names, for what an archive holds. */
static int new_graph(weir_job *job, struct model *m)
{
    const struct design *d = &m->design;
    nn_graph *g = m->graph = nn_graph_for(job);
    const int64_t one[] = {1}, image[] = {1, d->height, d->width, d->channels};

    if (!g)
        return weir_job_error(job)->status;
    nn_training(g, false);
    unet(d, nn_input(g, "image", 4, image), nn_input(g, "level", 1, one),
         nn_input(g, "label", 1, one), nn_input(g, "length", 1, one));
    return nn_report(job, g);
}

static int load(weir_job *job, void *model, const weir_archive *from)
{
    const struct options *o = weir_options(job);
    struct model *m = model;
    double side, unfinished, packets;
    int status;

    m->from = from;
    m->labels = weir_get_table(from, "labels");
    if (!m->labels || weir_get_number(from, "side", &side) != WEIR_OK ||
        weir_get_number(from, "packets", &packets) != WEIR_OK ||
        weir_get_number(from, "unfinished", &unfinished) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!weir_table_series(m->labels) || !(side >= 0 && side <= 65536) ||
        (side >= 2) != (o->dimension == 2))
        return weir_fail(job, WEIR_EDATA, "a model of images of side %g, for dimension %lld", side,
                         (long long)o->dimension);
    m->channel_count = weir_table_series(m->labels)->channels;
    m->steps = weir_table_series(m->labels)->steps;
    m->logarithmic = o->scale == LOGARITHMIC;
    status = load_drawn(job, m, from);
    if (status == WEIR_OK)
        status = load_channels(job, m, from);
    if (status == WEIR_OK && packets != 0)
        status = load_flows(job, m, from);
    if (status == WEIR_OK)
        status = plan(job, m, o->dimension == 2 ? (int64_t)side : o->side);
    if (status == WEIR_OK)
        status = new_graph(job, m);
    if (status == WEIR_OK && unfinished != 0)
        nn_ema(m->graph, "net.", o->ema);
    if (status == WEIR_OK)
        status = nn_get(job, from, m->graph, "", "net");
    if (status == WEIR_OK && unfinished != 0)
        nn_ema_swap(m->graph, "net.");
    return status == WEIR_OK ? nn_report(job, m->graph) : status;
}

static void drop(weir_job *job, void *model)
{
    struct model *m = model;

    (void)job;
    nn_graph_free(m->graph);
    weir_table_free(m->owned);
    weir_table_free(m->owned_flows);
}

WEIR_GENERATOR(
    gasf_diffusion, .summary = "Class-conditional diffusion on images of series",
    .reference = "Sivaroopan, Bandara, Madarasingha, Jourjon, Jayasumana, Thilakarathna, "
                 "NetDiffus, 2023; Ho, Jain, Abbeel, DDPM, NeurIPS 2020",
    .options = options, .options_size = sizeof(struct options), .state_size = sizeof(struct model),
    .accepts = WEIR_SERIES | WEIR_PACKETS,
    .produces = WEIR_SERIES | WEIR_LABELS | WEIR_TIMESTAMPS | WEIR_FLOWS, .encoders = roles,
    .fit = fit, .sample = sample, .save = save, .load = load, .free = drop);
