/* Multi-head self-attention (Vaswani et al. 2017) and the time embedding of diffusion models. */
#include "nn/layers/layer.h"
#include <math.h>
#include <stdlib.h>

/* Heads of the queries (0), keys (1) or values (2): qkv [batch][time][3][heads][each] to
 * [batch][heads][time][each]. */
static nn_node *heads_of(nn_node *qkv, int64_t which)
{
    nn_node *x = nn_slice(qkv, 2, which, 1);
    x = nn_reshape(x, 4,
                   (int64_t[]){nn_size(qkv, 0), nn_size(qkv, 1), nn_size(qkv, 3), nn_size(qkv, 4)});
    return nn_permute(x, (int[]){0, 2, 1, 3});
}

/* [time][time]: 0 where a step may look, a number that vanishes in softmax where it may not. */
static nn_node *causal_mask(nn_graph *g, int64_t time)
{
    if (!nn_shape_check(g, "attention: the mask", 2, (int64_t[]){time, time}))
        return g->poison;
    double *mask = calloc((size_t)(time * time), sizeof *mask);
    if (!mask)
        return nn_fail(g, WEIR_ENOMEM, "attention: out of memory for a mask of %lld x %lld",
                       (long long)time, (long long)time);
    for (int64_t i = 0; i < time; i++)
        for (int64_t j = i + 1; j < time; j++)
            mask[i * time + j] = -1e30;
    nn_node *array = nn_array(g, 2, (int64_t[]){time, time}, mask);
    free(mask);
    return array;
}

nn_node *nn_attention(nn_node *x, int64_t heads, bool causal, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x))
        return x;
    char text[160];
    if (nn_rank(x) != 3)
        return nn_fail(g, WEIR_EOPTION,
                       "attention(%s): the input is %s; [batch][time][width] is needed", name,
                       nn_shape_text(x, text));
    int64_t batch = nn_size(x, 0), time = nn_size(x, 1), width = nn_size(x, 2);
    if (heads < 1 || width % heads)
        return nn_fail(g, WEIR_EOPTION, "attention(%s): a width of %lld does not make %lld heads",
                       name, (long long)width, (long long)heads);
    int64_t each = width / heads, three = 3 * width;
    nn_node *weight = nn_parameter(g, nn_member(g, name, "in_proj_weight"), 2,
                                   (int64_t[]){three, width}, nn_init_xavier(width, three, 1));
    nn_init zero = nn_init_constant(0);
    nn_node *bias = nn_parameter(g, nn_member(g, name, "in_proj_bias"), 1, &three, zero);
    nn_node *qkv = nn_add(nn_matmul(nn_rows(x), weight, false, true), bias);
    qkv = nn_reshape(qkv, 5, (int64_t[]){batch, time, 3, heads, each});
    nn_node *query = nn_scale(heads_of(qkv, 0), 1 / sqrt((double)each));
    nn_node *scores = nn_matmul(query, heads_of(qkv, 1), false, true);
    if (causal)
        scores = nn_add(scores, causal_mask(g, time));
    nn_node *seen = nn_matmul(nn_softmax(scores, -1), heads_of(qkv, 2), false, false);
    seen = nn_reshape(nn_permute(seen, (int[]){0, 2, 1, 3}), 3, (int64_t[]){batch, time, width});
    return nn_linear_with(seen, width, nn_member(g, name, "out_proj"),
                          &(nn_linear_options){.bias = &zero});
}

nn_node *nn_time_embedding(nn_node *t, int64_t width)
{
    nn_graph *g = nn_graph_of(t);
    if (nn_poisoned(t))
        return t;
    char text[160];
    if (nn_rank(t) != 1 || width < 2 || width % 2)
        return nn_fail(g, WEIR_EOPTION,
                       "time_embedding: times %s in a width of %lld; [batch] and an even width are "
                       "needed",
                       nn_shape_text(t, text), (long long)width);
    if (!nn_shape_check(g, "time_embedding", 2, (int64_t[]){nn_size(t, 0), width}))
        return g->poison;
    int64_t half = width / 2;
    double *frequency = malloc((size_t)half * sizeof *frequency);
    if (!frequency)
        return nn_fail(g, WEIR_ENOMEM, "time_embedding: out of memory for a width of %lld",
                       (long long)width);
    for (int64_t i = 0; i < half; i++)
        frequency[i] = half > 1 ? pow(1e-4, (double)i / (double)(half - 1)) : 1;
    nn_node *angle =
        nn_mul(nn_reshape(t, 2, (int64_t[]){nn_size(t, 0), 1}), nn_array(g, 1, &half, frequency));
    free(frequency);
    return nn_concat(1, 2, (nn_node *[]){nn_sin(angle), nn_cos(angle)});
}
