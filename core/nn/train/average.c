/* Exponential moving averages of weights. */
#include "nn/train/state_names.h"
#include <stdlib.h>

/* The average of a parameter; the draws of the initial value do not matter: see nn_ema. */
static nn_node *average_of(nn_graph *g, const nn_node *parameter)
{
    return nn_state(g, nn_state_name(g, "ema", "", parameter->name, NULL), nn_rank(parameter),
                    parameter->shape, nn_init_constant(0));
}

static nn_node *counter_of(nn_graph *g, const char *prefix)
{
    return nn_state(g, nn_state_name(g, "ema", prefix, "step", NULL), 0, NULL, nn_init_constant(0));
}

nn_node *nn_ema(nn_graph *graph, const char *prefix, double decay)
{
    if (!graph)
        return NULL;
    if (!(decay >= 0 && decay < 1))
        return nn_fail(graph, WEIR_EOPTION, "ema(%s): a decay of %g; it must be in [0, 1)", prefix,
                       decay);
    int n;
    nn_node **parameter = nn_all_parameters(graph, prefix, "ema", &n);
    if (!n)
        return graph->poison;
    nn_node **effect = nn_graph_alloc(graph, (size_t)(n + 1) * sizeof(nn_node *));
    if (!effect)
        return graph->poison;
    nn_node *count = counter_of(graph, prefix);
    /* Nothing of the zeros is kept the first time. */
    nn_node *keep = nn_scale(nn_step(count), decay);
    effect[n] = nn_assign(count, nn_shift(count, 1));
    for (int i = 0; i < n; i++) {
        nn_node *p = parameter[i], *average = average_of(graph, p);
        effect[i] = nn_assign(average, nn_add(p, nn_mul(keep, nn_sub(average, p))));
    }
    return nn_group(graph, n + 1, effect);
}

/* Exchanges the values of two variables of one shape. */
static int exchange(nn_graph *graph, nn_node *a, nn_node *b)
{
    size_t count = (size_t)nn_count(a);
    nn_real *of_a = malloc(2 * count * sizeof *of_a), *of_b = of_a + count;
    if (!of_a) {
        nn_fail(graph, WEIR_ENOMEM, "ema_swap(%s): out of memory (%zu numbers)", a->name,
                2 * count);
        return WEIR_ENOMEM;
    }
    int status = nn_value(a, of_a);
    if (!status)
        status = nn_value(b, of_b);
    if (!status)
        status = nn_write(a, of_b);
    if (!status)
        status = nn_write(b, of_a);
    free(of_a);
    return status;
}

int nn_ema_swap(nn_graph *graph, const char *prefix)
{
    if (!graph)
        return WEIR_ENOMEM;
    int n;
    nn_node **parameter = nn_all_parameters(graph, prefix, "ema_swap", &n);
    if (!n)
        return nn_status(graph);
    nn_real steps = 0;
    nn_node *count = nn_find(graph, nn_state_name(graph, "ema", prefix, "step", NULL));
    if (count && nn_value(count, &steps))
        return nn_status(graph);
    if (!(steps > 0)) {
        nn_fail(graph, WEIR_EOPTION,
                "ema_swap(%s): there is no average yet; run a program with nn_ema of this prefix",
                prefix);
        return nn_status(graph);
    }
    int status = WEIR_OK;
    for (int i = 0; i < n && !status; i++)
        status = exchange(graph, parameter[i], average_of(graph, parameter[i]));
    return status;
}
