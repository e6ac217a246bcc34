/* The operations that rearrange, the reductions, and those with an index. */
#include "nn/graph.h"
#include <string.h>

nn_node *nn_broadcast(nn_node *x, int rank, const int64_t *shape)
{
    nn_node *instead;
    char text[320], wanted[160];
    bool fits;

    if (!nn_usable("broadcast", 1, &x, &instead))
        return instead;
    if (!nn_shape_check(x->graph, "broadcast", rank, shape))
        return x->graph->poison;
    fits = rank >= x->rank;
    for (int i = 0; fits && i < x->rank; i++)
        fits = x->shape[i] == 1 || x->shape[i] == shape[rank - x->rank + i];
    if (!fits) {
        nn_node target = {.rank = rank};
        memcpy(target.shape, shape, (size_t)rank * sizeof *shape);
        return nn_fail(x->graph, WEIR_EOPTION,
                       "broadcast: %s does not stretch to %s: aligned at the last axis, sizes are "
                       "equal or 1",
                       nn_describe(x, text), nn_shape_text(&target, wanted));
    }
    return nn_make_moved(NN_OP_BROADCAST, x, rank, shape, NULL);
}

nn_node *nn_reshape(nn_node *x, int rank, const int64_t *shape)
{
    nn_node *instead, target = {.rank = rank};
    char text[320], wanted[160];
    int64_t known = 1;
    int open = -1;

    if (!nn_usable("reshape", 1, &x, &instead))
        return instead;
    if (rank < 0 || rank > NN_MAX_RANK || (rank && !shape)) {
        nn_shape_check(x->graph, "reshape", rank, shape);
        return x->graph->poison;
    }
    for (int i = 0; i < rank; i++) {
        target.shape[i] = shape[i];
        if (shape[i] == -1 && open < 0) {
            open = i;
            target.shape[i] = 1;
        }
    }
    if (!nn_shape_check(x->graph, "reshape", rank, target.shape))
        return x->graph->poison;
    known = nn_count(&target);
    if (open >= 0 && nn_count(x) % known == 0)
        target.shape[open] = nn_count(x) / known;
    if (nn_count(&target) != nn_count(x)) {
        if (open >= 0)
            target.shape[open] = -1;
        return nn_fail(x->graph, WEIR_EOPTION, "reshape: %s has %lld elements, not those of %s",
                       nn_describe(x, text), (long long)nn_count(x),
                       nn_shape_text(&target, wanted));
    }
    return nn_make_moved(NN_OP_RESHAPE, x, rank, target.shape, NULL);
}

nn_node *nn_permute(nn_node *x, const int *axes)
{
    nn_node *instead;
    int64_t shape[NN_MAX_RANK] = {0}, at[NN_MAX_RANK] = {0};
    unsigned seen = 0;
    char text[320];

    if (!nn_usable("permute", 1, &x, &instead))
        return instead;
    for (int i = 0; i < x->rank; i++) {
        if (!axes || axes[i] < 0 || axes[i] >= x->rank || seen & 1u << axes[i])
            return nn_fail(x->graph, WEIR_EOPTION,
                           "permute: the axes of %s must be 0 to %d in some order; axis %d is not",
                           nn_describe(x, text), x->rank - 1, i);
        seen |= 1u << axes[i];
        at[i] = axes[i];
        shape[i] = x->shape[axes[i]];
    }
    return nn_make_moved(NN_OP_PERMUTE, x, x->rank, shape, at);
}

/* An axis of x, counted from the last if negative; -1 and the error if there is no such axis. */
static int axis_of(const char *operation, const nn_node *x, int axis)
{
    char text[320];

    if (axis >= -x->rank && axis < x->rank)
        return axis < 0 ? axis + x->rank : axis;
    nn_fail(x->graph, WEIR_EOPTION, "%s: %s has no axis %d", operation, nn_describe(x, text), axis);
    return -1;
}

nn_node *nn_slice(nn_node *x, int axis, int64_t first, int64_t count)
{
    nn_node *instead;
    int64_t shape[NN_MAX_RANK], at[NN_MAX_RANK] = {0};
    char text[320];

    if (!nn_usable("slice", 1, &x, &instead))
        return instead;
    axis = axis_of("slice", x, axis);
    if (axis < 0)
        return x->graph->poison;
    if (first < 0 || count < 1 || first > x->shape[axis] || count > x->shape[axis] - first)
        return nn_fail(x->graph, WEIR_EOPTION,
                       "slice: %lld elements from %lld on axis %d of %s, which has %lld",
                       (long long)count, (long long)first, axis, nn_describe(x, text),
                       (long long)x->shape[axis]);
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = count;
    at[axis] = first;
    return nn_make_moved(NN_OP_SLICE, x, x->rank, shape, at);
}

nn_node *nn_pad(nn_node *x, int axis, int64_t before, int64_t after)
{
    nn_node *instead;
    int64_t shape[NN_MAX_RANK], at[NN_MAX_RANK] = {0};
    char text[320];

    if (!nn_usable("pad", 1, &x, &instead))
        return instead;
    axis = axis_of("pad", x, axis);
    if (axis < 0)
        return x->graph->poison;
    memcpy(shape, x->shape, sizeof shape);
    if (before < 0 || after < 0 || before > INT64_MAX / 4 || after > INT64_MAX / 4)
        return nn_fail(x->graph, WEIR_EOPTION, "pad: %lld before and %lld after axis %d of %s",
                       (long long)before, (long long)after, axis, nn_describe(x, text));
    shape[axis] += before + after;
    at[axis] = before;
    if (!nn_shape_check(x->graph, "pad", x->rank, shape))
        return x->graph->poison;
    return nn_make_moved(NN_OP_PAD, x, x->rank, shape, at);
}

nn_node *nn_concat(int axis, int n, nn_node *const *parts)
{
    nn_node node = {.op = NN_OP_CONCAT, .inputs = n}, *instead = NULL;
    char text[2][320];

    if (n < 1 || !parts || !nn_usable("concat", n, parts, &instead))
        return instead;
    node.graph = parts[0]->graph;
    axis = axis_of("concat", parts[0], axis);
    if (axis < 0)
        return node.graph->poison;
    node.rank = parts[0]->rank;
    memcpy(node.shape, parts[0]->shape, sizeof node.shape);
    for (int i = 1; i < n; i++) {
        bool fits = parts[i]->rank == node.rank;
        for (int k = 0; fits && k < node.rank; k++)
            fits = k == axis || parts[i]->shape[k] == node.shape[k];
        if (!fits)
            return nn_fail(
                node.graph, WEIR_EOPTION, "concat: %s and %s (part %d) differ in more than axis %d",
                nn_describe(parts[0], text[0]), nn_describe(parts[i], text[1]), i + 1, axis);
        node.shape[axis] += parts[i]->shape[axis];
        if (!nn_shape_check(node.graph, "concat", node.rank, node.shape))
            return node.graph->poison;
    }
    node.at[0] = axis;
    node.input = (nn_node **)parts;
    return nn_node_make(&node);
}

/* ---- reductions ---- */

static nn_node *reduce(nn_op op, nn_node *x, unsigned axes)
{
    nn_node *instead;
    int64_t shape[NN_MAX_RANK], at[NN_MAX_RANK] = {axes};
    char text[320];

    if (!nn_usable(nn_op_name(op), 1, &x, &instead))
        return instead;
    if (axes >> x->rank)
        return nn_fail(x->graph, WEIR_EOPTION, "%s: %s has no axis beyond %d, the mask is 0x%x",
                       nn_op_name(op), nn_describe(x, text), x->rank - 1, axes);
    memcpy(shape, x->shape, sizeof shape);
    for (int i = 0; i < x->rank; i++)
        if (axes >> i & 1)
            shape[i] = 1;
    return nn_make_moved(op, x, x->rank, shape, at);
}

nn_node *nn_sum(nn_node *x, unsigned axes)
{
    return reduce(NN_OP_SUM, x, axes);
}

nn_node *nn_peak(nn_node *x, unsigned axes)
{
    return reduce(NN_OP_PEAK, x, axes);
}

nn_node *nn_mean_over(nn_node *x, unsigned axes)
{
    nn_node *sum = nn_sum(x, axes);

    if (!sum || sum->op == NN_OP_POISON)
        return sum;
    return nn_scale(sum, (double)nn_count(sum) / (double)nn_count(x));
}

nn_node *nn_total(nn_node *x)
{
    return nn_reshape(nn_sum(x, (1u << nn_rank(x)) - 1), 0, NULL);
}

nn_node *nn_mean(nn_node *x)
{
    return nn_scale(nn_total(x), 1 / (double)nn_count(x));
}

/* ---- indexing ---- */

nn_node *nn_gather(nn_node *table, nn_node *index)
{
    nn_node *input[] = {table, index}, *instead, node = {.op = NN_OP_GATHER, .inputs = 2};
    char text[2][320];

    if (!nn_usable("gather", 2, input, &instead))
        return instead;
    node.graph = table->graph;
    if (table->rank != 2 || index->rank >= NN_MAX_RANK)
        return nn_fail(node.graph, WEIR_EOPTION,
                       "gather: table %s and index %s; a table is [rows][width], an index has rank "
                       "%d at most",
                       nn_describe(table, text[0]), nn_describe(index, text[1]), NN_MAX_RANK - 1);
    node.rank = index->rank + 1;
    memcpy(node.shape, index->shape, (size_t)index->rank * sizeof *node.shape);
    node.shape[index->rank] = table->shape[1];
    if (!nn_shape_check(node.graph, "gather", node.rank, node.shape))
        return node.graph->poison;
    node.input = input;
    return nn_node_make(&node);
}

nn_node *nn_scatter(nn_node *values, nn_node *index, int64_t rows)
{
    nn_node *input[] = {values, index}, *instead;
    nn_node node = {.op = NN_OP_SCATTER, .inputs = 2, .rank = 2};
    char text[2][320];

    if (!nn_usable("scatter", 2, input, &instead))
        return instead;
    node.graph = values->graph;
    if (values->rank != index->rank + 1 ||
        memcmp(values->shape, index->shape, (size_t)index->rank * sizeof *index->shape))
        return nn_fail(node.graph, WEIR_EOPTION,
                       "scatter: values %s and index %s; values have the index's axes and a width",
                       nn_describe(values, text[0]), nn_describe(index, text[1]));
    node.shape[0] = rows;
    node.shape[1] = values->shape[index->rank];
    if (!nn_shape_check(node.graph, "scatter", 2, node.shape))
        return node.graph->poison;
    node.input = input;
    return nn_node_make(&node);
}
