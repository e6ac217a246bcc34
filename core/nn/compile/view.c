/* Views: where the elements of a value lie, over axes. */
#include "nn/compile/compile.h"
#include <string.h>

void nn_view_dense(nn_view *view, int rank, const int64_t *shape)
{
    int64_t stride = 1;
    memset(view->stride, 0, sizeof view->stride);
    for (int i = rank - 1; i >= 0; i--) {
        view->stride[i] = stride;
        stride *= shape[i];
    }
}

bool nn_view_is_dense(const nn_view *view, int rank, const int64_t *shape)
{
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        if (shape[i] > 1 && view->stride[i] != stride)
            return false;
        stride *= shape[i];
    }
    return true;
}

int nn_space(int rank, const int64_t *shape, int64_t *space)
{
    int axes = 0;
    for (int i = 0; i < rank; i++)
        if (shape[i] > 1)
            space[axes++] = shape[i];
    if (!axes)
        space[axes++] = 1;
    return axes;
}

/* The view over the shape without axes of size 1. */
static nn_view over_space(const nn_view *view, int rank, const int64_t *shape)
{
    nn_view over = {.buffer = view->buffer, .offset = view->offset};
    int axes = 0;
    for (int i = 0; i < rank; i++)
        if (shape[i] > 1)
            over.stride[axes++] = view->stride[i];
    return over;
}

int nn_space_refine(int rank, const int64_t *space, int other_rank, const int64_t *other,
                    int64_t *refined)
{
    int64_t cut[NN_MAX_RANK], a = 1, b = 1;
    int i = rank, j = other_rank, axes = 0;
    for (;;) {
        while (a == 1 && i)
            a = space[--i];
        while (b == 1 && j)
            b = other[--j];
        if (a == 1 && b == 1)
            break;
        int64_t least = a < b ? a : b;
        if (axes == NN_MAX_RANK || least == 1 || a % least || b % least)
            return 0;
        cut[axes++] = least;
        a /= least;
        b /= least;
    }
    if (!axes)
        cut[axes++] = 1;
    for (int k = 0; k < axes; k++)
        refined[k] = cut[axes - 1 - k];
    return axes;
}

/* Both shapes are cut at the places where their products from the front meet; within such a piece
 * the old axes have to be one run of equal steps, which the new ones then share out. */
bool nn_view_reshape(const nn_view *from, int from_rank, const int64_t *from_shape, int to_rank,
                     const int64_t *to_shape, nn_view *to)
{
    int64_t shape[NN_MAX_RANK];
    int rank = nn_space(from_rank, from_shape, shape);
    nn_view old = over_space(from, from_rank, from_shape);
    nn_view result = {.buffer = from->buffer, .offset = from->offset};
    int i = 0, j = 0;
    while (i < rank && j < to_rank) {
        int i_end = i + 1, j_end = j + 1;
        int64_t a = shape[i], b = to_shape[j];
        while (a != b) {
            if (a < b) {
                if (i_end == rank)
                    return false;
                a *= shape[i_end++];
            } else {
                if (j_end == to_rank)
                    return false;
                b *= to_shape[j_end++];
            }
        }
        for (int k = i; k + 1 < i_end; k++)
            if (old.stride[k] != old.stride[k + 1] * shape[k + 1])
                return false;
        int64_t stride = old.stride[i_end - 1];
        for (int k = j_end - 1; k >= j; k--) {
            result.stride[k] = stride;
            stride *= to_shape[k];
        }
        i = i_end;
        j = j_end;
    }
    *to = result; /* what is left are axes of size 1 */
    return true;
}
