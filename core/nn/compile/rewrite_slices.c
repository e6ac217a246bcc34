/* Element-wise work of which only slices are used is done on the slices: the gates of a recurrent
 * cell are then one loop with what made them.
 *
 *     slice(f(x, y))     f(slice(x), slice(y)) */
#include "nn/compile/rewrite.h"
#include <stdlib.h>
#include <string.h>

/* By node: elements that its slices have together; -1: it is used otherwise too. */
static bool begin(nn_rewriting *r)
{
    int64_t *sliced = calloc((size_t)r->count, sizeof *sliced);
    int *slices = calloc((size_t)r->count, sizeof *slices);
    if (sliced && slices) {
        for (int id = 0; id < r->count; id++) {
            const nn_node *node = r->graph->nodes[id];
            if (!r->uses[id] || node->op != NN_OP_SLICE)
                continue;
            int of = node->input[0]->id;
            slices[of]++;
            if (r->stages[of] == r->stages[id])
                sliced[of] += nn_count(node);
        }
        for (int id = 0; id < r->count; id++)
            if (slices[id] != r->uses[id] || !nn_is_elementwise(r->graph->nodes[id]->op))
                sliced[id] = -1;
    }
    free(slices);
    r->own = sliced;
    return sliced && slices;
}

static void end(nn_rewriting *r)
{
    free(r->own);
}

static nn_node *slice(nn_node *x, const nn_node *like)
{
    nn_node description = *like;
    description.input = &x;
    description.name = NULL;
    return nn_node_make(&description);
}

/* The slice of x, of which nothing else is used; once: x is an operand of such a one. */
static nn_node *push(nn_rewriting *r, nn_node *x, const nn_node *like, int depth)
{
    nn_node *input[3];
    bool once = x->id < r->count && r->uses[x->id] == 1;
    if (!nn_is_elementwise(x->op) || (depth && !once) || depth > 8)
        return slice(x, like);
    for (int i = 0; i < x->inputs; i++)
        input[i] = push(r, x->input[i], like, depth + 1);
    nn_node description = *x;
    memcpy(description.shape, like->shape, sizeof description.shape);
    description.input = input;
    description.name = NULL;
    return nn_node_make(&description);
}

static nn_node *rule(nn_rewriting *r, nn_node *node)
{
    const int64_t *sliced = r->own;
    if (node->op != NN_OP_SLICE)
        return NULL;
    const nn_node *of = node->input[0];
    nn_node *now = nn_now(r, node, 0);
    if (sliced[of->id] < 0 || sliced[of->id] > nn_count(of) || !nn_is_elementwise(now->op))
        return NULL;
    return push(r, now, node, 0);
}

const nn_rewrite_pass nn_rewrite_slices = {.rule = rule, .begin = begin, .end = end};
