/* Convolution, and a change of size by a whole factor, of images [batch][height][width][channel].
 */
#include "nn/layers/layer.h"

nn_node *nn_image(nn_node *x, const char *layer)
{
    if (nn_poisoned(x) || nn_rank(x) == 4)
        return x;
    char text[160];
    return nn_fail(nn_graph_of(x), WEIR_EOPTION,
                   "%s: the input is %s; [batch][height][width][channel] is needed", layer,
                   nn_shape_text(x, text));
}

bool nn_sweep_check(nn_graph *g, const nn_sweep *given, nn_sweep *window, const char *layer)
{
    const nn_sweep w = *given;
    if (w.height < 0 || w.width < 0 || w.stride < 0 || w.pad_height < 0 || w.pad_width < 0) {
        nn_fail(g, WEIR_EOPTION,
                "%s: a window of %lld x %lld, stride %lld, padding %lld and %lld; none can be "
                "negative",
                layer, (long long)w.height, (long long)w.width, (long long)w.stride,
                (long long)w.pad_height, (long long)w.pad_width);
        return false;
    }
    *window = w;
    window->height += !w.height;
    window->width += !w.width;
    window->stride += !w.stride;
    return true;
}

nn_node *nn_conv(nn_node *x, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                 const char *name)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x = nn_image(x, nn_namef(g, "conv(%s)", name))))
        return x;
    if (out < 1 || kernel < 1 || stride < 1 || pad < 0)
        return nn_fail(g, WEIR_EOPTION,
                       "conv(%s): %lld outputs, kernel %lld, stride %lld, pad %lld; the least are "
                       "1, 1, 1, 0",
                       name, (long long)out, (long long)kernel, (long long)stride, (long long)pad);
    return nn_conv_sweep(x, out, &(nn_sweep){kernel, kernel, stride, pad, pad}, false, name);
}

nn_node *nn_conv_sweep(nn_node *x, int64_t out, const nn_sweep *window, bool no_bias,
                       const char *name)
{
    nn_graph *g = nn_graph_of(x);
    nn_sweep w;
    const char *layer = nn_namef(g, "conv(%s)", name);
    if (nn_poisoned(x = nn_image(x, layer)))
        return x;
    if (out < 1)
        return nn_fail(g, WEIR_EOPTION, "%s: %lld outputs; 1 is the least", layer, (long long)out);
    if (!nn_sweep_check(g, window, &w, layer))
        return g->poison;
    int64_t in = nn_size(x, 3), shape[] = {out, in, w.height, w.width};
    if (!nn_shape_check(g, layer, 4, shape))
        return g->poison;
    nn_init fan_in = nn_init_fan_in(in * w.height * w.width);
    nn_node *weight = nn_parameter(g, nn_member(g, name, "weight"), 4, shape, fan_in);
    int64_t pad = w.pad_height;
    if (w.pad_height != w.pad_width) { /* the primitive pads both axes alike */
        x = nn_pad(nn_pad(x, 1, w.pad_height, w.pad_height), 2, w.pad_width, w.pad_width);
        pad = 0;
    }
    nn_node *y = nn_conv2d(x, weight, w.stride, pad);
    if (no_bias)
        return y;
    return nn_add(y, nn_parameter(g, nn_member(g, name, "bias"), 1, &out, fan_in));
}

nn_node *nn_upsample(nn_node *x, int64_t factor)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x = nn_image(x, "upsample")))
        return x;
    if (factor < 1)
        return nn_fail(g, WEIR_EOPTION, "upsample: the factor is %lld; 1 is the least",
                       (long long)factor);
    int64_t batch = nn_size(x, 0), height = nn_size(x, 1), width = nn_size(x, 2);
    int64_t channels = nn_size(x, 3);
    const int64_t large[] = {batch * height, factor, width, factor, channels};
    if (!nn_shape_check(g, "upsample", 5, large))
        return g->poison;
    x = nn_reshape(x, 5, (int64_t[]){batch * height, 1, width, 1, channels});
    x = nn_broadcast(x, 5, large);
    return nn_reshape(x, 4, (int64_t[]){batch, height * factor, width * factor, channels});
}

nn_node *nn_downsample(nn_node *x, int64_t factor)
{
    nn_graph *g = nn_graph_of(x);
    if (nn_poisoned(x = nn_image(x, "downsample")))
        return x;
    int64_t batch = nn_size(x, 0), height = nn_size(x, 1), width = nn_size(x, 2);
    int64_t channels = nn_size(x, 3);
    if (factor < 1 || height % factor || width % factor)
        return nn_fail(g, WEIR_EOPTION,
                       "downsample: a height of %lld and a width of %lld are not multiples of %lld",
                       (long long)height, (long long)width, (long long)factor);
    height /= factor;
    width /= factor;
    x = nn_reshape(x, 5, (int64_t[]){batch * height, factor, width, factor, channels});
    return nn_reshape(nn_mean_over(x, 1u << 1 | 1u << 3), 4,
                      (int64_t[]){batch, height, width, channels});
}
