/* Losses: scalars to make small. */
#include "nn/layers/layer.h"
#include <string.h>

/* Whether two nodes can be compared one by one; if not, *instead is what to return. */
static bool same_shape(nn_node *a, nn_node *b, const char *loss, nn_node **instead)
{
    if (!nn_usable(loss, 2, (nn_node *[]){a, b}, instead))
        return false;
    if (nn_same_shape(a, b))
        return true;
    char one[160], other[160];
    *instead = nn_fail(nn_graph_of(a), WEIR_EOPTION, "%s: shapes %s and %s; they must be equal",
                       loss, nn_shape_text(a, one), nn_shape_text(b, other));
    return false;
}

nn_node *nn_mse(nn_node *x, nn_node *target)
{
    nn_node *instead;
    if (!same_shape(x, target, "mse", &instead))
        return instead;
    return nn_mean(nn_square(nn_sub(x, target)));
}

nn_node *nn_cross_entropy(nn_node *logits, nn_node *index)
{
    nn_node *instead;
    if (!nn_usable("cross_entropy", 2, (nn_node *[]){logits, index}, &instead))
        return instead;
    nn_graph *g = nn_graph_of(logits);
    int rank = nn_rank(logits);
    if (rank < 1 || nn_rank(index) != rank - 1 ||
        memcmp(logits->shape, index->shape, (size_t)(rank - 1) * sizeof logits->shape[0])) {
        char one[160], other[160];
        return nn_fail(g, WEIR_EOPTION,
                       "cross_entropy: logits %s by index %s; the index must have all axes of the "
                       "logits but the last",
                       nn_shape_text(logits, one), nn_shape_text(index, other));
    }
    nn_node *rows = nn_rows(logits); /* [rows][classes] */
    nn_node *column = nn_reshape(index, 2, (int64_t[]){-1, 1});
    nn_node *away = nn_step(nn_abs(nn_sub(nn_iota(g, nn_size(rows, 1)), column)));
    nn_node *chosen = nn_shift(nn_neg(away), 1); /* one-hot */
    nn_node *counts = nn_sum(chosen, 1u << 1);   /* 0 where the index is no class */
    nn_node *z = nn_sub(rows, nn_stop(nn_peak(rows, 1u << 1)));
    nn_node *loss = nn_sub(nn_log(nn_sum(nn_exp(z), 1u << 1)), nn_sum(nn_mul(z, chosen), 1u << 1));
    nn_node *rows_counted = nn_max(nn_total(counts), nn_scalar(g, 1));
    return nn_div(nn_total(nn_mul(loss, counts)), rows_counted);
}

nn_node *nn_binary_cross_entropy(nn_node *logits, nn_node *target)
{
    nn_node *instead;
    if (!same_shape(logits, target, "binary_cross_entropy", &instead))
        return instead;
    /* softplus(x) - x target, with the two terms in x joined before they could cancel; as in
     * nn_softplus. */
    nn_node *positive = nn_step(logits);
    nn_node *away = nn_mul(nn_shift(nn_scale(positive, -2), 1), logits);
    nn_node *linear = nn_mul(logits, nn_sub(positive, target));
    return nn_mean(nn_add(linear, nn_log1p(nn_exp(away))));
}

nn_node *nn_wgan_critic(nn_node *score_real, nn_node *score_fake)
{
    return nn_sub(nn_mean(score_fake), nn_mean(score_real));
}

nn_node *nn_wgan_generator(nn_node *score_fake)
{
    return nn_neg(nn_mean(score_fake));
}

nn_node *nn_mix(nn_node *real, nn_node *fake, const char *name)
{
    nn_node *instead;
    if (!same_shape(real, fake, "mix", &instead))
        return instead;
    nn_graph *g = nn_graph_of(real);
    if (nn_rank(real) < 1)
        return nn_fail(g, WEIR_EOPTION, "mix(%s): scalars have no examples", name);
    int64_t batch = nn_size(real, 0), shape[NN_MAX_RANK] = {batch, 1, 1, 1, 1};
    nn_node *e = nn_find_noise(g, name);
    if (!e)
        e = nn_noise_uniform(g, name, 1, &batch);
    else if (nn_rank(e) != 1 || nn_size(e, 0) != batch || e->at[0] != NN_NOISE_UNIFORM)
        return nn_fail(g, WEIR_EOPTION,
                       "mix(%s): there is a noise of this name that is not [%lld] uniform numbers",
                       name, (long long)batch);
    e = nn_reshape(e, nn_rank(real), shape);
    return nn_add(nn_mul(e, real), nn_mul(nn_shift(nn_neg(e), 1), fake));
}

nn_node *nn_gradient_penalty(nn_node *score, int n, nn_node *const *inputs, double epsilon)
{
    nn_graph *g = nn_graph_of(score);
    if (nn_poisoned(score))
        return score;
    if (n < 1 || !(epsilon >= 0))
        return nn_fail(g, WEIR_EOPTION,
                       "gradient_penalty: %d inputs and an epsilon of %g; 1 and 0 are the least", n,
                       epsilon);
    nn_node **gradient = nn_graph_alloc(g, (size_t)n * sizeof(nn_node *));
    if (!gradient || nn_grad(score, n, inputs, gradient))
        return g->poison;
    nn_node *squares = NULL; /* [batch][1] */
    for (int i = 0; i < n; i++) {
        if (nn_rank(inputs[i]) < 1 || nn_size(inputs[i], 0) != nn_size(inputs[0], 0))
            return nn_fail(g, WEIR_EOPTION,
                           "gradient_penalty: input %d does not have the batch of the first", i);
        nn_node *row = nn_reshape(gradient[i], 2, (int64_t[]){nn_size(inputs[i], 0), -1});
        nn_node *sum = nn_sum(nn_square(row), 1u << 1);
        squares = squares ? nn_add(squares, sum) : sum;
    }
    nn_node *norm;
    if (epsilon > 0) {
        norm = nn_sqrt(nn_shift(squares, epsilon));
    } else { /* no root, so no infinite derivative, of 0 */
        nn_node *some = nn_step(squares);
        norm = nn_mul(some, nn_sqrt(nn_select(some, squares, nn_scalar(g, 1))));
    }
    return nn_mean(nn_square(nn_shift(norm, -1)));
}
