/* CascadeGAN's training: stage after stage, step after step. A step takes one batch: a fake one is
 * made, the critic learns from both critic_steps times, then the generator once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"
#include "train.h"

/* Steps between two states that are kept in memory in case of a divergence. */
#define KEEP_EVERY 200
/* Points of a curve, about. */
#define POINTS 1000
/* Batches that batch norm sees after its network's weights were averaged. */
#define SETTLE 100

struct trainer {
    weir_job *job;
    const struct cascade_options *options;
    struct cascade_model *model;
    nn_graph *graph;
    struct cascade_data data;
    struct cascade_graph built;
    uint64_t totals[STAGES]; /* planned steps of each stage */
    double shares[STAGES];   /* of the whole training by which each is due to end */
    int64_t all;             /* planned steps */
    int64_t saved;           /* step of the last checkpoint */
    /* Of the stage at work. */
    const struct cascade_stage *stage;
    uint64_t every; /* steps from one checkpoint to the next */
    nn_program *program;
    nn_guard *guard;
    uint32_t *order; /* of the epoch's items, at least batch */
    double *weights; /* [items] sums of flows' weights up to each; NULL: all alike */
    uint32_t items;
    uint64_t drawn; /* batches of the stage so far */
    /* [batch] and more: what is written into the inputs. */
    float *conditions, *tuples, *series, *windows, *fields, *index;
    uint32_t *at;       /* places in flows->rows */
    weir_table *counts; /* the fake series, decoded */
};

/* ---- Items and batches ------------------------------------------------------------------------*/

/* Flows; for fields rows, or steps of flows that have some. */
static uint32_t items_of(const struct trainer *t, int stage)
{
    if (stage != STAGE_FIELD)
        return t->data.flows->count;
    return t->data.bins ? t->data.bin_count : (uint32_t)weir_dataset_rows(t->data.set);
}

static uint64_t batches(const struct trainer *t, int stage)
{
    uint64_t n = items_of(t, stage) / (uint64_t)t->options->batch;

    return n > 0 ? n : 1;
}

static uint64_t total_of(const struct trainer *t, int stage)
{
    const struct cascade_options *o = t->options;
    const int64_t epochs[STAGES] = {o->epochs_condition, o->epochs_flow, o->epochs_rate,
                                    o->epochs_field, o->epochs_joint};
    uint64_t epoch = batches(t, stage), least = (uint64_t)o->least_epoch;
    uint64_t steps = (uint64_t)epochs[stage] * (epoch > least ? epoch : least);

    if (!cascade_has_stage(o, stage))
        return 0;
    return o->most_steps && steps > (uint64_t)o->most_steps ? (uint64_t)o->most_steps : steps;
}

/* A flow by its weight. */
static uint32_t draw_flow(const struct trainer *t, weir_random *random)
{
    double x = weir_random_uniform(random) * t->weights[t->items - 1];
    uint32_t low = 0, high = t->items - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (t->weights[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int weigh_flows(struct trainer *t)
{
    const uint32_t *offsets = t->data.flows->offsets;
    double sum = 0;

    t->weights = malloc(t->items * sizeof *t->weights);
    if (!t->weights)
        return weir_error_memory(weir_job_error(t->job), t->items * sizeof *t->weights, "weights");
    for (uint32_t f = 0; f < t->items; f++)
        t->weights[f] = sum += pow((double)(offsets[f + 1] - offsets[f]), t->options->flow_weight);
    return WEIR_OK;
}

/* The epoch's order; with fewer items than a batch has, draws with replacement. */
static void shuffle(struct trainer *t)
{
    weir_random random = weir_random_new(t->model->order, "epoch");
    uint32_t batch = (uint32_t)t->options->batch;

    if (t->weights) {
        for (uint32_t i = 0; i < t->items || i < batch; i++)
            t->order[i] = draw_flow(t, &random);
        return;
    }
    if (t->items < batch) {
        for (uint32_t i = 0; i < batch; i++)
            t->order[i] = (uint32_t)weir_random_below(&random, t->items);
        return;
    }
    for (uint32_t i = 0; i < t->items; i++)
        t->order[i] = i;
    weir_random_shuffle(&random, t->order, t->items);
}

/* The next batch's items. */
static const uint32_t *next_items(struct trainer *t)
{
    struct cascade_model *m = t->model;
    uint64_t n = batches(t, (int)m->stage), at = t->drawn++ % n;

    if (at == 0) {
        m->order = weir_random_u64(weir_stream(t->job, "order"));
        shuffle(t);
    }
    return t->order + at * (uint64_t)t->options->batch;
}

static void gather_flow(const struct trainer *t, size_t i, uint32_t flow)
{
    const struct cascade_model *m = t->model;
    size_t c = (size_t)m->conditions, w = (size_t)m->tuple;

    memcpy(t->conditions + i * c, t->data.conditions + flow * c, c * sizeof(float));
    memcpy(t->tuples + i * w, t->data.tuples + flow * w, w * sizeof(float));
}

static void gather_window(const struct trainer *t, size_t i, uint32_t flow, uint32_t at)
{
    const struct cascade_model *m = t->model;
    int64_t step = cascade_data_step(&t->data, t->data.flows->rows[at]);

    cascade_data_window(&t->data, flow, step,
                        t->windows + i * (size_t)(m->options->window * m->step_width));
}

/* Writes the batch's inputs: all that the stage has. */
static int write_batch(struct trainer *t, const uint32_t *items)
{
    const struct cascade_model *m = t->model;
    const weir_flows *flows = t->data.flows;
    bool field = m->stage == STAGE_FIELD, joint = m->stage == STAGE_JOINT;
    size_t batch = (size_t)t->options->batch, all = (size_t)(m->steps * m->step_width);
    const struct cascade_graph *in = &t->built;
    int status;

    for (size_t i = 0; i < batch; i++) {
        uint32_t flow = items[i];

        if (field) {
            t->at[i] = t->data.bins ? t->data.bins[items[i]] : items[i];
            flow = flows->flow_of[flows->rows[t->at[i]]];
        } else if (joint) { /* one packet of each flow */
            uint32_t first = flows->offsets[flow], n = flows->offsets[flow + 1] - first;

            t->at[i] = first + (uint32_t)weir_random_below(weir_stream(t->job, "packets"), n);
            if (t->data.bins)
                t->at[i] = cascade_data_bin(&t->data, t->at[i]);
        }
        gather_flow(t, i, flow);
        if (field || joint)
            gather_window(t, i, flow, t->at[i]);
        if (m->stage == STAGE_RATE || joint)
            cascade_data_series(&t->data, flow, t->series + i * all);
    }
    if (m->stage == STAGE_CONDITION) {
        status = cascade_conditions_ranks(t->job, m, t->conditions, batch, t->tuples);
        nn_write(in->condition, t->tuples);
        return status;
    }
    nn_write(in->condition, t->conditions);
    nn_write(in->tuple, t->tuples);
    if (m->stage == STAGE_RATE || joint)
        nn_write(in->series, t->series);
    if (!field && !joint)
        return WEIR_OK;
    nn_write(in->window, t->windows);
    status = cascade_data_fields(&t->data, t->at, batch, t->fields);
    nn_write(in->fields, t->fields);
    return status;
}

/* In which step of n packets a packet drawn at random lies. */
static uint32_t step_of_packet(const uint32_t *counts, uint32_t steps, weir_random *random)
{
    uint64_t n = 0, which;
    uint32_t step = 0;

    for (uint32_t s = 0; s < steps; s++)
        n += counts[s];
    which = weir_random_below(random, n);
    while (step + 1 < steps && which >= counts[step])
        which -= counts[step++];
    return step;
}

/* Chooses a packet of each fake series, and writes which rows its window has. */
static int write_windows(struct trainer *t)
{
    const struct cascade_model *m = t->model;
    size_t batch = (size_t)t->options->batch, window = (size_t)t->options->window;
    const char *column = m->schema == WEIR_NETFLOW ? "step_records" : "step_packets";
    weir_random *random = weir_stream(t->job, "fake packets");
    const uint32_t *counts;
    int status;

    if (nn_read(t->program, t->stage->series, t->series) != WEIR_OK)
        return nn_report(t->job, t->graph);
    status = weir_decode(m->encoder[ROLE_SERIES], t->series, batch, t->counts);
    if (status != WEIR_OK)
        return status;
    counts = weir_u32(t->counts, column);
    if (!counts)
        return weir_fail(t->job, WEIR_EDATA,
                         "the encoder in the role 'series' decodes to no column '%s' of u32: the "
                         "joint stage needs it (epochs_joint = 0 leaves that out)",
                         column);
    for (size_t i = 0; i < batch; i++) {
        uint32_t step = step_of_packet(counts + i * (size_t)m->steps, (uint32_t)m->steps, random);
        int64_t row = cascade_window_row(m, (int64_t)i, step);

        for (size_t k = 0; k < window; k++)
            t->index[i * window + k] = (float)(row + (int64_t)k);
    }
    nn_write(t->built.index, t->index);
    return WEIR_OK;
}

/* ---- Steps ------------------------------------------------------------------------------------*/

static int64_t now(const struct trainer *t)
{
    return (int64_t)(t->model->before + t->model->stage_step);
}

static int run(struct trainer *t, int which)
{
    nn_run(t->program, which);
    return weir_progress(t->job, now(t), t->all);
}

/* The fake batch of the next items. */
static int make_fakes(struct trainer *t)
{
    int status = write_batch(t, next_items(t));

    if (status == WEIR_OK)
        status = run(t, 0);
    if (status == WEIR_OK && t->stage->fakes > 1)
        status = write_windows(t);
    if (status == WEIR_OK && t->stage->fakes > 1)
        status = run(t, 1);
    return status;
}

static int train_step(struct trainer *t)
{
    int critic = t->stage->fakes, status = make_fakes(t);

    for (int64_t k = 0; k < t->options->critic_steps && status == WEIR_OK; k++)
        status = run(t, critic);
    for (int i = critic + 1; i < t->stage->runs && status == WEIR_OK; i++)
        status = run(t, i);
    return status;
}

/* A point of each curve, every so many steps. */
static void track(struct trainer *t)
{
    uint64_t total = t->totals[t->model->stage], every = total / POINTS + 1;
    const nn_term *terms;
    int n = nn_guard_terms(t->guard, &terms);

    for (int i = 0; i < n && t->model->stage_step % every == 0; i++) {
        int64_t count;
        const double *losses = nn_guard_losses(t->guard, i, &count);

        weir_track(t->job, terms[i].name, now(t), losses[count - 1]);
    }
}

static int checkpoint(struct trainer *t)
{
    t->saved = now(t);
    return weir_checkpoint(t->job, t->model, t->saved);
}

/* The graph is back at its last good state: keeps that as the checkpoint, and says so. */
static int diverged(struct trainer *t, const weir_error *why)
{
    int64_t good = (int64_t)t->model->before + nn_guard_good(t->guard);

    if (good > t->saved && good > (int64_t)t->model->before) {
        t->model->stage_step = (uint64_t)nn_guard_good(t->guard);
        if (checkpoint(t) != WEIR_OK)
            return weir_job_error(t->job)->status;
    }
    if (t->saved == 0)
        return weir_fail(t->job, WEIR_EDIVERGE,
                         "stage %s, %s; there is no checkpoint yet; a smaller learning_rate may do",
                         cascade_stage_name((int)t->model->stage), why->text);
    return weir_fail(t->job, WEIR_EDIVERGE,
                     "stage %s, %s; the checkpoint has the model as of step %lld of all",
                     cascade_stage_name((int)t->model->stage), why->text, (long long)t->saved);
}

/* ---- Stages -----------------------------------------------------------------------------------*/

static int open_stage(struct trainer *t)
{
    struct cascade_model *m = t->model;
    uint32_t batch = (uint32_t)t->options->batch, room;

    t->stage = &t->built.stage[m->stage];
    t->items = items_of(t, (int)m->stage);
    room = t->items > batch ? t->items : batch;
    t->order = malloc((size_t)room * sizeof *t->order);
    if (!t->order)
        return weir_error_memory(weir_job_error(t->job), room * sizeof *t->order, "an order");
    if (m->stage == STAGE_FLOW && t->options->flow_weight > 0 && weigh_flows(t) != WEIR_OK)
        return weir_job_error(t->job)->status;
    if (m->stage_step > 0)
        shuffle(t);
    t->drawn = m->stage_step;
    t->program = nn_compile(t->graph, t->stage->runs, t->stage->run);
    /* the guard looks at all variables before each checkpoint */
    t->every = (t->totals[m->stage] + 9) / 10;
    if (t->every > KEEP_EVERY)
        t->every = (t->every + KEEP_EVERY - 1) / KEEP_EVERY * KEEP_EVERY;
    t->guard = nn_guard_new(t->program, t->stage->terms, t->stage->term,
                            t->every < KEEP_EVERY ? (int64_t)t->every : KEEP_EVERY);
    return nn_report(t->job, t->graph);
}

static void close_stage(struct trainer *t)
{
    nn_guard_free(t->guard);
    nn_program_free(t->program);
    free(t->order);
    free(t->weights);
    t->weights = NULL;
    t->guard = NULL;
    t->program = NULL;
    t->order = NULL;
}

/* Takes the averaged weights, with running statistics of batch norm that fit them. */
static int take_averages(struct trainer *t)
{
    int status = WEIR_OK;

    nn_ema_swap(t->graph, t->stage->prefix);
    for (int i = 0; i < SETTLE && status == WEIR_OK; i++)
        status = make_fakes(t);
    return status;
}

static int train_stage(struct trainer *t)
{
    struct cascade_model *m = t->model;
    uint64_t total = t->totals[m->stage];
    weir_error why = {0};
    int status;

    while (!weir_stage_ends(t->job, now(t), (int64_t)(m->before + total), t->shares[m->stage])) {
        status = train_step(t);
        if (status != WEIR_OK)
            return status;
        m->stage_step++;
        status = nn_guard_step(t->guard, (int64_t)m->stage_step, &why);
        if (status == WEIR_EDIVERGE)
            return diverged(t, &why);
        if (status != WEIR_OK)
            return weir_fail(t->job, (weir_status)status, "%s", why.text);
        track(t);
        if (m->stage_step % t->every == 0 && m->stage_step != total && checkpoint(t) != WEIR_OK)
            return weir_job_error(t->job)->status;
    }
    return t->options->ema > 0 ? take_averages(t) : WEIR_OK;
}

static int train_stages(struct trainer *t)
{
    struct cascade_model *m = t->model;
    int status = WEIR_OK;

    for (; m->stage < STAGES && status == WEIR_OK; m->stage++) {
        if (t->totals[m->stage] == 0)
            continue;
        if (now(t) > t->saved && m->stage_step == 0) /* one between two stages */
            status = checkpoint(t);
        if (status == WEIR_OK)
            status = open_stage(t);
        if (status == WEIR_OK)
            status = train_stage(t);
        close_stage(t);
        m->before += m->stage_step;
        m->stage_step = 0;
    }
    return status;
}

/* ---- The fit ----------------------------------------------------------------------------------*/

static int allocate(struct trainer *t)
{
    const struct cascade_model *m = t->model;
    size_t batch = (size_t)t->options->batch, window = (size_t)t->options->window;
    int64_t wide = m->conditions > m->tuple ? m->conditions : m->tuple; /* ranks are put there */
    weir_error *error = weir_job_error(t->job);

    t->conditions = malloc(batch * (size_t)m->conditions * sizeof(float));
    t->tuples = malloc(batch * (size_t)wide * sizeof(float));
    t->series = malloc(batch * (size_t)(m->steps * m->step_width) * sizeof(float));
    t->windows = malloc(batch * window * (size_t)m->step_width * sizeof(float));
    t->fields = malloc(batch * (size_t)(m->sequence * (m->fields + 2)) * sizeof(float));
    t->index = malloc(batch * window * sizeof(float));
    t->at = malloc(batch * sizeof *t->at);
    if (!t->conditions || !t->tuples || !t->series || !t->windows || !t->fields || !t->index ||
        !t->at)
        return weir_error_memory(error, 0, "a batch");
    t->counts = weir_table_new(0, batch, error);
    return t->counts ? WEIR_OK : error->status;
}

static void release(struct trainer *t)
{
    cascade_data_close(&t->data);
    free(t->conditions);
    free(t->tuples);
    free(t->series);
    free(t->windows);
    free(t->fields);
    free(t->index);
    free(t->at);
    weir_table_free(t->counts);
}

/* What is known of the training set, for sampling. */
static int describe(weir_job *job, const weir_dataset *train, struct cascade_model *model)
{
    const weir_flows *flows = weir_dataset_flows(train, weir_job_error(job));

    if (!flows)
        return weir_job_error(job)->status;
    model->schema = weir_dataset_schema(train);
    model->flows = flows->count;
    model->rows = weir_dataset_rows(train);
    weir_dataset_span(train, &model->first, &model->last);
    weir_table_free(model->owned);
    model->owned = weir_table_select(weir_dataset_table(train), NULL, 0, weir_job_error(job));
    model->names = model->owned;
    return model->owned ? WEIR_OK : weir_job_error(job)->status;
}

/* All stages' graphs, always in the same order, so that a fit that goes on has the same ones. */
static int build(struct trainer *t)
{
    struct cascade_model *m = t->model;

    nn_graph_free(m->graph); /* a sampler's, if the fit goes on from a checkpoint */
    m->graph = t->graph = nn_graph_for(t->job);
    if (!t->graph)
        return weir_job_error(t->job)->status;
    cascade_variables(t->graph, m);
    cascade_build(t->graph, m, &t->built);
    if (nn_report(t->job, t->graph) != WEIR_OK)
        return weir_job_error(t->job)->status;
    return weir_resumed(t->job) ? nn_get(t->job, m->archive, t->graph, "", "net") : WEIR_OK;
}

/* The steps of the stages, and what parts of a budget they get. */
static void plan(struct trainer *t)
{
    static const double weights[STAGES] = {1, 3, 4, 3, 4};
    double sum = 0, all = 0;

    for (int stage = 0; stage < STAGES; stage++) {
        t->totals[stage] = total_of(t, stage);
        t->all += (int64_t)t->totals[stage];
        all += t->totals[stage] > 0 ? weights[stage] : 0;
    }
    for (int stage = 0; stage < STAGES; stage++) {
        sum += t->totals[stage] > 0 ? weights[stage] : 0;
        t->shares[stage] = sum < all ? sum / all : 1;
    }
}

static int prepare(struct trainer *t, const weir_dataset *train)
{
    struct cascade_model *m = t->model;
    bool anew = !weir_resumed(t->job);
    int status = describe(t->job, train, m);

    if (status == WEIR_OK)
        status = cascade_shape(t->job, anew ? train : NULL, m);
    if (status == WEIR_OK)
        status = cascade_data_open(t->job, train, m, &t->data);
    if (status == WEIR_OK && anew)
        status = cascade_conditions_fit(t->job, train, t->data.conditions, m);
    if (status == WEIR_OK)
        status = allocate(t);
    if (status == WEIR_OK)
        status = build(t);
    if (status != WEIR_OK)
        return status;
    plan(t);
    t->saved = now(t);
    return WEIR_OK;
}

int cascade_fit(weir_job *job, const weir_dataset *train, void *model)
{
    struct trainer t = {.job = job, .options = weir_options(job), .model = model};
    int status;

    t.model->options = t.options;
    if (!weir_dataset_rows(train))
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    if (t.options->window % 2 == 0)
        return weir_fail(job, WEIR_EOPTION,
                         "window is %lld; it must be odd: as many steps before a packet's step as "
                         "after it",
                         (long long)t.options->window);
    status = prepare(&t, train);
    if (status == WEIR_OK)
        status = train_stages(&t);
    if (status == WEIR_OK && t.options->calibrate)
        status = cascade_calibrate(job, &t.data, t.model);
    release(&t);
    return status == WEIR_OK ? nn_report(job, t.graph) : status;
}
