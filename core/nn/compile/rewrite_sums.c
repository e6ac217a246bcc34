/* Sums over many nodes as one operation on a concatenation, whose parts are written in place.
 *
 *     A0' B0 + A1' B1 + …           [A0; A1; …]' [B0; B1; …]: weight gradients
 *     A0' [C X] + A1' [C Y]         [(A0 + A1)' C,  [A0; A1]' [X; Y]]
 *     A' (e X + (1 - e) Y)          (e A)' X + ((1 - e) A)' Y where the sum has X and Y too
 *     X0 + X1 + … of [X0; X1; …]    a sum over its first axis
 *     Σ_rows X0 + Σ_rows X1 + …     Σ_rows of [X0; X1; …]: bias gradients
 *
 * Terms are in the order of a concatenation that has them already, else in the order in which their
 * elder operands were made, so that sums over the same values use the same concatenations. */
#include "nn/compile/rewrite.h"
#include <stdlib.h>
#include <string.h>

enum { FEWEST_STEPS = 4 }; /* terms for which one sum is better than a chain of additions */

/* Where a node is a part of a concatenation along axis 0. */
typedef struct nn_home {
    int concat; /* node id, or -1 */
    int place;
    int64_t row;
} nn_home;

typedef struct nn_addend {
    nn_node *node;
    nn_node *operand[2]; /* of a product: what its operands are now */
    nn_home home[2];     /* of the operands; of the node itself in home[0] */
    int age;             /* the smallest id of its operands */
} nn_addend;

typedef struct nn_sums {
    nn_home *home;   /* [count] */
    int *ready;      /* [count] of a concatenation: the largest id of its parts */
    nn_addend *term; /* [count] scratch */
    nn_node **list;
    int *stack;
} nn_sums;

static bool begin(nn_rewriting *r)
{
    size_t count = (size_t)r->count;
    nn_sums *sums = calloc(1, sizeof *sums);
    r->own = sums;
    if (!sums)
        return false;
    sums->home = malloc(count * sizeof *sums->home);
    sums->ready = calloc(count, sizeof *sums->ready);
    sums->term = malloc(count * sizeof *sums->term);
    sums->list = malloc(2 * count * sizeof(nn_node *));
    sums->stack = malloc(count * sizeof *sums->stack);
    if (!sums->home || !sums->ready || !sums->term || !sums->list || !sums->stack)
        return false;
    for (int id = 0; id < r->count; id++)
        sums->home[id].concat = -1;
    for (int id = 0; id < r->count; id++) {
        const nn_node *node = r->graph->nodes[id];
        if (!r->uses[id] || node->op != NN_OP_CONCAT || node->at[0] != 0)
            continue;
        int64_t row = 0;
        for (int i = 0; i < node->inputs; i++) {
            int part = node->input[i]->id;
            if (sums->home[part].concat < 0)
                sums->home[part] = (nn_home){id, i, row};
            row += node->input[i]->shape[0];
            if (part > sums->ready[id])
                sums->ready[id] = part;
        }
    }
    return true;
}

static void end(nn_rewriting *r)
{
    nn_sums *sums = r->own;
    if (!sums)
        return;
    free(sums->home);
    free(sums->ready);
    free(sums->term);
    free(sums->list);
    free(sums->stack);
    free(sums);
}

/* The home of a node, if the concatenation can be made before the node `by`. */
static nn_home home_of(const nn_sums *sums, const nn_node *node, const nn_node *by)
{
    nn_home home = sums->home[node->id];
    if (home.concat >= 0 && sums->ready[home.concat] >= by->id)
        home.concat = -1;
    return home;
}

/* The concatenation as it is now; its parts have been rewritten. */
static nn_node *concat_now(nn_rewriting *r, int id)
{
    nn_sums *sums = r->own;
    const nn_node *node = r->graph->nodes[id];
    nn_node **part = sums->list + r->count; /* the first half may hold operands */
    if (r->now[id])
        return r->now[id];
    for (int i = 0; i < node->inputs; i++)
        part[i] = nn_now(r, node, i);
    return nn_concat(0, node->inputs, part);
}

static bool is_inner(const nn_rewriting *r, const nn_node *node)
{
    return node->op == NN_OP_ADD && r->uses[node->id] == 1 && r->user[node->id] >= 0 &&
           r->graph->nodes[r->user[node->id]]->op == NN_OP_ADD;
}

/* The leaves of the tree of additions under root, in order, into list. */
static int leaves_of(nn_rewriting *r, const nn_node *root)
{
    nn_sums *sums = r->own;
    int depth = 0, n = 0;
    sums->stack[depth++] = root->id;
    while (depth) {
        nn_node *node = r->graph->nodes[sums->stack[--depth]];
        if (node == root || is_inner(r, node)) {
            sums->stack[depth++] = node->input[1]->id;
            sums->stack[depth++] = node->input[0]->id;
        } else {
            sums->list[n++] = node;
        }
    }
    return n;
}

static nn_node *plus(nn_node *sum, nn_node *term)
{
    return sum ? nn_add(sum, term) : term;
}

/* By place in a concatenation where there is one, else by age. */
static int compare_terms(const void *a, const void *b)
{
    const nn_addend *x = a, *y = b;
    for (int i = 0; i < 2; i++) {
        const nn_home *p = &x->home[i], *q = &y->home[i];
        if (p->concat != q->concat)
            return p->concat < q->concat ? -1 : 1;
        if (p->concat >= 0)
            return (p->place > q->place) - (p->place < q->place);
    }
    if (x->age != y->age)
        return x->age < y->age ? -1 : 1;
    return (x->node->id > y->node->id) - (x->node->id < y->node->id);
}

/* Whether q can follow p: the next part of the same concatenation, or both in none. */
static bool follows(const nn_home *p, const nn_home *q)
{
    return p->concat == q->concat && (p->concat < 0 || q->place == p->place + 1);
}

/* ---- sums of products ---- */

/* A' B of matrices, used once. */
static bool is_term(const nn_rewriting *r, const nn_node *node)
{
    return node->op == NN_OP_MATMUL && node->rank == 2 && node->at[0] && !node->at[1] &&
           r->uses[node->id] == 1;
}

/* Operand i of n terms, below each other. */
static nn_node *stacked(nn_rewriting *r, const nn_addend *term, int n, int i)
{
    nn_sums *sums = r->own;
    if (n == 1)
        return term->operand[i];
    if (term->home[i].concat < 0) {
        for (int k = 0; k < n; k++)
            sums->list[k] = term[k].operand[i];
        return nn_concat(0, n, sums->list);
    }
    int64_t rows = 0;
    for (int k = 0; k < n; k++)
        rows += term[k].node->input[i]->shape[0];
    return nn_slice(concat_now(r, term->home[i].concat), 0, term->home[i].row, rows);
}

/* Whether q's product may be joined to p's. */
static bool joined(const nn_addend *p, const nn_addend *q)
{
    return follows(&p->home[0], &q->home[0]) && follows(&p->home[1], &q->home[1]);
}

/* How many products the terms make if those that existing concatenations allow are joined. */
static int count_runs(const nn_addend *term, int n)
{
    int runs = 1;
    for (int k = 1; k < n; k++)
        runs += !joined(&term[k - 1], &term[k]);
    return runs;
}

static void leave_home(nn_addend *term, int n, int i)
{
    for (int k = 0; k < n; k++)
        term[k].home[i].concat = -1;
}

/* Whether x has `part` at these columns, or (zero) nothing. */
static bool has_part(nn_node *x, const nn_node *part, int64_t first, bool *zero)
{
    nn_node *there = nn_slice(x, 1, first, part->shape[1]);
    *zero = nn_is_zero(there);
    return there == part || *zero;
}

/* A part that is at the left (or else at the right) end of the second operand of two terms, and of
 * all others that are not zero there. */
static nn_node *common_part(const nn_addend *term, int n, int64_t *first)
{
    for (int k = 0; k < n; k++) {
        nn_node *x = term[k].operand[1];
        if (x->op != NN_OP_CONCAT || x->at[0] != 1)
            continue;
        for (int last = 0; last < 2; last++) {
            nn_node *part = x->input[last ? x->inputs - 1 : 0];
            int have = 0, fit = 0;
            bool zero;
            if (part->shape[1] < NN_FEWEST_SHARED)
                continue;
            *first = last ? x->shape[1] - part->shape[1] : 0;
            for (; fit < n && has_part(term[fit].operand[1], part, *first, &zero); fit++)
                have += !zero;
            if (fit == n && have > 1)
                return part;
        }
        return NULL; /* the others have it or not, as this one */
    }
    return NULL;
}

static nn_node *sum_of_products(nn_rewriting *r, int n);

/* The products of the common part and of the rest, next to each other. */
static nn_node *by_parts(nn_rewriting *r, int n, nn_node *part, int64_t first)
{
    nn_sums *sums = r->own;
    nn_addend *term = sums->term;
    nn_node *left = NULL;
    int64_t width = term[0].operand[1]->shape[1], size = part->shape[1];
    for (int k = 0; k < n; k++) {
        bool zero;
        has_part(term[k].operand[1], part, first, &zero);
        if (!zero)
            left = plus(left, term[k].operand[0]);
        term[k].operand[1] = nn_slice(term[k].operand[1], 1, first ? 0 : size, width - size);
        term[k].home[1].concat = -1;
    }
    nn_node *common = nn_matmul(left, part, true, false), *rest = sum_of_products(r, n);
    return nn_concat(1, 2, first ? (nn_node *[]){rest, common} : (nn_node *[]){common, rest});
}

static nn_node *sum_of_products(nn_rewriting *r, int n)
{
    nn_sums *sums = r->own;
    nn_addend *term = sums->term;
    nn_node *sum = NULL;
    int64_t first = 0;
    nn_node *part = n > 1 ? common_part(term, n, &first) : NULL;
    if (part)
        return by_parts(r, n, part, first);
    qsort(term, (size_t)n, sizeof *term, compare_terms);
    const int most = 1 + n / FEWEST_STEPS;
    if (count_runs(term, n) > most)
        leave_home(term, n, 1);
    if (count_runs(term, n) > most)
        leave_home(term, n, 0);
    for (int k = 0, last = 0; k < n; k = last) {
        for (last = k + 1; last < n && joined(&term[last - 1], &term[last]);)
            last++;
        sum = plus(sum, nn_matmul(stacked(r, term + k, last - k, 0),
                                  stacked(r, term + k, last - k, 1), true, false));
    }
    return sum;
}

static nn_addend *term_with(nn_addend *term, int n, const nn_node *right)
{
    for (int i = 0; i < n; i++)
        if (term[i].node->input[1] == right)
            return &term[i];
    return NULL;
}

static void add_to_left(nn_addend *term, nn_node *factor, nn_node *left)
{
    term->operand[0] = nn_add(term->operand[0], nn_mul(factor, left));
    term->home[0].concat = -1;
}

/* Gives the terms whose right side is a mixture to those of what is mixed. Returns how many are
 * left. */
static int unmix(nn_rewriting *r, nn_addend *term, int n)
{
    for (int i = 0; i < n; i++) {
        nn_mixture m;
        if (!nn_find_mixture(term[i].node->input[1], &m))
            continue;
        nn_addend *a = term_with(term, n, m.a), *b = term_with(term, n, m.b);
        if (!a || !b)
            continue;
        add_to_left(a, r->now[m.of_a->id], term[i].operand[0]);
        add_to_left(b, r->now[m.of_b->id], term[i].operand[0]);
        term[i--] = term[--n];
    }
    return n;
}

static nn_node *products(nn_rewriting *r, nn_node *node)
{
    nn_sums *sums = r->own;
    if (node->op != NN_OP_ADD || node->rank != 2 || is_inner(r, node))
        return NULL;
    int leaves = leaves_of(r, node), terms = 0, others = 0;
    for (int i = 0; i < leaves; i++) {
        nn_node *leaf = sums->list[i];
        if (!is_term(r, leaf)) {
            sums->list[others++] = leaf;
            continue;
        }
        int a = leaf->input[0]->id, b = leaf->input[1]->id;
        sums->term[terms++] = (nn_addend){
            .node = leaf,
            .operand = {nn_now(r, leaf, 0), nn_now(r, leaf, 1)},
            .home = {home_of(sums, leaf->input[0], node), home_of(sums, leaf->input[1], node)},
            .age = a < b ? a : b};
    }
    if (terms < 2)
        return NULL;
    nn_node *sum = NULL;
    for (int i = 0; i < others; i++)
        sum = plus(sum, r->now[sums->list[i]->id]);
    nn_node *product = sum_of_products(r, unmix(r, sums->term, terms));
    return sum ? nn_add(sum, product) : product;
}

const nn_rewrite_pass nn_rewrite_sums = {.rule = products, .begin = begin, .end = end};

/* ---- sums over steps ---- */

/* The value that a leaf sums over its first axis (and perhaps others), or the leaf itself: mask 0.
 */
static nn_node *summed(nn_node *leaf, int64_t *mask)
{
    nn_node *sum = leaf->op == NN_OP_RESHAPE ? leaf->input[0] : leaf;
    *mask = 0;
    if (sum->op != NN_OP_SUM || !(sum->at[0] & 1))
        return leaf;
    *mask = sum->at[0];
    return sum->input[0];
}

/* n parts of one concatenation that follow each other, added. */
static nn_node *sum_of_parts(nn_rewriting *r, const nn_addend *term, int n, const nn_node *like)
{
    int64_t mask, shape[NN_MAX_RANK] = {n};
    nn_node *part = summed(term->node, &mask);
    int64_t rows = part->shape[0] * n;
    nn_node *x = nn_slice(concat_now(r, term->home[0].concat), 0, term->home[0].row, rows);
    if (!mask) {
        memcpy(shape + 1, part->shape, (size_t)part->rank * sizeof *shape);
        x = nn_reshape(x, part->rank + 1, shape);
        mask = 1;
    }
    return nn_reshape(nn_sum(x, (unsigned)mask), like->rank, like->shape);
}

/* Whether q's part follows p's and is summed as it. */
static bool joins(const nn_addend *p, const nn_addend *q)
{
    int64_t of_p, of_q;
    nn_node *a = summed(p->node, &of_p), *b = summed(q->node, &of_q);
    return p->home[0].concat >= 0 && follows(&p->home[0], &q->home[0]) && of_p == of_q &&
           a->shape[0] == b->shape[0];
}

static nn_node *steps(nn_rewriting *r, nn_node *node)
{
    nn_sums *sums = r->own;
    if (node->op != NN_OP_ADD || is_inner(r, node))
        return NULL;
    int n = leaves_of(r, node);
    if (n < FEWEST_STEPS)
        return NULL;
    for (int i = 0; i < n; i++) {
        int64_t mask;
        nn_node *leaf = sums->list[i], *part = summed(leaf, &mask);
        bool fits = part->rank >= 1 && (mask ? r->uses[leaf->id] == 1 : part->rank < NN_MAX_RANK);
        sums->term[i] =
            (nn_addend){.node = leaf, .home = {{-1, 0, 0}, {-1, 0, 0}}, .age = leaf->id};
        if (fits)
            sums->term[i].home[0] = home_of(sums, part, node);
    }
    qsort(sums->term, (size_t)n, sizeof *sums->term, compare_terms);
    nn_node *sum = NULL;
    bool changed = false;
    for (int k = 0, last = 0; k < n; k = last) {
        for (last = k + 1; last < n && joins(&sums->term[last - 1], &sums->term[last]);)
            last++;
        if (last - k >= FEWEST_STEPS) {
            sum = plus(sum, sum_of_parts(r, sums->term + k, last - k, node));
            changed = true;
        } else {
            for (int i = k; i < last; i++)
                sum = plus(sum, r->now[sums->term[i].node->id]);
        }
    }
    return changed ? sum : NULL;
}

const nn_rewrite_pass nn_rewrite_steps = {.rule = steps, .begin = begin, .end = end};
