/* The vector routines for avx512 (CMakeLists.txt says how it is compiled). */
#include "nn/cpu/vector.h"
#if defined __x86_64__
#define NN_VECTOR nn_vector_avx512
#define NN_VECTOR_NAME "avx512"
#include "nn/cpu/vector_body.h"
#endif
