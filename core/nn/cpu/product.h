/* Matrix products on the CPU: c = a b (+ c) (+ bias), by kernels of this project (gemm_body.h). A
 * plan is made once; running it allocates nothing. Every element of c is one sum in the order of k,
 * whatever the threads: their number does not change the result. */
#ifndef WEIR_CORE_NN_CPU_PRODUCT_H
#define WEIR_CORE_NN_CPU_PRODUCT_H

#include "nn/cpu/isa.h"
#include "nn/program.h"

/* A product's shape and strides, and how the work is cut. Plain data: may be copied, needs no
 * freeing. */
typedef struct nn_product_plan {
    nn_product product;
    const struct nn_gemm *gemm;
    int threads;          /* that work on it; 1 for a small product */
    bool vector;          /* m or n is 1 */
    bool copy_a;          /* a is brought into another layout first */
    bool near_b;          /* b is small enough to be read where it is */
    bool far_c;           /* c is too large for the caches */
    bool whole_b;         /* all columns of a block of b are packed at once, for all rows of c */
    int64_t cut_m, cut_n; /* parts of each matrix c; a unit of work is one part of one matrix */
    int64_t units;
    int64_t depth, height; /* k and m are taken in blocks of at most this */
    size_t scratch;        /* elements a thread */
} nn_product_plan;

/* Buffers and offsets of the product are not looked at; m, n, k and batch are >= 1. */
void nn_product_plan_make(nn_product_plan *plan, const nn_product *product, nn_isa isa,
                          int threads);
/* Elements of scratch that nn_product_run needs; may be 0. */
size_t nn_product_scratch(const nn_product_plan *plan);
/* Elements of b as nn_product_pack writes it; 0 when packing gains nothing. It depends on b, n, k
 * and batch alone: products that agree in these (nn_product_same_b) can use one packed b. */
size_t nn_product_packed(const nn_product_plan *plan);
bool nn_product_same_b(const nn_product *one, const nn_product *other);
void nn_product_pack(const nn_product_plan *plan, const nn_real *b, nn_real *packed);
/* a, b, bias (may be NULL), c: the first elements. packed: b from nn_product_pack, or NULL. c
 * overlaps nothing else; scratch and packed are aligned to 64 bytes. */
void nn_product_run(const nn_product_plan *plan, const nn_real *a, const nn_real *b,
                    const nn_real *packed, const nn_real *bias, nn_real *c, nn_real *scratch);

#endif
