/* Activations: each written so that its derivatives of every order are right at 0 too, and finite
 * where the function is. */
#include "nn/layers/layer.h"
#include <math.h>

nn_node *nn_relu(nn_node *x)
{
    return nn_max(nn_scalar(nn_graph_of(x), 0), x); /* the tie goes to the constant */
}

nn_node *nn_leaky_relu(nn_node *x, double slope)
{
    if (slope == 0)
        return nn_relu(x);
    return nn_mul(x, nn_shift(nn_scale(nn_step(x), 1 - slope), slope));
}

nn_node *nn_elu(nn_node *x)
{
    /* exp never sees a positive number, so that nothing overflows. min(x, 0) takes the derivative
     * at 0, and the positive part does not. */
    nn_node *negative = nn_neg(nn_max(nn_neg(x), nn_scalar(nn_graph_of(x), 0)));
    return nn_add(nn_relu(x), nn_expm1(negative));
}

nn_node *nn_gelu(nn_node *x)
{
    return nn_mul(nn_scale(x, 0.5), nn_shift(nn_erf(nn_scale(x, sqrt(0.5))), 1));
}

nn_node *nn_silu(nn_node *x)
{
    return nn_mul(x, nn_sigmoid(x));
}

nn_node *nn_softplus(nn_node *x)
{
    /* x + log1p(exp(-x)) where x is positive, log1p(exp(x)) elsewhere: the same function, so that
     * its derivatives meet at 0. */
    nn_node *positive = nn_step(x);
    nn_node *away = nn_mul(nn_shift(nn_scale(positive, -2), 1), x);
    return nn_add(nn_mul(positive, x), nn_log1p(nn_exp(away)));
}

/* The axis counted from 0; -1, with the error recorded, where x has no such axis. */
static int axis_of(nn_node *x, int axis, const char *layer)
{
    int rank = nn_rank(x), from = axis < 0 ? axis + rank : axis;
    if (from >= 0 && from < rank)
        return from;
    char text[160];
    nn_fail(nn_graph_of(x), WEIR_EOPTION, "%s: there is no axis %d in %s", layer, axis,
            nn_shape_text(x, text));
    return -1;
}

nn_node *nn_softmax(nn_node *x, int axis)
{
    if (nn_poisoned(x))
        return x;
    if ((axis = axis_of(x, axis, "softmax")) < 0)
        return x->graph->poison;
    nn_node *e = nn_exp(nn_sub(x, nn_stop(nn_peak(x, 1u << axis))));
    return nn_mul(e, nn_recip(nn_sum(e, 1u << axis)));
}

nn_node *nn_log_softmax(nn_node *x, int axis)
{
    if (nn_poisoned(x))
        return x;
    if ((axis = axis_of(x, axis, "log_softmax")) < 0)
        return x->graph->poison;
    nn_node *z = nn_sub(x, nn_stop(nn_peak(x, 1u << axis)));
    return nn_sub(z, nn_log(nn_sum(nn_exp(z), 1u << axis)));
}

nn_node *nn_softmax_groups(nn_node *x, int n, const int64_t *widths)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x))
        return x;
    char text[160];
    int64_t sum = 0;
    if (!widths)
        return nn_fail(g, WEIR_EOPTION, "softmax_groups: no widths (NULL)");
    for (int i = 0; i < n; i++) {
        if (widths[i] < 1 || widths[i] > INT64_MAX - sum)
            return nn_fail(g, WEIR_EOPTION, "softmax_groups: width %d is %lld; 1 or more is needed",
                           i, (long long)widths[i]);
        sum += widths[i];
    }
    if (n < 1 || nn_rank(x) < 1 || sum != nn_size(x, -1))
        return nn_fail(g, WEIR_EOPTION,
                       "softmax_groups: %d widths sum to %lld, which is not the last axis of %s", n,
                       (long long)sum, nn_shape_text(x, text));
    nn_node *rows = nn_rows(x);
    nn_node **part = nn_graph_alloc(g, (size_t)n * sizeof *part);
    if (!part)
        return g->poison;
    int parts = 0;
    int64_t first = 0;
    for (int i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && widths[i + run] == widths[i];)
            run++;
        int64_t width = widths[i], total = run * width;
        nn_node *fields = nn_reshape(nn_slice(rows, 1, first, total), 3,
                                     (int64_t[]){nn_size(rows, 0), run, width});
        part[parts++] = nn_reshape(nn_softmax(fields, 2), 2, (int64_t[]){nn_size(rows, 0), total});
        first += total;
    }
    return nn_unrows(nn_concat(1, parts, part), x);
}

/* 1 at the first of the largest elements of the last axis, else 0. */
static nn_node *one_hot_peak(nn_node *x)
{
    unsigned last = 1u << (nn_rank(x) - 1);
    nn_graph *g = nn_graph_of(x);
    nn_node *place = nn_iota(g, nn_size(x, -1));
    nn_node *below = nn_step(nn_sub(nn_peak(x, last), x));
    nn_node *candidate = nn_select(below, nn_scalar(g, -(double)nn_size(x, -1)), nn_neg(place));
    nn_node *first = nn_neg(nn_peak(candidate, last));
    return nn_shift(nn_neg(nn_step(nn_abs(nn_sub(place, first)))), 1);
}

nn_node *nn_gumbel_softmax(nn_node *x, double temperature, bool hard, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x))
        return x;
    if (!(temperature > 0))
        return nn_fail(g, WEIR_EOPTION, "gumbel_softmax(%s): temperature %g is not positive", name,
                       temperature);
    if (nn_rank(x) < 1)
        return nn_fail(g, WEIR_EOPTION, "gumbel_softmax(%s): a scalar has no classes", name);
    nn_node *u = nn_noise_uniform(g, nn_fresh_noise(g, name), nn_rank(x), x->shape);
    u = nn_max(u, nn_scalar(g, 1e-30)); /* 0 has no logarithm */
    nn_node *gumbel = nn_neg(nn_log(nn_neg(nn_log(u))));
    nn_node *soft = nn_softmax(nn_scale(nn_add(x, gumbel), 1 / temperature), -1);
    if (!hard)
        return soft;
    /* Exactly 0 or 1, for soft - stop(soft) is 0. */
    return nn_add(nn_stop(one_hot_peak(soft)), nn_sub(soft, nn_stop(soft)));
}
