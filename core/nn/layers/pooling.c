/* Pooling of images [batch][height][width][channel]: the largest, or the mean, of windows. A window
 * is taken an axis after the other, its cells as strided slices. */
#include "nn/layers/layer.h"

/* Far below every value of an image, and finite: what pads a maximum. */
#define LOW (-1e30)

typedef nn_node *(*joining)(nn_node *a, nn_node *b);

/* Every stride-th of the values of axis 1 or 2 from `first` on, count of them. */
static nn_node *every(nn_node *x, int axis, int64_t first, int64_t count, int64_t stride)
{
    int64_t shape[5], n = 0;

    x = nn_slice(x, axis, first, count * stride);
    if (stride == 1)
        return x;
    /* the axes before are joined, so that there is one for the stride */
    shape[n++] = axis == 1 ? nn_size(x, 0) : nn_size(x, 0) * nn_size(x, 1);
    shape[n++] = count;
    shape[n++] = stride;
    if (axis == 1)
        shape[n++] = nn_size(x, 2);
    shape[n++] = nn_size(x, 3);
    int64_t result[] = {nn_size(x, 0), axis == 1 ? count : nn_size(x, 1),
                        axis == 2 ? count : nn_size(x, 2), nn_size(x, 3)};
    return nn_reshape(nn_slice(nn_reshape(x, (int)n, shape), 2, 0, 1), 4, result);
}

static nn_node *along(nn_node *x, int axis, int64_t size, int64_t stride, joining join)
{
    int64_t length = nn_size(x, axis), count = (length - size) / stride + 1;
    int64_t reach;

    if (nn_poisoned(x))
        return x;
    if (count == 1)
        stride = 1; /* nothing moves */
    if (size == 1 && stride == 1 && count == length)
        return x;
    reach = size - 1 + count * stride; /* the last slice ends there */
    if (reach > length)
        x = nn_pad(x, axis, 0, reach - length);
    nn_node *y = every(x, axis, 0, count, stride);
    for (int64_t i = 1; i < size; i++)
        y = join(y, every(x, axis, i, count, stride));
    return y;
}

/* The window that is meant, checked against x; false, with the error recorded, where it does not
 * fit. */
static bool fits(nn_node *x, const nn_sweep *given, nn_sweep *w, const char *layer)
{
    nn_graph *g = nn_graph_of(x);
    char text[160];

    if (!nn_sweep_check(g, given, w, layer))
        return false;
    if (w->pad_height <= w->height / 2 && w->pad_width <= w->width / 2 &&
        w->height - 2 * w->pad_height <= nn_size(x, 1) &&
        w->width - 2 * w->pad_width <= nn_size(x, 2))
        return true;
    nn_fail(g, WEIR_EOPTION,
            "%s: a window of %lld x %lld, padding %lld and %lld, does not fit %s; the padding is "
            "half the window at most, and the window no larger than what is padded",
            layer, (long long)w->height, (long long)w->width, (long long)w->pad_height,
            (long long)w->pad_width, nn_shape_text(x, text));
    return false;
}

static nn_node *padded(nn_node *x, const nn_sweep *w)
{
    if (w->pad_height)
        x = nn_pad(x, 1, w->pad_height, w->pad_height);
    return w->pad_width ? nn_pad(x, 2, w->pad_width, w->pad_width) : x;
}

nn_node *nn_max_pool(nn_node *x, const nn_sweep *window)
{
    nn_sweep w;

    if (nn_poisoned(x = nn_image(x, "max_pool")))
        return x;
    nn_graph *g = nn_graph_of(x);
    if (!fits(x, window, &w, "max_pool"))
        return g->poison;
    if (w.pad_height || w.pad_width) {
        nn_node *inside =
            nn_broadcast(nn_scalar(g, 1), 4, (int64_t[]){1, nn_size(x, 1), nn_size(x, 2), 1});
        nn_node *outside = nn_sub(nn_scalar(g, 1), padded(inside, &w));
        x = nn_add(padded(x, &w), nn_scale(outside, LOW));
    }
    x = along(x, 2, w.width, w.stride, nn_max);
    return along(x, 1, w.height, w.stride, nn_max);
}

nn_node *nn_average_pool(nn_node *x, const nn_sweep *window)
{
    nn_sweep w;

    if (nn_poisoned(x = nn_image(x, "average_pool")))
        return x;
    if (!fits(x, window, &w, "average_pool"))
        return nn_graph_of(x)->poison;
    x = along(padded(x, &w), 2, w.width, w.stride, nn_add);
    x = along(x, 1, w.height, w.stride, nn_add);
    return nn_scale(x, 1 / (double)(w.height * w.width));
}
