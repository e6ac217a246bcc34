/* A convolution and its gradients as they are defined. */
#include "nn/cpu/conv.h"
#include <string.h>

typedef struct operands {
    const nn_convolution *shape;
    nn_real *x, *w, *y;
} operands;

/* Pixel (i, j) of x meets pixel (p, q) of y by place (r, s) of the window, in one image. */
static void meet(const operands *of, int64_t x_at, int64_t y_at, int64_t r, int64_t s)
{
    const nn_convolution *c = of->shape;
    int64_t window = c->kh * c->kw, place = r * c->kw + s;
    nn_real *x = of->x + x_at * c->in, *y = of->y + y_at * c->out;

    for (int64_t o = 0; o < c->out; o++) {
        nn_real *w = of->w + o * c->in * window + place;

        if (c->op == NN_OP_CONV) {
            nn_real sum = 0;

            for (int64_t i = 0; i < c->in; i++)
                sum += x[i] * w[i * window];
            y[o] += sum;
        } else if (c->op == NN_OP_CONV_DATA) {
            for (int64_t i = 0; i < c->in; i++)
                x[i] += y[o] * w[i * window];
        } else {
            for (int64_t i = 0; i < c->in; i++)
                w[i * window] += y[o] * x[i];
        }
    }
}

void nn_conv_plain(const nn_convolution *shape, nn_real *x, nn_real *w, nn_real *y)
{
    const nn_convolution *c = shape;
    operands of = {shape, x, w, y};

    if (c->op == NN_OP_CONV)
        memset(y, 0, (size_t)(c->batch * c->out_height * c->out_width * c->out) * sizeof *y);
    else if (c->op == NN_OP_CONV_DATA)
        memset(x, 0, (size_t)(c->batch * c->height * c->width * c->in) * sizeof *x);
    else
        memset(w, 0, (size_t)(c->out * c->in * c->kh * c->kw) * sizeof *w);
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t p = 0; p < c->out_height; p++)
            for (int64_t q = 0; q < c->out_width; q++)
                for (int64_t r = 0; r < c->kh; r++)
                    for (int64_t s = 0; s < c->kw; s++) {
                        int64_t i = p * c->stride + r - c->pad, j = q * c->stride + s - c->pad;

                        if (i >= 0 && i < c->height && j >= 0 && j < c->width)
                            meet(&of, (b * c->height + i) * c->width + j,
                                 (b * c->out_height + p) * c->out_width + q, r, s);
                    }
}
