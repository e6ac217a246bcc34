/* Convolutions by cuDNN, with channels last, by the algorithms that give the same bits every time.
 * Weights are turned into cuDNN's order in scratch memory, gradients of weights back from it. */
#include <stdlib.h>

#include "nn/cuda/cuda.h"

#ifdef WEIR_CUDNN
struct nn_cuda_convolution {
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t how;
    size_t workspace;
};

static int dnn_failed(cudnnStatus_t result, const char *what, weir_error *error)
{
    if (result == CUDNN_STATUS_SUCCESS)
        return WEIR_OK;
    return weir_error_set(error, WEIR_EIO, "cuDNN: %s: %s", what, cudnnGetErrorString(result));
}

void nn_cuda_convolution_free(struct nn_cuda_convolution *made)
{
    if (!made)
        return;
    if (made->x)
        cudnnDestroyTensorDescriptor(made->x);
    if (made->y)
        cudnnDestroyTensorDescriptor(made->y);
    if (made->w)
        cudnnDestroyFilterDescriptor(made->w);
    if (made->how)
        cudnnDestroyConvolutionDescriptor(made->how);
    free(made);
}

static cudnnStatus_t describe(const nn_cuda *device, const nn_convolution *c,
                              struct nn_cuda_convolution *made)
{
    cudnnStatus_t result = cudnnCreateTensorDescriptor(&made->x);
    if (!result)
        result = cudnnCreateTensorDescriptor(&made->y);
    if (!result)
        result = cudnnCreateFilterDescriptor(&made->w);
    if (!result)
        result = cudnnCreateConvolutionDescriptor(&made->how);
    if (!result)
        result =
            cudnnSetTensor4dDescriptor(made->x, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, (int)c->batch,
                                       (int)c->in, (int)c->height, (int)c->width);
    if (!result)
        result =
            cudnnSetTensor4dDescriptor(made->y, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, (int)c->batch,
                                       (int)c->out, (int)c->out_height, (int)c->out_width);
    if (!result)
        result = cudnnSetFilter4dDescriptor(made->w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC,
                                            (int)c->out, (int)c->in, (int)c->kh, (int)c->kw);
    if (!result)
        result = cudnnSetConvolution2dDescriptor(made->how, (int)c->pad, (int)c->pad,
                                                 (int)c->stride, (int)c->stride, 1, 1,
                                                 CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
    if (!result)
        result = cudnnSetConvolutionMathType(made->how,
                                             device->tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH);
    if (result)
        return result;
    switch (c->op) {
    case NN_OP_CONV:
        return cudnnGetConvolutionForwardWorkspaceSize(
            device->dnn, made->x, made->w, made->how, made->y,
            CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, &made->workspace);
    case NN_OP_CONV_DATA:
        return cudnnGetConvolutionBackwardDataWorkspaceSize(
            device->dnn, made->w, made->y, made->how, made->x, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
            &made->workspace);
    default:
        return cudnnGetConvolutionBackwardFilterWorkspaceSize(
            device->dnn, made->x, made->y, made->how, made->w, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
            &made->workspace);
    }
}

int nn_cuda_convolution_prepare(nn_cuda *device, const nn_convolution *c,
                                struct nn_cuda_convolution **prepared, weir_error *error)
{
    *prepared = NULL;
    if (!device->dnn)
        return WEIR_OK;
    struct nn_cuda_convolution *made = calloc(1, sizeof *made);
    if (!made)
        return weir_error_memory(error, sizeof *made, "a convolution");
    /* A shape that the library does not take in this order is one for our own kernels. */
    if (describe(device, c, made) || made->workspace > device->workspace_size)
        nn_cuda_convolution_free(made);
    else
        *prepared = made;
    return WEIR_OK;
}

int nn_cuda_convolution_run(nn_cuda *device, const nn_program *program, const nn_convolution *c,
                            const nn_cuda_work *work, float *w, weir_error *error)
{
    struct nn_cuda_convolution *made = work->convolution;
    const float one = 1, zero = 0;
    float *x = nn_cuda_at(program, c->x.buffer, c->x.offset),
          *y = nn_cuda_at(program, c->y.buffer, c->y.offset);
    int status = WEIR_OK;
    if (c->op != NN_OP_CONV_WEIGHT)
        status = nn_cuda_launch_one(device, &work->launch[0], error);
    if (status)
        return status;
    switch (c->op) {
    case NN_OP_CONV:
        return dnn_failed(
            cudnnConvolutionForward(device->dnn, &one, made->x, x, made->w, w, made->how,
                                    CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                                    device->workspace, made->workspace, &zero, made->y, y),
            "a convolution", error);
    case NN_OP_CONV_DATA:
        return dnn_failed(cudnnConvolutionBackwardData(device->dnn, &one, made->w, w, made->y, y,
                                                       made->how, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
                                                       device->workspace, made->workspace, &zero,
                                                       made->x, x),
                          "a convolution's gradient by its data", error);
    default:
        status = dnn_failed(
            cudnnConvolutionBackwardFilter(device->dnn, &one, made->x, x, made->y, y, made->how,
                                           CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, device->workspace,
                                           made->workspace, &zero, made->w, w),
            "a convolution's gradient by its weights", error);
        return status ? status : nn_cuda_launch_one(device, &work->launch[0], error);
    }
}
#else
int nn_cuda_convolution_prepare(nn_cuda *device, const nn_convolution *convolution,
                                struct nn_cuda_convolution **prepared, weir_error *error)
{
    (void)device, (void)convolution, (void)error;
    *prepared = NULL;
    return WEIR_OK;
}

int nn_cuda_convolution_run(nn_cuda *device, const nn_program *program, const nn_convolution *c,
                            const nn_cuda_work *work, float *w, weir_error *error)
{
    (void)device, (void)program, (void)c, (void)work, (void)w;
    return weir_error_set(error, WEIR_EBUG, "a convolution by cuDNN in a build without it");
}

void nn_cuda_convolution_free(struct nn_cuda_convolution *prepared)
{
    (void)prepared;
}
#endif
