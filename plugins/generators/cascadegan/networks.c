/* The networks of CascadeGAN: generators with the activations that the encodings ask for, the masks
 * of a series, critics. CascadeNet's released code, section E.1.3 of our notes on it in README.md.
 */
#include "cascadegan.h"

#define SHAPE(...)                                                                                 \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static nn_node *join(int axis, nn_node *a, nn_node *b)
{
    return nn_concat(axis, 2, (nn_node *[]){a, b});
}

static nn_node *last(nn_node *x, int64_t first, int64_t count)
{
    return nn_slice(x, -1, first, count);
}

/* ---- Activations ------------------------------------------------------------------------------*/

/* Most segments that are taken at once. */
#define TOGETHER 256

/* n groups of x's last axis, of these widths, each a distribution; with a temperature one of each
 * group is drawn by it (Gumbel noise), its gradient that of the soft draw. */
static nn_node *distributions(const struct cascade_model *model, nn_node *x, int n,
                              const int64_t *widths, const char *noise)
{
    int64_t all = 0, shape[NN_MAX_RANK] = {0};
    nn_node *result = NULL;
    int rank = nn_rank(x);

    if (!noise || !(model->options->gumbel > 0))
        return nn_softmax_groups(x, n, widths);
    for (int axis = 0; axis + 1 < rank; axis++)
        shape[axis] = nn_size(x, axis);
    for (int i = 0, same; i < n; i += same) {
        nn_node *part;

        for (same = 1; i + same < n && widths[i + same] == widths[i];)
            same++;
        shape[rank - 1] = same;
        shape[rank] = widths[i];
        part = nn_reshape(last(x, all, same * widths[i]), rank + 1, shape);
        part = nn_gumbel_softmax(part, model->options->gumbel, true,
                                 nn_namef(nn_graph_of(x), "%s.g%d", noise, i));
        shape[rank - 1] = same * widths[i];
        part = nn_reshape(part, rank, shape);
        result = result ? join(-1, result, part) : part;
        all += same * widths[i];
    }
    return result;
}

/* The segments' activations on the last axis of x; neighbours of one kind together. extra: a
 * softmax of so many values behind them; 0 for none. noise: of what is drawn; NULL: nothing is. */
static nn_node *activated(const struct cascade_model *model, nn_node *x,
                          const weir_segment *segments, uint32_t count, int64_t extra,
                          const char *noise)
{
    nn_graph *g = nn_graph_of(x);
    nn_node *result = NULL;
    int64_t at = 0, widths[TOGETHER];

    for (uint32_t i = 0; i < count;) {
        weir_activation activation = segments[i].activation;
        const char *name = noise ? nn_namef(g, "%s.%u", noise, i) : NULL;
        int64_t width = 0;
        nn_node *part;
        int n = 0;

        for (; i < count && n < TOGETHER && segments[i].activation == activation; i++)
            width += widths[n++] = segments[i].width;
        part = last(x, at, width);
        if (activation == WEIR_SOFTMAX)
            part = distributions(model, part, n, widths, name);
        else if (activation != WEIR_LINEAR)
            part = activation == WEIR_TANH ? nn_tanh(part) : nn_sigmoid(part);
        result = result ? join(-1, result, part) : part;
        at += width;
    }
    if (extra)
        result = join(-1, result, nn_softmax_groups(last(x, at, extra), 1, &extra));
    return result;
}

static nn_node *shaped_as(const struct cascade_model *model, int role, nn_node *x, int64_t extra,
                          const char *noise)
{
    const weir_layout *layout = weir_encoder_layout(model->encoder[role]);

    return activated(model, x, layout->segments, layout->count, extra, noise);
}

/* x [...][step_width]: the series' layout is that of its first step, again and again. */
static nn_node *shaped_as_step(const struct cascade_model *model, nn_node *x)
{
    const weir_layout *layout = weir_encoder_layout(model->encoder[ROLE_SERIES]);

    return activated(model, x, layout->segments, layout->count / (uint32_t)model->steps, 0, NULL);
}

/* ---- Trunks -----------------------------------------------------------------------------------*/

/* (Linear, batch norm, GELU) twice, Linear. */
static nn_node *perceptron(const struct cascade_model *model, nn_node *x, int64_t out,
                           const char *name)
{
    nn_graph *g = nn_graph_of(x);

    for (int i = 0; i < 2; i++) {
        x = nn_linear(x, model->options->width, nn_namef(g, "%s.%d", name, i));
        x = nn_gelu(nn_batch_norm(x, 0, 0, nn_namef(g, "%s.norm%d", name, i)));
    }
    return nn_linear(x, out, nn_namef(g, "%s.2", name));
}

/* `calls` of an LSTM that sees constant [rows][in] and new noise each time, and makes sample_len
 * units a call: [rows][calls * sample_len][each]. *h, *c: its state; NULL for noise. */
static nn_node *cells(const struct cascade_model *model, nn_node *constant, int64_t calls,
                      int64_t each, nn_node **h, nn_node **c, const char *name, const char *noise)
{
    const struct cascade_options *o = model->options;
    nn_graph *g = nn_graph_of(constant);
    int64_t rows = nn_size(constant, 0), chunk = o->sample_len;
    nn_recurrent in = {
        .sequence = nn_noise_normal(g, nn_namef(g, "%s.z", noise), 3, SHAPE(calls, rows, o->noise)),
        .constant = constant,
        .h = *h ? *h : nn_noise_normal(g, nn_namef(g, "%s.h", noise), 2, SHAPE(rows, o->width)),
        .c = *c ? *c : nn_noise_normal(g, nn_namef(g, "%s.c", noise), 2, SHAPE(rows, o->width)),
        .hidden = o->width};
    nn_recurrent_result made = nn_lstm(&in, nn_namef(g, "%s.lstm", name));
    nn_node *x = nn_linear(made.outputs, chunk * each, nn_namef(g, "%s.head", name));

    *h = made.h;
    *c = made.c;
    x = nn_permute(x, (const int[]){1, 0, 2});
    return nn_reshape(x, 3, SHAPE(rows, calls * chunk, each));
}

static nn_node *recurrent(const struct cascade_model *model, nn_node *constant, int64_t units,
                          int64_t each, const char *name, const char *noise)
{
    int64_t calls = (units + model->options->sample_len - 1) / model->options->sample_len;
    nn_node *h = NULL, *c = NULL;

    return nn_slice(cells(model, constant, calls, each, &h, &c, name, noise), 1, 0, units);
}

static nn_node *with_noise(const struct cascade_model *model, nn_node *x, const char *noise)
{
    nn_graph *g = nn_graph_of(x);

    return join(1, x,
                nn_noise_normal(g, nn_namef(g, "%s.z", noise), 2,
                                SHAPE(nn_size(x, 0), model->options->noise)));
}

/* ---- Masks ------------------------------------------------------------------------------------*/

/* [rows][units][1] of a pair at `at` of x: 1 where the first is the greater. forced: in unit 0 in
 * any case. No gradient. */
static nn_node *said(nn_node *x, int64_t at, bool forced)
{
    nn_graph *g = nn_graph_of(x);
    nn_node *yes = nn_step(nn_sub(last(x, at, 1), last(x, at + 1, 1)));
    int64_t rows = nn_size(x, 0), units = nn_size(x, 1);

    if (forced) {
        nn_node *first = nn_broadcast(nn_scalar(g, 1), 3, SHAPE(rows, 1, 1));

        yes = units > 1 ? join(1, first, nn_slice(yes, 1, 1, units - 1)) : first;
    }
    return nn_stop(yes);
}

/* 1 as long as x [rows][units][1] has been 1 so far: a running product, of twice as many factors in
 * each round. */
static nn_node *unbroken(nn_node *x)
{
    nn_graph *g = nn_graph_of(x);
    int64_t rows = nn_size(x, 0), units = nn_size(x, 1);

    for (int64_t by = 1; by < units; by *= 2) {
        nn_node *ones = nn_broadcast(nn_scalar(g, 1), 3, SHAPE(rows, by, 1));

        x = nn_mul(x, join(1, ones, nn_slice(x, 1, 0, units - by)));
    }
    return nn_stop(x);
}

/* Values of steps that are empty, and everything but the last pair behind the end, become 0. x
 * [rows][steps][step_width] */
static nn_node *masked_series(const struct cascade_model *model, nn_node *x)
{
    int64_t wide = model->step_width, plain = wide - (model->empty_pair ? 4 : 2);
    nn_node *active = unbroken(said(x, wide - 2, true)), *values, *pair;

    if (!model->empty_pair)
        return join(2, nn_mul(last(x, 0, plain), active), last(x, plain, 2));
    values = nn_mul(last(x, 0, plain), nn_mul(said(x, plain, model->options->adjust), active));
    pair = nn_mul(last(x, plain, 2), active);
    return nn_concat(2, 3, (nn_node *[]){values, pair, last(x, plain + 2, 2)});
}

/* ---- Generators -------------------------------------------------------------------------------*/

nn_node *cascade_condition_network(nn_graph *graph, const struct cascade_model *model, int64_t rows,
                                   const char *noise)
{
    nn_node *z = nn_noise_normal(graph, nn_namef(graph, "%s.z", noise), 2,
                                 SHAPE(rows, model->options->noise));

    return nn_sigmoid(perceptron(model, z, model->conditions, "generator.condition"));
}

nn_node *cascade_flow_network(const struct cascade_model *model, nn_node *condition,
                              const char *noise)
{
    nn_node *x =
        perceptron(model, with_noise(model, condition, noise), model->tuple, "generator.flow");

    nn_graph *g = nn_graph_of(x);

    return join(1,
                shaped_as(model, ROLE_ADDRESSES, last(x, 0, model->addresses), 0,
                          nn_namef(g, "%s.addresses", noise)),
                shaped_as(model, ROLE_PORTS, last(x, model->addresses, model->ports), 0,
                          nn_namef(g, "%s.ports", noise)));
}

nn_node *cascade_rate_network(const struct cascade_model *model, nn_node *condition, nn_node *tuple,
                              const char *noise)
{
    nn_node *known = join(1, condition, tuple), *x;
    int64_t rows = nn_size(known, 0), all = model->steps * model->step_width;

    if (model->options->rate_backbone == RATE_LSTM)
        x = recurrent(model, known, model->steps, model->step_width, "generator.rate", noise);
    else
        x = nn_reshape(perceptron(model, with_noise(model, known, noise), all, "generator.rate"), 3,
                       SHAPE(rows, model->steps, model->step_width));
    return nn_reshape(masked_series(model, shaped_as_step(model, x)), 2, SHAPE(rows, all));
}

nn_node *cascade_rate_part(const struct cascade_model *model, nn_node *condition, nn_node *tuple,
                           int64_t parts, nn_node **h, nn_node **c, const char *noise)
{
    nn_node *x = cells(model, join(1, condition, tuple), parts, model->step_width, h, c,
                       "generator.rate", noise);

    return shaped_as_step(model, x);
}

/* [rows][packets][fields + 2], not masked. */
static nn_node *field_units(const struct cascade_model *model, nn_node *known, int64_t packets,
                            const char *noise)
{
    nn_node *x = recurrent(model, known, packets, model->fields + 2, "generator.field", noise);

    return shaped_as(model, ROLE_FIELDS, x, 2, nn_namef(nn_graph_of(x), "%s.fields", noise));
}

nn_node *cascade_field_network(const struct cascade_model *model, nn_node *condition,
                               nn_node *tuple, nn_node *window, int64_t packets, const char *noise)
{
    nn_node *known = nn_concat(1, 3, (nn_node *[]){condition, tuple, window}), *x;

    if (model->options->field_backbone == FIELD_LSTM)
        return last(field_units(model, known, packets, noise), 0, model->fields);
    x = perceptron(model, with_noise(model, known, noise), model->fields, "generator.field");
    x = shaped_as(model, ROLE_FIELDS, x, 0, nn_namef(nn_graph_of(x), "%s.fields", noise));
    return nn_reshape(x, 3, SHAPE(nn_size(known, 0), 1, model->fields));
}

nn_node *cascade_field_sequence(const struct cascade_model *model, nn_node *condition,
                                nn_node *tuple, nn_node *window, int64_t packets, const char *noise)
{
    nn_node *known = nn_concat(1, 3, (nn_node *[]){condition, tuple, window});
    nn_node *x = field_units(model, known, packets, noise);
    nn_node *active = unbroken(said(x, model->fields, true));

    return join(2, nn_mul(last(x, 0, model->fields), active), last(x, model->fields, 2));
}

nn_node *cascade_critic(const struct cascade_model *model, nn_node *x, const char *name)
{
    const struct cascade_options *o = model->options;
    nn_graph *g = nn_graph_of(x);
    int layer = 0;

    for (; layer < o->critic_layers; layer++)
        x = nn_gelu(nn_linear(x, o->critic_width, nn_namef(g, "critic.%s.%d", name, layer)));
    return nn_linear(x, 1, nn_namef(g, "critic.%s.%d", name, layer));
}
