/* Algebra as nodes are made: element-wise operations and products. Only what is equal in exact
 * arithmetic and costs no accuracy: constants are regrouped, nothing else. */
#include "nn/graph.h"
#include <math.h>
#include <string.h>

/* Whether the node is op of something and a number. */
static bool is_with(const nn_node *node, nn_op op, double *number)
{
    return node->op == op && nn_is_constant(node->input[1], number);
}

static bool is_negative(const nn_node *node)
{
    double factor;

    return is_with(node, NN_OP_MUL, &factor) && factor == -1;
}

/* x op number; MUL or ADD. */
static nn_node *number(nn_op op, nn_node *x, double value)
{
    return nn_make(op, x, nn_constant_like(x, value));
}

/* value - x */
static nn_node *from(double value, nn_node *x)
{
    return nn_make(NN_OP_SUB, nn_constant_like(x, value), x);
}

/* Two tensors, padded on one axis so that they fill it and do not overlap, are next to each other.
 */
static nn_node *join(nn_node *a, nn_node *b)
{
    int axis = -1;

    for (int i = 0; i < a->rank; i++)
        if (a->input[0]->shape[i] != a->shape[i]) {
            if (axis >= 0)
                return NULL;
            axis = i;
        }
    for (int i = 0; i < a->rank; i++)
        if (i != axis && b->input[0]->shape[i] != b->shape[i])
            return NULL;
    if (axis < 0 || a->input[0]->shape[axis] + b->input[0]->shape[axis] != a->shape[axis])
        return NULL;
    if (a->at[axis] == 0 && b->at[axis] == a->input[0]->shape[axis])
        return nn_concat(axis, 2, (nn_node *[]){a->input[0], b->input[0]});
    if (b->at[axis] == 0 && a->at[axis] == b->input[0]->shape[axis])
        return nn_concat(axis, 2, (nn_node *[]){b->input[0], a->input[0]});
    return NULL;
}

static nn_node *add(nn_node *a, nn_node *b)
{
    double c, inner;

    if (nn_is_constant(b, &c)) {
        if (c == 0)
            return a;
        if (is_with(a, NN_OP_ADD, &inner))
            return number(NN_OP_ADD, a->input[0], inner + c);
        if (a->op == NN_OP_SUB && nn_is_constant(a->input[0], &inner))
            return from(inner + c, a->input[1]);
        return NULL;
    }
    if (a == b)
        return number(NN_OP_MUL, a, 2);
    if (is_negative(b))
        return nn_make(NN_OP_SUB, a, b->input[0]);
    if (is_negative(a))
        return nn_make(NN_OP_SUB, b, a->input[0]);
    return a->op == NN_OP_PAD && b->op == NN_OP_PAD ? join(a, b) : NULL;
}

static nn_node *subtract(nn_node *a, nn_node *b)
{
    double c, inner;

    if (nn_is_constant(b, &c))
        return number(NN_OP_ADD, a, -c);
    if (is_negative(b))
        return nn_make(NN_OP_ADD, a, b->input[0]);
    if (!nn_is_constant(a, &c))
        return NULL;
    if (c == 0)
        return number(NN_OP_MUL, b, -1);
    if (is_with(b, NN_OP_ADD, &inner))
        return from(c - inner, b->input[0]);
    if (b->op == NN_OP_SUB && nn_is_constant(b->input[0], &inner))
        return number(NN_OP_ADD, b->input[1], c - inner);
    return NULL;
}

static nn_node *multiply(nn_node *a, nn_node *b)
{
    double c, inner;

    if (nn_is_constant(b, &c)) {
        if (c == 0)
            return nn_constant_like(a, 0);
        if (c == 1)
            return a;
        if (is_with(a, NN_OP_MUL, &inner))
            return number(NN_OP_MUL, a->input[0], inner * c);
        return c == -1 && a->op == NN_OP_SUB ? nn_make(NN_OP_SUB, a->input[1], a->input[0]) : NULL;
    }
    if (is_with(a, NN_OP_MUL, &c) && is_with(b, NN_OP_MUL, &inner))
        return number(NN_OP_MUL, nn_make(NN_OP_MUL, a->input[0], b->input[0]), c * inner);
    return a == b && a->op == NN_OP_STEP ? a : NULL; /* 0 and 1 are their own squares */
}

static nn_node *divide(nn_node *a, nn_node *b)
{
    double c;

    if (nn_is_constant(b, &c) && c != 0 && isfinite(1 / c))
        return number(NN_OP_MUL, a, 1 / c);
    if (nn_is_constant(a, &c) && c == 1)
        return nn_make(NN_OP_RECIP, b, NULL);
    return NULL;
}

/* What is the same along an axis is computed once and then stretched. */
static nn_node *before_stretching(const nn_node *d)
{
    nn_node *source = NULL, *input[3], node = {.graph = d->graph, .op = d->op, .inputs = d->inputs};
    double c;

    for (int i = 0; i < d->inputs; i++) {
        if (nn_is_constant(d->input[i], NULL))
            continue;
        if (d->input[i]->op != NN_OP_BROADCAST ||
            (source && !nn_same_shape(source, d->input[i]->input[0])))
            return NULL;
        source = d->input[i]->input[0];
    }
    if (!source)
        return NULL;
    for (int i = 0; i < d->inputs; i++)
        input[i] =
            nn_is_constant(d->input[i], &c) ? nn_constant_like(source, c) : d->input[i]->input[0];
    node.rank = source->rank;
    memcpy(node.shape, source->shape, sizeof node.shape);
    node.input = input;
    return nn_make_moved(NN_OP_BROADCAST, nn_node_make(&node), d->rank, d->shape, NULL);
}

/* Whether the node only swaps the last two axes. */
static bool is_transposition(const nn_node *node)
{
    if (node->op != NN_OP_PERMUTE)
        return false;
    for (int i = 0; i < node->rank - 2; i++)
        if (node->at[i] != i)
            return false;
    return node->at[node->rank - 1] == node->rank - 2;
}

/* All rows (of b; columns of a) alike: a sum of the other operand, stretched. */
static nn_node *product_with_number(const nn_node *d, int which, double value)
{
    nn_node *other = d->input[1 - which], *sum;
    bool over_last = which ? !d->at[0] : d->at[1];
    int64_t shape[NN_MAX_RANK];

    memcpy(shape, d->shape, sizeof shape);
    shape[which ? d->rank - 1 : d->rank - 2] = 1;
    sum = nn_reshape(nn_sum(other, 1u << (over_last ? d->rank - 1 : d->rank - 2)), d->rank, shape);
    return nn_broadcast(nn_scale(sum, value), d->rank, d->shape);
}

static nn_node *product(const nn_node *d)
{
    nn_node node = *d, *input[2];
    bool changed = false;
    double value;

    for (int i = 0; i < 2; i++)
        if (nn_is_constant(d->input[i], &value) && isfinite(value))
            return product_with_number(d, i, value);
    for (int i = 0; i < 2; i++) {
        input[i] = d->input[i];
        if (is_transposition(input[i])) {
            input[i] = input[i]->input[0];
            node.at[i] = !node.at[i];
            changed = true;
        }
    }
    node.input = input;
    return changed ? nn_node_make(&node) : NULL;
}

static nn_node *elementwise(const nn_node *d)
{
    nn_node *a = d->input[0], *b = d->inputs > 1 ? d->input[1] : NULL;
    double c;

    switch ((int)d->op) {
    case NN_OP_ADD:
        return add(a, b);
    case NN_OP_SUB:
        return subtract(a, b);
    case NN_OP_MUL:
        return multiply(a, b);
    case NN_OP_DIV:
        return divide(a, b);
    case NN_OP_MAX:
        return a == b ? a : NULL;
    case NN_OP_SELECT:
        if (b == d->input[2])
            return b;
        return nn_is_constant(a, &c) ? d->input[c != 0 ? 1 : 2] : NULL;
    case NN_OP_ABS:
        if (is_negative(a))
            return nn_make(NN_OP_ABS, a->input[0], NULL);
        return a->op == NN_OP_ABS || a->op == NN_OP_STEP ? a : NULL;
    case NN_OP_STEP:
        return a->op == NN_OP_STEP ? a : NULL;
    case NN_OP_FLOOR:
        return a->op == NN_OP_FLOOR || a->op == NN_OP_STEP ? a : NULL;
    default:
        return NULL;
    }
}

nn_node *nn_simplify(const nn_node *d)
{
    nn_node *simple;

    if (nn_is_elementwise(d->op)) {
        simple = elementwise(d);
        return simple ? simple : before_stretching(d);
    }
    if (d->op == NN_OP_MATMUL)
        return product(d);
    if (d->op == NN_OP_STOP)
        return d->input[0]->op == NN_OP_STOP ? d->input[0] : NULL;
    return nn_simplify_movement(d);
}
