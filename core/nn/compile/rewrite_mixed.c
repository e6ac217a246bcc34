/* Products of mixtures of what is multiplied anyway (the penalty of a WGAN-GP looks between real
 * and generated examples): the mixture of the products.
 *
 *     (e X + (1 - e) Y) W     e (X W) + (1 - e) (Y W)
 *
 * Its counterpart for weight gradients is in rewrite_sums.c. */
#include "nn/compile/rewrite.h"

/* A tensor times something that is constant along the last axis. */
static bool find_factor(nn_node *x, nn_node **factor, nn_node **value)
{
    if (x->op != NN_OP_MUL)
        return false;
    for (int i = 0; i < 2; i++) {
        nn_node *f = x->input[i];
        if (f->op != NN_OP_BROADCAST || f->input[0]->rank != f->rank ||
            nn_size(f->input[0], -1) != 1 || nn_size(f, -1) == 1)
            continue;
        *factor = f->input[0];
        *value = x->input[1 - i];
        return true;
    }
    return false;
}

static nn_node *unmoved(nn_node *x)
{
    while (x->op == NN_OP_RESHAPE || x->op == NN_OP_STOP)
        x = x->input[0];
    return x;
}

/* Whether b = 1 - a. */
static bool is_rest(nn_node *b, nn_node *a)
{
    double one = 0, minus = 0;
    b = unmoved(b);
    if (b->op == NN_OP_SUB && nn_is_constant(b->input[0], &one))
        return one == 1 && unmoved(b->input[1]) == unmoved(a);
    if (b->op != NN_OP_ADD || !nn_is_constant(b->input[1], &one))
        return false;
    b = unmoved(b->input[0]); /* as -a + 1 */
    return one == 1 && b->op == NN_OP_MUL && nn_is_constant(b->input[1], &minus) && minus == -1 &&
           unmoved(b->input[0]) == unmoved(a);
}

static bool find_plain(nn_node *x, nn_mixture *m)
{
    if (x->op != NN_OP_ADD || x->rank < 2 || !find_factor(x->input[0], &m->of_a, &m->a) ||
        !find_factor(x->input[1], &m->of_b, &m->b))
        return false;
    return is_rest(m->of_b, m->of_a) || is_rest(m->of_a, m->of_b);
}

bool nn_find_mixture(nn_node *x, nn_mixture *m)
{
    if (x->op != NN_OP_CONCAT || x->at[0] != x->rank - 1)
        return find_plain(x, m);
    int mixed = -1;
    for (int i = 0; i < x->inputs; i++)
        if (find_plain(x->input[i], m)) {
            if (mixed >= 0)
                return false;
            mixed = i;
        }
    enum { MOST = 16 };
    nn_node *part[MOST];
    if (mixed < 0 || x->inputs > MOST)
        return false;
    find_plain(x->input[mixed], m);
    for (int i = 0; i < x->inputs; i++)
        part[i] = x->input[i];
    part[mixed] = m->a;
    m->a = nn_concat(x->rank - 1, x->inputs, part);
    part[mixed] = m->b;
    m->b = nn_concat(x->rank - 1, x->inputs, part);
    return true;
}

/* What x is now; the parts of a concatenation that comes later have been rewritten already. */
static nn_node *value_now(const nn_rewriting *r, nn_node *x)
{
    enum { MOST = 16 };
    nn_node *part[MOST];
    if (x->id < r->count && r->now[x->id])
        return r->now[x->id];
    if (x->op != NN_OP_CONCAT || x->inputs > MOST)
        return NULL;
    for (int i = 0; i < x->inputs; i++) {
        part[i] = x->input[i]->id < r->count ? nn_now(r, x, i) : NULL;
        if (!part[i])
            return NULL;
    }
    return nn_concat((int)x->at[0], x->inputs, part);
}

/* x W, if every stage that needs `node` needs it too; else NULL. */
static nn_node *known(const nn_rewriting *r, const nn_node *node, nn_node *x)
{
    nn_node *product = nn_matmul(x, node->input[1], false, node->at[1]);
    if (product->id < 0 || product->id >= r->count || product->op != NN_OP_MATMUL ||
        r->stages[node->id] & ~r->stages[product->id])
        return NULL;
    if (r->now[product->id])
        return r->now[product->id];
    x = value_now(r, x);
    return x ? nn_matmul(x, nn_now(r, node, 1), false, node->at[1]) : NULL;
}

static nn_node *rule(nn_rewriting *r, nn_node *node)
{
    nn_mixture m;
    if (node->op != NN_OP_MATMUL || node->at[0] || !nn_find_mixture(node->input[0], &m))
        return NULL;
    nn_node *a = known(r, node, m.a), *b = known(r, node, m.b);
    if (!a || !b || a->rank != node->rank || b->rank != node->rank)
        return NULL;
    return nn_add(nn_mul(r->now[m.of_a->id], a), nn_mul(r->now[m.of_b->id], b));
}

const nn_rewrite_pass nn_rewrite_mixed = {.rule = rule};
