/* The products' kernels for AVX-512 (CMakeLists.txt has the compiler's flags). */
#include "nn/cpu/gemm.h"
#if defined __x86_64__
#define NN_GEMM nn_gemm_avx512
#define NN_BYTES 64
#define NN_ROWS 14
#include "nn/cpu/gemm_body.h"
#endif
