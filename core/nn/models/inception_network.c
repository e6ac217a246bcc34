/* Inception-v3 as torchvision 0.29 defines it in eval mode, without the auxiliary classifier: means
 * in poolings count the padding, batch norm has an epsilon of 0.001. */
#include "nn/models/inception_net.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EPSILON 1e-3

/* ---- Arrays of the file -----------------------------------------------------------------------*/

static void note(inception_weights *w, const char *format, ...) WEIR_PRINTF(2, 3);
static void note(inception_weights *w, const char *format, ...)
{
    size_t room = sizeof w->text - w->used;
    va_list list;
    int length;

    w->wrong++;
    va_start(list, format);
    length = vsnprintf(w->text + w->used, room, format, list);
    va_end(list);
    if (length > 0 && (size_t)length < room)
        w->used += (size_t)length;
    else
        w->text[w->used] = 0;
}

static void shape_text(char *text, size_t size, int rank, const uint64_t *shape)
{
    size_t used = 0;

    text[0] = 0;
    for (int i = 0; i < rank && used + 24 < size; i++)
        used += shape[i] ? (size_t)snprintf(text + used, size - used, "[%llu]",
                                            (unsigned long long)shape[i])
                         : (size_t)snprintf(text + used, size - used, "[any]");
}

/* The array of this name; what is wrong with it is noted. shape: 0 for any size of 1 and more. */
static const weir_tensor *array(inception_weights *w, const char *name, int rank,
                                const uint64_t *shape)
{
    const weir_tensor *tensor = weir_tensors_find(&w->file, name);
    char has[200], wanted[120];
    bool fits;

    if (!tensor) {
        note(w, "; %s is missing", name);
        return NULL;
    }
    fits = tensor->type == WEIR_F32 && tensor->rank == rank;
    for (int i = 0; fits && i < rank; i++)
        fits = tensor->shape[i] > 0 && (!shape[i] || tensor->shape[i] == shape[i]);
    if (fits)
        return tensor;
    shape_text(has, sizeof has, tensor->rank, tensor->shape);
    shape_text(wanted, sizeof wanted, rank, shape);
    if (tensor->type != WEIR_F32)
        note(w, "; %s is not of type F32", name);
    else
        note(w, "; %s is %s, must be %s", name, tensor->rank ? has : "one number", wanted);
    return NULL;
}

/* ---- Blocks -----------------------------------------------------------------------------------*/

/* A network being built. */
typedef struct building {
    nn_graph *g;
    inception_weights *weights;
    const char *block; /* "Mixed_5b."; "" outside */
} building;

/* Convolution without bias, batch norm, ReLU. out: as published, for a network of which nothing is
 * known. */
static nn_node *basic(const building *b, nn_node *x, const char *branch, int64_t out,
                      nn_sweep window)
{
    static const char *const norm[] = {"weight", "bias", "running_mean", "running_var"};
    inception_weights *w = b->weights;
    const char *name = nn_namef(b->g, "%s%s", b->block, branch);
    const char *conv = nn_namef(b->g, "%s.conv", name), *bn = nn_namef(b->g, "%s.bn", name);
    const char *weight = nn_namef(b->g, "%s.weight", conv);
    const uint64_t shape[] = {0, w->unsure ? 0 : (uint64_t)nn_size(x, 3), (uint64_t)window.height,
                              (uint64_t)window.width};
    const weir_tensor *tensor = array(w, weight, 4, shape);

    if (tensor)
        out = (int64_t)tensor->shape[0];
    else
        w->unsure = true;
    for (int i = 0; i < 4; i++)
        array(w, nn_namef(b->g, "%s.%s", bn, norm[i]), 1,
              (const uint64_t[]){tensor ? (uint64_t)out : 0});
    /* zeros at first: drawing values that are overwritten takes longer than loading them */
    nn_parameter(b->g, weight, 4, (int64_t[]){out, nn_size(x, 3), window.height, window.width},
                 nn_init_constant(0));
    x = nn_conv_sweep(x, out, &window, true, conv);
    return nn_relu(nn_batch_norm(x, 0, EPSILON, bn));
}

static const nn_sweep POINT = {1, 1, 1, 0, 0}, SMALL = {3, 3, 1, 1, 1}, LARGE = {5, 5, 1, 2, 2},
                      HALF = {3, 3, 2, 0, 0}, INNER = {3, 3, 1, 0, 0}, ROW = {1, 7, 1, 0, 3},
                      COLUMN = {7, 1, 1, 3, 0}, SHORT_ROW = {1, 3, 1, 0, 1},
                      SHORT_COLUMN = {3, 1, 1, 1, 0};

static nn_node *pooled(const building *b, nn_node *x, int64_t out)
{
    return basic(b, nn_average_pool(x, &SMALL), "branch_pool", out, POINT);
}

/* 35 x 35. */
static nn_node *block_a(const building *b, nn_node *x, int64_t features)
{
    nn_node *one = basic(b, x, "branch1x1", 64, POINT), *five, *three;

    five = basic(b, x, "branch5x5_1", 48, POINT);
    five = basic(b, five, "branch5x5_2", 64, LARGE);
    three = basic(b, x, "branch3x3dbl_1", 64, POINT);
    three = basic(b, three, "branch3x3dbl_2", 96, SMALL);
    three = basic(b, three, "branch3x3dbl_3", 96, SMALL);
    return nn_concat(3, 4, (nn_node *[]){one, five, three, pooled(b, x, features)});
}

/* 35 x 35 to 17 x 17. */
static nn_node *block_b(const building *b, nn_node *x)
{
    nn_node *three = basic(b, x, "branch3x3", 384, HALF), *twice;

    twice = basic(b, x, "branch3x3dbl_1", 64, POINT);
    twice = basic(b, twice, "branch3x3dbl_2", 96, SMALL);
    twice = basic(b, twice, "branch3x3dbl_3", 96, HALF);
    return nn_concat(3, 3, (nn_node *[]){three, twice, nn_max_pool(x, &HALF)});
}

/* 17 x 17. */
static nn_node *block_c(const building *b, nn_node *x, int64_t inner)
{
    nn_node *one = basic(b, x, "branch1x1", 192, POINT), *seven, *twice;

    seven = basic(b, x, "branch7x7_1", inner, POINT);
    seven = basic(b, seven, "branch7x7_2", inner, ROW);
    seven = basic(b, seven, "branch7x7_3", 192, COLUMN);
    twice = basic(b, x, "branch7x7dbl_1", inner, POINT);
    twice = basic(b, twice, "branch7x7dbl_2", inner, COLUMN);
    twice = basic(b, twice, "branch7x7dbl_3", inner, ROW);
    twice = basic(b, twice, "branch7x7dbl_4", inner, COLUMN);
    twice = basic(b, twice, "branch7x7dbl_5", 192, ROW);
    return nn_concat(3, 4, (nn_node *[]){one, seven, twice, pooled(b, x, 192)});
}

/* 17 x 17 to 8 x 8. */
static nn_node *block_d(const building *b, nn_node *x)
{
    nn_node *three = basic(b, x, "branch3x3_1", 192, POINT), *seven;

    three = basic(b, three, "branch3x3_2", 320, HALF);
    seven = basic(b, x, "branch7x7x3_1", 192, POINT);
    seven = basic(b, seven, "branch7x7x3_2", 192, ROW);
    seven = basic(b, seven, "branch7x7x3_3", 192, COLUMN);
    seven = basic(b, seven, "branch7x7x3_4", 192, HALF);
    return nn_concat(3, 3, (nn_node *[]){three, seven, nn_max_pool(x, &HALF)});
}

/* 8 x 8. */
static nn_node *block_e(const building *b, nn_node *x)
{
    nn_node *one = basic(b, x, "branch1x1", 320, POINT), *three, *twice, *part[6];

    three = basic(b, x, "branch3x3_1", 384, POINT);
    twice = basic(b, x, "branch3x3dbl_1", 448, POINT);
    twice = basic(b, twice, "branch3x3dbl_2", 384, SMALL);
    part[0] = one;
    part[1] = basic(b, three, "branch3x3_2a", 384, SHORT_ROW);
    part[2] = basic(b, three, "branch3x3_2b", 384, SHORT_COLUMN);
    part[3] = basic(b, twice, "branch3x3dbl_3a", 384, SHORT_ROW);
    part[4] = basic(b, twice, "branch3x3dbl_3b", 384, SHORT_COLUMN);
    part[5] = pooled(b, x, 192);
    return nn_concat(3, 6, part);
}

static nn_node *stem(const building *b, nn_node *x)
{
    x = basic(b, x, "Conv2d_1a_3x3", 32, HALF);
    x = basic(b, x, "Conv2d_2a_3x3", 32, INNER);
    x = basic(b, x, "Conv2d_2b_3x3", 64, SMALL);
    x = nn_max_pool(x, &HALF);
    x = basic(b, x, "Conv2d_3b_1x1", 80, POINT);
    x = basic(b, x, "Conv2d_4a_3x3", 192, INNER);
    return nn_max_pool(x, &HALF);
}

nn_node *inception_network(nn_node *x, inception_weights *weights)
{
    nn_graph *g = nn_graph_of(x);
    building b = {g, weights, ""};

    nn_training(g, false);
    x = stem(&b, x);
    b.block = "Mixed_5b.";
    x = block_a(&b, x, 32);
    b.block = "Mixed_5c.";
    x = block_a(&b, x, 64);
    b.block = "Mixed_5d.";
    x = block_a(&b, x, 64);
    b.block = "Mixed_6a.";
    x = block_b(&b, x);
    b.block = "Mixed_6b.";
    x = block_c(&b, x, 128);
    b.block = "Mixed_6c.";
    x = block_c(&b, x, 160);
    b.block = "Mixed_6d.";
    x = block_c(&b, x, 160);
    b.block = "Mixed_6e.";
    x = block_c(&b, x, 192);
    b.block = "Mixed_7a.";
    x = block_d(&b, x);
    b.block = "Mixed_7b.";
    x = block_e(&b, x);
    b.block = "Mixed_7c.";
    x = block_e(&b, x);
    x = nn_mean_over(x, 1u << 1 | 1u << 2);
    return nn_reshape(x, 2, (int64_t[]){nn_size(x, 0), nn_size(x, 3)});
}
