/* Sums of products of element-wise factors, in an order in which what is known earlier is
 * multiplied and added first: a backward pass then needs one stored tensor, computed with the
 * forward pass, where it needed several.
 *
 *     (d a) b             d (a b)            where d is known last
 *     d a + (d b) c       d (a + b c)
 *
 * Only a chain whose factors overflow in this order but not in the other would differ in more than
 * rounding. */
#include "nn/compile/rewrite.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_FACTORS = 12, MOST_TERMS = 48, DEEPEST = 64, STAGE = 1 << 24 };

typedef struct nn_product_term {
    double coefficient;
    int count;
    nn_node *factor[MOST_FACTORS]; /* the node when the pass began; known last comes last */
} nn_product_term;

typedef struct nn_factors {
    int *known;  /* by node: when its value is known, by kernels on the way to it and by stage */
    int *open;   /* by node: how many of its uses are by products and sums */
    bool expand; /* whether sums that are known last are multiplied out */
    int terms;
    nn_product_term term[MOST_TERMS];
} nn_factors;

/* Whether the value of a node is the end of a kernel, whatever reads it. */
static bool ends_kernel(const nn_node *node)
{
    nn_class class = nn_op_class(node->op);
    return class == NN_CONTRACTION_CLASS || class == NN_REDUCTION_CLASS ||
           class == NN_INDEXING_CLASS;
}

static int first_stage(uint64_t stages)
{
    int stage = 0;
    while (stage < 63 && !(stages >> stage & 1))
        stage++;
    return stage;
}

static bool is_sum(const nn_node *node)
{
    return node->op == NN_OP_ADD || node->op == NN_OP_SUB;
}

static bool begin(nn_rewriting *r)
{
    nn_factors *factors = calloc(1, sizeof *factors);
    r->own = factors;
    if (!factors)
        return false;
    factors->known = calloc((size_t)r->count, sizeof *factors->known);
    factors->open = calloc((size_t)r->count, sizeof *factors->open);
    if (!factors->known || !factors->open)
        return false;
    for (int id = 0; id < r->count; id++) {
        const nn_node *node = r->graph->nodes[id];
        if (!r->uses[id])
            continue;
        int known = first_stage(r->stages[id]) * STAGE;
        for (int i = 0; i < node->inputs; i++) {
            int input = node->input[i]->id;
            known = factors->known[input] > known ? factors->known[input] : known;
            factors->open[input] += node->op == NN_OP_MUL || is_sum(node);
        }
        factors->known[id] = known + ends_kernel(node);
    }
    return true;
}

static void end(nn_rewriting *r)
{
    nn_factors *factors = r->own;
    if (factors) {
        free(factors->known);
        free(factors->open);
    }
    free(factors);
}

/* Whether a node is taken apart by what uses it: a sum by the one sum that does, a product by
 * products and sums alone, each of which then has its factors in an order of its own. */
static bool is_inner(const nn_rewriting *r, const nn_node *node)
{
    const nn_factors *factors = r->own;
    if (node->op == NN_OP_MUL)
        return factors->open[node->id] == r->uses[node->id];
    return is_sum(node) && r->uses[node->id] == 1 && r->user[node->id] >= 0 &&
           is_sum(r->graph->nodes[r->user[node->id]]);
}

/* ---- taking apart ---- */

/* The order in which factors are multiplied; the elder first where they are known together. */
static bool before(const nn_factors *factors, const nn_node *a, const nn_node *b)
{
    int of_a = factors->known[a->id], of_b = factors->known[b->id];
    return of_a != of_b ? of_a < of_b : a->id < b->id;
}

static bool put_factor(const nn_factors *factors, nn_product_term *term, nn_node *node)
{
    if (term->count == MOST_FACTORS)
        return false;
    int at = term->count++;
    for (; at && before(factors, node, term->factor[at - 1]); at--)
        term->factor[at] = term->factor[at - 1];
    term->factor[at] = node;
    return true;
}

static bool add_factors(nn_rewriting *r, nn_product_term *term, nn_node *node, bool root, int depth)
{
    const nn_factors *factors = r->own;
    double value;
    if (nn_is_constant(node, &value)) {
        term->coefficient *= value;
        return true;
    }
    if (node->op == NN_OP_MUL && (root || is_inner(r, node)))
        return depth < DEEPEST && add_factors(r, term, node->input[0], false, depth + 1) &&
               add_factors(r, term, node->input[1], false, depth + 1);
    return put_factor(factors, term, node);
}

static bool add_terms(nn_rewriting *r, nn_node *node, double sign, bool root, int depth);

/* (a + b) c as a c + b c, where nothing but this needs the sum and it is known last. */
static bool multiply_out(nn_rewriting *r, int depth)
{
    nn_factors *factors = r->own;
    const nn_product_term term = factors->term[factors->terms - 1];
    nn_node *last = term.count ? term.factor[term.count - 1] : NULL;
    if (!factors->expand || !last || !is_sum(last) || r->uses[last->id] != 1)
        return true;
    int first = --factors->terms;
    if (!add_terms(r, last, term.coefficient, true, depth + 1))
        return false;
    for (int i = first; i < factors->terms; i++)
        for (int k = 0; k < term.count - 1; k++)
            if (!put_factor(factors, &factors->term[i], term.factor[k]))
                return false;
    return true;
}

static bool add_terms(nn_rewriting *r, nn_node *node, double sign, bool root, int depth)
{
    nn_factors *factors = r->own;
    if (depth >= DEEPEST)
        return false;
    if (is_sum(node) && (root || is_inner(r, node)))
        return add_terms(r, node->input[0], sign, false, depth + 1) &&
               add_terms(r, node->input[1], node->op == NN_OP_SUB ? -sign : sign, false, depth + 1);
    if (factors->terms == MOST_TERMS)
        return false;
    nn_product_term *term = &factors->term[factors->terms++];
    *term = (nn_product_term){.coefficient = sign};
    return add_factors(r, term, node, node->op == NN_OP_MUL && is_inner(r, node), depth) &&
           multiply_out(r, depth);
}

/* How many last factors the terms of a sum have; -1: it cannot be taken apart so. */
static int take_apart(nn_rewriting *r, nn_node *node, bool expand)
{
    nn_factors *factors = r->own;
    int different = 0;
    factors->terms = 0;
    factors->expand = expand;
    if (!add_terms(r, node, 1, true, 0))
        return -1;
    for (int i = 0; i < factors->terms; i++) {
        const nn_product_term *term = &factors->term[i];
        bool seen = false;
        for (int k = 0; k < i && !seen; k++)
            seen = term->count && factors->term[k].count &&
                   factors->term[k].factor[factors->term[k].count - 1] ==
                       term->factor[term->count - 1];
        different += !seen;
    }
    return different;
}

/* ---- putting together ---- */

static nn_node *scaled(nn_node *x, double factor)
{
    return factor == 1 ? x : nn_make(NN_OP_MUL, x, nn_constant_like(x, factor));
}

static nn_node *last_of(const nn_product_term *term)
{
    return term->count ? term->factor[term->count - 1] : NULL;
}

/* What earlier stages have computed is there from the start: it is multiplied when the rest is
 * known, as a product of its own it would be stored for nothing. */
static nn_node *product(const nn_rewriting *r, const nn_product_term *term, const nn_node *like)
{
    const nn_factors *factors = r->own;
    if (!term->count)
        return nn_constant_like(like, term->coefficient);
    int stage = factors->known[last_of(term)->id] / STAGE, first = 0;
    while (factors->known[term->factor[first]->id] / STAGE < stage)
        first++;
    nn_node *x = scaled(r->now[term->factor[first]->id], term->coefficient);
    for (int i = first + 1; i < term->count; i++)
        x = nn_make(NN_OP_MUL, x, r->now[term->factor[i]->id]);
    for (int i = 0; i < first; i++)
        x = nn_make(NN_OP_MUL, x, r->now[term->factor[i]->id]);
    return x;
}

/* Moves the terms that have the last factor of the first behind it; how many they are. */
static int gather(nn_product_term *term, int n)
{
    int together = 1;
    for (int k = 1; last_of(term) && k < n; k++)
        if (last_of(&term[k]) == last_of(term)) {
            nn_product_term moved = term[k];
            memmove(&term[together + 1], &term[together], (size_t)(k - together) * sizeof *term);
            term[together++] = moved;
        }
    return together;
}

/* Whether all terms are negative; they are then made positive. */
static bool negated(nn_product_term *term, int n)
{
    for (int k = 0; k < n; k++)
        if (term[k].coefficient > 0)
            return false;
    for (int k = 0; k < n; k++)
        term[k].coefficient = -term[k].coefficient;
    return true;
}

/* The sum of n terms, those with one last factor together. Terms are used up. */
static nn_node *sum(const nn_rewriting *r, nn_product_term *term, int n, const nn_node *like)
{
    nn_node *result = NULL;
    for (int i = 0, together; i < n; i += together) {
        nn_node *last = last_of(&term[i]), *part;
        together = gather(term + i, n - i);
        bool minus = negated(term + i, together);
        for (int k = i; together > 1 && k < i + together; k++)
            term[k].count--;
        part = together > 1 ? nn_make(NN_OP_MUL, sum(r, term + i, together, like), r->now[last->id])
                            : product(r, &term[i], like);
        if (result)
            result = nn_make(minus ? NN_OP_SUB : NN_OP_ADD, result, part);
        else
            result = minus ? scaled(part, -1) : part;
    }
    return result;
}

static nn_node *rule(nn_rewriting *r, nn_node *node)
{
    nn_factors *factors = r->own;
    if ((node->op != NN_OP_MUL && !is_sum(node)) || is_inner(r, node))
        return NULL;
    bool fits;
    if (is_sum(node)) {
        int plain = take_apart(r, node, false), expanded = take_apart(r, node, true);
        fits = expanded > 0 && (plain < 0 || expanded <= plain);
        if (!fits)
            fits = take_apart(r, node, false) > 0;
    } else {
        factors->terms = 1;
        factors->term[0] = (nn_product_term){.coefficient = 1};
        fits = add_factors(r, &factors->term[0], node, true, 0);
    }
    for (int i = 0; fits && i < factors->terms; i++)
        fits = factors->term[i].coefficient != 0;
    return fits ? sum(r, factors->term, factors->terms, node) : NULL;
}

const nn_rewrite_pass nn_rewrite_factors = {.rule = rule, .begin = begin, .end = end};
