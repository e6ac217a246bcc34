/* Element-wise work goes on in the shape in which it began, so that it is one loop: a group norm
 * looks at channels as groups of channels, what comes after it need not look at them otherwise.
 *
 *     f(reshape(x), y)       reshape(f(x, y'))     where x is element-wise itself
 *     sum(reshape(x))        reshape(sum(x)) */
#include "nn/compile/rewrite.h"
#include <string.h>

/* Two shapes of one tensor, and which axes of the one are which of the other: axes of one block in
 * both have as many elements together. Axes of size 1 have no block (-1). */
typedef struct nn_blocks {
    const nn_node *outer, *inner;
    int outer_block[NN_MAX_RANK], inner_block[NN_MAX_RANK];
    int count;
} nn_blocks;

/* The next axis of more than one element, or the rank. */
static int next_axis(const nn_node *x, int axis)
{
    while (axis < x->rank && x->shape[axis] == 1)
        axis++;
    return axis;
}

/* Whether the shapes differ in more than axes of size 1. */
static bool find_blocks(const nn_node *outer, const nn_node *inner, nn_blocks *blocks)
{
    *blocks = (nn_blocks){.outer = outer, .inner = inner};
    for (int i = 0; i < NN_MAX_RANK; i++)
        blocks->outer_block[i] = blocks->inner_block[i] = -1;
    bool differ = false;
    int i = next_axis(outer, 0), j = next_axis(inner, 0);
    while (i < outer->rank && j < inner->rank) {
        int64_t a = 1, b = 1;
        do {
            if (a <= b && i < outer->rank) {
                a *= outer->shape[i];
                blocks->outer_block[i] = blocks->count;
                i = next_axis(outer, i + 1);
            } else if (j < inner->rank) {
                b *= inner->shape[j];
                blocks->inner_block[j] = blocks->count;
                j = next_axis(inner, j + 1);
            } else {
                return false;
            }
            differ = differ || (a != b && a > 1 && b > 1);
        } while (a != b);
        blocks->count++;
    }
    return differ;
}

/* What is true of the outer axes as a mask, for the inner axes; false: it is true of a part of a
 * block. */
static bool translate(const nn_blocks *blocks, unsigned mask, unsigned *inner)
{
    unsigned yes = 0, no = 0;
    for (int i = 0; i < blocks->outer->rank; i++) {
        if (blocks->outer_block[i] < 0)
            continue;
        if (mask >> i & 1)
            yes |= 1u << blocks->outer_block[i];
        else
            no |= 1u << blocks->outer_block[i];
    }
    *inner = 0;
    for (int j = 0; j < blocks->inner->rank; j++)
        if (blocks->inner_block[j] >= 0 && yes >> blocks->inner_block[j] & 1)
            *inner |= 1u << j;
    return !(yes & no);
}

/* The element-wise node of which x is another shape. */
static nn_node *source_of(nn_node *x)
{
    bool is = x->op == NN_OP_RESHAPE && nn_is_elementwise(x->input[0]->op);
    return is ? x->input[0] : NULL;
}

static nn_node *reshaped(nn_node *x, const nn_node *like)
{
    return nn_reshape(x, like->rank, like->shape);
}

/* An operand in the inner shape; NULL: that cannot be, or it is computed in the outer one. */
static nn_node *operand(nn_node *x, const nn_blocks *blocks)
{
    double value;
    if (nn_is_constant(x, &value))
        return nn_constant_like(blocks->inner, value);
    if (nn_is_elementwise(x->op))
        return NULL;
    if (x->op != NN_OP_BROADCAST)
        return reshaped(x, blocks->inner);
    nn_node *source = x->input[0];
    int64_t shape[NN_MAX_RANK];
    unsigned has = 0, inner;
    for (int i = 0; i < source->rank; i++)
        if (source->shape[i] > 1)
            has |= 1u << (i + x->rank - source->rank);
    if (!translate(blocks, has, &inner))
        return NULL;
    for (int j = 0; j < blocks->inner->rank; j++)
        shape[j] = inner >> j & 1 ? blocks->inner->shape[j] : 1;
    source = nn_reshape(source, blocks->inner->rank, shape);
    return nn_broadcast(source, blocks->inner->rank, blocks->inner->shape);
}

static nn_node *elementwise(nn_rewriting *r, nn_node *node)
{
    nn_blocks blocks;
    nn_node *inner = NULL, *input[3];
    for (int i = 0; i < node->inputs && !inner; i++) {
        inner = source_of(nn_now(r, node, i));
        if (inner && !find_blocks(node, inner, &blocks))
            inner = NULL;
    }
    if (!inner)
        return NULL;
    for (int i = 0; i < node->inputs; i++) {
        input[i] = operand(nn_now(r, node, i), &blocks);
        if (!input[i])
            return NULL;
    }
    nn_node description = *node;
    description.input = input;
    description.rank = inner->rank;
    description.name = NULL;
    memcpy(description.shape, inner->shape, sizeof description.shape);
    return reshaped(nn_node_make(&description), node);
}

static nn_node *reduction(nn_rewriting *r, nn_node *node)
{
    nn_blocks blocks;
    nn_node *x = nn_now(r, node, 0), *inner = source_of(x);
    unsigned mask;
    if (!inner || !find_blocks(x, inner, &blocks) ||
        !translate(&blocks, (unsigned)node->at[0], &mask))
        return NULL;
    return reshaped(node->op == NN_OP_SUM ? nn_sum(inner, mask) : nn_peak(inner, mask), node);
}

static nn_node *rule(nn_rewriting *r, nn_node *node)
{
    if (node->op == NN_OP_SUM || node->op == NN_OP_PEAK)
        return reduction(r, node);
    return nn_is_elementwise(node->op) ? elementwise(r, node) : NULL;
}

const nn_rewrite_pass nn_rewrite_shapes = {.rule = rule};
