/* The inner parts of a matrix product, one table for each instruction set (gemm_body.h). */
#ifndef WEIR_CORE_NN_CPU_GEMM_H
#define WEIR_CORE_NN_CPU_GEMM_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/nn.h>

/* c [m][n] of n <= columns: a [m][k], b [k][n]. */
typedef struct nn_panel {
    int64_t m, n, k;
    const nn_real *a; /* rows a_row apart; a_row 0: as pack_a wrote it */
    int64_t a_row;
    const nn_real *b; /* rows b_row apart, `columns` numbers readable in each */
    int64_t b_row;
    nn_real *c;
    int64_t c_row;
    const nn_real *bias; /* [n]: what the sums begin with; NULL: zeros */
    bool accumulate;     /* they begin with what c holds; without bias */
    bool far;            /* c is too large for the caches: fetched ahead */
} nn_panel;

typedef struct nn_gemm {
    int rows, columns; /* of a tile of c that is held in registers */
    void (*panel)(const nn_panel *panel);
    /* to [k][columns], zeros after the n-th: from b [k][n], rows `row` apart, or, transposed,
     * [n][k]. */
    void (*pack_b)(int64_t n, int64_t k, const nn_real *b, int64_t row, bool transposed,
                   nn_real *to);
    /* a is [k][m]; m k numbers at to, and up to rows + columns more that hold nothing. */
    void (*pack_a)(int64_t m, int64_t k, const nn_real *a, int64_t row, nn_real *to);
    /* y[i y_step] = sum over k of a[i][k] x[k], and from a [k][m]. */
    void (*dot)(int64_t m, int64_t k, const nn_real *a, int64_t row, const nn_real *x, nn_real *y,
                int64_t y_step, bool accumulate);
    void (*sweep)(int64_t m, int64_t k, const nn_real *a, int64_t row, const nn_real *x, nn_real *y,
                  int64_t y_step, bool accumulate);
} nn_gemm;

extern const nn_gemm nn_gemm_baseline;
#if defined __x86_64__
extern const nn_gemm nn_gemm_avx2, nn_gemm_avx512;
#endif

#endif
