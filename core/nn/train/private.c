/* Differentially private training: gradients of one example at a time, clipped, summed, with noise
 * (Abadi et al., "Deep learning with differential privacy", CCS 2016). */
#include "nn/train/lasting.h"
#include "nn/train/lift.h"
#include <stdlib.h>
#include <string.h>

typedef struct setting {
    nn_graph *graph;
    const nn_private_options *options;
    const char *prefix;
    int n; /* parameters */
    nn_node **parameter, **gradient, **sum;
} setting;

static int check(const setting *s)
{
    const nn_private_options *o = s->options;

    if (!(o->clip > 0) || !(o->noise >= 0) || !(o->expected > 0))
        nn_fail(s->graph, WEIR_EOPTION,
                "private step: clip %g, noise %g, expected %g; clip and expected must be above 0, "
                "noise not below",
                o->clip, o->noise, o->expected);
    if (s->n == 0)
        nn_fail(s->graph, WEIR_EOPTION, "private step: no parameter's name begins with '%s'",
                s->prefix);
    return nn_status(s->graph);
}

/* Marks what depends on the inputs of one example. */
static void mark(const nn_graph *graph, int n, nn_node *const *one, bool *depends)
{
    for (int i = 0; i < n; i++)
        depends[one[i]->id] = true;
    for (int id = 0; id < graph->count; id++)
        for (int i = 0; i < graph->nodes[id]->inputs && !depends[id]; i++)
            depends[id] = depends[graph->nodes[id]->input[i]->id];
}

/* A layer that keeps statistics of its inputs (batch norm) would let an example leave traces that
 * no noise covers, and in a batch make one example's gradient another's business. */
static int refuse_statistics(nn_graph *graph, int n, nn_node *const *one)
{
    bool *depends = calloc((size_t)graph->count, sizeof *depends);

    if (!depends)
        return weir_error_memory(&graph->error, (unsigned long long)graph->count, "a check");
    mark(graph, n, one, depends);
    for (int i = 0; i < graph->update_count; i++)
        if (depends[graph->updates[i]->id])
            nn_fail(graph, WEIR_EOPTION,
                    "private step: '%s' keeps statistics of the examples, as batch norm does; use "
                    "layer or group norm",
                    graph->updates[i]->input[0]->name);
    free(depends);
    return nn_status(graph);
}

/* The inputs that loss depends on, in the order in which they were made. */
static int inputs_of(nn_node *loss, nn_node **found)
{
    nn_graph *graph = loss->graph;
    bool *needed = calloc((size_t)loss->id + 1, sizeof *needed);
    int n = 0;

    if (!needed)
        return weir_error_memory(&graph->error, (unsigned long long)loss->id, "a search"), 0;
    needed[loss->id] = true;
    for (int id = loss->id; id >= 0; id--) {
        nn_node *node = graph->nodes[id];
        for (int i = 0; i < node->inputs && needed[id]; i++)
            needed[node->input[i]->id] = true;
    }
    for (int id = 0; id <= loss->id; id++)
        if (needed[id] && graph->nodes[id]->op == NN_OP_INPUT) {
            if (found)
                found[n] = graph->nodes[id];
            n++;
        }
    free(needed);
    return n;
}

/* How much of each example's gradient counts, [examples]: the clip, and 0 where mask is 0. */
static nn_node *weights(const setting *s, nn_node *mask, nn_node **norms)
{
    nn_node *squares = NULL, *factor;
    int64_t examples = s->options->examples;

    for (int i = 0; i < s->n; i++) {
        nn_node *flat = nn_reshape(s->gradient[i], 2, (int64_t[]){examples, -1});
        nn_node *square = nn_sum(nn_square(flat), 1u << 1);
        squares = squares ? nn_add(squares, square) : square;
    }
    *norms = nn_reshape(nn_sqrt(squares), 1, &examples);
    factor = nn_div(nn_scalar(s->graph, s->options->clip),
                    nn_max(*norms, nn_scalar(s->graph, s->options->clip)));
    return nn_select(mask, factor, nn_scalar(s->graph, 0));
}

/* Sums of clipped gradients: added to by every micro-batch. */
static nn_node *accumulate(const setting *s, nn_node *weight, nn_node *mask)
{
    nn_node **effect = calloc((size_t)s->n, sizeof *effect), *all;

    if (!effect)
        return nn_fail(s->graph, WEIR_ENOMEM, "out of memory for a private step");
    for (int i = 0; i < s->n; i++) {
        nn_node *gradient = s->gradient[i], *clipped;
        int64_t column[NN_MAX_RANK] = {s->options->examples, 1, 1, 1, 1};
        nn_node *here = nn_reshape(mask, gradient->rank, column);
        clipped = nn_mul(nn_select(here, gradient, nn_scalar(s->graph, 0)),
                         nn_reshape(weight, gradient->rank, column));
        effect[i] = nn_assign(
            s->sum[i], nn_add(s->sum[i], nn_reshape(nn_sum(clipped, 1u), s->parameter[i]->rank,
                                                    s->parameter[i]->shape)));
    }
    all = nn_group(s->graph, s->n, effect);
    free(effect);
    return all;
}

/* The mean of the sums with noise into the parameters; the sums to zero. */
static nn_node *apply(const setting *s)
{
    const nn_private_options *o = s->options;
    nn_node **mean = calloc((size_t)s->n, sizeof *mean);
    nn_node **effect = calloc(2 * (size_t)s->n + 1, sizeof *effect), *all;
    int effects = 0;

    for (int i = 0; mean && effect && i < s->n; i++) {
        nn_node *p = s->parameter[i], *sum = s->sum[i];
        if (o->noise > 0) {
            const char *name = nn_namef(s->graph, "%sprivate.%s", s->prefix, p->name);
            nn_node *noise = nn_noise_normal(s->graph, name, p->rank, p->shape);
            sum = nn_add(sum, nn_scale(noise, o->noise * o->clip));
        }
        mean[i] = nn_scale(sum, 1 / o->expected);
        effect[effects++] =
            nn_assign(s->sum[i], nn_broadcast(nn_scalar(s->graph, 0), p->rank, p->shape));
        if (!o->adam)
            effect[effects++] = nn_assign(p, nn_sub(p, nn_scale(mean[i], o->rate)));
    }
    if (mean && effect && o->adam)
        effect[effects++] = nn_adam_apply(s->graph, s->n, s->parameter, mean, s->prefix, o->adam);
    all = mean && effect ? nn_group(s->graph, effects, effect)
                         : nn_fail(s->graph, WEIR_ENOMEM, "out of memory for a private step");
    free(mean);
    free(effect);
    return all;
}

static void make_sums(const setting *s)
{
    for (int i = 0; i < s->n; i++) {
        const nn_node *p = s->parameter[i];
        s->sum[i] = nn_state(s->graph, nn_namef(s->graph, "%sprivate.%s", s->prefix, p->name),
                             p->rank, p->shape, (nn_init){.kind = NN_CONSTANT});
    }
}

/* Gradients of all examples, and their losses. one, all: the inputs. */
static void differentiate(const setting *s, nn_node *loss, int inputs, nn_node *const *one,
                          nn_node **all, nn_private *made)
{
    nn_graph *graph = s->graph;
    nn_node **single = calloc((size_t)s->n + 1, sizeof *single);
    nn_node **lifted = calloc((size_t)s->n + 1, sizeof *lifted);

    if (!single || !lifted)
        weir_error_memory(&graph->error, (unsigned long long)s->n, "a private step");
    else if (nn_grad(loss, s->n, s->parameter, single) == WEIR_OK) {
        single[s->n] = loss;
        if (nn_lift(graph, s->options->examples, inputs, one, all, s->n + 1, single, lifted) ==
            WEIR_OK) {
            memcpy(s->gradient, lifted, (size_t)s->n * sizeof *lifted);
            made->losses = nn_reshape(lifted[s->n], 1, &s->options->examples);
        }
    }
    free(single);
    free(lifted);
}

static nn_node *each_input(const setting *s, nn_node *one)
{
    int64_t shape[NN_MAX_RANK] = {s->options->examples};

    if (one->rank >= NN_MAX_RANK)
        return nn_fail(s->graph, WEIR_EOPTION,
                       "private step: input '%s' has no axis left for the examples", one->name);
    memcpy(shape + 1, one->shape, (size_t)one->rank * sizeof *shape);
    return nn_input(s->graph, nn_namef(s->graph, "%s.each", one->name), one->rank + 1, shape);
}

static void build(setting *s, nn_node *loss, nn_private *made)
{
    const nn_private_options *o = s->options;
    int inputs = o->inputs ? o->inputs : inputs_of(loss, NULL);
    nn_node **own = calloc(2 * (size_t)inputs + 1, sizeof *own);
    nn_node *const *one = o->inputs ? o->one : own;
    nn_node **all = own + inputs;

    if (!own) {
        weir_error_memory(&s->graph->error, (unsigned long long)inputs, "a private step");
        return;
    }
    if (!o->inputs)
        inputs_of(loss, own);
    made->inputs = inputs;
    made->input = nn_graph_alloc(s->graph, ((size_t)inputs + 1) * sizeof(nn_node *));
    for (int i = 0; i < inputs; i++)
        all[i] = o->inputs && o->all ? o->all[i] : each_input(s, one[i]);
    if (made->input)
        memcpy(made->input, all, (size_t)inputs * sizeof *all);
    if (refuse_statistics(s->graph, inputs, one) == WEIR_OK)
        differentiate(s, loss, inputs, one, all, made);
    if (nn_status(s->graph) == WEIR_OK) {
        make_sums(s);
        made->mask =
            nn_input(s->graph, nn_namef(s->graph, "%sprivate.mask", s->prefix), 1, &o->examples);
        made->accumulate = accumulate(s, weights(s, made->mask, &made->norms), made->mask);
        made->apply = apply(s);
    }
    free(own);
}

nn_private nn_private_step(nn_node *loss, const char *prefix, const nn_private_options *options)
{
    nn_graph *graph = nn_graph_of(loss);
    nn_node *poison = graph ? graph->poison : NULL;
    nn_private made = {poison, poison, poison, poison, poison, 0, NULL};
    setting s = {.graph = graph, .options = options, .prefix = prefix};
    nn_node **nodes;

    if (nn_status(graph) != WEIR_OK)
        return made;
    if (!prefix || !options) {
        nn_fail(graph, WEIR_EOPTION, "private step: no %s (NULL)", prefix ? "options" : "prefix");
        return made;
    }
    s.n = nn_parameters(graph, prefix, 0, NULL);
    nodes = calloc(3 * (size_t)s.n + 1, sizeof *nodes);
    if (!nodes) {
        weir_error_memory(&graph->error, (unsigned long long)s.n, "a private step");
        return made;
    }
    s.parameter = nodes;
    s.gradient = nodes + s.n;
    s.sum = nodes + 2 * s.n;
    nn_parameters(graph, prefix, s.n, s.parameter);
    if (loss->rank && nn_count(loss) != 1)
        nn_fail(graph, WEIR_EOPTION, "private step: the loss of one example must be one number");
    else if (check(&s) == WEIR_OK)
        build(&s, loss, &made);
    free(nodes);
    return made;
}

int64_t nn_private_examples(nn_graph *graph, const char *prefix, int64_t most, size_t bytes)
{
    size_t each = 0;
    nn_node *node;
    int64_t n;

    for (int at = 0; graph && prefix && (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        if (node->role == NN_ROLE_PARAMETER)
            each += (size_t)nn_count(node) * sizeof(nn_real);
    n = each ? (int64_t)(bytes / each) : most;
    return n < 1 ? 1 : n > most ? most : n;
}
