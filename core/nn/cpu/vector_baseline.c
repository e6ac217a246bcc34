/* The vector routines for every x86-64 processor, and for others (CMakeLists.txt says how it is
 * compiled). */
#define NN_VECTOR nn_vector_baseline
#define NN_VECTOR_NAME "baseline"
#include "nn/cpu/vector_body.h"
