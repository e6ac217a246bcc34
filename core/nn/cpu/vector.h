/* What the CPU's instruction sets are to the rest of its back end: one table of routines each,
 * made from vector_body.h, chosen when a device is opened. */
#ifndef WEIR_CORE_NN_CPU_VECTOR_H
#define WEIR_CORE_NN_CPU_VECTOR_H

#include "nn/program.h"

/* Steps that a loop's plan makes of two: a b + c, a b - c, c - a b, a b c, a + b + c. */
enum {
    NN_STEP_MUL_ADD = NN_OP_COUNT,
    NN_STEP_MUL_SUB,
    NN_STEP_SUB_MUL,
    NN_STEP_MUL_MUL,
    NN_STEP_ADD_ADD,
    NN_STEP_COUNT
};

/* out[i] = op(a[i], b[i], c[i]); out may be an operand. An operand that the form says is one
 * number is read at [0] only. */
typedef void nn_step_function(int64_t n, nn_real *out, const nn_real *a, const nn_real *b,
                              const nn_real *c);

typedef struct nn_vector {
    const char *name;
    nn_step_function *step[NN_STEP_COUNT][8]; /* bit i of the form: operand i is one number */
    /* to [rows][columns] dense, from with strides. */
    void (*load)(int64_t rows, int64_t columns, nn_real *to, const nn_real *from, int64_t row,
                 int64_t column);
    void (*store)(int64_t rows, int64_t columns, nn_real *to, int64_t row, int64_t column,
                  const nn_real *from);
    /* Of from [rows][columns]: over the axes that are not kept, of which there is one. */
    void (*sum)(int64_t rows, int64_t columns, bool keep_rows, bool keep_columns, nn_real *to,
                const nn_real *from);
    void (*peak)(int64_t rows, int64_t columns, bool keep_rows, bool keep_columns, nn_real *to,
                 const nn_real *from);
    /* sum[i] += part[i], rest[i] what rounding has added too much (Kahan). */
    void (*add)(int64_t n, nn_real *sum, nn_real *rest, const nn_real *part);
    void (*raise)(int64_t n, nn_real *peak, const nn_real *part);
    void (*plus)(int64_t n, nn_real *to, const nn_real *from); /* to[i] += from[i] */
    /* Elements 4 block … 4 block + count - 1 of a draw (nn/philox.h). */
    void (*draw)(nn_noise_kind kind, uint64_t key, uint64_t draw, uint64_t block, int64_t count,
                 nn_real *to);
} nn_vector;

extern const nn_vector nn_vector_baseline;
#if defined __x86_64__
extern const nn_vector nn_vector_avx2, nn_vector_avx512;
#endif

#endif
