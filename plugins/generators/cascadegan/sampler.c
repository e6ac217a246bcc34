/* The networks at work: batches of their inputs in, of their outputs out. */
#include <stdlib.h>
#include <string.h>

#include "sampler.h"

/* Rows of a batch. */
#define FLOW_ROWS 256
#define RATE_ROWS 128
#define FIELD_ROWS 1024
#define SEQUENCE_ROWS 32
/* Calls of the recurrent cell in a part of a series: flows that have ended are left out of the
 * next part. */
#define PART 2

static nn_node *input(struct cascade_sampler *s, const char *name, int64_t rows, int64_t width)
{
    return nn_input(s->graph, nn_namef(s->graph, "sample.%s", name), 2, (int64_t[]){rows, width});
}

static int compiled(struct cascade_sampler *s, struct cascade_net *net, const char *name)
{
    nn_node *outputs[] = {net->out, net->next_h, net->next_c};

    net->program = nn_compile(s->graph, 1, &(nn_stage){name, net->next_h ? 3 : 1, outputs});
    return net->program ? WEIR_OK : nn_report(s->job, s->graph);
}

/* ---- Building --------------------------------------------------------------------------------*/

static void build_rate(struct cascade_sampler *s, struct cascade_net *net, int64_t parts,
                       const char *name, bool goes_on)
{
    const struct cascade_model *model = s->model;
    nn_graph *g = s->graph;

    net->condition = input(s, nn_namef(g, "%s.condition", name), RATE_ROWS, model->conditions);
    net->tuple = input(s, nn_namef(g, "%s.tuple", name), RATE_ROWS, model->tuple);
    if (parts == 0) {
        net->out =
            cascade_rate_network(model, net->condition, net->tuple, nn_namef(g, "sample.%s", name));
        return;
    }
    if (goes_on) {
        net->h = input(s, nn_namef(g, "%s.h", name), RATE_ROWS, model->options->width);
        net->c = input(s, nn_namef(g, "%s.c", name), RATE_ROWS, model->options->width);
    }
    net->next_h = net->h;
    net->next_c = net->c;
    net->out = cascade_rate_part(model, net->condition, net->tuple, parts, &net->next_h,
                                 &net->next_c, nn_namef(g, "sample.%s", name));
}

static int64_t sequence_rows(const struct cascade_sampler *s)
{
    return s->model->options->field_backbone == FIELD_LSTM ? SEQUENCE_ROWS : FIELD_ROWS;
}

static int build_field(struct cascade_sampler *s, struct cascade_net *net, int which)
{
    const struct cascade_model *model = s->model;
    int64_t rows = sequence_rows(s), each = model->options->window * model->step_width;
    const char *name = nn_namef(s->graph, "field%d", which);
    nn_graph *g = s->graph;

    net->condition = input(s, nn_namef(g, "%s.condition", name), rows, model->conditions);
    net->tuple = input(s, nn_namef(g, "%s.tuple", name), rows, model->tuple);
    net->window = input(s, nn_namef(g, "%s.window", name), rows, each);
    net->out = cascade_field_network(model, net->condition, net->tuple, net->window, net->packets,
                                     nn_namef(g, "sample.%s", name));
    return nn_report(s->job, g);
}

/* Lengths of sequences that the field network is built for: five times as long each, up to the
 * longest in training. */
static void choose_sequences(struct cascade_sampler *s)
{
    int64_t most = s->model->options->field_backbone == FIELD_LSTM ? s->model->sequence : 1;
    int64_t packets = s->model->options->sample_len;

    for (int i = 0; i < CASCADE_SEQUENCES; i++, packets *= 5) {
        bool last = i + 1 == CASCADE_SEQUENCES || packets >= most;

        s->field[i].packets = last ? most : packets;
        if (last)
            break;
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int make_room(struct cascade_sampler *s)
{
    const struct cascade_model *m = s->model;
    size_t rows = larger(FIELD_ROWS, FLOW_ROWS), out = 0, most = 0;
    const size_t widths[5] = {(size_t)m->conditions, (size_t)m->tuple,
                              (size_t)(m->options->window * m->step_width),
                              (size_t)m->options->width, (size_t)m->options->width};

    for (int i = 0; i < CASCADE_SEQUENCES; i++)
        most = larger(most, (size_t)s->field[i].packets);
    out = larger((size_t)sequence_rows(s) * most * (size_t)m->fields,
                 rows * larger((size_t)m->tuple, (size_t)m->conditions));
    out = larger(out, RATE_ROWS * (size_t)(m->steps + PART * m->options->sample_len) *
                          (size_t)m->step_width);
    for (int i = 0; i < 5; i++) {
        s->in[i] = calloc(rows * widths[i] + 1, sizeof *s->in[i]);
        if (!s->in[i])
            return weir_error_memory(weir_job_error(s->job), rows * widths[i] * 4, "a batch");
    }
    s->out = malloc(out * sizeof *s->out);
    s->pad = malloc((size_t)m->step_width * sizeof *s->pad);
    if (!s->out || !s->pad)
        return weir_error_memory(weir_job_error(s->job), out * sizeof *s->out, "a batch");
    cascade_pad(m, s->pad);
    return WEIR_OK;
}

int cascade_sampler_open(weir_job *job, const struct cascade_model *model,
                         struct cascade_sampler *s)
{
    *s = (struct cascade_sampler){.job = job, .model = model};
    s->graph = nn_graph_for(job);
    if (!s->graph)
        return weir_job_error(job)->status;
    choose_sequences(s);
    if (make_room(s) != WEIR_OK)
        return weir_job_error(job)->status;
    nn_training(s->graph, false);
    if (cascade_makes_conditions(model->options))
        s->condition.out =
            cascade_condition_network(s->graph, model, FLOW_ROWS, "sample.condition");
    s->flow.condition = input(s, "flow.condition", FLOW_ROWS, model->conditions);
    s->flow.out = cascade_flow_network(model, s->flow.condition, "sample.flow");
    if (model->options->rate_backbone == RATE_LSTM) {
        build_rate(s, &s->rate_first, PART, "rate0", false);
        build_rate(s, &s->rate_next, PART, "rate1", true);
    } else {
        build_rate(s, &s->rate, 0, "rate", false);
    }
    if (build_field(s, &s->field[0], 0) != WEIR_OK)
        return weir_job_error(job)->status;
    nn_copy(s->graph, model->graph, "generator.");
    return nn_report(job, s->graph);
}

void cascade_sampler_close(struct cascade_sampler *s)
{
    nn_graph_free(s->graph);
    for (int i = 0; i < 5; i++)
        free(s->in[i]);
    free(s->out);
    free(s->pad);
}

/* ---- Conditions and tuples -------------------------------------------------------------------*/

/* Runs the network; its output's first `rows` of that width to `out`. */
static int run_net(struct cascade_sampler *s, struct cascade_net *net, const char *name,
                   size_t values, float *out)
{
    if (!net->program && compiled(s, net, name) != WEIR_OK)
        return weir_job_error(s->job)->status;
    if (nn_run(net->program, 0) != WEIR_OK || nn_read(net->program, net->out, s->out) != WEIR_OK)
        return nn_report(s->job, s->graph);
    memcpy(out, s->out, values * sizeof *out);
    return weir_progress(s->job, 0, 0);
}

int cascade_run_conditions(struct cascade_sampler *s, size_t n, float *out)
{
    size_t width = (size_t)s->model->conditions;
    int status = WEIR_OK;

    for (size_t at = 0; at < n && status == WEIR_OK; at += FLOW_ROWS)
        status = run_net(s, &s->condition, "condition",
                         (n - at < FLOW_ROWS ? n - at : FLOW_ROWS) * width, out + at * width);
    return status;
}

int cascade_run_flows(struct cascade_sampler *s, const float *conditions, size_t n, float *tuples)
{
    size_t in = (size_t)s->model->conditions, width = (size_t)s->model->tuple;
    int status = WEIR_OK;

    for (size_t at = 0; at < n && status == WEIR_OK; at += FLOW_ROWS) {
        size_t rows = n - at < FLOW_ROWS ? n - at : FLOW_ROWS;

        memcpy(s->in[0], conditions + at * in, rows * in * sizeof *s->in[0]);
        if (nn_write(s->flow.condition, s->in[0]) != WEIR_OK)
            return nn_report(s->job, s->graph);
        status = run_net(s, &s->flow, "flow", rows * width, tuples + at * width);
    }
    return status;
}

/* ---- Series ----------------------------------------------------------------------------------*/

/* As the networks mask a series: nothing but the last pair behind the end, zeros in empty steps. */
static void mask_series(const struct cascade_model *model, float *series)
{
    size_t wide = (size_t)model->step_width, plain = wide - (model->empty_pair ? 4 : 2);
    bool active = true;

    for (int64_t t = 0; t < model->steps; t++, series += wide) {
        bool some = !model->empty_pair || (t == 0 && model->options->adjust) ||
                    series[plain] > series[plain + 1];

        active = active && (t == 0 || series[wide - 2] > series[wide - 1]);
        if (!active)
            memset(series, 0, (wide - 2) * sizeof *series);
        else if (!some)
            memset(series, 0, plain * sizeof *series);
    }
}

/* Whether the series goes on behind the first `done` steps, and half a window, which sees what is
 * behind the end. */
static bool goes_on(const struct cascade_model *model, const float *series, int64_t done)
{
    size_t wide = (size_t)model->step_width;
    int64_t length = 1;

    while (length < done &&
           series[(size_t)length * wide + wide - 2] > series[(size_t)length * wide + wide - 1])
        length++;
    return done < model->steps && length + model->options->window / 2 >= done;
}

struct going {
    uint32_t *flows; /* [n] that go on */
    size_t n;
    float *h, *c; /* [flows][width] */
};

/* Steps done … of up to RATE_ROWS flows. */
static int run_part(struct cascade_sampler *s, struct cascade_net *net, const float *conditions,
                    const float *tuples, const struct going *going, size_t first, size_t rows,
                    int64_t done, float *series)
{
    const struct cascade_model *m = s->model;
    size_t in = (size_t)m->conditions, tuple = (size_t)m->tuple, wide = (size_t)m->step_width;
    size_t width = (size_t)m->options->width, made = (size_t)(PART * m->options->sample_len);
    size_t kept = (size_t)(m->steps - done) < made ? (size_t)(m->steps - done) : made;

    for (size_t i = 0; i < rows; i++) {
        size_t flow = going->flows[first + i];

        memcpy(s->in[0] + i * in, conditions + flow * in, in * sizeof(float));
        memcpy(s->in[1] + i * tuple, tuples + flow * tuple, tuple * sizeof(float));
        if (net->h) {
            memcpy(s->in[3] + i * width, going->h + flow * width, width * sizeof(float));
            memcpy(s->in[4] + i * width, going->c + flow * width, width * sizeof(float));
        }
    }
    nn_write(net->condition, s->in[0]);
    nn_write(net->tuple, s->in[1]);
    if (net->h) {
        nn_write(net->h, s->in[3]);
        nn_write(net->c, s->in[4]);
    }
    if (!net->program && compiled(s, net, "rate") != WEIR_OK)
        return weir_job_error(s->job)->status;
    if (nn_run(net->program, 0) != WEIR_OK || nn_read(net->program, net->out, s->out) != WEIR_OK ||
        nn_read(net->program, net->next_h, s->in[3]) != WEIR_OK ||
        nn_read(net->program, net->next_c, s->in[4]) != WEIR_OK)
        return nn_report(s->job, s->graph);
    for (size_t i = 0; i < rows; i++) {
        size_t flow = going->flows[first + i];

        memcpy(series + (flow * (size_t)m->steps + (size_t)done) * wide, s->out + i * made * wide,
               kept * wide * sizeof(float));
        memcpy(going->h + flow * width, s->in[3] + i * width, width * sizeof(float));
        memcpy(going->c + flow * width, s->in[4] + i * width, width * sizeof(float));
    }
    return weir_progress(s->job, 0, 0);
}

/* Part by part, with the flows that have not ended. */
static int run_parts(struct cascade_sampler *s, const float *conditions, const float *tuples,
                     size_t n, float *series, struct going *going)
{
    const struct cascade_model *m = s->model;
    size_t each = (size_t)(m->steps * m->step_width);
    int64_t made = PART * m->options->sample_len;

    for (size_t i = 0; i < n * (size_t)m->steps; i++)
        memcpy(series + i * (size_t)m->step_width, s->pad, (size_t)m->step_width * sizeof *series);
    for (int64_t done = 0; going->n > 0; done += made) {
        size_t left = 0;

        for (size_t at = 0; at < going->n; at += RATE_ROWS) {
            size_t rows = going->n - at < RATE_ROWS ? going->n - at : RATE_ROWS;
            int status = run_part(s, done ? &s->rate_next : &s->rate_first, conditions, tuples,
                                  going, at, rows, done, series);

            if (status != WEIR_OK)
                return status;
        }
        for (size_t i = 0; i < going->n; i++)
            if (goes_on(m, series + going->flows[i] * each, done + made))
                going->flows[left++] = going->flows[i];
        going->n = left;
    }
    for (size_t i = 0; i < n; i++)
        mask_series(m, series + i * each);
    return WEIR_OK;
}

static int run_whole(struct cascade_sampler *s, const float *conditions, const float *tuples,
                     size_t n, float *series)
{
    const struct cascade_model *m = s->model;
    size_t in = (size_t)m->conditions, tuple = (size_t)m->tuple;
    size_t each = (size_t)(m->steps * m->step_width);
    int status = WEIR_OK;

    for (size_t at = 0; at < n && status == WEIR_OK; at += RATE_ROWS) {
        size_t rows = n - at < RATE_ROWS ? n - at : RATE_ROWS;

        memcpy(s->in[0], conditions + at * in, rows * in * sizeof(float));
        memcpy(s->in[1], tuples + at * tuple, rows * tuple * sizeof(float));
        nn_write(s->rate.condition, s->in[0]);
        nn_write(s->rate.tuple, s->in[1]);
        status = run_net(s, &s->rate, "rate", rows * each, series + at * each);
    }
    return status;
}

int cascade_run_rates(struct cascade_sampler *s, const float *conditions, const float *tuples,
                      size_t n, float *series)
{
    size_t state = n * (size_t)s->model->options->width;
    struct going going = {.n = n};
    int status;

    if (s->model->options->rate_backbone == RATE_MLP)
        return run_whole(s, conditions, tuples, n, series);
    going.flows = malloc(n * sizeof *going.flows + 1);
    going.h = malloc(state * sizeof(float) + 1);
    going.c = malloc(state * sizeof(float) + 1);
    for (size_t i = 0; i < n && going.flows; i++)
        going.flows[i] = (uint32_t)i;
    status = going.flows && going.h && going.c
                 ? run_parts(s, conditions, tuples, n, series, &going)
                 : weir_error_memory(weir_job_error(s->job), 2 * state * sizeof(float), "series");
    free(going.flows);
    free(going.h);
    free(going.c);
    return status;
}

/* ---- Fields ----------------------------------------------------------------------------------*/

/* Inputs of row `row` of a batch. */
static void put_item(struct cascade_sampler *s, const struct cascade_item *item, size_t row)
{
    const struct cascade_model *m = s->model;
    size_t in = (size_t)m->conditions, tuple = (size_t)m->tuple, wide = (size_t)m->step_width;
    int64_t window = m->options->window, from = (int64_t)item->step - window / 2;
    float *to = s->in[2] + row * (size_t)window * wide;

    memcpy(s->in[0] + row * in, item->condition, in * sizeof(float));
    memcpy(s->in[1] + row * tuple, item->tuple, tuple * sizeof(float));
    for (int64_t t = from; t < from + window; t++, to += wide)
        memcpy(to, t < 0 || t >= m->steps ? s->pad : item->series + (size_t)t * wide,
               wide * sizeof(float));
}

/* A batch of rows: item numbers which[rows] from their packet from[] on, to places to[]. */
struct batch {
    size_t rows;
    uint32_t count[FIELD_ROWS]; /* packets of a row */
    float *to[FIELD_ROWS];
};

static int run_batch(struct cascade_sampler *s, struct cascade_net *net, int which,
                     struct batch *batch)
{
    size_t fields = (size_t)s->model->fields;

    if (batch->rows == 0)
        return WEIR_OK;
    if (!net->out && build_field(s, net, which) != WEIR_OK)
        return weir_job_error(s->job)->status;
    if (!net->program && compiled(s, net, "field") != WEIR_OK)
        return weir_job_error(s->job)->status;
    nn_write(net->condition, s->in[0]);
    nn_write(net->tuple, s->in[1]);
    nn_write(net->window, s->in[2]);
    if (nn_run(net->program, 0) != WEIR_OK || nn_read(net->program, net->out, s->out) != WEIR_OK)
        return nn_report(s->job, s->graph);
    for (size_t i = 0; i < batch->rows; i++)
        memcpy(batch->to[i], s->out + i * (size_t)net->packets * fields,
               batch->count[i] * fields * sizeof(float));
    batch->rows = 0;
    return weir_progress(s->job, 0, 0);
}

/* The least of the lengths that holds so many packets; what is longer goes in several. */
static int sequence_for(const struct cascade_sampler *s, uint32_t count)
{
    int which = 0;

    while (which + 1 < CASCADE_SEQUENCES && s->field[which + 1].packets > 0 &&
           s->field[which].packets < count)
        which++;
    return which;
}

int cascade_run_fields(struct cascade_sampler *s, const struct cascade_item *items, size_t n,
                       float *fields)
{
    size_t width = (size_t)s->model->fields, room = (size_t)sequence_rows(s);
    struct batch *batch = malloc(sizeof *batch);
    int status =
        batch ? WEIR_OK : weir_error_memory(weir_job_error(s->job), sizeof *batch, "a batch");

    for (int which = 0; which < CASCADE_SEQUENCES && status == WEIR_OK; which++) {
        struct cascade_net *net = &s->field[which];
        float *to = fields;

        if (net->packets == 0)
            break;
        batch->rows = 0;
        for (size_t i = 0; i < n && status == WEIR_OK; i++) {
            for (uint32_t done = 0; done < items[i].count && status == WEIR_OK;) {
                uint32_t most = (uint32_t)net->packets, left = items[i].count - done;

                if (sequence_for(s, items[i].count) != which)
                    break;
                put_item(s, &items[i], batch->rows);
                batch->count[batch->rows] = left < most ? left : most;
                batch->to[batch->rows] = to + (size_t)done * width;
                done += batch->count[batch->rows];
                if (++batch->rows == room)
                    status = run_batch(s, net, which, batch);
            }
            to += (size_t)items[i].count * width;
        }
        if (status == WEIR_OK)
            status = run_batch(s, net, which, batch);
    }
    free(batch);
    return status;
}
