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

/* A part of a tensor with the gradient by it: of a slice, or of several joined. */
typedef struct box {
    nn_node *dy;
    int64_t at[NN_MAX_RANK], size[NN_MAX_RANK];
    int axis; /* the last one on which it is less than the tensor; -1: none */
    int order;
} box;

typedef struct walk {
    nn_graph *graph;
    bool *needed; /* by node: something asked for lies below it */
    int *first, *last;
    contribution *list;
    int count, capacity;
    nn_node **parts; /* scratch, for the inputs of one node */
    bool *wanted;
    box *boxes; /* scratch, for the slices of one node */
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
    box *boxes;

    if (n <= w->part_capacity)
        return true;
    n = n < 64 ? 64 : 2 * n;
    parts = realloc(w->parts, (size_t)n * sizeof *parts);
    w->parts = parts ? parts : w->parts;
    wanted = realloc(w->wanted, (size_t)n * sizeof *wanted);
    w->wanted = wanted ? wanted : w->wanted;
    boxes = realloc(w->boxes, (size_t)n * sizeof *boxes);
    w->boxes = boxes ? boxes : w->boxes;
    if (!parts || !wanted || !boxes)
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

static void find_axis(box *b, const nn_node *x)
{
    b->axis = x->rank - 1;
    while (b->axis >= 0 && b->size[b->axis] == x->shape[b->axis])
        b->axis--;
}

/* The order of boxes that are full beyond one axis by the axes before it. */
static int by_others(const box *p, const box *q)
{
    for (int i = 0; i < p->axis; i++) {
        if (p->at[i] != q->at[i])
            return p->at[i] < q->at[i] ? -1 : 1;
        if (p->size[i] != q->size[i])
            return p->size[i] < q->size[i] ? -1 : 1;
    }
    return 0;
}

/* By the axis to join along, the place on the axes before it, the place on it. */
static int by_place(const void *a, const void *b)
{
    const box *p = a, *q = b;
    int others = p->axis == q->axis ? by_others(p, q) : p->axis < q->axis ? -1 : 1;

    if (others)
        return others;
    if (p->axis >= 0 && p->at[p->axis] != q->at[p->axis])
        return p->at[p->axis] < q->at[p->axis] ? -1 : 1;
    return p->order < q->order ? -1 : p->order > q->order;
}

/* Zeros of the box's size but for `count` on the axis. */
static nn_node *gap(const nn_node *x, const box *b, int axis, int64_t count)
{
    nn_node shape = {.graph = x->graph, .rank = x->rank};

    memcpy(shape.shape, b->size, sizeof shape.shape);
    shape.shape[axis] = count;
    return nn_constant_like(&shape, 0);
}

/* Boxes that differ on one axis only, in order of place: as many concatenations as overlap. */
static nn_node *joined(walk *w, const nn_node *x, int axis, int n, box *list)
{
    nn_node *sum = NULL;

    while (n > 0) {
        int parts = 0, left = 0;
        int64_t end = 0;
        for (int i = 0; i < n; i++) {
            if (list[i].at[axis] < end) { /* it overlaps: for the next round */
                list[left++] = list[i];
                continue;
            }
            if (list[i].at[axis] > end)
                w->parts[parts++] = gap(x, &list[i], axis, list[i].at[axis] - end);
            w->parts[parts++] = list[i].dy;
            end = list[i].at[axis] + list[i].size[axis];
        }
        if (end < x->shape[axis])
            w->parts[parts++] = gap(x, &list[0], axis, x->shape[axis] - end);
        sum = plus(sum, nn_concat(axis, parts, w->parts));
        n = left;
    }
    return sum;
}

/* n boxes as one gradient: joined along the last axis on which they are parts, and so on. */
static nn_node *assembled(walk *w, const nn_node *x, int n)
{
    nn_node *whole[NN_MAX_RANK] = {NULL}, *sum = NULL;

    for (int axis = x->rank - 1; axis >= 0; axis--) {
        int first = n, left;
        for (int i = 0; i < n; i++)
            find_axis(&w->boxes[i], x);
        qsort(w->boxes, (size_t)n, sizeof *w->boxes, by_place);
        while (first > 0 && w->boxes[first - 1].axis == axis)
            first--;
        left = first;
        for (int begin = first, end; begin < n; begin = end) {
            box run = w->boxes[begin];
            for (end = begin + 1; end < n && !by_others(&run, &w->boxes[end]);)
                end++;
            run.dy = joined(w, x, axis, end - begin, &w->boxes[begin]);
            run.at[axis] = 0;
            run.size[axis] = x->shape[axis];
            find_axis(&run, x);
            if (run.axis < 0)
                whole[axis] = run.dy;
            else
                w->boxes[left++] = run;
        }
        n = left;
    }
    for (int axis = 0; axis < x->rank; axis++)
        if (whole[axis])
            sum = plus(sum, whole[axis]);
    return sum;
}

/* The whole gradient by x; NULL: none. */
static nn_node *gradient_of(walk *w, const nn_node *x)
{
    nn_node *sum = NULL, *slices;
    int n = 0, corners = 0;

    for (int i = w->first[x->id]; i >= 0; i = w->list[i].next) {
        n += w->list[i].slice != NULL;
        corners += w->list[i].slice && axis_of(w->list[i].slice, x) < 0;
    }
    if (n && !reserve(w, 2 * n + 1))
        return nn_fail(w->graph, WEIR_ENOMEM, "grad: out of memory");
    n = 0;
    for (int i = w->first[x->id]; i >= 0; i = w->list[i].next) {
        const contribution *c = &w->list[i];
        if (!c->slice) {
            sum = plus(sum, c->dy);
        } else if (corners == 1 && axis_of(c->slice, x) < 0) {
            sum = plus(sum, nn_make_moved(NN_OP_PAD, c->dy, x->rank, x->shape, c->slice->at));
        } else {
            box *b = &w->boxes[n];
            *b = (box){.dy = c->dy, .order = n++};
            memcpy(b->at, c->slice->at, sizeof b->at);
            memcpy(b->size, c->slice->shape, sizeof b->size);
        }
    }
    slices = n ? assembled(w, x, n) : NULL;
    return slices ? plus(sum, slices) : sum;
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
    free(w.boxes);
    return w.graph->error.status != WEIR_OK ? fail_all(y, n, wrt, grad) : WEIR_OK;
}
