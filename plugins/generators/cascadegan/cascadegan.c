/* cascadegan: a 5-tuple, a series and packets, each by a generator that knows what came before.
 * This file: options, presets, the descriptor, the model's shape and the model in an archive. */
#include <math.h>
#include <string.h>

#include "calibrate.h"
#include "train.h"

/* What the published runs share beyond the defaults. */
#define PUBLISHED "conditions_from=real conform=false calibrate=false "

static const weir_option options[] = {
    WEIR_INT(struct cascade_options, steps, 200, 1, 10000, "steps of a series"),
    WEIR_INT(struct cascade_options, sample_len, 5, 1, 10000,
             "steps of the series (packets, for the fields) that one step of an LSTM makes"),
    WEIR_INT(struct cascade_options, window, 11, 1, 1001,
             "steps of the series around a packet's that the field network sees; odd"),
    WEIR_BOOL(struct cascade_options, zero_inflation, true,
              "a pair of values of the series says whether a step is empty"),
    WEIR_BOOL(struct cascade_options, adjust, true,
              "a flow's series begins with its first packet, not with the trace"),
    WEIR_LIST(struct cascade_options, conditions,
              "packets,duration,active,peak,mean,deviation,gap,start,end",
              "what the generators are told of a flow"),
    WEIR_CHOICE(struct cascade_options, conditions_from, "generated|bootstrap|real|given",
                "where conditions come from when sampling: a network, the training flows' "
                "smoothed, theirs in order, or `given` and `weights`"),
    WEIR_FILE(struct cascade_options, given, "a CSV of conditions, one row a flow"),
    WEIR_TEXT(struct cascade_options, weights, "",
              "shares of classes of flows, \"elephants=0.2,long=0.5\""),
    WEIR_REAL(struct cascade_options, smoothing, 0.05, 0, 1, "of bootstrap conditions"),
    WEIR_CHOICE(struct cascade_options, rate_backbone, "lstm|mlp", "network of the series"),
    WEIR_CHOICE(struct cascade_options, field_backbone, "mlp|lstm",
                "network of the fields: of a packet, or of a step's packets one after another"),
    WEIR_INT(struct cascade_options, bin_packets, 2000, 1, 100000,
             "most packets of a step that an LSTM of fields is trained with"),
    WEIR_CHOICE(struct cascade_options, timestamps, "ml|equidistant|sub_period",
                "a packet's place in its step: from the field network, evenly spread, or spread "
                "around the series' median"),
    WEIR_BOOL(struct cascade_options, conform, true,
              "a sampled series is made to agree with its condition"),
    WEIR_INT(struct cascade_options, width, 512, 1, 8192, "units of a generator's layer"),
    WEIR_INT(struct cascade_options, critic_width, 512, 1, 8192, "units of a critic's layer"),
    WEIR_INT(struct cascade_options, critic_layers, 4, 1, 16, "layers of a critic but the last"),
    WEIR_INT(struct cascade_options, noise, 100, 1, 4096, "random numbers a generator gets"),
    WEIR_INT(struct cascade_options, batch, 128, 2, 65536, "examples of a training step"),
    WEIR_INT(struct cascade_options, critic_steps, 5, 1, 100,
             "steps of a critic for one of its generator"),
    WEIR_REAL(struct cascade_options, learning_rate, 1e-4, 1e-9, 1e9, "of Adam"),
    WEIR_REAL(struct cascade_options, beta1, 0.9, 0, 0.9999, "of Adam"),
    WEIR_REAL(struct cascade_options, beta2, 0.999, 0, 0.999999, "of Adam"),
    WEIR_REAL(struct cascade_options, penalty, 10, 0, 1e6, "weight of the gradient penalty"),
    WEIR_CHOICE(struct cascade_options, penalty_over, "outputs|inputs",
                "the penalty's gradient is that by what the network made (the published code), or "
                "by all that the critic sees (the paper)"),
    WEIR_REAL(struct cascade_options, alpha, 1, 0, 1e6, "weight of the flow loss, jointly"),
    WEIR_REAL(struct cascade_options, beta, 1, 0, 1e6, "weight of the rate loss, jointly"),
    WEIR_INT(struct cascade_options, epochs_condition, 200, 0, 1000000,
             "passes over the flows that train the condition network, if there is one"),
    WEIR_INT(struct cascade_options, epochs_flow, 200, 0, 1000000, "passes over the flows"),
    WEIR_INT(struct cascade_options, epochs_rate, 200, 0, 1000000, "passes over the flows"),
    WEIR_INT(struct cascade_options, epochs_field, 20, 0, 1000000, "passes over the packets"),
    WEIR_INT(struct cascade_options, epochs_joint, 20, 0, 1000000,
             "passes over the flows that train all three together"),
    WEIR_INT(struct cascade_options, least_epoch, 0, 0, 1000000,
             "steps that an epoch counts as at least: of few flows, several passes are one"),
    WEIR_INT(struct cascade_options, most_steps, 0, 0, 1e15,
             "most training steps of a stage; 0: as the epochs say"),
    WEIR_REAL(struct cascade_options, ema, 0, 0, 0.999999, "decay of averaged weights; 0: none"),
    WEIR_REAL(struct cascade_options, flow_weight, 0, 0, 1,
              "flows are drawn by their number of packets to this power when the flow network is "
              "trained; 0: each alike, as published"),
    WEIR_BOOL(struct cascade_options, calibrate, true,
              "numbers of tuples and fields are brought to their training distributions"),
    WEIR_REAL(struct cascade_options, gumbel, 0, 0, 10,
              "temperature at which bits and categories of tuples and fields are drawn; 0: soft "
              "values, as published"),
    WEIR_CHOICE(struct cascade_options, ranges, "fixed|learnt|ranks",
                "scale of the fields: see record_fields"),
    WEIR_PRESET("caida",
                PUBLISHED "steps=200 epochs_flow=200 epochs_rate=200 epochs_field=20 "
                          "epochs_joint=20",
                "as published for CAIDA"),
    WEIR_PRESET("dc",
                PUBLISHED "steps=100 epochs_flow=400 epochs_rate=400 epochs_field=20 "
                          "epochs_joint=28",
                "as published for the data centre"),
    WEIR_PRESET("ca",
                PUBLISHED "steps=20 epochs_flow=40 epochs_rate=40 epochs_field=20 "
                          "epochs_joint=4",
                "as published for the cyber attacks"),
    WEIR_PRESET("ton_iot",
                PUBLISHED "steps=200 epochs_flow=4000 epochs_rate=4000 epochs_field=100 "
                          "epochs_joint=240",
                "as published for TON_IoT"),
    WEIR_PRESET("tiny",
                "steps=20 width=16 critic_width=16 critic_layers=1 noise=4 batch=16 "
                "critic_steps=1 most_steps=5",
                "for tests: two seconds"),
    WEIR_PRESET(
        "quick",
        "steps=200 rate_backbone=mlp width=128 critic_width=128 critic_layers=3 noise=32 batch=64 "
        "critic_steps=3 learning_rate=4e-4 beta1=0.5 beta2=0.9 ema=0.995 gumbel=0.66 ranges=ranks "
        "least_epoch=25 most_steps=5000 flow_weight=0.5 encoders.addresses='ranks "
        "columns=srcip,dstip' "
        "encoders.ports='ranks columns=srcport,dstport,proto'",
        "useful, in two minutes on one core"),
    WEIR_END};

static const weir_role roles[] = {
    [ROLE_CONDITIONS] = {"conditions", "flow_conditions", "steps=$steps conditions=$conditions",
                         "what the generators are told of a flow; per flow"},
    [ROLE_ADDRESSES] = {"addresses", "bits", "output=softmax",
                        "the addresses of a flow's first row"},
    [ROLE_PORTS] = {"ports", "word2vec", "columns=srcport,dstport,proto",
                    "ports and protocol of a flow's first row"},
    [ROLE_SERIES] = {"series", "flow_series",
                     "steps=$steps zero_inflation=$zero_inflation adjust=$adjust",
                     "a flow over time, in equal steps of which each ends with a pair that says "
                     "whether the flow goes on; per flow"},
    [ROLE_FIELDS] = {"fields", "record_fields", "steps=$steps ranges=$ranges",
                     "what a row holds besides, and where in its step it lies"},
    [ROLES] = {0}};

/* ---- Shape ------------------------------------------------------------------------------------*/

static bool per_flow(int role)
{
    return role == ROLE_CONDITIONS || role == ROLE_SERIES;
}

static bool is_pair(const weir_segment *segment)
{
    return segment->activation == WEIR_SOFTMAX && segment->width == 2;
}

/* The series' layout must be the same for every step, with the pairs that the masks need. */
static int check_series(weir_job *job, const weir_layout *layout, struct cascade_model *model)
{
    uint32_t steps = (uint32_t)model->options->steps, count = layout->count / steps;
    uint32_t pairs = model->options->zero_inflation ? 2 : 1;
    bool fits = layout->count % steps == 0 && layout->width % steps == 0 && count > pairs;

    for (uint32_t i = count; fits && i < layout->count; i++)
        fits = layout->segments[i].width == layout->segments[i - count].width &&
               layout->segments[i].activation == layout->segments[i - count].activation;
    for (uint32_t i = 0; fits && i < pairs; i++)
        fits = is_pair(&layout->segments[count - 1 - i]);
    if (!fits)
        return weir_fail(job, WEIR_EDATA,
                         "the encoder in the role 'series' must give %u equal steps, each of some "
                         "values and %u softmax pair%s at its end; its layout has %u values in %u "
                         "segments",
                         steps, pairs, pairs > 1 ? "s" : "", layout->width, layout->count);
    model->steps = steps;
    model->step_width = layout->width / steps;
    model->empty_pair = pairs == 2;
    return WEIR_OK;
}

/* What addresses and ports decode to must be a 5-tuple. */
static int check_tuple(weir_job *job, const struct cascade_model *model)
{
    static const char *const parts[] = {"srcip", "dstip", "srcport", "dstport", "proto"};
    const int roles_of[] = {ROLE_ADDRESSES, ROLE_PORTS};
    weir_table *one = weir_table_new(0, 1, weir_job_error(job));
    int64_t wide = model->addresses > model->ports ? model->addresses : model->ports;
    float *zeros = weir_alloc(job, (size_t)wide, sizeof *zeros);
    int status = one && zeros ? WEIR_OK : (int)weir_job_error(job)->status;

    for (int r = 0; r < 2 && status == WEIR_OK; r++)
        status = weir_decode(model->encoder[roles_of[r]], zeros, 1, one);
    for (int i = 0; i < 5 && status == WEIR_OK; i++)
        if (weir_table_find(one, parts[i]) < 0)
            status = weir_fail(job, WEIR_EOPTION,
                               "the encoders in the roles 'addresses' and 'ports' leave '%s' out; "
                               "they must encode srcip, dstip, srcport, dstport and proto",
                               parts[i]);
    weir_table_free(one);
    return status;
}

int cascade_shape(weir_job *job, const weir_dataset *train, struct cascade_model *model)
{
    int64_t *widths[] = {&model->conditions, &model->addresses, &model->ports, NULL,
                         &model->fields};

    for (int role = 0; role < ROLES; role++) {
        weir_encoder *encoder = weir_encoder_open(job, roles[role].role);
        const weir_layout *layout;
        int status = encoder ? WEIR_OK : (int)weir_job_error(job)->status;

        if (status == WEIR_OK && train)
            status = weir_encoder_fit(encoder, train);
        if (status != WEIR_OK)
            return status;
        if ((weir_encoder_unit(encoder) == WEIR_PER_FLOW) != per_flow(role))
            return weir_fail(job, WEIR_EOPTION, "the encoder in the role '%s' must be one of %s",
                             roles[role].role, per_flow(role) ? "flows" : "rows");
        layout = weir_encoder_layout(encoder);
        if (layout->width < 1)
            return weir_fail(job, WEIR_EDATA, "the encoder in the role '%s' has no values",
                             roles[role].role);
        model->encoder[role] = encoder;
        if (widths[role])
            *widths[role] = layout->width;
    }
    model->tuple = model->addresses + model->ports;
    if (check_tuple(job, model) != WEIR_OK)
        return weir_job_error(job)->status;
    return check_series(job, weir_encoder_layout(model->encoder[ROLE_SERIES]), model);
}

void cascade_pad(const struct cascade_model *model, float *step)
{
    memset(step, 0, (size_t)model->step_width * sizeof *step);
    step[model->step_width - 1] = 1;
}

/* ---- The model in an archive ------------------------------------------------------------------*/

static int save(weir_job *job, const void *model, weir_archive *to)
{
    const struct cascade_model *m = model;
    const int64_t times[] = {m->first, m->last};
    const uint64_t two = 2, four = 4, state[] = {m->stage, m->stage_step, m->order, m->before};

    if (weir_put_table(to, "columns", m->names) != WEIR_OK ||
        weir_put_number(to, "flows", m->flows) != WEIR_OK ||
        weir_put_number(to, "rows", (double)m->rows) != WEIR_OK ||
        weir_put_number(to, "sequence", (double)m->sequence) != WEIR_OK ||
        weir_put_array(to, "times", WEIR_I64, 1, &two, times) != WEIR_OK ||
        weir_put_array(to, "training", WEIR_U64, 1, &four, state) != WEIR_OK ||
        cascade_conditions_save(job, m, to) != WEIR_OK)
        return weir_job_error(job)->status;
    if (cascade_calibration_save(job, m, to) != WEIR_OK)
        return weir_job_error(job)->status;
    return nn_put(job, to, m->graph, m->stage < STAGES ? "" : "generator.", "net");
}

/* A whole number from 1 to most. */
static int get_count(weir_job *job, const weir_archive *from, const char *name, double most,
                     double *value)
{
    if (weir_get_number(from, name, value) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(*value >= 1 && *value <= most) || floor(*value) != *value)
        return weir_fail(job, WEIR_EDATA, "'%s' is %g, must be a whole number from 1 to %g", name,
                         *value, most);
    return WEIR_OK;
}

static int load_numbers(weir_job *job, struct cascade_model *m, const weir_archive *from)
{
    uint64_t two = 2, four = 4;
    const int64_t *times = weir_get_array(from, "times", WEIR_I64, 1, &two);
    const uint64_t *state = weir_get_array(from, "training", WEIR_U64, 1, &four);
    double flows, rows, sequence;

    m->names = weir_get_table(from, "columns");
    if (!times || !state || !m->names || get_count(job, from, "flows", UINT32_MAX, &flows) ||
        get_count(job, from, "rows", UINT32_MAX, &rows) ||
        get_count(job, from, "sequence", (double)m->options->bin_packets, &sequence))
        return weir_job_error(job)->status;
    m->schema = weir_table_schema(m->names);
    if (m->schema != WEIR_PACKETS && m->schema != WEIR_NETFLOW)
        return weir_fail(job, WEIR_EDATA, "the model's columns are neither packets nor netflow");
    if (times[0] > times[1] || state[0] > STAGES)
        return weir_fail(job, WEIR_EDATA, "the model's times or its stage make no sense");
    m->first = times[0];
    m->last = times[1];
    m->flows = (uint32_t)flows;
    m->rows = (uint64_t)rows;
    m->sequence = (int64_t)sequence;
    m->stage = (uint32_t)state[0];
    m->stage_step = state[1];
    m->order = state[2];
    m->before = state[3];
    return WEIR_OK;
}

static int load(weir_job *job, void *model, const weir_archive *from)
{
    struct cascade_model *m = model;

    m->options = weir_options(job);
    m->archive = from;
    if (load_numbers(job, m, from) != WEIR_OK || cascade_shape(job, NULL, m) != WEIR_OK)
        return weir_job_error(job)->status;
    m->graph = nn_graph_for(job);
    if (!m->graph)
        return weir_job_error(job)->status;
    cascade_variables(m->graph, m);
    if (nn_get(job, from, m->graph, "generator.", "net") != WEIR_OK)
        return weir_job_error(job)->status;
    if (m->stage == STAGES && m->options->calibrate &&
        cascade_calibration_load(job, from, m) != WEIR_OK)
        return weir_job_error(job)->status;
    return cascade_conditions_load(job, from, m);
}

static void release(weir_job *job, void *model)
{
    struct cascade_model *m = model;

    (void)job;
    nn_graph_free(m->graph);
    weir_table_free(m->owned);
}

WEIR_GENERATOR(cascadegan,
               .summary = "A GAN of 5-tuples, of their series over time, and of packets, in a "
                          "cascade",
               .reference = "CascadeNet: Generating Network Traffic with High-Fidelity Temporal "
                            "Patterns (CascadeGAN)",
               .options = options, .options_size = sizeof(struct cascade_options),
               .state_size = sizeof(struct cascade_model), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS, .encoders = roles,
               .fit = cascade_fit, .sample = cascade_sample, .save = save, .load = load,
               .free = release);
