/* A computation on one example, done for many at once: every node that depends on the example gets
 * a leading axis of examples. Since gradients are nodes, lifting the gradient of one example's loss
 * gives all examples' gradients, of any order, with no rule for any layer. */
#include "nn/train/lift.h"
#include <stdlib.h>
#include <string.h>

typedef struct lifting {
    nn_graph *graph;
    int64_t examples;
    nn_node **lifted; /* by id: [examples] + shape … */
    nn_node ***apart; /* … or, of a rank that leaves no axis for them, a node for each example; both
                       * NULL: the same for all examples */
    bool *needed;
} lifting;

static bool varies(const lifting *l, const nn_node *node)
{
    return l->lifted[node->id] || l->apart[node->id];
}

/* [examples] + the shape of node. */
static void each_shape(const lifting *l, const nn_node *node, int64_t shape[NN_MAX_RANK])
{
    shape[0] = l->examples;
    memcpy(shape + 1, node->shape, (size_t)node->rank * sizeof *shape);
}

/* The value of every example; of what is the same for all, its broadcast. */
static nn_node *each(const lifting *l, nn_node *node)
{
    int64_t shape[NN_MAX_RANK];

    if (l->lifted[node->id])
        return l->lifted[node->id];
    each_shape(l, node, shape);
    return nn_broadcast(node, node->rank + 1, shape);
}

static nn_node *reshaped_to_each(const lifting *l, nn_node *value, const nn_node *like)
{
    int64_t shape[NN_MAX_RANK];

    each_shape(l, like, shape);
    return nn_reshape(value, like->rank + 1, shape);
}

/* The same operation with one more axis in front; `at` is node's, changed where it names axes. */
static nn_node *same_with_axis(const lifting *l, const nn_node *node, const int64_t *at,
                               nn_node **input)
{
    nn_node made = *node;

    made.rank++;
    each_shape(l, node, made.shape);
    memcpy(made.at, at, sizeof made.at);
    made.input = input;
    made.name = NULL;
    return nn_node_make(&made);
}

static nn_node *lift_generic(const lifting *l, const nn_node *node)
{
    int64_t at[NN_MAX_RANK] = {0};
    nn_node **input = calloc((size_t)node->inputs, sizeof *input), *made;

    if (!input)
        return nn_fail(l->graph, WEIR_ENOMEM, "out of memory while lifting");
    for (int i = 0; i < node->inputs; i++)
        input[i] = each(l, node->input[i]);
    memcpy(at, node->at, sizeof at);
    if (node->op == NN_OP_SUM || node->op == NN_OP_PEAK)
        at[0] = node->at[0] << 1;
    if (node->op == NN_OP_CONCAT)
        at[0] = node->at[0] + 1;
    if (node->op == NN_OP_PERMUTE || node->op == NN_OP_SLICE || node->op == NN_OP_PAD) {
        at[0] = 0;
        for (int i = 0; i < node->rank; i++)
            at[i + 1] = node->at[i] + (node->op == NN_OP_PERMUTE);
    }
    made = same_with_axis(l, node, at, input);
    free(input);
    return made;
}

static nn_node *lift_broadcast(const lifting *l, const nn_node *node)
{
    nn_node *from = node->input[0];
    int64_t narrow[NN_MAX_RANK], wide[NN_MAX_RANK];

    each_shape(l, node, wide);
    narrow[0] = l->examples;
    for (int i = 0; i < node->rank; i++) {
        int axis = i - (node->rank - from->rank);
        narrow[i + 1] = axis < 0 ? 1 : from->shape[axis];
    }
    return nn_broadcast(nn_reshape(each(l, from), node->rank + 1, narrow), node->rank + 1, wide);
}

/* [examples][rows][columns] as [examples rows][columns]; turned: of the transposed matrices. */
static nn_node *stacked(const lifting *l, nn_node *value, bool turned)
{
    if (turned)
        value = nn_permute(value, (int[]){0, 2, 1});
    return nn_reshape(value, 2, (int64_t[]){l->examples * nn_size(value, 1), nn_size(value, 2)});
}

/* A product with a matrix that all examples share is one product of their stacked rows. */
static nn_node *lift_matmul(const lifting *l, const nn_node *node)
{
    nn_node *a = node->input[0], *b = node->input[1];
    bool ta = node->at[0], tb = node->at[1];

    if (node->rank == 2 && !l->lifted[b->id])
        return reshaped_to_each(l, nn_matmul(stacked(l, l->lifted[a->id], ta), b, false, tb), node);
    if (node->rank == 2 && !l->lifted[a->id]) { /* (a b)' = b' a' */
        nn_node *turned = nn_matmul(stacked(l, l->lifted[b->id], !tb), a, false, !ta);
        int64_t shape[3] = {l->examples, node->shape[1], node->shape[0]};
        return nn_permute(nn_reshape(turned, 3, shape), (int[]){0, 2, 1});
    }
    return lift_generic(l, node);
}

/* A node's value for one example. */
static nn_node *of_example(const lifting *l, nn_node *node, int64_t e)
{
    if (l->apart[node->id])
        return l->apart[node->id][e];
    if (l->lifted[node->id])
        return nn_reshape(nn_slice(l->lifted[node->id], 0, e, 1), node->rank, node->shape);
    return node;
}

/* One operation an example, joined again if there is an axis for that. */
static void lift_one_by_one(const lifting *l, const nn_node *node)
{
    nn_node **parts = calloc((size_t)l->examples, sizeof *parts);
    nn_node **input = calloc((size_t)node->inputs, sizeof *input);
    int64_t shape[NN_MAX_RANK + 1] = {1};

    memcpy(shape + 1, node->shape, (size_t)node->rank * sizeof *shape);
    for (int64_t e = 0; parts && input && e < l->examples; e++) {
        nn_node one = *node;
        for (int i = 0; i < node->inputs; i++)
            input[i] = of_example(l, node->input[i], e);
        one.input = input;
        one.name = NULL;
        parts[e] = nn_node_make(&one);
        if (node->rank < NN_MAX_RANK)
            parts[e] = nn_reshape(parts[e], node->rank + 1, shape);
    }
    if (!parts || !input)
        nn_fail(l->graph, WEIR_ENOMEM, "out of memory while lifting");
    else if (node->rank < NN_MAX_RANK)
        l->lifted[node->id] = nn_concat(0, (int)l->examples, parts);
    else
        l->apart[node->id] = parts;
    if (l->apart[node->id] != parts)
        free(parts);
    free(input);
}

/* Convolutions by weights that all share: their images are one larger batch. */
static nn_node *lift_images(const lifting *l, const nn_node *node)
{
    nn_node *images = node->input[0], *folded;
    int64_t shape[4];

    memcpy(shape, images->shape, sizeof shape);
    shape[0] *= l->examples;
    folded = nn_reshape(l->lifted[images->id], 4, shape);
    if (node->op == NN_OP_CONV)
        folded = nn_conv2d(folded, node->input[1], node->at[0], node->at[1]);
    else
        folded = nn_conv2d_data(folded, node->input[1], node->shape[1], node->shape[2], node->at[0],
                                node->at[1]);
    return reshaped_to_each(l, folded, node);
}

/* The index of every example into the tables of all examples, one behind the other; what lies
 * outside its own table lies outside them all. */
static nn_node *own_rows(const lifting *l, nn_node *index, int64_t rows)
{
    nn_node *all = each(l, index), *inside, *offset;
    int64_t shape[NN_MAX_RANK] = {l->examples, 1, 1, 1, 1};
    double *first = malloc((size_t)l->examples * sizeof *first);

    if (!first || l->examples * rows > 1 << 24) {
        free(first);
        return nn_fail(l->graph, first ? WEIR_EOPTION : WEIR_ENOMEM,
                       "lift: %lld examples of a table of %lld rows are more rows than an index "
                       "can name (2^24)",
                       (long long)l->examples, (long long)rows);
    }
    for (int64_t e = 0; e < l->examples; e++)
        first[e] = (double)(e * rows);
    offset = nn_array(l->graph, index->rank + 1, shape, first);
    free(first);
    inside =
        nn_mul(nn_step(nn_shift(all, 0.5)), nn_step(nn_shift(nn_neg(all), (double)rows - 0.5)));
    return nn_select(inside, nn_add(all, offset), nn_scalar(l->graph, -1));
}

static nn_node *lift_gather(const lifting *l, const nn_node *node)
{
    nn_node *table = node->input[0], *index = node->input[1];
    int64_t rows = table->shape[0], shape[2] = {l->examples * rows, table->shape[1]};

    if (!l->lifted[table->id])
        return nn_gather(table, l->lifted[index->id]);
    return nn_gather(nn_reshape(l->lifted[table->id], 2, shape), own_rows(l, index, rows));
}

static nn_node *lift_scatter(const lifting *l, const nn_node *node)
{
    int64_t rows = node->shape[0];

    return reshaped_to_each(
        l,
        nn_scatter(each(l, node->input[0]), own_rows(l, node->input[1], rows), l->examples * rows),
        node);
}

static nn_node *lift_noise(const lifting *l, const nn_node *node)
{
    const char *name = nn_namef(l->graph, "%s.each", node->name);
    int64_t shape[NN_MAX_RANK];

    each_shape(l, node, shape);
    return (node->at[0] == NN_NOISE_NORMAL ? nn_noise_normal : nn_noise_uniform)(
        l->graph, name, node->rank + 1, shape);
}

static nn_node *lift_stacked(const lifting *l, const nn_node *node)
{
    switch (node->op) {
    case NN_OP_NOISE:
        return lift_noise(l, node);
    case NN_OP_BROADCAST:
        return lift_broadcast(l, node);
    case NN_OP_RESHAPE:
        return reshaped_to_each(l, l->lifted[node->input[0]->id], node);
    case NN_OP_MATMUL:
        return lift_matmul(l, node);
    case NN_OP_CONV:
    case NN_OP_CONV_DATA:
        return lift_images(l, node);
    case NN_OP_GATHER:
        return lift_gather(l, node);
    case NN_OP_SCATTER:
        return lift_scatter(l, node);
    default:
        return lift_generic(l, node);
    }
}

static void lift(const lifting *l, const nn_node *node)
{
    bool apart = node->rank == NN_MAX_RANK;
    char shape[160];

    for (int i = 0; i < node->inputs; i++)
        apart = apart || l->apart[node->input[i]->id];
    if (node->op == NN_OP_CONV || node->op == NN_OP_CONV_DATA || node->op == NN_OP_CONV_WEIGHT)
        apart = apart || node->op == NN_OP_CONV_WEIGHT || l->lifted[node->input[1]->id];
    if (node->op == NN_OP_ASSIGN || node->op == NN_OP_GROUP)
        nn_fail(l->graph, WEIR_EOPTION, "lift: %s has no value", nn_op_name(node->op));
    else if (apart && node->op == NN_OP_NOISE)
        nn_fail(l->graph, WEIR_EOPTION,
                "lift: noise '%s' %s has no axis left for the examples (%d are possible)",
                node->name, nn_shape_text(node, shape), NN_MAX_RANK);
    else if (apart)
        lift_one_by_one(l, node);
    else
        l->lifted[node->id] = lift_stacked(l, node);
}

static bool depends(const lifting *l, const nn_node *node)
{
    bool found = node->op == NN_OP_NOISE;

    for (int i = 0; i < node->inputs && !found; i++)
        found = varies(l, node->input[i]);
    return found;
}

static int lift_all(lifting *l, int last)
{
    for (int id = last; id >= 0; id--) {
        const nn_node *node = l->graph->nodes[id];
        for (int i = 0; i < node->inputs && l->needed[id] && !l->lifted[id]; i++)
            l->needed[node->input[i]->id] = true;
    }
    for (int id = 0; id <= last && nn_status(l->graph) == WEIR_OK; id++) {
        nn_node *node = l->graph->nodes[id]; /* lifting adds nodes behind `last` only */
        if (l->needed[id] && !l->lifted[id] && depends(l, node))
            lift(l, node);
    }
    return nn_status(l->graph);
}

static int check(nn_graph *graph, int64_t examples, int inputs, nn_node *const *one,
                 nn_node *const *all)
{
    if (examples < 1 || examples > 1 << 20)
        nn_fail(graph, WEIR_EOPTION, "lift: %lld examples; 1 to 2^20 can be had",
                (long long)examples);
    for (int i = 0; i < inputs && nn_status(graph) == WEIR_OK; i++) {
        char have[160], want[160];
        bool same = all[i]->rank == one[i]->rank + 1 && all[i]->shape[0] == examples;
        for (int k = 0; same && k < one[i]->rank; k++)
            same = all[i]->shape[k + 1] == one[i]->shape[k];
        if (!same && nn_status(graph) == WEIR_OK)
            nn_fail(graph, WEIR_EOPTION,
                    "lift: input %d of all examples is %s, must be [%lld] and then %s", i,
                    nn_shape_text(all[i], have), (long long)examples, nn_shape_text(one[i], want));
    }
    return nn_status(graph);
}

int nn_lift(nn_graph *graph, int64_t examples, int inputs, nn_node *const *one, nn_node *const *all,
            int n, nn_node *const *nodes, nn_node **out)
{
    lifting l = {.graph = graph, .examples = examples};
    int last = -1, count;

    for (int i = 0; i < n; i++)
        out[i] = graph->poison;
    if (nn_status(graph) != WEIR_OK || check(graph, examples, inputs, one, all) != WEIR_OK)
        return nn_status(graph);
    count = graph->count;
    l.lifted = calloc((size_t)graph->count, sizeof(nn_node *));
    l.needed = calloc((size_t)graph->count, sizeof *l.needed);
    l.apart = calloc((size_t)graph->count, sizeof(nn_node **));
    if (!l.lifted || !l.needed || !l.apart)
        weir_error_memory(&graph->error, 0, "lifting");
    for (int i = 0; i < inputs && l.lifted; i++)
        l.lifted[one[i]->id] = all[i];
    for (int i = 0; i < n && l.needed; i++) {
        l.needed[nodes[i]->id] = true;
        last = nodes[i]->id > last ? nodes[i]->id : last;
    }
    if (nn_status(graph) == WEIR_OK && lift_all(&l, last) == WEIR_OK)
        for (int i = 0; i < n; i++)
            out[i] = l.apart[nodes[i]->id]
                         ? nn_fail(graph, WEIR_EOPTION, "lift: no axis is left for the examples")
                         : each(&l, nodes[i]);
    for (int i = 0; l.apart && i < count; i++)
        free(l.apart[i]);
    free(l.apart);
    free(l.lifted);
    free(l.needed);
    return nn_status(graph);
}
