/* DoppelGANger's generator and critics as nodes (Lin et al., IMC 2020, section 4; sizes and first
 * values as NetShare's code has them). */
#include "nn/models/dg.h"
#include <stdlib.h>

static const char *named(nn_graph *g, const char *name, int64_t number)
{
    return nn_namef(g, "%s%lld", name, (long long)number);
}

/* ---- Outputs ----------------------------------------------------------------------------------*/

static nn_node *softmax_of(nn_node *x, const weir_segment *segments, uint32_t n)
{
    int64_t *widths = calloc(n, sizeof *widths);
    nn_node *y;

    for (uint32_t i = 0; widths && i < n; i++)
        widths[i] = segments[i].width;
    y = nn_softmax_groups(x, (int)n, widths);
    free(widths);
    return y;
}

/* 1 at the largest of each segment's values, else 0; segments of one width are taken at once. */
static nn_node *choices_of(nn_node *x, const weir_segment *segments, uint32_t n)
{
    nn_graph *g = nn_graph_of(x);
    nn_node *part[DG_MOST_RUNS];
    int parts = 0;
    int64_t first = 0;

    for (uint32_t i = 0, run; i < n; i += run) {
        int64_t width = segments[i].width, rows = nn_size(x, 0);
        nn_node *groups, *below;
        /* what does not fit into the list any more goes one by one onto its end */
        for (run = 1; i + run < n && segments[i + run].width == width;)
            run++;
        groups = nn_reshape(nn_slice(x, 1, first, run * width), 3, (int64_t[]){rows, run, width});
        below = nn_step(nn_sub(nn_peak(groups, 1u << 2), groups));
        part[parts++] =
            nn_reshape(nn_shift(nn_neg(below), 1), 2, (int64_t[]){rows, (int64_t)run * width});
        if (parts == DG_MOST_RUNS) {
            part[0] = nn_concat(1, parts, part);
            parts = 1;
        }
        first += run * width;
    }
    return parts ? nn_concat(1, parts, part) : nn_scalar(g, 0);
}

static nn_node *activated(nn_node *x, const weir_segment *segments, uint32_t n)
{
    switch (segments->activation) {
    case WEIR_SIGMOID:
        return nn_sigmoid(x);
    case WEIR_TANH:
        return nn_tanh(x);
    case WEIR_SOFTMAX:
        return softmax_of(x, segments, n);
    case WEIR_LINEAR:
    default:
        return x;
    }
}

/* x [rows][width] through the layout's activations; neighbours of one kind are taken at once.
 * chosen: choices one-hot. */
static nn_node *through(nn_node *x, const weir_layout *layout, bool chosen)
{
    nn_node *part[DG_MOST_RUNS];
    int parts = 0;
    int64_t first = 0;

    for (uint32_t i = 0, run; i < layout->count; i += run) {
        const weir_segment *s = &layout->segments[i];
        int64_t width = s->width;
        nn_node *piece;
        for (run = 1; i + run < layout->count && s[run].activation == s->activation; run++)
            width += s[run].width;
        piece = nn_slice(x, 1, first, width);
        part[parts++] = chosen && s->activation == WEIR_SOFTMAX ? choices_of(piece, s, run)
                                                                : activated(piece, s, run);
        if (parts == DG_MOST_RUNS) {
            part[0] = nn_concat(1, parts, part);
            parts = 1;
        }
        first += width;
    }
    return nn_concat(1, parts, part);
}

/* ---- Generator --------------------------------------------------------------------------------*/

dg_attributes dg_make_attributes(nn_graph *g, const nn_doppelganger *model, int64_t batch,
                                 const char *noise)
{
    const nn_doppelganger_settings *s = &model->settings;
    nn_node *x = nn_noise_normal(g, nn_namef(g, "%s.attributes", noise), 2,
                                 (int64_t[]){batch, s->attribute_noise});

    for (int64_t i = 0; i < s->attribute_layers; i++) {
        x = nn_relu(nn_linear(x, s->attribute_width, named(g, "generator.attribute.", i)));
        x = nn_batch_norm(x, s->momentum, 0, named(g, "generator.attribute.norm", i));
    }
    x = nn_linear(x, model->attributes.width, "generator.attribute.head");
    return (dg_attributes){through(x, &model->attributes, false),
                           nn_stop(through(x, &model->attributes, true))};
}

/* made [steps][batch][sample_len][width], zero in the steps behind the first in which not every
 * record says that another follows. */
static nn_node *until_the_end(nn_node *made)
{
    nn_graph *g = nn_graph_of(made);
    int64_t steps = nn_size(made, 0), batch = nn_size(made, 1), width = nn_size(made, 3);
    nn_node *more = nn_step(nn_shift(nn_slice(made, 3, width - 2, 1), -0.5));
    nn_node *ends =
        nn_reshape(nn_sum(nn_shift(nn_neg(more), 1), 1u << 2), 2, (int64_t[]){steps, batch});
    double *earlier = calloc((size_t)(steps * steps), sizeof *earlier);
    nn_node *before, *alive;

    for (int64_t i = 0; earlier && i < steps; i++)
        for (int64_t j = 0; j < i; j++)
            earlier[i * steps + j] = 1;
    before = nn_matmul(nn_array(g, 2, (int64_t[]){steps, steps}, earlier), ends, false, false);
    free(earlier);
    alive = nn_stop(nn_step(nn_shift(nn_neg(before), 0.5)));
    return nn_mul(made, nn_reshape(alive, 4, (int64_t[]){steps, batch, 1, 1}));
}

/* The LSTM's parameters, before the layer makes them its own way. */
static void lstm_parameters(nn_graph *g, int64_t in, int64_t hidden)
{
    int64_t rows = 4 * hidden;

    nn_parameter(g, "generator.lstm.weight_ih_l0", 2, (int64_t[]){rows, in},
                 nn_init_xavier(in, rows, 1));
    nn_parameter(g, "generator.lstm.weight_hh_l0", 2, (int64_t[]){rows, hidden},
                 nn_init_orthogonal(1));
    nn_parameter(g, "generator.lstm.bias_ih_l0", 1, &rows, nn_init_constant(0));
    nn_parameter(g, "generator.lstm.bias_hh_l0", 1, &rows, nn_init_constant(0));
}

int dg_first_values(nn_graph *g, const nn_doppelganger *model)
{
    int64_t hidden = model->settings.lstm;
    nn_real *bias = calloc((size_t)(4 * hidden), sizeof *bias);
    nn_node *node = nn_find(g, "generator.lstm.bias_ih_l0");

    if (!bias)
        return WEIR_ENOMEM;
    for (int64_t i = 0; i < hidden; i++) /* the gates are i f g o: nothing is forgotten at first */
        bias[hidden + i] = 1;
    if (node)
        nn_write(node, bias);
    free(bias);
    return nn_status(g);
}

dg_made dg_make_records(nn_node *attributes, const nn_doppelganger *model, const char *noise)
{
    const nn_doppelganger_settings *s = &model->settings;
    nn_graph *g = nn_graph_of(attributes);
    int64_t batch = nn_size(attributes, 0), steps = dg_steps(model), width = model->records.width;
    const int64_t state[] = {batch, s->lstm};
    nn_recurrent in = {.constant = attributes, .hidden = s->lstm};
    nn_node *made;

    in.sequence = nn_noise_normal(g, nn_namef(g, "%s.records", noise), 3,
                                  (int64_t[]){steps, batch, s->feature_noise});
    in.h = nn_noise_normal(g, nn_namef(g, "%s.h", noise), 2, state);
    in.c = nn_noise_normal(g, nn_namef(g, "%s.c", noise), 2, state);
    lstm_parameters(g, model->attributes.width + s->feature_noise, s->lstm);
    made =
        nn_linear(nn_lstm(&in, "generator.lstm").outputs, s->sample_len * width, "generator.head");
    made = nn_reshape(made, 2, (int64_t[]){steps * batch * s->sample_len, width});
    made = through(made, &model->records, false);
    made = until_the_end(nn_reshape(made, 4, (int64_t[]){steps, batch, s->sample_len, width}));
    made = nn_reshape(nn_permute(made, (const int[]){1, 0, 2, 3}), 2, (int64_t[]){batch, -1});
    return (dg_made){in.sequence, made};
}

/* ---- Critics ----------------------------------------------------------------------------------*/

static nn_node *critic_layer(nn_node *x, int64_t out, const char *name)
{
    nn_init weight = nn_init_xavier(nn_size(x, -1), out, 1), bias = nn_init_constant(0);

    return nn_linear_with(x, out, name, &(nn_linear_options){.weight = &weight, .bias = &bias});
}

nn_node *dg_critic(nn_node *x, const nn_doppelganger *model, const char *name)
{
    const nn_doppelganger_settings *s = &model->settings;
    nn_graph *g = nn_graph_of(x);
    const char *layer = nn_namef(g, "%s.", name);

    for (int64_t i = 0; i < s->critic_layers; i++)
        x = nn_relu(critic_layer(x, s->critic_width, named(g, layer, i)));
    return critic_layer(x, 1, named(g, layer, s->critic_layers));
}
