/* Optimisers as nodes: each parameter's update is one element-wise expression, so that it becomes
 * one pass over the parameter, its gradient and its moments. SGD with momentum as PyTorch has it;
 * Adam (Kingma and Ba 2015); AdamW (Loshchilov and Hutter 2019). */
#include "nn/train/state_names.h"
#include <math.h>
#include <string.h>

const char *nn_state_name(nn_graph *graph, const char *kind, const char *prefix, const char *what,
                          const nn_node *parameter)
{
    size_t length = strlen(prefix);
    const char *rest = parameter ? parameter->name : "";
    if (parameter && !strncmp(rest, prefix, length))
        rest += length;
    while (length && prefix[length - 1] == '.')
        length--;
    if (*rest == '.')
        rest++;
    return nn_namef(graph, "%s%s%.*s.%s%s%s", kind, length ? "." : "", (int)length, prefix, what,
                    *rest ? "." : "", rest);
}

nn_node **nn_all_parameters(nn_graph *graph, const char *prefix, const char *who, int *n)
{
    int count = nn_parameters(graph, prefix, 0, NULL);
    *n = 0;
    if (!count) {
        nn_fail(graph, WEIR_EOPTION, "%s: there is no parameter whose name begins with \"%s\"", who,
                prefix);
        return NULL;
    }
    nn_node **parameter = nn_graph_alloc(graph, (size_t)count * sizeof(nn_node *));
    if (parameter)
        *n = nn_parameters(graph, prefix, count, parameter);
    return parameter;
}

/* What an update is made from. */
typedef struct update {
    nn_graph *graph;
    const char *who, *prefix;
    int n;
    nn_node *const *parameter;
    nn_node **gradient;
    nn_node *rate;    /* a scalar */
    nn_node **effect; /* assigns made so far; room for 3 n + 1 */
    int effects;
} update;

static nn_node *failed(const update *u, const char *why)
{
    return nn_fail(u->graph, WEIR_EOPTION, "%s(%s): %s", u->who, u->prefix, why);
}

/* What is returned after a failure that is recorded. */
static nn_node *nothing(const update *u)
{
    return u->graph ? u->graph->poison : NULL;
}

/* Differentiates the loss by the parameters of the prefix: false when that failed. */
static bool differentiate(update *u, nn_node *loss)
{
    u->graph = nn_graph_of(loss);
    nn_node *instead;
    if (!nn_usable(u->who, 1, &loss, &instead))
        return false;
    if (nn_count(loss) != 1)
        return failed(u, "the loss is no scalar"), false;
    u->parameter = nn_all_parameters(u->graph, u->prefix, u->who, &u->n);
    if (!u->n)
        return false;
    u->gradient = nn_graph_alloc(u->graph, (size_t)u->n * sizeof(nn_node *));
    return u->gradient && !nn_grad(loss, u->n, u->parameter, u->gradient);
}

/* Leaves out parameters whose gradient is zero whatever happens: the loss does not depend on them.
 */
static void drop_independent(update *u)
{
    nn_node **kept = nn_graph_alloc(u->graph, (size_t)u->n * sizeof(nn_node *));
    nn_node **gradient = nn_graph_alloc(u->graph, (size_t)u->n * sizeof(nn_node *));
    if (!kept || !gradient)
        return;
    int n = 0;
    for (int i = 0; i < u->n; i++) {
        double value;
        if (nn_is_constant(u->gradient[i], &value) && value == 0)
            continue;
        kept[n] = u->parameter[i];
        gradient[n++] = u->gradient[i];
    }
    u->parameter = kept;
    u->gradient = gradient;
    u->n = n;
}

/* Rate, norm and clipping: false when the options are unusable. */
static bool prepare(update *u, double rate, const nn_update_options *options)
{
    nn_graph *g = u->graph;
    u->rate = options->rate ? options->rate : nn_scalar(g, rate);
    if (u->rate->op == NN_OP_POISON)
        return false;
    if (nn_rank(u->rate))
        return failed(u, "the rate is no scalar"), false;
    if (!(rate >= 0) || !(options->clip >= 0))
        return failed(u, "rate and clip cannot be negative"), false;
    drop_independent(u);
    if (!u->n)
        return failed(u, "the loss depends on no parameter of this prefix"), false;
    u->effect = nn_graph_alloc(g, (size_t)(3 * u->n + 1) * sizeof(nn_node *));
    if (!u->effect)
        return false;
    if (options->clip == 0 && !options->norm)
        return true;
    nn_node *squares = nn_scalar(g, 0);
    for (int i = 0; i < u->n; i++)
        squares = nn_add(squares, nn_total(nn_square(u->gradient[i])));
    nn_node *norm = nn_sqrt(squares);
    if (options->norm)
        *options->norm = norm;
    if (options->clip == 0)
        return true;
    /* min(1, clip / norm), which is 1 where the norm is 0 */
    nn_node *ratio = nn_scale(nn_recip(norm), -options->clip);
    nn_node *factor = nn_neg(nn_max(ratio, nn_scalar(g, -1)));
    for (int i = 0; i < u->n; i++)
        u->gradient[i] = nn_mul(u->gradient[i], factor);
    return true;
}

/* A moment of parameter i, zeros at first. */
static nn_node *moment(const update *u, const char *kind, const char *what, int i)
{
    nn_node *p = u->parameter[i];
    return nn_state(u->graph, nn_state_name(u->graph, kind, u->prefix, what, p), nn_rank(p),
                    p->shape, nn_init_constant(0));
}

static void assign(update *u, nn_node *variable, nn_node *value)
{
    u->effect[u->effects++] = nn_assign(variable, value);
}

static nn_node *finished(const update *u)
{
    return nn_group(u->graph, u->effects, u->effect);
}

nn_node *nn_sgd(nn_node *loss, const char *prefix, const nn_sgd_options *options)
{
    update u = {.who = "sgd", .prefix = prefix};
    nn_sgd_options o = options ? *options : (nn_sgd_options){0};
    if (!differentiate(&u, loss))
        return nothing(&u);
    if (o.rate == 0 && !o.update.rate)
        return failed(&u, "the rate is not set");
    if (!(o.momentum >= 0 && o.momentum < 1) || !(o.weight_decay >= 0))
        return failed(&u, "momentum must be in [0, 1), weight_decay cannot be negative");
    if (!prepare(&u, o.rate, &o.update))
        return nothing(&u);
    for (int i = 0; i < u.n; i++) {
        nn_node *p = u.parameter[i], *g = u.gradient[i];
        if (o.weight_decay > 0)
            g = nn_add(g, nn_scale(p, o.weight_decay));
        if (o.momentum > 0) { /* from zeros the first buffer is the gradient, as in PyTorch */
            nn_node *m = moment(&u, "sgd", "m", i);
            g = nn_add(nn_scale(m, o.momentum), g);
            assign(&u, m, g);
        }
        assign(&u, p, nn_sub(p, nn_mul(g, u.rate)));
    }
    return finished(&u);
}

/* 1 - beta^t without the loss of digits that a beta near 1 would bring. */
static nn_node *bias_correction(nn_node *t, double beta)
{
    if (beta == 0)
        return nn_scalar(nn_graph_of(t), 1);
    return nn_neg(nn_expm1(nn_scale(t, log(beta))));
}

static nn_node *adam(update *u, const nn_adam_options *options, bool decoupled)
{
    nn_adam_options o = options ? *options : (nn_adam_options){0};
    nn_graph *graph = u->graph;
    double beta1 = o.beta1 == 0 ? 0.9 : o.beta1 == -1 ? 0 : o.beta1;
    double beta2 = o.beta2 == 0 ? 0.999 : o.beta2 == -1 ? 0 : o.beta2;
    double epsilon = o.epsilon == 0 ? 1e-8 : o.epsilon;
    if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1))
        return failed(u, "beta1 and beta2 must be in [0, 1), 0 written as -1");
    if (!(epsilon > 0) || !(o.weight_decay >= 0))
        return failed(u, "epsilon must be positive, weight_decay cannot be negative");
    if (!prepare(u, o.rate == 0 ? 1e-3 : o.rate, &o.update))
        return nothing(u);
    const char *kind = decoupled ? "adamw" : "adam";
    nn_node *count = nn_state(graph, nn_state_name(graph, kind, u->prefix, "step", NULL), 0, NULL,
                              nn_init_constant(0));
    nn_node *t = nn_shift(count, 1);
    assign(u, count, t);
    nn_node *step = nn_div(u->rate, bias_correction(t, beta1));
    nn_node *spread = nn_recip(nn_sqrt(bias_correction(t, beta2)));
    for (int i = 0; i < u->n; i++) {
        nn_node *p = u->parameter[i], *g = u->gradient[i];
        nn_node *m = moment(u, kind, "m", i), *v = moment(u, kind, "v", i);
        if (o.weight_decay > 0 && !decoupled)
            g = nn_add(g, nn_scale(p, o.weight_decay));
        nn_node *m1 = nn_add(nn_scale(m, beta1), nn_scale(g, 1 - beta1));
        nn_node *v1 = nn_add(nn_scale(v, beta2), nn_scale(nn_square(g), 1 - beta2));
        nn_node *kept = p;
        if (o.weight_decay > 0 && decoupled)
            kept = nn_mul(p, nn_shift(nn_scale(u->rate, -o.weight_decay), 1));
        nn_node *deviation = nn_shift(nn_mul(nn_sqrt(v1), spread), epsilon);
        assign(u, m, m1);
        assign(u, v, v1);
        assign(u, p, nn_sub(kept, nn_mul(step, nn_div(m1, deviation))));
    }
    return finished(u);
}

nn_node *nn_adam(nn_node *loss, const char *prefix, const nn_adam_options *options)
{
    update u = {.who = "adam", .prefix = prefix};
    return differentiate(&u, loss) ? adam(&u, options, false) : nothing(&u);
}

nn_node *nn_adamw(nn_node *loss, const char *prefix, const nn_adam_options *options)
{
    update u = {.who = "adamw", .prefix = prefix};
    return differentiate(&u, loss) ? adam(&u, options, true) : nothing(&u);
}

nn_node *nn_adam_apply(nn_graph *graph, int n, nn_node *const *parameters,
                       nn_node *const *gradients, const char *prefix,
                       const nn_adam_options *options)
{
    update u = {.graph = graph, .who = "adam_apply", .prefix = prefix, .n = n};
    if (!graph)
        return NULL;
    if (n < 1)
        return failed(&u, "no parameters are given");
    u.parameter = parameters;
    u.gradient = nn_graph_alloc(graph, (size_t)n * sizeof(nn_node *));
    if (!u.gradient)
        return graph->poison;
    for (int i = 0; i < n; i++) {
        const nn_node *p = parameters[i], *g = gradients[i];
        nn_node *instead;
        if (!nn_usable("adam_apply", 2, (nn_node *[]){parameters[i], gradients[i]}, &instead))
            return graph->poison;
        if (p->op != NN_OP_VARIABLE)
            return failed(&u, "what is updated must be parameters");
        if (!nn_same_shape(p, g)) {
            char one[160], other[160];
            return nn_fail(graph, WEIR_EOPTION,
                           "adam_apply(%s): the gradient of %s is %s, the parameter %s", prefix,
                           p->name, nn_shape_text(g, one), nn_shape_text(p, other));
        }
        u.gradient[i] = gradients[i];
    }
    return adam(&u, options, false);
}
