/* Convolutions on the CPU and their two gradients: x [batch][height][width][in], w
 * [out][in][kh][kw], y [batch][out_height][out_width][out], all dense. By oneDNN, by plain loops in
 * the double build and where oneDNN has no way. */
#ifndef WEIR_CORE_NN_CPU_CONV_H
#define WEIR_CORE_NN_CPU_CONV_H

#include "nn/program.h"

typedef struct nn_conv_plan nn_conv_plan;

/* Made before the program runs; NULL on failure. */
nn_conv_plan *nn_conv_new(const nn_convolution *shape, int threads, weir_error *error);
/* NULL is ignored. */
void nn_conv_free(nn_conv_plan *conv);
/* Elements of scratch that nn_conv_run needs, aligned to 64 bytes: oneDNN's own and weights in its
 * order. */
size_t nn_conv_scratch(const nn_conv_plan *conv);
/* Whether oneDNN does it, and how ("brgconv:avx512_core"); "loops" otherwise. */
const char *nn_conv_way(const nn_conv_plan *conv);
/* The shape's op says which of x, w, y is written. Weights are brought into oneDNN's order and back
 * in each run, which costs little beside the convolution. Same threads, same bits. */
int nn_conv_run(nn_conv_plan *conv, nn_real *x, nn_real *w, nn_real *y, nn_real *scratch,
                weir_error *error);

/* The definition, in loops: what the double build uses and what tests compare with. conv_plain.c */
void nn_conv_plain(const nn_convolution *shape, nn_real *x, nn_real *w, nn_real *y);

#endif
