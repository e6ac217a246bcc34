/* Products whose left operands have a part in common (a condition, the constant input of a
 * recurrent layer) multiply it once.
 *
 *     [C X] W, [C Y] W     C W' + X W'', C W' + Y W''
 *
 * Its counterpart for weight gradients is in rewrite_sums.c. */
#include "nn/compile/rewrite.h"
#include <stdlib.h>

/* A part of the left operand of a product. */
typedef struct nn_share {
    int weight, part; /* node ids */
    int64_t offset;   /* of the part */
    int64_t transposed;
    int product; /* node id */
    bool shared;
} nn_share;

typedef struct nn_shares {
    int count;
    nn_share *share; /* by product, then offset */
} nn_shares;

static bool is_candidate(const nn_rewriting *r, const nn_node *node)
{
    return r->uses[node->id] && node->op == NN_OP_MATMUL && node->rank == 2 && !node->at[0] &&
           node->input[0]->op == NN_OP_CONCAT && node->input[0]->at[0] == 1;
}

static int by_part(const void *a, const void *b)
{
    const nn_share *p = a, *q = b;
    if (p->weight != q->weight)
        return p->weight < q->weight ? -1 : 1;
    if (p->part != q->part)
        return p->part < q->part ? -1 : 1;
    if (p->offset != q->offset)
        return p->offset < q->offset ? -1 : 1;
    if (p->transposed != q->transposed)
        return p->transposed < q->transposed ? -1 : 1;
    return (p->product > q->product) - (p->product < q->product);
}

static int by_product(const void *a, const void *b)
{
    const nn_share *p = a, *q = b;
    if (p->product != q->product)
        return p->product < q->product ? -1 : 1;
    return (p->offset > q->offset) - (p->offset < q->offset);
}

static bool same_part(const nn_share *p, const nn_share *q)
{
    return p->weight == q->weight && p->part == q->part && p->offset == q->offset &&
           p->transposed == q->transposed;
}

/* Marks what two products of one stage share. */
static void find_shared(const nn_rewriting *r, nn_shares *shares)
{
    qsort(shares->share, (size_t)shares->count, sizeof *shares->share, by_part);
    for (int i = 0, last = 0; i < shares->count; i = last) {
        uint64_t seen = 0;
        bool shared = false;
        for (last = i; last < shares->count && same_part(&shares->share[i], &shares->share[last]);
             last++) {
            uint64_t stages = r->stages[shares->share[last].product];
            shared = shared || seen & stages;
            seen |= stages;
        }
        bool wide = nn_size(r->graph->nodes[shares->share[i].part], 1) >= NN_FEWEST_SHARED;
        for (int k = i; k < last; k++)
            shares->share[k].shared = shared && wide;
    }
    qsort(shares->share, (size_t)shares->count, sizeof *shares->share, by_product);
}

static bool begin(nn_rewriting *r)
{
    nn_shares *shares = calloc(1, sizeof *shares);
    size_t parts = 1;
    r->own = shares;
    for (int id = 0; id < r->count; id++)
        if (is_candidate(r, r->graph->nodes[id]))
            parts += (size_t)r->graph->nodes[id]->input[0]->inputs;
    if (shares)
        shares->share = malloc(parts * sizeof *shares->share);
    if (!shares || !shares->share)
        return false;
    for (int id = 0; id < r->count; id++) {
        const nn_node *node = r->graph->nodes[id];
        if (!is_candidate(r, node))
            continue;
        int64_t offset = 0;
        for (int i = 0; i < node->input[0]->inputs; i++) {
            const nn_node *part = node->input[0]->input[i];
            shares->share[shares->count++] =
                (nn_share){node->input[1]->id, part->id, offset, node->at[1], id, false};
            offset += part->shape[1];
        }
    }
    find_shared(r, shares);
    return true;
}

static void end(nn_rewriting *r)
{
    nn_shares *shares = r->own;
    if (shares)
        free(shares->share);
    free(shares);
}

/* n parts of a product's left operand by their rows of the weight. */
static nn_node *product_of(nn_rewriting *r, const nn_node *node, const nn_share *share, int n)
{
    nn_node *left = nn_now(r, node, 0), *right = nn_now(r, node, 1);
    int64_t offset = share[0].offset;
    int64_t size = share[n - 1].offset + r->graph->nodes[share[n - 1].part]->shape[1] - offset;
    return nn_matmul(nn_slice(left, 1, offset, size),
                     nn_slice(right, node->at[1] ? 1 : 0, offset, size), false, node->at[1]);
}

static nn_node *rule(nn_rewriting *r, nn_node *node)
{
    const nn_shares *shares = r->own;
    if (!is_candidate(r, node))
        return NULL;
    nn_share key = {.product = node->id, .offset = 0};
    const nn_share *share =
        bsearch(&key, shares->share, (size_t)shares->count, sizeof key, by_product);
    int n = node->input[0]->inputs;
    bool any = false;
    for (int i = 0; i < n; i++)
        any = any || share[i].shared;
    if (!any)
        return NULL;
    nn_node *sum = NULL;
    for (int i = 0, last = 0; i < n; i = last) {
        for (last = i + 1; last < n && !share[i].shared && !share[last].shared;)
            last++;
        nn_node *product = product_of(r, node, share + i, last - i);
        sum = sum ? nn_add(sum, product) : product;
    }
    return sum;
}

const nn_rewrite_pass nn_rewrite_shared = {.rule = rule, .begin = begin, .end = end};
