/* A slow and obvious evaluator of the engine's graphs, straight over the nodes and in double, in
 * the float build too: what compiled programs are compared with. No program is needed and none is
 * run.
 *
 *     nn_reference r = {0};
 *     const double *y = nn_reference_value(&r, node);     nn_count(node) numbers, borrowed
 *     ...                                                 more nodes: values are kept in r
 *     nn_reference_free(&r);                              before anything is written or run
 *
 * Inputs and variables have the values of their memory (nn_write, or the first ones) when they are
 * first asked for, noise the draw that the next run of a program would make. An assign has the
 * value that it would store; a group has none (NULL). A graph for the "null" device is enough. */
#ifndef WEIR_TESTS_NN_REFERENCE_H
#define WEIR_TESTS_NN_REFERENCE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/backend.h"
#include "nn/philox.h"

typedef struct nn_reference {
    double **value; /* by node id */
    int count;
} nn_reference;

static void nn_reference_free(nn_reference *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->value[i]);
    free(r->value);
    *r = (nn_reference){0};
}

/* The coordinates of element i of a shape. */
static void reference_place(const nn_node *node, int64_t i, int64_t place[NN_MAX_RANK])
{
    for (int k = node->rank - 1; k >= 0; k--) {
        place[k] = i % node->shape[k];
        i /= node->shape[k];
    }
}

static int64_t reference_index(const nn_node *node, const int64_t place[NN_MAX_RANK])
{
    int64_t index = 0;

    for (int k = 0; k < node->rank; k++)
        index = index * node->shape[k] + place[k];
    return index;
}

static void reference_noise(nn_node *node, double *y)
{
    uint64_t draw = 0;
    void *memory = nn_leaf_memory(node);

    if (!memory)
        return;
    node->graph->backend->read(node->graph->device, &draw, memory, sizeof draw,
                               &node->graph->error);
    for (int64_t i = 0; i < nn_count(node); i++) {
        unsigned w[4];
        nn_philox(node->key, draw, (unsigned long long)i / 4, w);
        if (node->at[0] == NN_NOISE_UNIFORM) {
            y[i] = (w[i % 4] >> 8) * 0x1p-24;
        } else {
            double radius = sqrt(-2 * log(((w[i % 4 & 2] >> 8) + 1) * 0x1p-24));
            double angle = 2 * 3.14159265358979323846 * ((w[i % 4 | 1] >> 8) * 0x1p-24);
            y[i] = radius * (i % 2 ? sin(angle) : cos(angle));
        }
    }
}

static void reference_leaf(nn_node *node, double *y)
{
    int64_t count = nn_count(node);

    if (node->op == NN_OP_CONSTANT) {
        for (int64_t i = 0; i < count; i++)
            y[i] = node->rank ? node->values[i] : node->value;
    } else if (node->op == NN_OP_NOISE) {
        reference_noise(node, y);
    } else if (node->op == NN_OP_INPUT || node->op == NN_OP_VARIABLE) {
        nn_real *values = malloc((size_t)count * sizeof *values);
        if (values && nn_value(node, values) == WEIR_OK)
            for (int64_t i = 0; i < count; i++)
                y[i] = (double)values[i];
        free(values);
    }
}

static void reference_matmul(const nn_node *node, const double *a, const double *b, double *y)
{
    int64_t m = nn_size(node, -2), n = nn_size(node, -1);
    int64_t k = nn_size(node->input[0], node->at[0] ? -2 : -1);

    for (int64_t batch = 0; batch < nn_count(node) / (m * n); batch++, a += m * k, b += k * n)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++, y++)
                for (int64_t l = 0; l < k; l++)
                    *y += a[node->at[0] ? l * m + i : i * k + l] *
                          b[node->at[1] ? j * k + l : l * n + j];
}

/* All three convolutions are one sum over y, x and w with one of them unknown. */
static void reference_convolution(const nn_node *node, const double *a, const double *b,
                                  double *result)
{
    const nn_node *x = node->op == NN_OP_CONV_DATA ? node : node->input[0];
    const nn_node *w = node->op == NN_OP_CONV_WEIGHT ? node : node->input[1];
    const nn_node *y = node->op == NN_OP_CONV        ? node
                       : node->op == NN_OP_CONV_DATA ? node->input[0]
                                                     : node->input[1];
    int64_t at[NN_MAX_RANK];

    for (int64_t i = 0; i < nn_count(y); i++)
        for (int64_t j = 0; j < nn_count(w) / w->shape[0]; j++) {
            int64_t in, row, column, rest = j, of_x, of_w;
            reference_place(y, i, at);
            column = rest % w->shape[3];
            rest /= w->shape[3];
            row = rest % w->shape[2];
            in = rest / w->shape[2];
            of_w = at[3] * (nn_count(w) / w->shape[0]) + j;
            row += at[1] * node->at[0] - node->at[1];
            column += at[2] * node->at[0] - node->at[1];
            if (row < 0 || row >= x->shape[1] || column < 0 || column >= x->shape[2])
                continue;
            of_x = reference_index(x, (int64_t[NN_MAX_RANK]){at[0], row, column, in});
            if (node->op == NN_OP_CONV)
                result[i] += a[of_x] * b[of_w];
            else if (node->op == NN_OP_CONV_DATA)
                result[of_x] += a[i] * b[of_w];
            else
                result[of_w] += a[of_x] * b[i];
        }
}

static void reference_reduce(const nn_node *node, const double *a, double *y)
{
    const nn_node *x = node->input[0];
    int64_t at[NN_MAX_RANK];

    for (int64_t i = 0; node->op == NN_OP_PEAK && i < nn_count(node); i++)
        y[i] = -INFINITY;
    for (int64_t i = 0; i < nn_count(x); i++) {
        reference_place(x, i, at);
        for (int k = 0; k < x->rank; k++)
            if (node->at[0] >> k & 1)
                at[k] = 0;
        double *to = &y[reference_index(node, at)];
        *to = node->op == NN_OP_SUM ? *to + a[i] : fmax(*to, a[i]);
    }
}

/* Element by element of the result: where in the source it is; -1: nowhere, it is zero. */
static int64_t reference_source(const nn_node *node, const nn_node *x, int64_t i)
{
    int64_t at[NN_MAX_RANK] = {0}, from[NN_MAX_RANK] = {0};

    reference_place(node, i, at);
    for (int k = 0; k < x->rank; k++) {
        int64_t here;
        switch ((int)node->op) {
        case NN_OP_BROADCAST:
            here = at[k + node->rank - x->rank];
            from[k] = x->shape[k] == 1 ? 0 : here;
            break;
        case NN_OP_PERMUTE:
            from[node->at[k]] = at[k];
            break;
        case NN_OP_SLICE:
            from[k] = at[k] + node->at[k];
            break;
        default: /* PAD */
            from[k] = at[k] - node->at[k];
            if (from[k] < 0 || from[k] >= x->shape[k])
                return -1;
        }
    }
    return reference_index(x, from);
}

static void reference_concat(const nn_node *node, double *const *parts, double *y)
{
    int axis = (int)node->at[0];
    int64_t first = 0, at[NN_MAX_RANK];

    for (int p = 0; p < node->inputs; p++) {
        const nn_node *part = node->input[p];
        for (int64_t i = 0; i < nn_count(part); i++) {
            reference_place(part, i, at);
            at[axis] += first;
            y[reference_index(node, at)] = parts[part->id][i];
        }
        first += part->shape[axis];
    }
}

static void reference_lookup(const nn_node *node, const double *a, const double *index, double *y)
{
    int64_t width = nn_size(node, -1), rows;

    rows = node->op == NN_OP_GATHER ? node->input[0]->shape[0] : node->shape[0];
    for (int64_t i = 0; i < nn_count(node->input[1]); i++) {
        if (!(index[i] >= 0 && index[i] < (double)rows))
            continue;
        for (int64_t k = 0; k < width; k++)
            if (node->op == NN_OP_GATHER)
                y[i * width + k] = a[(int64_t)index[i] * width + k];
            else
                y[(int64_t)index[i] * width + k] += a[i * width + k];
    }
}

static void reference_node(nn_reference *r, nn_node *node, double *y)
{
    const double *x[3] = {NULL, NULL, NULL};

    for (int i = 0; i < node->inputs && i < 3; i++)
        x[i] = r->value[node->input[i]->id];
    if (nn_is_elementwise(node->op)) {
        for (int64_t i = 0; i < nn_count(node); i++)
            y[i] = nn_evaluate(node->op, x[0][i], x[1] ? x[1][i] : 0, x[2] ? x[2][i] : 0);
        return;
    }
    switch ((int)node->op) {
    case NN_OP_MATMUL:
        reference_matmul(node, x[0], x[1], y);
        break;
    case NN_OP_CONV:
    case NN_OP_CONV_DATA:
    case NN_OP_CONV_WEIGHT:
        reference_convolution(node, x[0], x[1], y);
        break;
    case NN_OP_SUM:
    case NN_OP_PEAK:
        reference_reduce(node, x[0], y);
        break;
    case NN_OP_BROADCAST:
    case NN_OP_PERMUTE:
    case NN_OP_SLICE:
    case NN_OP_PAD:
        for (int64_t i = 0; i < nn_count(node); i++) {
            int64_t from = reference_source(node, node->input[0], i);
            y[i] = from < 0 ? 0 : x[0][from];
        }
        break;
    case NN_OP_RESHAPE:
    case NN_OP_STOP:
        memcpy(y, x[0], (size_t)nn_count(node) * sizeof *y);
        break;
    case NN_OP_CONCAT:
        reference_concat(node, r->value, y);
        break;
    case NN_OP_GATHER:
    case NN_OP_SCATTER:
        reference_lookup(node, x[0], x[1], y);
        break;
    default:
        reference_leaf(node, y);
    }
}

static const double *nn_reference_value(nn_reference *r, nn_node *node)
{
    if (!node || node->op == NN_OP_POISON || node->op == NN_OP_GROUP)
        return NULL;
    if (node->op == NN_OP_ASSIGN)
        return nn_reference_value(r, node->input[1]);
    if (node->id >= r->count) {
        int count = node->graph->count;
        double **value = realloc(r->value, (size_t)count * sizeof *value);
        if (!value)
            return NULL;
        memset(value + r->count, 0, (size_t)(count - r->count) * sizeof *value);
        r->value = value;
        r->count = count;
    }
    if (!r->value[node->id]) {
        double *y;
        for (int i = 0; i < node->inputs; i++)
            if (!nn_reference_value(r, node->input[i]))
                return NULL;
        y = calloc((size_t)nn_count(node), sizeof *y);
        if (!y)
            return NULL;
        reference_node(r, node, y);
        r->value[node->id] = y;
    }
    return r->value[node->id];
}

#endif
