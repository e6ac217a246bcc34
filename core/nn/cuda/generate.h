/* CUDA C for fused loops: text, made from the description of a loop. It needs no CUDA to make, so
 * that it can be looked at and tested anywhere. */
#ifndef WEIR_CORE_NN_CUDA_GENERATE_H
#define WEIR_CORE_NN_CUDA_GENERATE_H

#include "nn/program.h"

/* A text that grows; failed once memory has run out, after which it stays empty. */
typedef struct nn_text {
    char *text;
    size_t length, capacity;
    bool failed;
} nn_text;

void nn_text_add(nn_text *text, const char *format, ...) WEIR_PRINTF(2, 3);
void nn_text_free(nn_text *text);

/* A loop becomes one kernel for the results that are stored and one for each set of axes that
 * results are combined over; those come first, since a stored result may lie on a read. */
enum { NN_CUDA_MOST_PARTS = 8 };

/* One kernel of a loop: `KERNEL NAME(float *b0, float *b1, …)`, its arguments the first elements of
 * the buffers named here. KERNEL is a macro of kernels.cu, which stands in front of the text. */
typedef struct nn_cuda_part {
    unsigned combined; /* mask of the axes that its results are combined over; 0: stored */
    unsigned grid, block;
    int buffers;
    int buffer[2 * 64];
} nn_cuda_part;

/* The parts of a loop: how many, or -1 when it is beyond the limits above. */
int nn_cuda_parts(const nn_loop *loop, nn_cuda_part part[NN_CUDA_MOST_PARTS]);
/* Appends the kernel of a part under this name. Equal loops on other buffers give equal text but
 * for the name. */
void nn_cuda_generate(nn_text *text, const nn_loop *loop, const nn_cuda_part *part,
                      const char *name);

#endif
