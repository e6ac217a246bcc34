/* Programs on the device: see the table of back ends. */
#ifndef WEIR_CORE_NN_CUDA_RUN_H
#define WEIR_CORE_NN_CUDA_RUN_H

#include "nn/cuda/cuda.h"

/* What libweir looks for in libweir_cuda.so. */
extern WEIR_API const nn_backend nn_backend_cuda_table;

int nn_cuda_prepare(void *device, nn_program *program, weir_error *error);
int nn_cuda_run(void *device, nn_program *program, int stage, weir_error *error);
void nn_cuda_discard(void *device, nn_program *program);

#endif
