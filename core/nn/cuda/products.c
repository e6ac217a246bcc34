/* Matrix products by cuBLASLt. Row-major c = a b is column-major c' = b' a', so the operands change
 * places; a stored matrix of row stride `row` is a column-major one of that leading dimension. */
#include "nn/cuda/cuda.h"

static int set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
               const void *value, size_t size, weir_error *error)
{
    return nn_blas_failed(cublasLtMatmulDescSetAttribute(operation, attribute, value, size),
                          "describing a product", error);
}

/* The layout of a matrix as it is stored: rows x columns, row-major. Its innermost batch axis goes
 * with it. */
static int layout(cublasLtMatrixLayout_t *made, int64_t rows, int64_t columns,
                  const nn_matrix *matrix, int32_t batch, weir_error *error)
{
    int64_t leading = rows == 1 && matrix->row < columns ? columns : matrix->row;
    int status = nn_blas_failed(
        cublasLtMatrixLayoutCreate(made, CUDA_R_32F, (uint64_t)columns, (uint64_t)rows, leading),
        "describing a matrix", error);
    if (status || batch == 1)
        return status;
    status = nn_blas_failed(cublasLtMatrixLayoutSetAttribute(
                                *made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch),
                            "describing a batch", error);
    return status ? status
                  : nn_blas_failed(cublasLtMatrixLayoutSetAttribute(
                                       *made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                       &matrix->batch[2], sizeof matrix->batch[2]),
                                   "describing a batch", error);
}

/* The largest power of two, up to 256 bytes, that divides every address of this operand. */
static uint32_t alignment(const nn_matrix *matrix)
{
    uint64_t bits = 64 | (uint64_t)matrix->offset | (uint64_t)matrix->row;
    for (int i = 0; i < 3; i++)
        bits |= (uint64_t)matrix->batch[i];
    return (uint32_t)((bits & (~bits + 1)) * sizeof(float));
}

static int choose(nn_cuda *device, const nn_product *product, nn_cuda_product *made,
                  weir_error *error)
{
    cublasLtMatmulPreference_t preference = NULL;
    int status = nn_blas_failed(cublasLtMatmulPreferenceCreate(&preference), "a preference", error);
    if (status)
        return status;
    /* Sums split over blocks are joined in a fixed order, or not split. */
    uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    uint32_t a = alignment(&product->b), b = alignment(&product->a), c = alignment(&product->c);
    const struct {
        cublasLtMatmulPreferenceAttributes_t attribute;
        const void *value;
        size_t size;
    } wish[] = {
        {CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &device->workspace_size, sizeof(size_t)},
        {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &a, sizeof a},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &b, sizeof b},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &c, sizeof c},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &c, sizeof c},
    };
    for (size_t i = 0; i < sizeof wish / sizeof *wish && !status; i++)
        status = nn_blas_failed(cublasLtMatmulPreferenceSetAttribute(preference, wish[i].attribute,
                                                                     wish[i].value, wish[i].size),
                                "a preference", error);
    cublasLtMatmulHeuristicResult_t result;
    int found = 0;
    if (!status)
        status = nn_blas_failed(cublasLtMatmulAlgoGetHeuristic(device->blas, made->operation,
                                                               made->a, made->b, made->c, made->c,
                                                               preference, 1, &result, &found),
                                "choosing how to multiply", error);
    if (!status && !found)
        status = weir_error_set(error, WEIR_EIO,
                                "cuBLASLt: no way to multiply [%lld][%lld] by [%lld][%lld]",
                                (long long)product->m, (long long)product->k, (long long)product->k,
                                (long long)product->n);
    if (!status)
        made->algorithm = result.algo;
    cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

int nn_cuda_product_prepare(nn_cuda *device, const nn_program *program, const nn_product *product,
                            nn_cuda_product *made, weir_error *error)
{
    const nn_matrix *a = &product->a, *b = &product->b, *c = &product->c;
    int32_t batch = (int32_t)product->batch[2];
    cublasComputeType_t compute = device->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    cublasOperation_t first = b->transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t second = a->transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    int status = nn_blas_failed(cublasLtMatmulDescCreate(&made->operation, compute, CUDA_R_32F),
                                "describing a product", error);
    if (!status)
        status = set(made->operation, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first, error);
    if (!status)
        status = set(made->operation, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second, error);
    if (!status && product->bias.buffer >= 0) {
        cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
        const void *bias = nn_cuda_at(program, product->bias.buffer, product->bias.offset);
        status =
            set(made->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue, error);
        if (!status)
            status =
                set(made->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias, error);
    }
    if (!status)
        status = b->transposed ? layout(&made->a, product->n, product->k, b, batch, error)
                               : layout(&made->a, product->k, product->n, b, batch, error);
    if (!status)
        status = a->transposed ? layout(&made->b, product->k, product->m, a, batch, error)
                               : layout(&made->b, product->m, product->k, a, batch, error);
    if (!status)
        status = layout(&made->c, product->m, product->n, c, batch, error);
    if (!status)
        status = choose(device, product, made, error);
    return status;
}

int nn_cuda_product_run(nn_cuda *device, const nn_program *program, const nn_product *product,
                        const nn_cuda_product *made, weir_error *error)
{
    const float one = 1, old = product->accumulate ? 1 : 0;
    int status = WEIR_OK;
    for (int64_t i = 0; i < product->batch[0] && !status; i++)
        for (int64_t j = 0; j < product->batch[1] && !status; j++) {
            const nn_matrix *a = &product->a, *b = &product->b, *c = &product->c;
            const float *pa =
                nn_cuda_at(program, a->buffer, a->offset + i * a->batch[0] + j * a->batch[1]);
            const float *pb =
                nn_cuda_at(program, b->buffer, b->offset + i * b->batch[0] + j * b->batch[1]);
            float *pc =
                nn_cuda_at(program, c->buffer, c->offset + i * c->batch[0] + j * c->batch[1]);
            status = nn_blas_failed(
                cublasLtMatmul(device->blas, made->operation, &one, pb, made->a, pa, made->b, &old,
                               pc, made->c, pc, made->c, &made->algorithm, device->workspace,
                               device->workspace_size, (cudaStream_t)device->stream),
                "multiplying", error);
        }
    return status;
}

void nn_cuda_product_free(nn_cuda_product *made)
{
    if (made->c)
        cublasLtMatrixLayoutDestroy(made->c);
    if (made->b)
        cublasLtMatrixLayoutDestroy(made->b);
    if (made->a)
        cublasLtMatrixLayoutDestroy(made->a);
    if (made->operation)
        cublasLtMatmulDescDestroy(made->operation);
    *made = (nn_cuda_product){0};
}
