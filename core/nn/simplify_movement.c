/* Algebra as nodes are made: movement of movement, and sums. */
#include "nn/graph.h"
#include <string.h>

/* x in the shape of d. */
static nn_node *moved(nn_op op, nn_node *x, const nn_node *d, const int64_t *at)
{
    return nn_make_moved(op, x, d->rank, d->shape, at);
}

/* Whether shapes are equal but for ones in front. */
static bool equal_at_the_end(const nn_node *a, const nn_node *b)
{
    int rank = a->rank > b->rank ? a->rank : b->rank;

    for (int i = 1; i <= rank; i++)
        if (nn_size(a, -i) != nn_size(b, -i))
            return false;
    return true;
}

static nn_node *broadcast(const nn_node *d)
{
    nn_node *x = d->input[0];

    if (nn_same_shape(x, d))
        return x;
    if (x->op == NN_OP_BROADCAST)
        return moved(NN_OP_BROADCAST, x->input[0], d, NULL);
    if (x->op == NN_OP_RESHAPE && x->input[0]->rank <= d->rank && equal_at_the_end(x, x->input[0]))
        return moved(NN_OP_BROADCAST, x->input[0], d, NULL);
    if (nn_count(x) == nn_count(d) && !nn_is_constant(x, NULL))
        return moved(NN_OP_RESHAPE, x, d, NULL);
    return NULL;
}

static nn_node *reshape(const nn_node *d)
{
    nn_node *x = d->input[0];

    if (nn_same_shape(x, d))
        return x;
    return x->op == NN_OP_RESHAPE ? moved(NN_OP_RESHAPE, x->input[0], d, NULL) : NULL;
}

static nn_node *permute(const nn_node *d)
{
    nn_node *x = d->input[0];
    int64_t at[NN_MAX_RANK] = {0}, last = -1;
    bool identity = true, ordered = true;

    for (int i = 0; i < d->rank; i++) {
        identity = identity && d->at[i] == i;
        if (d->shape[i] != 1) { /* where axes of one element go changes nothing */
            ordered = ordered && d->at[i] > last;
            last = d->at[i];
        }
    }
    if (identity)
        return x;
    if (ordered)
        return moved(NN_OP_RESHAPE, x, d, NULL);
    if (x->op != NN_OP_PERMUTE)
        return NULL;
    for (int i = 0; i < d->rank; i++)
        at[i] = x->at[d->at[i]];
    return moved(NN_OP_PERMUTE, x->input[0], d, at);
}

/* What of a concatenation lies within one part is a slice of that part. */
static nn_node *slice_of_concat(const nn_node *d, const nn_node *x)
{
    int axis = (int)x->at[0];
    int64_t start = 0, at[NN_MAX_RANK];

    for (int i = 0; i < x->inputs; i++) {
        int64_t size = x->input[i]->shape[axis];
        if (d->at[axis] < start + size) {
            if (d->at[axis] + d->shape[axis] > start + size)
                return NULL;
            memcpy(at, d->at, sizeof at);
            at[axis] -= start;
            return moved(NN_OP_SLICE, x->input[i], d, at);
        }
        start += size;
    }
    return NULL;
}

/* Zeros, or what is left of the padding around a slice. */
static nn_node *slice_of_pad(const nn_node *d, const nn_node *x)
{
    nn_node *source = x->input[0];
    int64_t first[NN_MAX_RANK] = {0}, before[NN_MAX_RANK] = {0}, shape[NN_MAX_RANK] = {0};

    for (int i = 0; i < d->rank; i++) {
        int64_t low = d->at[i] - x->at[i], high = low + d->shape[i]; /* in the source */
        before[i] = low < 0 ? -low : 0;
        first[i] = low > 0 ? low : 0;
        shape[i] = (high < source->shape[i] ? high : source->shape[i]) - first[i];
        if (shape[i] <= 0)
            return nn_constant_like(d, 0);
    }
    return moved(NN_OP_PAD, nn_make_moved(NN_OP_SLICE, source, d->rank, shape, first), d, before);
}

static nn_node *slice_of_broadcast(const nn_node *d, const nn_node *x)
{
    nn_node *source = x->input[0];
    int64_t at[NN_MAX_RANK] = {0}, shape[NN_MAX_RANK] = {0};
    int lead = d->rank - source->rank;

    for (int i = 0; i < source->rank; i++) {
        bool real = source->shape[i] == x->shape[lead + i];
        at[i] = real ? d->at[lead + i] : 0;
        shape[i] = real ? d->shape[lead + i] : 1;
    }
    return moved(NN_OP_BROADCAST, nn_make_moved(NN_OP_SLICE, source, source->rank, shape, at), d,
                 NULL);
}

static nn_node *slice(const nn_node *d)
{
    nn_node *x = d->input[0];
    int64_t at[NN_MAX_RANK];

    if (nn_same_shape(x, d))
        return x;
    switch ((int)x->op) {
    case NN_OP_SLICE:
        for (int i = 0; i < NN_MAX_RANK; i++)
            at[i] = d->at[i] + x->at[i];
        return moved(NN_OP_SLICE, x->input[0], d, at);
    case NN_OP_CONCAT:
        return slice_of_concat(d, x);
    case NN_OP_PAD:
        return slice_of_pad(d, x);
    case NN_OP_BROADCAST:
        return slice_of_broadcast(d, x);
    default:
        return NULL;
    }
}

static nn_node *pad(const nn_node *d)
{
    nn_node *x = d->input[0];
    int64_t at[NN_MAX_RANK];

    if (nn_same_shape(x, d))
        return x;
    if (x->op != NN_OP_PAD)
        return NULL;
    for (int i = 0; i < NN_MAX_RANK; i++)
        at[i] = d->at[i] + x->at[i];
    return moved(NN_OP_PAD, x->input[0], d, at);
}

/* Slices of one tensor that follow each other are one slice of it. */
static nn_node *concat(const nn_node *d)
{
    nn_node *first = d->input[0];
    int axis = (int)d->at[0];
    int64_t next;

    if (d->inputs == 1)
        return first;
    if (first->op != NN_OP_SLICE)
        return NULL;
    next = first->at[axis];
    for (int i = 0; i < d->inputs; i++) {
        nn_node *part = d->input[i];
        if (part->op != NN_OP_SLICE || part->input[0] != first->input[0] || part->at[axis] != next)
            return NULL;
        for (int k = 0; k < d->rank; k++)
            if (k != axis && part->at[k] != first->at[k])
                return NULL;
        next += part->shape[axis];
    }
    return moved(NN_OP_SLICE, first->input[0], d, first->at);
}

/* A sum along a stretched axis is a multiple. */
static nn_node *sum_of_broadcast(const nn_node *d, const nn_node *x)
{
    nn_node *source = x->input[0], *sum;
    int lead = x->rank - source->rank;
    unsigned mask = 0;
    double factor = 1;

    for (int i = 0; i < x->rank; i++) {
        bool real = i >= lead && source->shape[i - lead] == x->shape[i];
        if (!(d->at[0] >> i & 1))
            continue;
        if (real)
            mask |= 1u << (i - lead);
        else
            factor *= (double)x->shape[i];
    }
    sum = nn_sum(source, mask);
    return moved(NN_OP_BROADCAST, nn_make(NN_OP_MUL, sum, nn_constant_like(sum, factor)), d, NULL);
}

static nn_node *reduction(const nn_node *d)
{
    nn_node *x = d->input[0];
    int64_t mask = 0;
    double factor;

    for (int i = 0; i < d->rank; i++)
        if (d->at[0] >> i & 1 && x->shape[i] > 1)
            mask |= INT64_C(1) << i;
    if (!mask)
        return x;
    if (mask != d->at[0])
        return moved(d->op, x, d, (int64_t[NN_MAX_RANK]){mask});
    if (x->op == d->op)
        return moved(d->op, x->input[0], d, (int64_t[NN_MAX_RANK]){mask | x->at[0]});
    if (d->op == NN_OP_PEAK)
        return NULL;
    if (x->op == NN_OP_BROADCAST)
        return sum_of_broadcast(d, x);
    if (x->op == NN_OP_MUL && nn_is_constant(x->input[1], &factor))
        return nn_make(NN_OP_MUL, nn_sum(x->input[0], (unsigned)mask), nn_constant_like(d, factor));
    return NULL;
}

nn_node *nn_simplify_movement(const nn_node *d)
{
    switch ((int)d->op) {
    case NN_OP_BROADCAST:
        return broadcast(d);
    case NN_OP_RESHAPE:
        return reshape(d);
    case NN_OP_PERMUTE:
        return permute(d);
    case NN_OP_SLICE:
        return slice(d);
    case NN_OP_PAD:
        return pad(d);
    case NN_OP_CONCAT:
        return concat(d);
    case NN_OP_SUM:
    case NN_OP_PEAK:
        return reduction(d);
    default:
        return NULL;
    }
}
