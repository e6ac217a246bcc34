/* The network: a U-Net of residual blocks and attention (Ho et al. 2020; Dhariwal, Nichol 2021). On
 * lines a kernel of 9 steps stands for one of 3 x 3 pixels: the same number of weights. */
#include "model.h"

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

enum { LARGEST_GROUPS = 32, GROUP_WIDTH = 4 };

static nn_node *normal(nn_node *x, const char *name)
{
    int64_t width = nn_size(x, 3), groups = width / GROUP_WIDTH;

    groups = groups < 1 ? 1 : groups > LARGEST_GROUPS ? LARGEST_GROUPS : groups;
    while (width % groups)
        groups--;
    return nn_group_norm(x, groups, 0, name);
}

/* kernel: 3, or 1 for a product of each pixel. quiet: zeros at first, so that a new block does
 * nothing. */
static nn_node *conv(const struct design *d, nn_node *x, int64_t out, int64_t kernel,
                     int64_t stride, bool quiet, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    int64_t in = nn_size(x, 3), high = d->line ? 1 : kernel,
            wide = d->line ? kernel * kernel : kernel;
    nn_init init = quiet ? nn_init_constant(0) : nn_init_fan_in(in * kernel * kernel);
    nn_node *weight =
        nn_parameter(g, nn_namef(g, "%s.weight", name), 4, SHAPE(out, in, high, wide), init);
    nn_node *bias = nn_parameter(g, nn_namef(g, "%s.bias", name), 1, &out, init);

    if (d->line)
        x = nn_pad(x, 2, wide / 2, wide / 2);
    return nn_add(nn_conv2d(x, weight, stride, d->line ? 0 : kernel / 2), bias);
}

static nn_node *enlarged(const struct design *d, nn_node *x)
{
    int64_t batch = nn_size(x, 0), wide = nn_size(x, 2), width = nn_size(x, 3);

    if (!d->line)
        return nn_upsample(x, 2);
    x = nn_reshape(x, 4, SHAPE(batch, wide, 1, width));
    return nn_reshape(nn_broadcast(x, 4, SHAPE(batch, wide, 2, width)), 4,
                      SHAPE(batch, 1, 2 * wide, width));
}

/* Group norm, SiLU, convolution; group norm scaled and shifted by the condition, SiLU, dropout,
 * convolution; plus x. */
static nn_node *residual(const struct design *d, nn_node *x, nn_node *condition, int64_t out,
                         const char *name)
{
    nn_graph *g = nn_graph_of(x);
    int64_t batch = nn_size(x, 0);
    nn_node *h = nn_silu(normal(x, nn_namef(g, "%s.norm0", name)));
    nn_node *both = nn_linear(nn_silu(condition), 2 * out, nn_namef(g, "%s.condition", name));

    both = nn_reshape(both, 4, SHAPE(batch, 1, 1, 2 * out));
    h = conv(d, h, out, 3, 1, false, nn_namef(g, "%s.conv0", name));
    h = normal(h, nn_namef(g, "%s.norm1", name));
    h = nn_add(nn_mul(h, nn_shift(nn_slice(both, 3, 0, out), 1)), nn_slice(both, 3, out, out));
    h = nn_dropout(nn_silu(h), d->dropout, nn_namef(g, "%s.dropout", name));
    h = conv(d, h, out, 3, 1, true, nn_namef(g, "%s.conv1", name));
    if (nn_size(x, 3) != out)
        x = conv(d, x, out, 1, 1, false, nn_namef(g, "%s.skip", name));
    return nn_add(x, h);
}

static nn_node *attention(const struct design *d, nn_node *x, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    int64_t batch = nn_size(x, 0), high = nn_size(x, 1), wide = nn_size(x, 2),
            width = nn_size(x, 3);
    int64_t heads = d->heads;
    nn_node *h = normal(x, nn_namef(g, "%s.norm", name));

    while (width % heads)
        heads--;
    h = nn_attention(nn_reshape(h, 3, SHAPE(batch, high * wide, width)), heads, false, name);
    return nn_add(x, nn_reshape(h, 4, SHAPE(batch, high, wide, width)));
}

/* A residual block, and attention where the level has it. */
static nn_node *block(const struct design *d, nn_node *x, nn_node *condition, int64_t level,
                      const char *name)
{
    nn_graph *g = nn_graph_of(x);

    x = residual(d, x, condition, d->base * d->multiple[level], name);
    return d->attends[level] ? attention(d, x, nn_namef(g, "%s.attention", name)) : x;
}

/* What the blocks are told: the step, the label, the length. */
static nn_node *condition_of(const struct design *d, nn_node *t, nn_node *label, nn_node *length)
{
    int64_t width = 4 * d->base, waves = 2 * ((d->base + 1) / 2);
    nn_node *time = nn_silu(nn_linear(nn_time_embedding(t, waves), width, "net.time0"));
    nn_node *long_ = nn_time_embedding(nn_scale(length, 1000), waves);

    time = nn_linear(time, width, "net.time1");
    time = nn_add(time, nn_embedding(label, d->labels + 1, width, "net.label"));
    return nn_add(time, nn_linear(long_, width, "net.length"));
}

nn_node *unet(const struct design *d, nn_node *x, nn_node *t, nn_node *label, nn_node *length)
{
    nn_graph *g = nn_graph_of(x);
    nn_node *condition = condition_of(d, t, label, length), *kept[MOST_LEVELS * (MOST_BLOCKS + 1)];
    int n = 0;

    kept[n++] = x = conv(d, x, d->base * d->multiple[0], 3, 1, false, "net.in");
    for (int64_t i = 0; i < d->levels; i++) {
        for (int64_t b = 0; b < d->blocks; b++)
            kept[n++] = x = block(d, x, condition, i, nn_namef(g, "net.down%d_%d", (int)i, (int)b));
        if (i + 1 < d->levels)
            kept[n++] = x = conv(d, x, d->base * d->multiple[i], 3, 2, false,
                                 nn_namef(g, "net.smaller%d", (int)i));
    }
    x = residual(d, x, condition, nn_size(x, 3), "net.middle0");
    x = attention(d, x, "net.middle.attention");
    x = residual(d, x, condition, nn_size(x, 3), "net.middle1");
    for (int64_t i = d->levels - 1; i >= 0; i--) {
        for (int64_t b = 0; b <= d->blocks; b++) {
            x = nn_concat(3, 2, (nn_node *[]){x, kept[--n]});
            x = block(d, x, condition, i, nn_namef(g, "net.up%d_%d", (int)i, (int)b));
        }
        if (i > 0)
            x = conv(d, enlarged(d, x), nn_size(x, 3), 3, 1, false,
                     nn_namef(g, "net.larger%d", (int)i));
    }
    x = nn_silu(normal(x, "net.norm"));
    return conv(d, x, d->channels, 3, 1, true, "net.out");
}
