/* Counters of steps, and learning rates as functions of them. */
#include "nn/graph.h"
#include <math.h>

nn_node *nn_counter(nn_graph *graph, const char *name, nn_node **update)
{
    nn_node *t = nn_state(graph, name, 0, NULL, nn_init_constant(0));
    *update = nn_assign(t, nn_shift(t, 1));
    return t;
}

/* Whether t is a scalar; records the error otherwise. */
static bool is_scalar(nn_node *t, const char *what)
{
    nn_node *instead;
    if (!nn_usable(what, 1, &t, &instead))
        return false;
    if (nn_rank(t) == 0)
        return true;
    char text[160];
    nn_fail(nn_graph_of(t), WEIR_EOPTION, "%s: %s is no scalar", what, nn_shape_text(t, text));
    return false;
}

static nn_node *smaller(nn_node *x, double bound)
{
    return nn_neg(nn_max(nn_neg(x), nn_scalar(nn_graph_of(x), -bound)));
}

nn_node *nn_schedule_step(nn_node *t, double rate, double factor, double every)
{
    nn_graph *g = nn_graph_of(t);
    if (!is_scalar(t, "schedule_step"))
        return g ? g->poison : NULL;
    if (!(factor > 0) || !(every >= 1))
        return nn_fail(g, WEIR_EOPTION,
                       "schedule_step: a factor of %g every %g steps; the factor must be positive "
                       "and every at least 1",
                       factor, every);
    /* Half a step more, so that rounding never counts a multiple of every as less. */
    nn_node *times = nn_floor(nn_scale(nn_shift(t, 0.5), 1 / every));
    return nn_scale(nn_exp(nn_scale(times, log(factor))), rate);
}

nn_node *nn_schedule_cosine(nn_node *t, double rate, double least, double steps)
{
    nn_graph *g = nn_graph_of(t);
    if (!is_scalar(t, "schedule_cosine"))
        return g ? g->poison : NULL;
    if (!(steps > 0))
        return nn_fail(g, WEIR_EOPTION, "schedule_cosine: %g steps; they must be positive", steps);
    const double pi = acos(-1);
    nn_node *wave = nn_cos(nn_scale(smaller(t, steps), pi / steps));
    return nn_shift(nn_scale(wave, (rate - least) / 2), (rate + least) / 2);
}

nn_node *nn_schedule_warmup(nn_node *t, nn_node *rate, double steps)
{
    nn_graph *g = nn_graph_of(t);
    if (!is_scalar(t, "schedule_warmup") || !is_scalar(rate, "schedule_warmup"))
        return g ? g->poison : NULL;
    if (!(steps > 0))
        return nn_fail(g, WEIR_EOPTION, "schedule_warmup: %g steps; they must be positive", steps);
    return nn_mul(rate, smaller(nn_scale(nn_shift(t, 1), 1 / steps), 1));
}
