/* Graphs drawn from a seed: every primitive, on shapes small enough to be evaluated slowly. Equal
 * seeds give equal graphs, whatever the graph's settings. */
#ifndef WEIR_TEST_NN_RANDOM_GRAPH_H
#define WEIR_TEST_NN_RANDOM_GRAPH_H

#include <stdio.h>

#include "nn/graph.h"

enum { RANDOM_NODES = 400, RANDOM_OUTPUTS = 12 };

typedef struct random_graph {
    nn_graph *graph;
    uint64_t state;
    int count;
    nn_node *node[RANDOM_NODES];
    int inputs;
    nn_node *input[8];
    int variables;
    nn_node *variable[8];
} random_graph;

static uint64_t random_bits(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static int random_below(random_graph *r, int n)
{
    return (int)(random_bits(&r->state) % (uint64_t)n);
}

static nn_node *random_node(random_graph *r)
{
    /* Mostly of the latest ones, so that graphs get deep. */
    int from = random_below(r, 3) && r->count > 12 ? r->count - 12 : 0;
    return r->node[from + random_below(r, r->count - from)];
}

static void random_add(random_graph *r, nn_node *node)
{
    if (nn_count(node) <= 400 && r->count < RANDOM_NODES)
        r->node[r->count++] = node;
}

static void random_leaves(random_graph *r)
{
    static const int64_t shape[8][3] = {{3, 4, 5}, {4, 5, 1}, {5, 1, 1}, {2, 3, 4},
                                        {4, 4, 1}, {1, 5, 1}, {3, 1, 5}, {6, 1, 1}};
    static const int rank[8] = {3, 2, 1, 3, 2, 2, 3, 1};
    char name[32];
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "x%d", i);
        int s = i % 2 ? random_below(r, 8) : i;
        r->input[r->inputs++] = nn_input(r->graph, name, rank[s], shape[s]);
        random_add(r, r->input[i]);
    }
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "v%d", i);
        int s = random_below(r, 8);
        nn_init init = {NN_UNIFORM, -1, 1};
        r->variable[r->variables++] = nn_parameter(r->graph, name, rank[s], shape[s], init);
        random_add(r, r->variable[i]);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "n%d", i);
        int s = random_below(r, 8);
        random_add(r, i ? nn_noise_normal(r->graph, name, rank[s], shape[s])
                        : nn_noise_uniform(r->graph, name, rank[s], shape[s]));
    }
    double values[20];
    for (int i = 0; i < 20; i++)
        values[i] = (double)random_below(r, 17) / 8 - 1;
    random_add(r, nn_array(r->graph, 2, (int64_t[]){4, 5}, values));
    random_add(r, nn_scalar(r->graph, 0.75));
}

static bool random_broadcasts(const nn_node *a, const nn_node *b)
{
    for (int i = 1; i <= a->rank && i <= b->rank; i++) {
        int64_t m = a->shape[a->rank - i], n = b->shape[b->rank - i];
        if (m != n && m != 1 && n != 1)
            return false;
    }
    return true;
}

/* Some node that can be used together with a, by NumPy's rules. */
static nn_node *random_partner(random_graph *r, const nn_node *a)
{
    for (int tries = 0; tries < 20; tries++) {
        nn_node *b = random_node(r);
        if (random_broadcasts(a, b))
            return b;
    }
    return nn_scalar(r->graph, (double)random_below(r, 9) / 4 - 1);
}

/* Values stay in -1 … 1, so that nothing overflows: sums are scaled. */
static nn_node *random_unary(random_graph *r, nn_node *a)
{
    switch (random_below(r, 15)) {
    case 0:
        return nn_exp(nn_neg(nn_abs(a)));
    case 1:
        return nn_expm1(nn_scale(a, 0.5));
    case 2:
        return nn_log(nn_shift(nn_abs(a), 0.5));
    case 3:
        return nn_log1p(nn_abs(a));
    case 4:
        return nn_sqrt(nn_abs(a));
    case 5:
        return nn_recip(nn_shift(nn_square(a), 1));
    case 6:
        return nn_sigmoid(a);
    case 7:
        return nn_erf(a);
    case 8:
        return nn_sin(a);
    case 9:
        return nn_cos(a);
    case 10:
        return nn_step(a);
    case 11:
        return nn_floor(nn_scale(a, 2));
    case 12:
        return nn_stop(a);
    default:
        return nn_tanh(a);
    }
}

static nn_node *random_binary(random_graph *r, nn_node *a)
{
    nn_node *b = random_partner(r, a);
    switch (random_below(r, 7)) {
    case 0:
        return nn_add(a, b);
    case 1:
        return nn_sub(a, b);
    case 2:
        return nn_div(a, nn_shift(nn_abs(b), 1));
    case 3:
        return nn_max(a, b);
    case 4:
        return nn_select(nn_step(a), b, nn_scalar(r->graph, 0.5));
    default:
        return nn_mul(a, b);
    }
}

static nn_node *random_move(random_graph *r, nn_node *a)
{
    int axes[NN_MAX_RANK], axis = a->rank ? random_below(r, a->rank) : 0;
    int64_t shape[NN_MAX_RANK] = {0}, half;
    if (!a->rank)
        return nn_broadcast(a, 2, (int64_t[]){3, 4});
    int64_t size = a->shape[axis];
    switch (random_below(r, 6)) {
    case 0:
        for (int i = 0; i < a->rank; i++)
            axes[i] = (i + 1 + axis) % a->rank;
        return nn_permute(a, axes);
    case 1:
        half = size > 1 ? 1 + random_below(r, (int)size - 1) : 1;
        return nn_slice(a, axis, random_below(r, (int)(size - half) + 1), half);
    case 2:
        return nn_pad(a, axis, random_below(r, 3), random_below(r, 3));
    case 3:
        if (random_below(r, 2))
            return nn_reshape(a, 1, (int64_t[]){-1});
        for (int i = 0; i < a->rank; i++)
            shape[i] = a->shape[i];
        if (a->rank < 4) {
            memmove(shape + axis + 1, shape + axis, (size_t)(a->rank - axis) * sizeof *shape);
            shape[axis] = shape[axis + 1] % 2 ? 1 : 2;
            shape[axis + 1] /= shape[axis];
            return nn_reshape(a, a->rank + 1, shape);
        }
        return nn_stop(a);
    case 4:
        if (a->rank > 3)
            return nn_stop(a);
        for (int i = 0; i < a->rank; i++)
            shape[i + 1] = a->shape[i] == 1 ? 3 : a->shape[i];
        shape[0] = 1 + random_below(r, 2);
        return nn_broadcast(a, a->rank + 1, shape);
    default: {
        nn_node *part[3] = {a, NULL, NULL};
        int n = 1;
        for (int tries = 0; tries < 30 && n < 3; tries++) {
            nn_node *b = random_node(r);
            bool fits = b->rank == a->rank;
            for (int i = 0; i < a->rank && fits; i++)
                fits = i == axis || b->shape[i] == a->shape[i];
            if (fits)
                part[n++] = b;
        }
        return nn_concat(axis, n, part);
    }
    }
}

static nn_node *random_contract(random_graph *r, nn_node *a)
{
    for (int tries = 0; tries < 30 && a->rank >= 2; tries++) {
        nn_node *b = random_node(r);
        if (b->rank < 2 || b->rank > 4 || a->rank > 4)
            continue;
        bool ta = random_below(r, 2), tb = random_below(r, 2);
        if (a->shape[a->rank - (ta ? 2 : 1)] != b->shape[b->rank - (tb ? 1 : 2)])
            continue;
        bool fits = true;
        for (int i = 3; i <= a->rank && i <= b->rank; i++) {
            int64_t m = a->shape[a->rank - i], n = b->shape[b->rank - i];
            fits = fits && (m == n || m == 1 || n == 1);
        }
        if (fits)
            return nn_scale(nn_matmul(a, b, ta, tb), 0.25);
    }
    return nn_tanh(a);
}

/* The node as a batch of images of 2 channels, convolved; or rows looked up. */
static nn_node *random_call(random_graph *r, nn_node *a)
{
    int64_t count = nn_count(a);
    if (random_below(r, 2) && count % 16 == 0) {
        nn_node *x = nn_reshape(a, 4, (int64_t[]){count / 16, 4, 2, 2});
        nn_node *w = nn_array(r->graph, 4, (int64_t[]){3, 2, 2, 1},
                              (double[]){1, -1, .5, .25, 0, 1, .75, -.5, 1, 0, -.25, .5});
        nn_node *y = nn_conv2d(x, w, 1, 1);
        if (random_below(r, 2))
            return nn_scale(nn_conv2d_data(y, w, 4, 2, 1, 1), 0.25);
        return nn_scale(random_below(r, 2) ? y : nn_conv2d_weight(x, y, 2, 1, 1, 1), 0.1);
    }
    if (a->rank == 2) {
        nn_node *index = nn_floor(nn_scale(nn_abs(nn_slice(a, 1, 0, 1)), 3));
        index = nn_reshape(index, 1, (int64_t[]){a->shape[0]});
        return random_below(r, 2) ? nn_gather(a, index) : nn_scatter(a, index, 3);
    }
    return nn_sin(a);
}

static void random_grow(random_graph *r, int nodes)
{
    for (int tries = 0; tries < 20 * nodes && r->count < nodes; tries++) {
        nn_node *a = random_node(r), *made;
        int kind = random_below(r, 20);
        if (kind < 5)
            made = random_unary(r, a);
        else if (kind < 10)
            made = random_binary(r, a);
        else if (kind < 14)
            made = random_move(r, a);
        else if (kind < 16)
            made = random_contract(r, a);
        else if (kind < 17)
            made = random_call(r, a);
        else if (a->rank) {
            unsigned axes = 1 + (unsigned)random_below(r, (1 << a->rank) - 1);
            made = random_below(r, 3) ? nn_mean_over(a, axes) : nn_peak(a, axes);
        } else
            made = nn_shift(a, 0.125);
        random_add(r, made);
    }
}

static random_graph random_graph_make(nn_graph *graph, uint64_t seed, int nodes)
{
    random_graph r = {.graph = graph, .state = seed};
    random_leaves(&r);
    random_grow(&r, nodes < RANDOM_NODES ? nodes : RANDOM_NODES);
    return r;
}

#endif
