/* Linear, embedding and dropout layers, and what all layers share (layer.h). */
#include "nn/layers/layer.h"
#include <stdlib.h>
#include <string.h>

const char *nn_member(nn_graph *graph, const char *name, const char *suffix)
{
    return nn_namef(graph, "%s.%s", name, suffix);
}

nn_node *nn_find_noise(nn_graph *graph, const char *name)
{
    for (int i = 0; i < graph->count; i++) {
        nn_node *node = graph->nodes[i];
        if (node->op == NN_OP_NOISE && node->name && !strcmp(node->name, name))
            return node;
    }
    return NULL;
}

const char *nn_fresh_noise(nn_graph *graph, const char *name)
{
    const char *fresh = name;
    for (int i = 2; nn_find_noise(graph, fresh); i++)
        fresh = nn_namef(graph, "%s.%d", name, i);
    return fresh;
}

nn_node *nn_rows(nn_node *x)
{
    if (nn_poisoned(x) || nn_rank(x) == 2)
        return x;
    int64_t width = nn_size(x, -1);
    return nn_reshape(x, 2, (int64_t[]){nn_count(x) / width, width});
}

nn_node *nn_unrows(nn_node *rows, const nn_node *like)
{
    if (nn_poisoned(rows) || nn_rank(like) == 2)
        return rows;
    int64_t shape[NN_MAX_RANK];
    memcpy(shape, like->shape, sizeof shape);
    shape[like->rank - 1] = nn_size(rows, -1);
    return nn_reshape(rows, like->rank, shape);
}

nn_node *nn_iota(nn_graph *graph, int64_t count)
{
    double *place = malloc((size_t)count * sizeof *place);
    if (!place)
        return nn_fail(graph, WEIR_ENOMEM, "out of memory for %lld places", (long long)count);
    for (int64_t i = 0; i < count; i++)
        place[i] = (double)i;
    nn_node *array = nn_array(graph, 1, &count, place);
    free(place);
    return array;
}

nn_node *nn_linear_with(nn_node *x, int64_t out, const char *name, const nn_linear_options *options)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x))
        return x;
    if (nn_rank(x) < 1 || out < 1)
        return nn_fail(g, WEIR_EOPTION,
                       "linear(%s): an input of rank %d and %lld outputs; rank 1 and 1 output are "
                       "the least",
                       name, nn_rank(x), (long long)out);
    nn_linear_options plain = {0};
    if (!options)
        options = &plain;
    int64_t in = nn_size(x, -1);
    nn_init fan_in = nn_init_fan_in(in);
    nn_node *weight = nn_parameter(g, nn_member(g, name, "weight"), 2, (int64_t[]){out, in},
                                   options->weight ? *options->weight : fan_in);
    nn_node *y = nn_matmul(nn_rows(x), weight, false, true);
    if (!options->no_bias)
        y = nn_add(y, nn_parameter(g, nn_member(g, name, "bias"), 1, &out,
                                   options->bias ? *options->bias : fan_in));
    return nn_unrows(y, x);
}

nn_node *nn_linear(nn_node *x, int64_t out, const char *name)
{
    return nn_linear_with(x, out, name, NULL);
}

nn_node *nn_embedding(nn_node *index, int64_t rows, int64_t width, const char *name)
{
    nn_graph *g = nn_graph_of(index);
    if (nn_poisoned(index))
        return index;
    nn_node *weight = nn_parameter(g, nn_member(g, name, "weight"), 2, (int64_t[]){rows, width},
                                   nn_init_normal(0, 1));
    return nn_gather(weight, index);
}

nn_node *nn_dropout(nn_node *x, double p, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x))
        return x;
    if (!(p >= 0 && p < 1))
        return nn_fail(g, WEIR_EOPTION, "dropout(%s): a probability of %g; it must be in [0, 1)",
                       name, p);
    if (!g->training || p == 0)
        return x;
    nn_node *u = nn_noise_uniform(g, nn_fresh_noise(g, name), nn_rank(x), x->shape);
    nn_node *dropped = nn_step(nn_shift(nn_neg(u), p)); /* u < p */
    return nn_mul(x, nn_scale(nn_shift(nn_neg(dropped), 1), 1 / (1 - p)));
}
