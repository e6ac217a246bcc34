/* Normalisations: batch (Ioffe and Szegedy 2015), layer (Ba et al. 2016), group (Wu and He 2018).
 */
#include "nn/layers/layer.h"

/* x less its mean over axes, which is `mean`, and the biased variance over them. */
typedef struct moments {
    nn_node *centred, *mean, *variance;
} moments;

/* The sums are taken about the mean as a constant: accurate, since the differences are small, and
 * cheap to differentiate, since both derivatives need one pass, in which the mean's own share is a
 * sum that is there anyway. Any constant gives the same function, so that no order is lost. */
static moments moments_of(nn_node *x, unsigned axes)
{
    nn_node *about = nn_stop(nn_mean_over(x, axes));
    nn_node *near = nn_sub(x, about);
    nn_node *rest = nn_mean_over(near, axes); /* 0 but for rounding */
    nn_node *variance = nn_sub(nn_mean_over(nn_square(near), axes), nn_square(rest));
    return (moments){nn_sub(near, rest), nn_add(about, rest), variance};
}

/* 1 / sqrt(variance + epsilon) */
static nn_node *inverse(nn_node *variance, double epsilon)
{
    return nn_recip(nn_sqrt(nn_shift(variance, epsilon)));
}

/* The checks that all share: poison where they fail. */
static nn_node *checked(nn_node *x, int least_rank, double *epsilon, const char *layer,
                        const char *name)
{
    if (nn_poisoned(x))
        return x;
    nn_graph *g = nn_graph_of(x);
    char text[160];
    if (nn_rank(x) < least_rank)
        return nn_fail(g, WEIR_EOPTION, "%s(%s): the input is %s; rank %d is the least", layer,
                       name, nn_shape_text(x, text), least_rank);
    if (!(*epsilon >= 0))
        return nn_fail(g, WEIR_EOPTION, "%s(%s): epsilon is %g; it cannot be negative", layer, name,
                       *epsilon);
    if (*epsilon == 0)
        *epsilon = 1e-5;
    return x;
}

static void affine(nn_graph *g, int64_t width, const char *name, nn_node **weight, nn_node **bias)
{
    *weight = nn_parameter(g, nn_member(g, name, "weight"), 1, &width, nn_init_constant(1));
    *bias = nn_parameter(g, nn_member(g, name, "bias"), 1, &width, nn_init_constant(0));
}

/* variable = (1 - momentum) variable + momentum value, in nn_updates. */
static void follow(nn_node *variable, nn_node *value, double momentum)
{
    value = nn_reshape(value, 1, (int64_t[]){nn_count(variable)});
    nn_node *next = nn_add(nn_scale(variable, 1 - momentum), nn_scale(value, momentum));
    nn_update_add(nn_assign(variable, next));
}

nn_node *nn_batch_norm(nn_node *x, double momentum, double epsilon, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x = checked(x, 2, &epsilon, "batch_norm", name)))
        return x;
    if (!(momentum >= 0 && momentum <= 1))
        return nn_fail(g, WEIR_EOPTION, "batch_norm(%s): a momentum of %g; it must be in [0, 1]",
                       name, momentum);
    if (momentum == 0)
        momentum = 0.1;
    int64_t width = nn_size(x, -1), rows = nn_count(x) / width;
    nn_node *weight, *bias;
    affine(g, width, name, &weight, &bias);
    nn_node *mean = nn_state(g, nn_member(g, name, "running_mean"), 1, &width, nn_init_constant(0));
    nn_node *variance =
        nn_state(g, nn_member(g, name, "running_var"), 1, &width, nn_init_constant(1));
    if (!g->training) { /* a factor and a term a column */
        nn_node *factor = nn_mul(weight, inverse(variance, epsilon));
        return nn_add(nn_mul(x, factor), nn_sub(bias, nn_mul(mean, factor)));
    }
    if (rows < 2)
        return nn_fail(g, WEIR_EDATA,
                       "batch_norm(%s): statistics of a single row; 2 rows are the least", name);
    moments m = moments_of(x, (1u << (nn_rank(x) - 1)) - 1);
    if (nn_poisoned(m.variance) || nn_poisoned(variance) || nn_poisoned(mean))
        return g->poison;
    follow(mean, m.mean, momentum);
    follow(variance, nn_scale(m.variance, (double)rows / (double)(rows - 1)), momentum);
    return nn_add(nn_mul(m.centred, nn_mul(inverse(m.variance, epsilon), weight)), bias);
}

nn_node *nn_layer_norm(nn_node *x, double epsilon, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x = checked(x, 1, &epsilon, "layer_norm", name)))
        return x;
    nn_node *weight, *bias;
    affine(g, nn_size(x, -1), name, &weight, &bias);
    moments m = moments_of(x, 1u << (nn_rank(x) - 1));
    return nn_add(nn_mul(nn_mul(m.centred, inverse(m.variance, epsilon)), weight), bias);
}

nn_node *nn_group_norm(nn_node *x, int64_t groups, double epsilon, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x = checked(x, 2, &epsilon, "group_norm", name)))
        return x;
    int64_t batch = nn_size(x, 0), channels = nn_size(x, -1);
    if (groups < 1 || channels % groups)
        return nn_fail(g, WEIR_EOPTION, "group_norm(%s): %lld channels do not make %lld groups",
                       name, (long long)channels, (long long)groups);
    int64_t each = channels / groups, pixels = nn_count(x) / (batch * channels);
    nn_node *weight, *bias;
    affine(g, channels, name, &weight, &bias);
    moments m =
        moments_of(nn_reshape(x, 4, (int64_t[]){batch, pixels, groups, each}), 1u << 1 | 1u << 3);
    /* A factor a channel and example: smaller by the number of pixels than x. */
    nn_node *factor = nn_mul(inverse(m.variance, epsilon),
                             nn_reshape(weight, 4, (int64_t[]){1, 1, groups, each}));
    nn_node *y =
        nn_add(nn_mul(m.centred, factor), nn_reshape(bias, 4, (int64_t[]){1, 1, groups, each}));
    return nn_reshape(y, nn_rank(x), x->shape);
}
