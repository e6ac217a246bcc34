/* The CUDA back end's device: opening it, its memory, and copies to and from it. */
#include <stdio.h>
#include <stdlib.h>

#include "nn/cuda/run.h"

enum { WORKSPACE = 32 << 20 };

int nn_cuda_failed(CUresult result, const char *what, weir_error *error)
{
    if (result == CUDA_SUCCESS)
        return WEIR_OK;
    const char *text = NULL;
    if (cuGetErrorString(result, &text) != CUDA_SUCCESS || !text)
        text = "an unknown error";
    return weir_error_set(error, result == CUDA_ERROR_OUT_OF_MEMORY ? WEIR_ENOMEM : WEIR_EIO,
                          "CUDA: %s: %s (%d)", what, text, (int)result);
}

int nn_blas_failed(cublasStatus_t result, const char *what, weir_error *error)
{
    if (result == CUBLAS_STATUS_SUCCESS)
        return WEIR_OK;
    return weir_error_set(error, WEIR_EIO, "cuBLASLt: %s: %s", what,
                          cublasLtGetStatusString(result));
}

static void close_device(void *device)
{
    nn_cuda *cuda = device;
    if (!cuda)
        return;
    if (cuda->context)
        cuCtxSetCurrent(cuda->context);
    if (cuda->stream)
        cuStreamSynchronize(cuda->stream);
#ifdef WEIR_CUDNN
    if (cuda->dnn)
        cudnnDestroy(cuda->dnn);
#endif
    if (cuda->blas)
        cublasLtDestroy(cuda->blas);
    if (cuda->workspace)
        cuMemFree((CUdeviceptr)cuda->workspace);
    if (cuda->stream)
        cuStreamDestroy(cuda->stream);
    if (cuda->context)
        cuDevicePrimaryCtxRelease(cuda->device);
    free(cuda);
}

static int open_libraries(nn_cuda *cuda, weir_error *error)
{
    CUdeviceptr workspace;
    int status =
        nn_cuda_failed(cuMemAlloc(&workspace, WORKSPACE), "memory for the libraries", error);
    if (status)
        return status;
    cuda->workspace = (void *)workspace;
    cuda->workspace_size = WORKSPACE;
    if ((status = nn_blas_failed(cublasLtCreate(&cuda->blas), "opening", error)))
        return status;
#ifdef WEIR_CUDNN
    if (cudnnCreate(&cuda->dnn) != CUDNN_STATUS_SUCCESS)
        cuda->dnn = NULL; /* our own convolutions, then */
    else if (cudnnSetStream(cuda->dnn, (cudaStream_t)cuda->stream) != CUDNN_STATUS_SUCCESS)
        return weir_error_set(error, WEIR_EIO, "cuDNN: it does not take the stream");
#endif
    return WEIR_OK;
}

static void *open_device(const nn_settings *settings, char *description, size_t size,
                         weir_error *error)
{
    int devices = 0, major = 0, minor = 0;
    char name[96] = "";
    nn_cuda *cuda = calloc(1, sizeof *cuda);
    if (!cuda) {
        weir_error_memory(error, sizeof *cuda, "the CUDA device");
        return NULL;
    }
    cuda->tf32 = settings->tf32;
    int status = nn_cuda_failed(cuInit(0), "starting the driver", error);
    if (!status)
        status = nn_cuda_failed(cuDeviceGetCount(&devices), "counting devices", error);
    if (!status && !devices)
        status = weir_error_set(error, WEIR_EOPTION, "CUDA: there is no device");
    if (!status)
        status = nn_cuda_failed(cuDeviceGet(&cuda->device, 0), "device 0", error);
    if (!status)
        status = nn_cuda_failed(cuDevicePrimaryCtxRetain(&cuda->context, cuda->device), "a context",
                                error);
    if (!status)
        status = nn_cuda_failed(cuCtxSetCurrent(cuda->context), "the context", error);
    if (!status)
        status = nn_cuda_failed(cuStreamCreate(&cuda->stream, CU_STREAM_NON_BLOCKING), "a stream",
                                error);
    if (!status)
        status = open_libraries(cuda, error);
    if (status) {
        close_device(cuda);
        return NULL;
    }
    cuDeviceGetName(name, (int)sizeof name, cuda->device);
    cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, cuda->device);
    cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, cuda->device);
    snprintf(cuda->architecture, sizeof cuda->architecture, "sm_%d%d", major, minor);
#ifdef WEIR_CUDNN
    const char *convolutions = cuda->dnn ? ", cuDNN" : "";
#else
    const char *convolutions = "";
#endif
    snprintf(description, size, "cuda, %s, %s%s%s", name, cuda->architecture, convolutions,
             cuda->tf32 ? ", TF32" : "");
    return cuda;
}

/* Device memory is taken before anything runs, so that one synchronous call each is cheap enough.
 */
static void *allocate(void *device, size_t bytes, weir_error *error)
{
    nn_cuda *cuda = device;
    CUdeviceptr memory = 0;
    char what[64];
    snprintf(what, sizeof what, "%zu bytes of device memory", bytes);
    if (nn_cuda_failed(cuCtxSetCurrent(cuda->context), "the context", error) ||
        nn_cuda_failed(cuMemAlloc(&memory, bytes ? bytes : 1), what, error))
        return NULL;
    if (nn_cuda_failed(cuMemsetD8Async(memory, 0, bytes, cuda->stream), "clearing memory", error) ||
        nn_cuda_failed(cuStreamSynchronize(cuda->stream), "clearing memory", error)) {
        cuMemFree(memory);
        return NULL;
    }
    return (void *)memory;
}

static void release(void *device, void *memory)
{
    nn_cuda *cuda = device;
    if (!memory)
        return;
    cuCtxSetCurrent(cuda->context);
    cuStreamSynchronize(cuda->stream);
    cuMemFree((CUdeviceptr)memory);
}

static int copy_in(void *device, void *to, const void *from, size_t bytes, weir_error *error)
{
    nn_cuda *cuda = device;
    int status = nn_cuda_failed(cuCtxSetCurrent(cuda->context), "the context", error);
    if (!status)
        status = nn_cuda_failed(cuMemcpyHtoDAsync((CUdeviceptr)to, from, bytes, cuda->stream),
                                "copying to the device", error);
    /* The caller's memory may change as soon as this returns. */
    return status
               ? status
               : nn_cuda_failed(cuStreamSynchronize(cuda->stream), "copying to the device", error);
}

static int copy_out(void *device, void *to, const void *from, size_t bytes, weir_error *error)
{
    nn_cuda *cuda = device;
    int status = nn_cuda_failed(cuCtxSetCurrent(cuda->context), "the context", error);
    if (!status)
        status = nn_cuda_failed(cuMemcpyDtoHAsync(to, (CUdeviceptr)from, bytes, cuda->stream),
                                "copying from the device", error);
    return status
               ? status
               : nn_cuda_failed(cuStreamSynchronize(cuda->stream), "waiting for the device", error);
}

const nn_backend nn_backend_cuda_table = {.abi = NN_BACKEND_ABI,
                                          .name = "cuda",
                                          .open = open_device,
                                          .close = close_device,
                                          .allocate = allocate,
                                          .release = release,
                                          .write = copy_in,
                                          .read = copy_out,
                                          .prepare = nn_cuda_prepare,
                                          .run = nn_cuda_run,
                                          .discard = nn_cuda_discard};
