/* Products of matrices, and convolutions with their two gradients. */
#include "nn/graph.h"
#include <string.h>

/* x with a's batch axes stretched to `batch` (rank - 2 of them). */
static nn_node *stretched(nn_node *x, int rank, const int64_t *batch)
{
    int64_t shape[NN_MAX_RANK];

    memcpy(shape, batch, (size_t)(rank - 2) * sizeof *batch);
    shape[rank - 2] = nn_size(x, -2);
    shape[rank - 1] = nn_size(x, -1);
    return nn_broadcast(x, rank, shape);
}

/* Whether all axes but the last two have size 1. */
static bool is_matrix(const nn_node *x)
{
    for (int i = 0; i < x->rank - 2; i++)
        if (x->shape[i] != 1)
            return false;
    return true;
}

/* The shape of batch axes that both stretch to. */
static bool batch_shape(const nn_node *a, const nn_node *b, int rank, int64_t *batch)
{
    for (int i = 0; i < rank - 2; i++) {
        int in_a = i - (rank - a->rank), in_b = i - (rank - b->rank);
        int64_t of_a = in_a < 0 ? 1 : a->shape[in_a], of_b = in_b < 0 ? 1 : b->shape[in_b];
        if (of_a != of_b && of_a != 1 && of_b != 1)
            return false;
        batch[i] = of_a == 1 ? of_b : of_a;
    }
    return true;
}

nn_node *nn_matmul(nn_node *a, nn_node *b, bool transpose_a, bool transpose_b)
{
    nn_node *input[] = {a, b}, *instead, node = {.op = NN_OP_MATMUL, .inputs = 2};
    int64_t m, k, other_k, n;
    char text[2][320];

    if (!nn_usable("matmul", 2, input, &instead))
        return instead;
    node.graph = a->graph;
    if (a->rank < 2 || b->rank < 2)
        return nn_fail(node.graph, WEIR_EOPTION,
                       "matmul: a %s and b %s; both need two axes or more", nn_describe(a, text[0]),
                       nn_describe(b, text[1]));
    m = nn_size(a, transpose_a ? -1 : -2);
    k = nn_size(a, transpose_a ? -2 : -1);
    other_k = nn_size(b, transpose_b ? -1 : -2);
    n = nn_size(b, transpose_b ? -2 : -1);
    node.rank = a->rank > b->rank ? a->rank : b->rank;
    if (k != other_k)
        return nn_fail(node.graph, WEIR_EOPTION,
                       "matmul: a %s%s and b %s%s: %lld and %lld differ; the product is over a's "
                       "columns and b's rows",
                       nn_describe(a, text[0]), transpose_a ? " transposed" : "",
                       nn_describe(b, text[1]), transpose_b ? " transposed" : "", (long long)k,
                       (long long)other_k);
    if (!batch_shape(a, b, node.rank, node.shape))
        return nn_fail(
            node.graph, WEIR_EOPTION,
            "matmul: the axes of a %s and b %s before the last two do not stretch to one "
            "shape",
            nn_describe(a, text[0]), nn_describe(b, text[1]));
    node.shape[node.rank - 2] = m;
    node.shape[node.rank - 1] = n;
    if (!nn_shape_check(node.graph, "matmul", node.rank, node.shape))
        return node.graph->poison;
    if (!transpose_a && a->rank > 2 && !is_matrix(a) && is_matrix(b)) {
        /* One matrix for all: one product of all rows. */
        nn_node *rows = nn_reshape(a, 2, (int64_t[]){nn_count(a) / k, k});
        nn_node *matrix = nn_reshape(b, 2, &b->shape[b->rank - 2]);
        return nn_reshape(nn_matmul(rows, matrix, false, transpose_b), node.rank, node.shape);
    }
    input[0] = stretched(a, node.rank, node.shape);
    input[1] = stretched(b, node.rank, node.shape);
    node.input = input;
    node.at[0] = transpose_a;
    node.at[1] = transpose_b;
    return nn_node_make(&node);
}

/* ---- convolutions ---- */

/* What a convolution of these sizes leaves of an axis; 0: nothing. */
static int64_t out_size(int64_t size, int64_t kernel, int64_t stride, int64_t pad)
{
    return size + 2 * pad < kernel ? 0 : (size + 2 * pad - kernel) / stride + 1;
}

static bool window_check(nn_graph *graph, const char *operation, int64_t stride, int64_t pad)
{
    if (stride >= 1 && pad >= 0 && stride < INT32_MAX && pad < INT32_MAX)
        return true;
    nn_fail(graph, WEIR_EOPTION, "%s: stride %lld and pad %lld; a stride is at least 1, a pad 0",
            operation, (long long)stride, (long long)pad);
    return false;
}

static nn_node *convolution(nn_op op, nn_node *a, nn_node *b, const int64_t shape[4],
                            int64_t stride, int64_t pad)
{
    nn_node *input[] = {a, b};
    nn_node node = {.graph = a->graph, .op = op, .rank = 4, .inputs = 2, .at = {stride, pad}};

    if (!nn_shape_check(node.graph, nn_op_name(op), 4, shape))
        return node.graph->poison;
    memcpy(node.shape, shape, 4 * sizeof *shape);
    node.input = input;
    return nn_node_make(&node);
}

/* Both of rank 4, with a window that can be. */
static bool convolution_check(nn_op op, nn_node *a, nn_node *b, int64_t stride, int64_t pad,
                              nn_node **instead)
{
    nn_node *input[] = {a, b};
    char text[2][320];

    if (!nn_usable(nn_op_name(op), 2, input, instead) ||
        !window_check(a->graph, nn_op_name(op), stride, pad))
        return false;
    if (a->rank == 4 && b->rank == 4)
        return true;
    nn_fail(a->graph, WEIR_EOPTION, "%s: %s and %s; both need four axes", nn_op_name(op),
            nn_describe(a, text[0]), nn_describe(b, text[1]));
    return false;
}

nn_node *nn_conv2d(nn_node *x, nn_node *w, int64_t stride, int64_t pad)
{
    nn_node *instead;
    int64_t height, width;
    char text[2][320];

    if (!convolution_check(NN_OP_CONV, x, w, stride, pad, &instead))
        return instead;
    height = out_size(x->shape[1], w->shape[2], stride, pad);
    width = out_size(x->shape[2], w->shape[3], stride, pad);
    if (x->shape[3] != w->shape[1])
        return nn_fail(x->graph, WEIR_EOPTION,
                       "conv2d: x %s and w %s: %lld and %lld channels differ; x is "
                       "[batch][height][width][in], w [out][in][kh][kw]",
                       nn_describe(x, text[0]), nn_describe(w, text[1]), (long long)x->shape[3],
                       (long long)w->shape[1]);
    if (!height || !width)
        return nn_fail(x->graph, WEIR_EOPTION,
                       "conv2d: the window of w %s exceeds x %s padded by "
                       "%lld",
                       nn_describe(w, text[1]), nn_describe(x, text[0]), (long long)pad);
    return convolution(NN_OP_CONV, x, w, (int64_t[]){x->shape[0], height, width, w->shape[0]},
                       stride, pad);
}

nn_node *nn_conv2d_data(nn_node *dy, nn_node *w, int64_t height, int64_t width, int64_t stride,
                        int64_t pad)
{
    nn_node *instead;
    char text[2][320];

    if (!convolution_check(NN_OP_CONV_DATA, dy, w, stride, pad, &instead))
        return instead;
    if (!nn_shape_check(dy->graph, "conv2d_data", 4,
                        (int64_t[]){dy->shape[0], height, width, w->shape[1]}))
        return dy->graph->poison;
    if (dy->shape[3] != w->shape[0] || dy->shape[1] != out_size(height, w->shape[2], stride, pad) ||
        dy->shape[2] != out_size(width, w->shape[3], stride, pad))
        return nn_fail(dy->graph, WEIR_EOPTION,
                       "conv2d_data: dy %s is not what w %s makes of [%lld][%lld] with stride %lld "
                       "and pad %lld",
                       nn_describe(dy, text[0]), nn_describe(w, text[1]), (long long)height,
                       (long long)width, (long long)stride, (long long)pad);
    return convolution(NN_OP_CONV_DATA, dy, w,
                       (int64_t[]){dy->shape[0], height, width, w->shape[1]}, stride, pad);
}

nn_node *nn_conv2d_weight(nn_node *x, nn_node *dy, int64_t kh, int64_t kw, int64_t stride,
                          int64_t pad)
{
    nn_node *instead;
    char text[2][320];

    if (!convolution_check(NN_OP_CONV_WEIGHT, x, dy, stride, pad, &instead))
        return instead;
    if (!nn_shape_check(x->graph, "conv2d_weight", 4,
                        (int64_t[]){dy->shape[3], x->shape[3], kh, kw}))
        return x->graph->poison;
    if (x->shape[0] != dy->shape[0] || dy->shape[1] != out_size(x->shape[1], kh, stride, pad) ||
        dy->shape[2] != out_size(x->shape[2], kw, stride, pad))
        return nn_fail(x->graph, WEIR_EOPTION,
                       "conv2d_weight: dy %s is not what a window of [%lld][%lld] makes of x %s "
                       "with stride %lld and pad %lld",
                       nn_describe(dy, text[1]), (long long)kh, (long long)kw,
                       nn_describe(x, text[0]), (long long)stride, (long long)pad);
    return convolution(NN_OP_CONV_WEIGHT, x, dy, (int64_t[]){dy->shape[3], x->shape[3], kh, kw},
                       stride, pad);
}
