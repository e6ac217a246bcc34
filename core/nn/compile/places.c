/* Where every value would live: views instead of copies, parts of a concatenation in their places.
 */
#include "nn/compile/compile.h"
#include <string.h>

/* What is known of the values before copies are put between them. */
typedef struct placer {
    nn_plan *plan;
    nn_planned *old;
    bool *placed; /* by old value: target says where it shall be written */
    nn_view *target;
    int *now;   /* the new value that holds an old one, or -1 */
    int *dense; /* its dense copy, or -1 */
} placer;

static bool on(const placer *p, unsigned flag)
{
    return !(p->plan->debug & flag);
}

/* The view of a VIEW's node, given that of its input; false where strides cannot say it. */
static bool look(const nn_node *node, int rank, const int64_t *shape, const nn_view *from,
                 nn_view *to)
{
    *to = *from;
    if (from->buffer < 0)
        return true; /* a number */
    switch (node->op) {
    case NN_OP_RESHAPE:
        return nn_view_reshape(from, rank, shape, node->rank, node->shape, to);
    case NN_OP_PERMUTE:
        for (int i = 0; i < node->rank; i++)
            to->stride[i] = from->stride[node->at[i]];
        return true;
    case NN_OP_SLICE:
        for (int i = 0; i < node->rank; i++)
            to->offset += node->at[i] * from->stride[i];
        return true;
    case NN_OP_BROADCAST:
        memset(to->stride, 0, sizeof to->stride);
        for (int i = 0; i < rank; i++)
            if (shape[i] > 1)
                to->stride[node->rank - rank + i] = from->stride[i];
        return true;
    default:
        return true; /* a stop */
    }
}

/* Asks for v to be written to this place, by whatever computes it. */
static void place(placer *p, int v, const nn_view *view, int stage)
{
    nn_planned *value = &p->old[v];
    if (value->stage != stage || p->placed[v])
        return;
    if (value->manner == NN_VIEW_VALUE) {
        const nn_node *node = value->node;
        const nn_planned *input = &p->old[value->input[0]];
        nn_view back = *view;
        bool passes = node->op == NN_OP_STOP;
        if (node->op == NN_OP_RESHAPE) {
            passes =
                nn_view_reshape(view, value->rank, value->shape, input->rank, input->shape, &back);
        } else if (node->op == NN_OP_PERMUTE) {
            passes = true;
            for (int i = 0; i < node->rank; i++)
                back.stride[node->at[i]] = view->stride[i];
        }
        if (passes)
            place(p, value->input[0], &back, stage);
    } else if (value->manner == NN_LEAF_VALUE ||
               (value->manner == NN_CALL_VALUE && !nn_call_can_write(value, view))) {
        return;
    }
    p->placed[v] = true;
    p->target[v] = *view;
}

static nn_view slot(const nn_planned *join, const nn_view *whole, int64_t *at, int i,
                    const nn_planned *part)
{
    nn_view view = *whole;
    if (join->node->op == NN_OP_PAD) {
        for (int axis = 0; axis < join->rank; axis++)
            view.offset += join->node->at[axis] * whole->stride[axis];
    } else {
        int axis = (int)join->node->at[0];
        if (!i)
            *at = 0;
        view.offset += *at * whole->stride[axis];
        *at += part->shape[axis];
    }
    return view;
}

static size_t elements(const nn_planned *value)
{
    size_t count = 1;
    for (int i = 0; i < value->rank; i++)
        count *= (size_t)value->shape[i];
    return count;
}

/* A dense place of its own, unless it has been given one. */
static bool settle(placer *p, nn_planned *value, bool placed, const nn_view *target)
{
    if (placed) {
        value->view = *target;
        return true;
    }
    int storage = nn_plan_storage(p->plan, NULL, elements(value));
    value->view = (nn_view){.buffer = storage};
    nn_view_dense(&value->view, value->rank, value->shape);
    return storage >= 0;
}

/* From the outermost join inwards: its place first, then those of its parts. */
static bool place_parts(placer *p, int values)
{
    for (int v = values - 1; v >= 0; v--) {
        nn_planned *join = &p->old[v];
        if (join->manner != NN_JOIN_VALUE)
            continue;
        if (!settle(p, join, p->placed[v], &p->target[v]))
            return false;
        int64_t at = 0;
        for (int i = 0; i < join->inputs && on(p, NN_NO_VIEWS); i++) {
            const nn_planned *part = &p->old[join->input[i]];
            nn_view view = slot(join, &join->view, &at, i, part);
            place(p, join->input[i], &view, join->stage);
        }
    }
    return true;
}

/* A new value, made by a copying loop, of what `from` holds. */
static int copy(placer *p, int from, int stage, bool placed, const nn_view *target)
{
    nn_plan *plan = p->plan;
    int v = nn_plan_value(plan, NN_COPY_VALUE, plan->value[from].node, stage, 1);
    if (v < 0)
        return -1;
    nn_planned *value = &plan->value[v];
    value->rank = plan->value[from].rank;
    memcpy(value->shape, plan->value[from].shape, sizeof value->shape);
    value->input[0] = from;
    return settle(p, value, placed, target) ? v : -1;
}

static bool same_place(const nn_planned *value, const nn_view *view)
{
    if (value->view.buffer != view->buffer || value->view.offset != view->offset)
        return false;
    for (int i = 0; i < value->rank; i++)
        if (value->shape[i] > 1 && value->view.stride[i] != view->stride[i])
            return false;
    return true;
}

/* Zeros around what is padded: for every axis the part before and after, over what the axes in
 * front of it leave and all of those behind. Adds them to the inputs. */
static bool fill(placer *p, const nn_planned *pad, int *inputs, int *input)
{
    nn_plan *plan = p->plan;
    nn_node *node = pad->node;
    int64_t first[NN_MAX_RANK] = {0}, size[NN_MAX_RANK];
    memcpy(size, node->shape, sizeof size);
    for (int axis = 0; axis < node->rank; axis++) {
        int64_t before = node->at[axis], inner = node->input[0]->shape[axis];
        for (int side = 0; side < 2; side++) {
            int64_t n = side ? node->shape[axis] - before - inner : before;
            if (!n)
                continue;
            int f = nn_plan_value(plan, NN_FILL_VALUE, node, pad->stage, 0);
            if (f < 0)
                return false;
            nn_planned *value = &plan->value[f];
            memcpy(value->shape, size, sizeof size);
            value->shape[axis] = n;
            value->view = pad->view;
            for (int i = 0; i < axis; i++)
                value->view.offset += first[i] * pad->view.stride[i];
            value->view.offset += (side ? before + inner : 0) * pad->view.stride[axis];
            input[(*inputs)++] = f;
        }
        first[axis] = before;
        size[axis] = inner;
    }
    return true;
}

/* The parts that do not lie in their places are copied there. */
static bool join(placer *p, int v, int *inputs, int *input)
{
    nn_plan *plan = p->plan;
    const nn_planned *old = &p->old[v];
    int64_t at = 0;
    for (int i = 0; i < old->inputs; i++) {
        nn_view view = slot(old, &old->view, &at, i, &plan->value[input[i]]);
        const nn_planned *part = &plan->value[input[i]];
        if (part->stage != old->stage || !same_place(part, &view))
            input[i] = copy(p, input[i], old->stage, true, &view);
        if (input[i] < 0)
            return false;
    }
    return old->node->op != NN_OP_PAD || fill(p, old, inputs, input);
}

/* What a call cannot read where it is, it reads from a copy. */
static bool make_readable(placer *p, int v, int *input)
{
    nn_plan *plan = p->plan;
    for (int i = 0; i < p->old[v].inputs; i++) {
        if (nn_call_can_read(p->old[v].node, &plan->value[input[i]]))
            continue;
        int *dense = &p->dense[p->old[v].input[i]];
        int stage = p->old[v].stage;
        if (*dense < 0 || plan->value[*dense].stage != stage)
            *dense = copy(p, input[i], stage, false, NULL);
        input[i] = *dense;
        if (*dense < 0)
            return false;
    }
    return true;
}

/* Whether a broadcast to a short last axis keeps it from being one with the axis before it, which
 * makes every loop that reads it walk in short rows, and is of little. */
static bool breaks_rows(const nn_node *node)
{
    enum { SHORT = 64, LITTLE = 32 };
    const nn_node *input = node->input[0];
    int last = node->rank - 1, from = input->rank - 1;
    return node->op == NN_OP_BROADCAST && from > 0 && input->shape[from] == 1 &&
           input->shape[from - 1] > 1 && node->shape[last] > 1 && node->shape[last] < SHORT &&
           nn_count(node) >= LITTLE * node->shape[last] * nn_count(input);
}

/* The input, repeated along the last axis in memory. */
static int repeat_last(placer *p, const nn_planned *view)
{
    nn_plan *plan = p->plan;
    int input = view->input[0], stage = view->stage;
    int64_t times = view->shape[view->rank - 1];
    int wide = nn_plan_value(plan, NN_VIEW_VALUE, view->node, stage, 1);
    if (wide < 0)
        return -1;
    const nn_planned *from = &plan->value[input];
    nn_planned *value = &plan->value[wide];
    value->input[0] = input;
    value->rank = from->rank;
    memcpy(value->shape, from->shape, sizeof value->shape);
    value->shape[from->rank - 1] = times;
    value->view = from->view;
    value->view.stride[from->rank - 1] = 0;
    return copy(p, wide, stage, false, NULL);
}

/* A view, of a copy where strides cannot say it; without views, a copy of it. */
static bool emit_view(placer *p, int v, int now)
{
    nn_plan *plan = p->plan;
    nn_planned *value = &plan->value[now];
    const nn_planned *input = &plan->value[value->input[0]];
    if (!look(value->node, input->rank, input->shape, &input->view, &value->view)) {
        nn_view target;
        bool placed = p->placed[v] && nn_view_reshape(&p->target[v], value->rank, value->shape,
                                                      input->rank, input->shape, &target);
        int dense = copy(p, value->input[0], value->stage, placed, &target);
        if (dense < 0)
            return false;
        /* The copy comes before what looks at it. */
        nn_planned swapped = plan->value[dense];
        plan->value[dense] = plan->value[now];
        plan->value[now] = swapped;
        plan->value[dense].input[0] = now;
        p->now[v] = dense;
        value = &plan->value[dense];
        input = &plan->value[now];
        return look(value->node, input->rank, input->shape, &input->view, &value->view);
    }
    if (on(p, NN_NO_VIEWS))
        return true;
    p->now[v] = copy(p, now, p->old[v].stage, p->placed[v], &p->target[v]);
    return p->now[v] >= 0;
}

/* A reduction over axes that are apart (a group norm's: over places, and the channels of a group)
 * is one down the columns, where memory lies in a row, and then one over what little is left. Makes
 * the first; *rest is the node of the second. */
static int reduce_first(placer *p, const nn_planned *old, int input, unsigned inner, nn_node **rest)
{
    nn_plan *plan = p->plan;
    nn_node *node = nn_plan_alloc(plan, 2 * sizeof *node);
    if (!node)
        return -1;
    node[0] = node[1] = *old->node;
    node[0].at[0] &= ~(int64_t)inner;
    node[1].at[0] = inner;
    for (int i = 0; i < old->rank; i++)
        if (inner >> i & 1)
            node[0].shape[i] = plan->value[input].shape[i];
    *rest = &node[1];
    int first = nn_plan_value(plan, NN_LOOP_VALUE, &node[0], old->stage, 1);
    if (first < 0 || !settle(p, &plan->value[first], false, NULL))
        return -1;
    plan->value[first].input[0] = input;
    return first;
}

static bool emit(placer *p, int v)
{
    nn_plan *plan = p->plan;
    const nn_planned *old = &p->old[v];
    /* A padding gets up to two fills an axis as further inputs. */
    bool pad = old->manner == NN_JOIN_VALUE && old->node->op == NN_OP_PAD;
    int inputs = old->inputs;
    int *input = nn_plan_alloc(plan, (size_t)(inputs + (pad ? 2 * NN_MAX_RANK : 0)) * sizeof(int));
    if (!input)
        return false;
    for (int i = 0; i < inputs; i++)
        input[i] = p->now[old->input[i]];
    if (old->manner == NN_JOIN_VALUE && !join(p, v, &inputs, input))
        return false;
    if (old->manner == NN_CALL_VALUE && !make_readable(p, v, input))
        return false;
    if (old->manner == NN_VIEW_VALUE && on(p, NN_NO_VIEWS) && breaks_rows(old->node) &&
        plan->value[input[0]].view.buffer >= 0) {
        nn_planned view = *old;
        view.input = input;
        input[0] = repeat_last(p, &view);
        if (input[0] < 0)
            return false;
    }
    nn_node *node = old->node;
    bool reduces = old->manner == NN_LOOP_VALUE && nn_op_class(node->op) == NN_REDUCTION_CLASS;
    unsigned inner = reduces ? nn_apart_axes(&plan->value[input[0]], (unsigned)node->at[0]) : 0;
    if (inner && (input[0] = reduce_first(p, old, input[0], inner, &node)) < 0)
        return false;
    int now = nn_plan_value(plan, old->manner, node, old->stage, inputs);
    if (now < 0)
        return false;
    nn_planned *value = &plan->value[now];
    memcpy(value->input, input, (size_t)inputs * sizeof(int));
    value->assigned = old->assigned < 0 ? -1 : p->now[old->assigned];
    p->now[v] = now;
    switch (old->manner) {
    case NN_LEAF_VALUE:
        if (old->node->op == NN_OP_CONSTANT && !old->node->rank)
            return true;
        if (!settle(p, value, false, NULL))
            return false;
        plan->storage[value->view.buffer].leaf = old->node;
        return true;
    case NN_VIEW_VALUE:
        return emit_view(p, v, now);
    case NN_JOIN_VALUE:
        value->view = old->view;
        return true;
    case NN_CALL_VALUE:
        return settle(p, value, p->placed[v], &p->target[v]);
    default:
        if (value->assigned >= 0) {
            value->view = plan->value[value->assigned].view;
            return true;
        }
        return settle(p, value, p->placed[v], &p->target[v]);
    }
}

/* An output is dense, and not a variable's or an input's memory, which changes. */
static bool expose(placer *p, nn_wish *wish)
{
    nn_plan *plan = p->plan;
    int v = p->now[wish->value];
    const nn_planned *value = &plan->value[v];
    if (value->view.buffer < 0 || plan->storage[value->view.buffer].leaf ||
        !nn_view_is_dense(&value->view, value->rank, value->shape)) {
        int *dense = &p->dense[wish->value];
        if (*dense < 0 || plan->value[*dense].stage != wish->stage)
            *dense = copy(p, v, wish->stage, false, NULL);
        v = *dense;
        if (v < 0)
            return false;
    }
    plan->value[v].output = true;
    plan->storage[plan->value[v].view.buffer].kept = true;
    wish->value = v;
    return true;
}

int nn_plan_places(nn_plan *plan, int wishes, nn_wish *wish)
{
    int values = plan->values;
    placer p = {.plan = plan,
                .old = plan->value,
                .placed = nn_plan_alloc(plan, (size_t)values * sizeof(bool)),
                .target = nn_plan_alloc(plan, (size_t)values * sizeof(nn_view)),
                .now = nn_plan_alloc(plan, (size_t)values * sizeof(int)),
                .dense = nn_plan_alloc(plan, (size_t)values * sizeof(int))};
    if (!p.placed || !p.target || !p.now || !p.dense || !place_parts(&p, values))
        return nn_status(plan->graph);
    plan->value = NULL;
    plan->values = plan->value_capacity = 0;
    for (int v = 0; v < values; v++)
        p.now[v] = p.dense[v] = -1;
    for (int v = 0; v < values; v++)
        if (!emit(&p, v))
            return nn_status(plan->graph);
    for (int w = 0; w < wishes; w++)
        if (wish[w].value >= 0 && !expose(&p, &wish[w]))
            return nn_status(plan->graph);
    return WEIR_OK;
}
