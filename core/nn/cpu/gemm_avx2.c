/* The products' kernels for AVX2 (CMakeLists.txt has the compiler's flags). */
#include "nn/cpu/gemm.h"
#if defined __x86_64__
#define NN_GEMM nn_gemm_avx2
#define NN_BYTES 32
#define NN_ROWS 6
#include "nn/cpu/gemm_body.h"
#endif
