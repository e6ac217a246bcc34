/* The list of graphs that every back end must compute alike. A case builds a graph and names its
 * outputs; to add one write a function and a row of the table. run_case compiles and runs it some
 * steps, and returns the outputs. */
#ifndef WEIR_TESTS_NN_CASES_H
#define WEIR_TESTS_NN_CASES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"

#define SHAPE(...)                                                                                 \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
enum { MOST_OUTPUTS = 24, STEPS = 3 };

typedef struct outputs {
    int n;
    nn_node *node[MOST_OUTPUTS];
} outputs;

static void give(outputs *out, nn_node *node)
{
    if (out->n < MOST_OUTPUTS)
        out->node[out->n++] = node;
}

static void case_unary(nn_graph *g, outputs *out)
{
    nn_node *x = nn_input(g, "x", 2, SHAPE(7, 37)), *p = nn_shift(nn_abs(x), 0.25);
    give(out, nn_exp(x));
    give(out, nn_expm1(x));
    give(out, nn_log(p));
    give(out, nn_log1p(p));
    give(out, nn_sqrt(p));
    give(out, nn_recip(p));
    give(out, nn_tanh(x));
    give(out, nn_sigmoid(x));
    give(out, nn_erf(x));
    give(out, nn_sin(x));
    give(out, nn_cos(x));
    give(out, nn_abs(x));
    give(out, nn_step(x));
    give(out, nn_floor(nn_scale(x, 3)));
    give(out, nn_gelu(x));
    give(out, nn_silu(x));
    give(out, nn_softplus(x));
    give(out, nn_elu(x));
}

static void case_binary(nn_graph *g, outputs *out)
{
    nn_node *a = nn_input(g, "a", 3, SHAPE(3, 5, 17)), *b = nn_input(g, "b", 3, SHAPE(3, 5, 17));
    nn_node *row = nn_input(g, "row", 1, SHAPE(17)),
            *column = nn_input(g, "column", 2, SHAPE(5, 1));
    give(out, nn_add(a, row));
    give(out, nn_sub(column, a));
    give(out, nn_mul(a, nn_mul(row, column)));
    give(out, nn_div(a, nn_shift(nn_abs(b), 0.5)));
    give(out, nn_max(a, b));
    give(out, nn_select(nn_step(nn_sub(a, b)), row, b));
}

static void case_reductions(nn_graph *g, outputs *out)
{
    nn_node *x = nn_input(g, "x", 3, SHAPE(6, 11, 35));
    for (unsigned axes = 1; axes < 8; axes++) {
        give(out, nn_sum(nn_square(x), axes));
        give(out, nn_peak(x, axes));
    }
    give(out, nn_softmax(x, 2));
    give(out, nn_log_softmax(x, 1));
    give(out, nn_mean(x));
}

static void case_products(nn_graph *g, outputs *out)
{
    nn_node *a = nn_input(g, "a", 2, SHAPE(33, 21)), *b = nn_input(g, "b", 2, SHAPE(21, 18));
    nn_node *at = nn_input(g, "at", 2, SHAPE(21, 33)), *bt = nn_input(g, "bt", 2, SHAPE(18, 21));
    nn_node *batch = nn_input(g, "batch", 4, SHAPE(2, 3, 9, 21)),
            *row = nn_input(g, "row", 2, SHAPE(1, 21));
    give(out, nn_matmul(a, b, false, false));
    give(out, nn_matmul(at, b, true, false));
    give(out, nn_matmul(a, bt, false, true));
    give(out, nn_matmul(at, bt, true, true));
    give(out, nn_matmul(batch, b, false, false));
    give(out, nn_matmul(batch, batch, false, true));
    give(out, nn_matmul(batch, batch, true, false));
    give(out, nn_matmul(row, bt, false, true));
    give(out, nn_matmul(a, row, false, true));
    give(out, nn_matmul(row, row, true, false));
    give(out, nn_matmul(nn_slice(a, 1, 3, 8), nn_slice(b, 0, 5, 8), false, false));
}

static void case_movement(nn_graph *g, outputs *out)
{
    nn_node *x = nn_input(g, "x", 4, SHAPE(3, 4, 5, 6)),
            *y = nn_input(g, "y", 4, SHAPE(3, 4, 5, 2));
    nn_node *joined = nn_concat(3, 2, (nn_node *[]){nn_exp(x), y});
    give(out, joined);
    give(out, nn_permute(x, (const int[]){2, 0, 3, 1}));
    give(out, nn_reshape(nn_permute(x, (const int[]){1, 0, 2, 3}), 2, SHAPE(12, 30)));
    give(out, nn_pad(nn_pad(nn_tanh(x), 1, 1, 2), 3, 0, 1));
    give(out, nn_slice(nn_slice(joined, 3, 4, 3), 0, 1, 2));
    give(out, nn_mul(nn_slice(joined, 3, 0, 4), nn_slice(joined, 3, 4, 4)));
    give(out, nn_broadcast(nn_slice(y, 0, 1, 1), 5, SHAPE(2, 3, 4, 5, 2)));
}

static void case_lookups(nn_graph *g, outputs *out)
{
    nn_node *table = nn_input(g, "table", 2, SHAPE(9, 7)),
            *values = nn_input(g, "values", 3, SHAPE(4, 5, 7));
    nn_node *index = nn_floor(nn_scale(nn_shift(nn_input(g, "index", 2, SHAPE(4, 5)), 1), 4.4));
    nn_node *found = nn_gather(table, index);
    nn_node *grad;
    give(out, found);
    give(out, nn_scatter(values, index, 9));
    nn_grad(nn_mul(found, values), 1, &table, &grad);
    give(out, grad);
    give(out, nn_embedding(index, 9, 6, "embedding"));
}

/* Convolution and all of its derivatives, first and second. */
static void convolution(nn_graph *g, outputs *out, int64_t size, int64_t in, int64_t k,
                        int64_t stride, int64_t pad)
{
    nn_node *x = nn_input(g, "x", 4, SHAPE(2, size, size + 1, in)),
            *w = nn_input(g, "w", 4, SHAPE(5, in, k, k));
    nn_node *y = nn_conv2d(x, w, stride, pad), *first[2], *second[2];
    nn_node *wrt[] = {x, w};
    nn_grad(nn_sin(y), 2, wrt, first);
    nn_grad(nn_add(nn_total(nn_square(first[0])), nn_total(nn_square(first[1]))), 2, wrt, second);
    give(out, y);
    give(out, first[0]);
    give(out, first[1]);
    give(out, second[0]);
    give(out, second[1]);
}

static void case_conv3(nn_graph *g, outputs *out)
{
    convolution(g, out, 6, 3, 3, 1, 1);
}
static void case_conv3_stride2(nn_graph *g, outputs *out)
{
    convolution(g, out, 7, 4, 3, 2, 1);
}
static void case_conv1(nn_graph *g, outputs *out)
{
    convolution(g, out, 5, 8, 1, 1, 0);
}
static void case_conv_one_channel(nn_graph *g, outputs *out)
{
    convolution(g, out, 8, 1, 3, 1, 1);
}

static void case_noise(nn_graph *g, outputs *out)
{
    give(out, nn_noise_uniform(g, "u", 2, SHAPE(13, 5)));
    give(out, nn_noise_normal(g, "n", 2, SHAPE(13, 7)));
    give(out, nn_dropout(nn_input(g, "x", 2, SHAPE(20, 9)), 0.3, "drop"));
}

static nn_node *network(nn_node *x, int64_t width, int64_t to, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    x = nn_gelu(nn_linear(x, width, nn_namef(g, "%s.0", name)));
    x = nn_gelu(nn_linear(x, width, nn_namef(g, "%s.1", name)));
    return nn_linear(x, to, nn_namef(g, "%s.2", name));
}

/* The parameters of a prefix as outputs, so that what training did to them is compared. */
static void give_parameters(nn_graph *g, const char *prefix, outputs *out)
{
    nn_node *found[MOST_OUTPUTS];
    int n = nn_parameters(g, prefix, MOST_OUTPUTS, found);
    for (int i = 0; i < n && i < MOST_OUTPUTS; i++)
        give(out, found[i]);
}

static void case_wgan_gp(nn_graph *g, outputs *out)
{
    nn_node *real = nn_input(g, "real", 2, SHAPE(12, 10)),
            *context = nn_input(g, "context", 2, SHAPE(12, 3));
    nn_node *z = nn_noise_normal(g, "z", 2, SHAPE(12, 4));
    nn_node *fake =
        nn_sigmoid(network(nn_concat(1, 2, (nn_node *[]){context, z}), 16, 10, "generator"));
    nn_node *mixed = nn_mix(real, fake, "mix"), *score[3], *seen[] = {real, fake, mixed};
    for (int i = 0; i < 3; i++)
        score[i] = network(nn_concat(1, 2, (nn_node *[]){context, seen[i]}), 16, 1, "critic");
    nn_node *loss = nn_add(nn_wgan_critic(score[0], score[1]),
                           nn_scale(nn_gradient_penalty(score[2], 1, &mixed, 0), 10));
    give(out, loss);
    give(out, nn_adam(loss, "critic.", &(nn_adam_options){.rate = 1e-3}));
    give(out, nn_adam(nn_wgan_generator(score[1]), "generator.", &(nn_adam_options){.rate = 1e-3}));
    give_parameters(g, "", out);
}

static void case_lstm(nn_graph *g, outputs *out)
{
    nn_recurrent in = {.sequence = nn_input(g, "sequence", 3, SHAPE(5, 6, 4)),
                       .constant = nn_input(g, "constant", 2, SHAPE(6, 3)),
                       .hidden = 8};
    nn_recurrent_result lstm = nn_lstm(&in, "net.lstm");
    in.constant = NULL;
    nn_recurrent_result gru = nn_gru(&in, "net.gru");
    nn_node *loss = nn_add(nn_mean(nn_square(nn_linear(lstm.outputs, 2, "net.a"))),
                           nn_mean(nn_square(nn_linear(gru.outputs, 2, "net.b"))));
    give(out, loss);
    give(out, lstm.outputs);
    give(out, gru.outputs);
    give(out, nn_adam(loss, "net.", &(nn_adam_options){.rate = 1e-2}));
    give_parameters(g, "net.", out);
}

static void case_norms(nn_graph *g, outputs *out)
{
    nn_node *x = nn_input(g, "x", 4, SHAPE(3, 4, 4, 8));
    nn_node *flat = nn_batch_norm(nn_reshape(x, 2, SHAPE(48, 8)), 0, 0, "net.batch");
    nn_node *y =
        nn_add(nn_group_norm(x, 2, 0, "net.group"), nn_reshape(flat, 4, SHAPE(3, 4, 4, 8)));
    y = nn_layer_norm(y, 0, "net.layer");
    nn_node *loss = nn_mean(nn_square(nn_sub(nn_tanh(y), x)));
    give(out, loss);
    give(out, nn_adamw(loss, "net.", &(nn_adam_options){.rate = 1e-2, .weight_decay = 0.1}));
    give(out, nn_updates(g, "net."));
    give(out, nn_find(g, "net.batch.running_mean"));
    give(out, nn_find(g, "net.batch.running_var"));
    give_parameters(g, "net.", out);
}

static void case_attention(nn_graph *g, outputs *out)
{
    nn_node *x = nn_input(g, "x", 3, SHAPE(3, 7, 8));
    nn_node *y = nn_attention(x, 2, true, "net.attention");
    nn_node *loss = nn_mse(y, nn_square(x));
    give(out, loss);
    give(out, y);
    give(out, nn_sgd(loss, "net.", &(nn_sgd_options){.rate = 0.1, .momentum = 0.9}));
    give_parameters(g, "net.", out);
}

/* Two levels of a U-Net with a time embedding. */
static void case_unet(nn_graph *g, outputs *out)
{
    nn_node *x = nn_input(g, "x", 4, SHAPE(2, 8, 8, 1)),
            *t = nn_scale(nn_input(g, "t", 1, SHAPE(2)), 100);
    nn_node *time = nn_linear(nn_silu(nn_time_embedding(t, 8)), 8, "net.time");
    nn_node *top = nn_conv(x, 8, 3, 1, 1, "net.in");
    nn_node *low = nn_silu(nn_group_norm(nn_conv(top, 8, 3, 2, 1, "net.down"), 4, 0, "net.n"));
    low = nn_add(low, nn_reshape(time, 4, SHAPE(2, 1, 1, 8)));
    nn_node *up =
        nn_concat(3, 2, (nn_node *[]){nn_conv(nn_upsample(low, 2), 8, 3, 1, 1, "net.up"), top});
    nn_node *loss = nn_mse(nn_conv(nn_silu(up), 1, 1, 1, 0, "net.out"), x);
    give(out, loss);
    give(out, nn_downsample(up, 2));
    give(out, nn_adam(loss, "net.", &(nn_adam_options){.rate = 1e-2}));
    give_parameters(g, "net.", out);
}

static const struct {
    const char *name;
    void (*build)(nn_graph *g, outputs *out);
} nn_cases[] = {
    {"unary", case_unary},
    {"binary", case_binary},
    {"reductions", case_reductions},
    {"products", case_products},
    {"movement", case_movement},
    {"lookups", case_lookups},
    {"conv3", case_conv3},
    {"conv3_stride2", case_conv3_stride2},
    {"conv1", case_conv1},
    {"conv_one_channel", case_conv_one_channel},
    {"noise", case_noise},
    {"wgan_gp", case_wgan_gp},
    {"lstm", case_lstm},
    {"norms", case_norms},
    {"attention", case_attention},
    {"unet", case_unet},
};
enum { NN_CASES = sizeof nn_cases / sizeof *nn_cases };

/* What a case gave: its outputs that have a value, one behind the other. */
typedef struct numbers {
    int64_t count;
    nn_real *value;
    weir_error error;
    char device[160];
} numbers;

static inline bool has_value(const nn_node *node)
{
    return node && node->op != NN_OP_ASSIGN && node->op != NN_OP_GROUP;
}

/* Every input by its name, in (-1, 1). */
static inline int fill_inputs(nn_graph *g)
{
    static const char *const names[] = {"x",     "y",    "a",       "b", "row",      "column",
                                        "at",    "bt",   "batch",   "w", "table",    "values",
                                        "index", "real", "context", "t", "sequence", "constant"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        nn_node *node = nn_find(g, names[i]);
        int64_t count = node ? nn_count(node) : 0;
        nn_real *values = node ? malloc((size_t)count * sizeof *values) : NULL;
        if (node && !values)
            return WEIR_ENOMEM;
        uint32_t state = (uint32_t)(i + 1) * 2654435761u;
        for (int64_t k = 0; k < count; k++) {
            state = state * 1664525u + 1013904223u;
            values[k] = (nn_real)((double)(state >> 8) / (1 << 23) - 1);
        }
        int status = node ? nn_write(node, values) : WEIR_OK;
        free(values);
        if (status)
            return status;
    }
    return WEIR_OK;
}

/* Builds, compiles, runs STEPS times and reads. The caller frees value. */
static inline numbers run_case(int number, const nn_settings *settings)
{
    numbers found = {0};
    outputs out = {0};
    nn_graph *g = nn_graph_new(settings);
    if (!g) {
        weir_error_memory(&found.error, 0, "a graph");
        return found;
    }
    nn_cases[number].build(g, &out);
    nn_program *program = nn_compile(g, 1, &(nn_stage){nn_cases[number].name, out.n, out.node});
    if (program && !fill_inputs(g))
        for (int i = 0; i < STEPS && !nn_run(program, 0); i++)
            continue;
    for (int i = 0; i < out.n && !nn_status(g); i++)
        if (has_value(out.node[i]))
            found.count += nn_count(out.node[i]);
    found.value = calloc((size_t)found.count + 1, sizeof *found.value);
    nn_real *to = found.value;
    for (int i = 0; i < out.n && to && !nn_status(g); i++)
        if (has_value(out.node[i])) {
            if (out.node[i]->op == NN_OP_VARIABLE)
                nn_value(out.node[i], to);
            else
                nn_read(program, out.node[i], to);
            to += nn_count(out.node[i]);
        }
    if (nn_status(g))
        found.error = *nn_error(g);
    strncpy(found.device, nn_device(g), sizeof found.device - 1);
    nn_graph_free(g);
    return found;
}

#endif
