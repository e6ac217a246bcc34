/* The CUDA back end from inside: the device, and what a prepared program is. */
#ifndef WEIR_CORE_NN_CUDA_CUDA_H
#define WEIR_CORE_NN_CUDA_CUDA_H

#include <cublasLt.h>
#include <cuda.h>
#include <cuda_runtime.h>
#ifdef WEIR_CUDNN
#include <cudnn.h>
#endif

#include "nn/backend.h"
#include "nn/cuda/generate.h"

typedef struct nn_cuda {
    CUdevice device;
    CUcontext context;
    CUstream stream;
    cublasLtHandle_t blas;
    void *workspace; /* of cuBLASLt and cuDNN: one stream, so one is enough */
    size_t workspace_size;
#ifdef WEIR_CUDNN
    cudnnHandle_t dnn;
#endif
    bool tf32;
    char architecture[16]; /* "sm_90" */
} nn_cuda;

/* Kernels written by hand (kernels.cu), compiled with the generated ones of each program. */
typedef enum nn_cuda_fixed {
    NN_CUDA_DRAW_UNIFORM,
    NN_CUDA_DRAW_NORMAL,
    NN_CUDA_ADVANCE,
    NN_CUDA_GATHER,
    NN_CUDA_SCATTER,
    NN_CUDA_CONV,
    NN_CUDA_CONV_DATA,
    NN_CUDA_CONV_WEIGHT,
    NN_CUDA_TO_CHANNELS_LAST,
    NN_CUDA_FROM_CHANNELS_LAST,
    NN_CUDA_FIXED_COUNT
} nn_cuda_fixed;

/* struct Shape of kernels.cu. */
typedef struct nn_cuda_shape {
    long long batch, height, width, in, out, kh, kw, out_height, out_width, stride, pad;
} nn_cuda_shape;

/* A kernel with its arguments, ready to launch. */
typedef struct nn_cuda_launch {
    CUfunction function;
    unsigned grid, block;
    void **argument; /* pointers to the values, as cuLaunchKernel takes them */
} nn_cuda_launch;

typedef struct nn_cuda_product {
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algorithm;
} nn_cuda_product;

struct nn_cuda_convolution; /* convolutions.c */

/* What one kernel of the program is made of. */
typedef struct nn_cuda_work {
    int launches;
    nn_cuda_launch launch[NN_CUDA_MOST_PARTS];
    nn_cuda_product product;
    struct nn_cuda_convolution *convolution;
} nn_cuda_work;

typedef struct nn_cuda_stage {
    bool warm; /* has run once, so that libraries have allocated what they want */
    CUgraphExec graph;
} nn_cuda_stage;

typedef struct nn_cuda_program {
    CUmodule module;
    float *weights;       /* of one convolution, channels last */
    nn_cuda_work *work;   /* [kernels] */
    nn_cuda_stage *stage; /* [stages] */
} nn_cuda_program;

/* Records what a call of the driver, the runtime or a library answered. */
int nn_cuda_failed(CUresult result, const char *what, weir_error *error);
int nn_blas_failed(cublasStatus_t result, const char *what, weir_error *error);

/* Compiles source for the architecture, or takes it from the cache on disk
 * ($XDG_CACHE_HOME/weir/kernels): *image is allocated. module.c */
int nn_cuda_compile(const char *source, const char *architecture, void **image, size_t *size,
                    weir_error *error);
/* The text of philox.h and kernels.cu: the beginning of every source. Made at build time. */
const char *nn_cuda_kernels(void);

/* An element of a buffer. (This library sees libweir's public functions only, so it looks itself.)
 */
static inline float *nn_cuda_at(const nn_program *program, int buffer, int64_t offset)
{
    const nn_buffer *b = &program->buffer[buffer];
    return (float *)(b->leaf ? b->leaf->memory : (void *)((char *)program->arena + b->offset)) +
           offset;
}

int nn_cuda_launch_one(nn_cuda *device, const nn_cuda_launch *launch, weir_error *error);

/* products.c */
int nn_cuda_product_prepare(nn_cuda *device, const nn_program *program, const nn_product *product,
                            nn_cuda_product *prepared, weir_error *error);
int nn_cuda_product_run(nn_cuda *device, const nn_program *program, const nn_product *product,
                        const nn_cuda_product *prepared, weir_error *error);
void nn_cuda_product_free(nn_cuda_product *prepared);

/* convolutions.c: through cuDNN where it was built in and takes the shape; else *prepared stays
 * NULL, and the kernels of kernels.cu are used. The work's one launch turns the weights' order:
 * from ours into `weights` before a convolution or its gradient by the data, back after that by the
 * weights. */
int nn_cuda_convolution_prepare(nn_cuda *device, const nn_convolution *convolution,
                                struct nn_cuda_convolution **prepared, weir_error *error);
int nn_cuda_convolution_run(nn_cuda *device, const nn_program *program,
                            const nn_convolution *convolution, const nn_cuda_work *work,
                            float *weights, weir_error *error);
void nn_cuda_convolution_free(struct nn_cuda_convolution *prepared);

#endif
