/* The classifiers' networks. Levels of convolution, batch norm (Ioffe and Szegedy 2015), ReLU and
 * maxima, flattened, since in a field of a series the place of a pattern says when it occurs; or
 * hidden layers with ReLU. */
#include "nn/models/classify.h"

enum { PASSES = 30, BATCH = 32, LEAST_STEPS = 500, MOST_STEPS = 1500, SMALLEST_SIDE = 4 };

weir_classifier_settings weir_classifier_defaults(weir_classifier_kind kind,
                                                  const weir_examples *examples)
{
    int64_t steps = (int64_t)(examples->count / BATCH) * PASSES;
    weir_classifier_settings s = {.kind = kind,
                                  .steps = steps < LEAST_STEPS  ? LEAST_STEPS
                                           : steps > MOST_STEPS ? MOST_STEPS
                                                                : steps,
                                  .batch = BATCH,
                                  .rate = kind == WEIR_MLP ? 5e-4 : 2e-3,
                                  .weight_decay = 1e-2,
                                  .dropout = 0.2,
                                  .levels = 2,
                                  .base = 16,
                                  .width = kind == WEIR_MLP ? 256 : 128};
    uint32_t side = examples->height > examples->width ? examples->height : examples->width;

    if (kind == WEIR_CNN)
        for (s.levels = 1; side / 2 > SMALLEST_SIDE && s.levels < 4; side /= 2)
            s.levels++;
    return s;
}

/* Halves what is longer than 1. */
static nn_node *smaller(nn_node *x)
{
    nn_sweep window = {nn_size(x, 1) > 1 ? 2 : 1, nn_size(x, 2) > 1 ? 2 : 1, 2, 0, 0};

    return nn_max_pool(x, &window);
}

static nn_node *flat(nn_node *x)
{
    return nn_reshape(x, 2, (int64_t[]){nn_size(x, 0), -1});
}

nn_node *cl_features(nn_node *x, const weir_classifier_settings *settings)
{
    nn_graph *g = nn_graph_of(x);
    int64_t levels = settings->levels;

    if (settings->kind == WEIR_MLP) {
        x = flat(x);
        for (int64_t i = 0; i < levels; i++)
            x = nn_relu(nn_linear(x, settings->width, nn_namef(g, "net.%d", (int)i)));
        return x;
    }
    for (int64_t i = 0; i < levels; i++) {
        x = nn_conv_sweep(x, settings->base << i, &(nn_sweep){3, 3, 1, 1, 1}, true,
                          nn_namef(g, "net.conv%d", (int)i));
        x = nn_relu(nn_batch_norm(x, 0, 0, nn_namef(g, "net.norm%d", (int)i)));
        x = smaller(x);
    }
    return nn_relu(nn_linear(flat(x), settings->width, "net.dense"));
}

nn_node *cl_logits(nn_node *features, int64_t classes, const weir_classifier_settings *settings)
{
    nn_node *x = nn_dropout(features, settings->dropout, "dropout");

    return nn_linear(x, classes, "net.out");
}
