/* nn_grad: from y back to what is asked for, each node's contributions summed. The slices of one
 * tensor give one concatenation, not as many sums of padded tensors. */
#include "nn/graph.h"
#include <stdlib.h>
#include <string.h>

/* A part of a node's gradient. */
typedef struct contribution {
    nn_node *dy;
    const nn_node *slice; /* dy is the gradient by this slice of the node; NULL: by all of it */
    int next;             /* of the same node, or -1 */
} contribution;

typedef struct walk {
    nn_graph *graph;
    bool *needed; /* by node: something asked for lies below it */
    int *first, *last;
    contribution *list;
    int count, capacity;
    nn_node **parts; /* scratch, for the inputs of one node */
    bool *wanted;
    const contribution **slices; /* scratch, for the slices of one node */
    int part_capacity;
} walk;

static bool contribute(walk *w, const nn_node *to, nn_node *dy, const nn_node *slice)
{
    double value;

    if (nn_is_constant(dy, &value) && value == 0)
        return true;
    if (w->count == w->capacity) {
        int capacity = w->capacity ? 2 * w->capacity : 256;
        contribution *list = realloc(w->list, (size_t)capacity * sizeof *list);
        if (!list)
            return false;
        w->list = list;
        w->capacity = capacity;
    }
    w->list[w->count] = (contribution){dy, slice, -1};
    if (w->first[to->id] < 0)
        w->first[to->id] = w->count;
    else
        w->list[w->last[to->id]].next = w->count;
    w->last[to->id] = w->count++;
    return true;
}

static bool reserve(walk *w, int n)
{
    nn_node **parts;
    bool *wanted;
    const contribution **slices;

    if (n <= w->part_capacity)
        return true;
    n = n < 64 ? 64 : 2 * n;
    parts = realloc(w->parts, (size_t)n * sizeof *parts);
    w->parts = parts ? parts : w->parts;
    wanted = realloc(w->wanted, (size_t)n * sizeof *wanted);
    w->wanted = wanted ? wanted : w->wanted;
    slices = realloc(w->slices, (size_t)n * sizeof *slices);
    w->slices = slices ? slices : w->slices;
    if (!parts || !wanted || !slices)
        return false;
    w->part_capacity = n;
    return true;
}

static nn_node *plus(nn_node *sum, nn_node *term)
{
    return sum ? nn_add(sum, term) : term;
}

/* The only axis on which a slice is less than x; -1: there are several. */
static int axis_of(const nn_node *slice, const nn_node *x)
{
    int axis = -1;

    for (int i = 0; i < x->rank; i++)
        if (slice->shape[i] != x->shape[i]) {
            if (axis >= 0)
                return -1;
            axis = i;
        }
    return axis;
}

static int by_place(const void *a, const void *b)
{
    const contribution *p = *(const contribution *const *)a, *q = *(const contribution *const *)b;

    for (int i = 0; i < NN_MAX_RANK; i++)
        if (p->slice->at[i] != q->slice->at[i])
            return p->slice->at[i] < q->slice->at[i] ? -1 : 1;
    return p < q ? -1 : p > q;
}

/* Zeros of x's shape but for `count` on the axis. */
static nn_node *gap(const nn_node *x, int axis, int64_t count)
{
    nn_node shape = {.graph = x->graph, .rank = x->rank};

    memcpy(shape.shape, x->shape, sizeof shape.shape);
    shape.shape[axis] = count;
    return nn_constant_like(&shape, 0);
}

/* Slices along one axis, in order of place: as many concatenations as slices overlap. */
static nn_node *joined(walk *w, const nn_node *x, int axis, int n)
{
    nn_node *sum = NULL;

    while (n > 0) {
        int parts = 0, left = 0;
        int64_t end = 0;
        for (int i = 0; i < n; i++) {
            const nn_node *slice = w->slices[i]->slice;
            if (slice->at[axis] < end) { /* it overlaps: for the next round */
                w->slices[left++] = w->slices[i];
                continue;
            }
            if (slice->at[axis] > end)
                w->parts[parts++] = gap(x, axis, slice->at[axis] - end);
            w->parts[parts++] = w->slices[i]->dy;
            end = slice->at[axis] + slice->shape[axis];
        }
        if (end < x->shape[axis])
            w->parts[parts++] = gap(x, axis, x->shape[axis] - end);
        sum = plus(sum, nn_concat(axis, parts, w->parts));
        n = left;
    }
    return sum;
}

/* The whole gradient by x; NULL: none. */
static nn_node *gradient_of(walk *w, const nn_node *x)
{
    nn_node *sum = NULL;
    int slices = 0;

    for (int i = w->first[x->id]; i >= 0; i = w->list[i].next) {
        const contribution *c = &w->list[i];
        if (!c->slice)
            sum = plus(sum, c->dy);
        else if (axis_of(c->slice, x) < 0)
            sum = plus(sum, nn_make_moved(NN_OP_PAD, c->dy, x->rank, x->shape, c->slice->at));
        else
            slices++;
    }
    if (!slices)
        return sum;
    if (!reserve(w, 2 * slices + 1))
        return nn_fail(w->graph, WEIR_ENOMEM, "grad: out of memory");
    for (int axis = 0; axis < x->rank; axis++) {
        int n = 0;
        for (int i = w->first[x->id]; i >= 0; i = w->list[i].next)
            if (w->list[i].slice && axis_of(w->list[i].slice, x) == axis)
                w->slices[n++] = &w->list[i];
        if (!n)
            continue;
        qsort(w->slices, (size_t)n, sizeof *w->slices, by_place);
        sum = plus(sum, joined(w, x, axis, n));
    }
    return sum;
}

/* Marks what lies between y and wrt. */
static void mark(walk *w, const nn_node *y, int n, nn_node *const *wrt)
{
    for (int i = 0; i < n; i++)
        if (wrt[i]->id <= y->id)
            w->needed[wrt[i]->id] = true;
    for (int id = 0; id <= y->id; id++) {
        const nn_node *node = w->graph->nodes[id];
        for (int i = 0; i < node->inputs && !w->needed[id]; i++)
            w->needed[id] = w->needed[node->input[i]->id] && nn_differentiable(node, i);
    }
}

static bool pass_on(walk *w, nn_node *node, nn_node *dy)
{
    bool any = false;

    if (!reserve(w, node->inputs))
        return false;
    for (int i = 0; i < node->inputs; i++) {
        w->wanted[i] = w->needed[node->input[i]->id] && nn_differentiable(node, i);
        any = any || w->wanted[i];
    }
    if (!any)
        return true;
    if (node->op == NN_OP_SLICE)
        return contribute(w, node->input[0], dy, node);
    nn_grad_rule(node, dy, w->wanted, w->parts);
    for (int i = 0; i < node->inputs; i++)
        if (w->wanted[i] && w->parts[i] && !contribute(w, node->input[i], w->parts[i], NULL))
            return false;
    return true;
}

static bool walk_back(walk *w, nn_node *y, nn_node **gradient)
{
    if (!w->needed[y->id])
        return true;
    if (!contribute(w, y, nn_constant_like(y, 1), NULL))
        return false;
    for (int id = y->id; id >= 0; id--) {
        nn_node *node = w->graph->nodes[id];
        if (w->first[id] < 0)
            continue;
        gradient[id] = gradient_of(w, node);
        if (gradient[id] && !pass_on(w, node, gradient[id]))
            return false;
        if (w->graph->error.status != WEIR_OK)
            return true;
    }
    return true;
}

static int fail_all(nn_node *y, int n, nn_node *const *wrt, nn_node **grad)
{
    nn_graph *graph = nn_graph_of(y);

    for (int i = 0; i < n && !graph; i++)
        graph = nn_graph_of(wrt[i]);
    for (int i = 0; i < n; i++)
        grad[i] = graph ? graph->poison : NULL;
    return graph && graph->error.status != WEIR_OK ? (int)graph->error.status : WEIR_EOPTION;
}

int nn_grad(nn_node *y, int n, nn_node *const *wrt, nn_node **grad)
{
    nn_node *instead, **gradient;
    walk w = {0};
    size_t nodes;
    bool done = false;

    if (n < 0 || (n && (!wrt || !grad)))
        return y            ? nn_fail(y->graph, WEIR_EOPTION, "grad: %d places for gradients", n),
               WEIR_EOPTION : WEIR_EOPTION;
    for (int i = 0; i < n; i++)
        if (!y != !wrt[i])
            nn_fail(nn_graph_of(y ? y : wrt[i]), WEIR_EOPTION,
                    y ? "grad: number %d of what to differentiate by is missing (NULL)"
                      : "grad: y is missing (NULL), not number %d of what to differentiate by",
                    i + 1);
    if (!nn_usable("grad", 1, &y, &instead) || (n && !nn_usable("grad", n, wrt, &instead)))
        return fail_all(y, n, wrt, grad);
    if (n && wrt[0]->graph != y->graph) {
        nn_fail(y->graph, WEIR_EOPTION,
                "grad: y and what it is differentiated by are of two graphs");
        return fail_all(y, n, wrt, grad);
    }
    w.graph = y->graph;
    nodes = (size_t)y->id + 1;
    w.needed = calloc(nodes, sizeof *w.needed);
    w.first = malloc(nodes * sizeof *w.first);
    w.last = malloc(nodes * sizeof *w.last);
    gradient = calloc(nodes, sizeof *gradient);
    if (w.needed && w.first && w.last && gradient) {
        memset(w.first, 0xff, nodes * sizeof *w.first);
        mark(&w, y, n, wrt);
        done = walk_back(&w, y, gradient);
    }
    if (!done)
        nn_fail(w.graph, WEIR_ENOMEM, "grad: out of memory");
    for (int i = 0; done && i < n; i++) {
        nn_node *found = wrt[i]->id <= y->id ? gradient[wrt[i]->id] : NULL;
        grad[i] = found ? found : nn_constant_like(wrt[i], 0);
    }
    free(w.needed);
    free(w.first);
    free(w.last);
    free(gradient);
    free(w.list);
    free(w.parts);
    free(w.wanted);
    free(w.slices);
    return w.graph->error.status != WEIR_OK ? fail_all(y, n, wrt, grad) : WEIR_OK;
}
