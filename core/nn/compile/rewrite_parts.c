/* Products of which only a part is used, or of which an operand is zero in parts: only what counts
 * is multiplied.
 *
 *     (A B)[:, s]    A B[:, s]
 *     [0 V] B        V B[s, :]
 *     A [0 V]        [0 A V]     where V is the smaller part
 *     a b'           element-wise, where a and b are vectors */
#include "nn/compile/rewrite.h"
#include <stdlib.h>
#include <string.h>

/* What of a product is used by slices: from low to high on each axis. */
typedef struct nn_window {
    int slices;
    int64_t low[NN_MAX_RANK], high[NN_MAX_RANK];
} nn_window;

static bool begin(nn_rewriting *r)
{
    nn_window *window = calloc((size_t)r->count, sizeof *window);
    r->own = window;
    for (int id = 0; window && id < r->count; id++) {
        const nn_node *node = r->graph->nodes[id];
        if (!r->uses[id] || node->op != NN_OP_SLICE || node->input[0]->op != NN_OP_MATMUL)
            continue;
        nn_window *w = &window[node->input[0]->id];
        for (int i = 0; i < node->rank; i++) {
            int64_t high = node->at[i] + node->shape[i];
            if (!w->slices || node->at[i] < w->low[i])
                w->low[i] = node->at[i];
            if (!w->slices || high > w->high[i])
                w->high[i] = high;
        }
        w->slices++;
    }
    return window != NULL;
}

static void end(nn_rewriting *r)
{
    free(r->own);
}

/* A single non-zero part of a tensor along one axis. */
typedef struct nn_part {
    nn_node *value;
    int axis;
    int64_t before;
} nn_part;

/* Whether x is zero but for one part; shape: of x. */
static bool find_part(nn_node *x, nn_part *part)
{
    *part = (nn_part){.axis = -1};
    if (x->op == NN_OP_PAD) {
        part->value = x->input[0];
        for (int i = 0; i < x->rank; i++) {
            if (part->value->shape[i] == x->shape[i])
                continue;
            if (part->axis >= 0)
                return false;
            part->axis = i;
            part->before = x->at[i];
        }
        return part->axis >= 0;
    }
    if (x->op != NN_OP_CONCAT)
        return false;
    int64_t start = 0;
    part->axis = (int)x->at[0];
    for (int i = 0; i < x->inputs; i++) {
        if (!nn_is_zero(x->input[i])) {
            if (part->value)
                return false;
            part->value = x->input[i];
            part->before = start;
        }
        start += x->input[i]->shape[part->axis];
    }
    return part->value != NULL;
}

static nn_node *pad_back(const nn_node *whole, nn_node *value, int axis, int64_t before)
{
    return nn_pad(value, axis, before, whole->shape[axis] - before - value->shape[axis]);
}

/* [0 V] B or A [0 V]; input i is the one with zeros. */
static nn_node *with_zeros(nn_node *node, nn_node *const input[2], int i)
{
    nn_part part;
    if (!find_part(input[i], &part) || part.axis < node->rank - 2)
        return NULL;
    bool ta = node->at[0], tb = node->at[1], transposed = i ? tb : ta;
    int of_rows = node->rank - 2, summed = (i == 0) != transposed ? node->rank - 1 : of_rows;
    nn_node *operand[2] = {input[0], input[1]};
    operand[i] = part.value;
    if (part.axis == summed) {
        int other = (i == 1) != (i ? ta : tb) ? node->rank - 1 : of_rows;
        operand[1 - i] = nn_slice(input[1 - i], other, part.before, part.value->shape[summed]);
        return nn_matmul(operand[0], operand[1], ta, tb);
    }
    if (2 * part.value->shape[part.axis] > input[i]->shape[part.axis])
        return NULL;
    return pad_back(node, nn_matmul(operand[0], operand[1], ta, tb), of_rows + i, part.before);
}

static nn_node *product(nn_rewriting *r, nn_node *node)
{
    nn_node *input[2] = {nn_now(r, node, 0), nn_now(r, node, 1)};
    nn_node *became = with_zeros(node, input, 0);
    return became ? became : with_zeros(node, input, 1);
}

/* The part of the product x in the window: the product of parts. */
static nn_node *within(nn_node *x, const nn_window *window)
{
    nn_node *operand[2] = {x->input[0], x->input[1]};
    for (int axis = 0; axis < x->rank; axis++)
        for (int i = 0; i < 2; i++) {
            int in_operand = axis;
            if (axis >= x->rank - 2) {
                if (axis != x->rank - 2 + i)
                    continue; /* not of this operand */
                in_operand = x->at[i] ? 2 * x->rank - 3 - axis : axis;
            }
            operand[i] = nn_slice(operand[i], in_operand, window->low[axis],
                                  window->high[axis] - window->low[axis]);
        }
    return nn_matmul(operand[0], operand[1], x->at[0], x->at[1]);
}

/* A slice of a product of which nothing but slices is used. */
static nn_node *slice(nn_rewriting *r, nn_node *node)
{
    nn_node *whole = node->input[0], *x = nn_now(r, node, 0);
    const nn_window *window = (const nn_window *)r->own + whole->id;
    int64_t at[NN_MAX_RANK] = {0};
    bool all = true;
    if (x->op != NN_OP_MATMUL || window->slices != r->uses[whole->id])
        return NULL;
    for (int i = 0; i < node->rank; i++) {
        all = all && !window->low[i] && window->high[i] == whole->shape[i];
        at[i] = node->at[i] - window->low[i];
    }
    return all ? NULL : nn_make_moved(NN_OP_SLICE, within(x, window), node->rank, node->shape, at);
}

static nn_node *parts(nn_rewriting *r, nn_node *node)
{
    if (node->op == NN_OP_MATMUL)
        return product(r, node);
    return node->op == NN_OP_SLICE ? slice(r, node) : NULL;
}

const nn_rewrite_pass nn_rewrite_parts = {.rule = parts, .begin = begin, .end = end};

/* A matrix of one column (or, transposed, one row) as the other. */
static nn_node *turned(nn_node *x, bool transposed)
{
    int64_t shape[NN_MAX_RANK];
    if (!transposed)
        return x;
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 2] = x->shape[x->rank - 1];
    shape[x->rank - 1] = x->shape[x->rank - 2];
    return nn_reshape(x, x->rank, shape);
}

static nn_node *outer(nn_rewriting *r, nn_node *node)
{
    if (node->op != NN_OP_MATMUL)
        return NULL;
    nn_node *a = nn_now(r, node, 0), *b = nn_now(r, node, 1);
    bool ta = node->at[0], tb = node->at[1];
    return nn_size(a, ta ? -2 : -1) == 1 ? nn_mul(turned(a, ta), turned(b, tb)) : NULL;
}

const nn_rewrite_pass nn_rewrite_outer = {.rule = outer};
