/* The products' kernels for any processor: vectors of 16 bytes, as every x86-64 has them. */
#define NN_GEMM nn_gemm_baseline
#define NN_BYTES 16
#define NN_ROWS 6
#include "nn/cpu/gemm_body.h"
