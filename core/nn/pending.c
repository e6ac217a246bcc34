/* What the engine links against while its parts arrive: weak, so that the real one wins. */
#include "nn/compile/compile.h"
#include "nn/cpu/product.h"

static void *closed(const nn_settings *settings, char *description, size_t size, weir_error *error)
{
    (void)settings, (void)description, (void)size;
    weir_error_set(error, WEIR_EOPTION, "this build has no CPU back end");
    return NULL;
}

__attribute__((weak))
const nn_backend nn_backend_cpu = {.abi = NN_BACKEND_ABI, .name = "cpu", .open = closed};

__attribute__((weak)) const nn_backend *nn_backend_cuda(weir_error *error)
{
    weir_error_set(error, WEIR_EOPTION, "this build has no CUDA back end");
    return NULL;
}

__attribute__((weak)) void nn_program_free(nn_program *program)
{
    if (program)
        program->graph->programs = program->next;
}

__attribute__((weak)) int nn_rewrite(nn_graph *graph, int n, nn_node **outputs, const int *stage)
{
    (void)n, (void)outputs, (void)stage;
    return nn_status(graph);
}

__attribute__((weak)) int nn_plan_memory(nn_program *program)
{
    return nn_fail(program->graph, WEIR_EBUG, "this build plans no memory") ? WEIR_EBUG : WEIR_OK;
}

__attribute__((weak)) int nn_bind_memory(nn_program *program)
{
    return nn_fail(program->graph, WEIR_EBUG, "this build plans no memory") ? WEIR_EBUG : WEIR_OK;
}

__attribute__((weak)) int nn_run(nn_program *program, int stage)
{
    (void)program, (void)stage;
    return WEIR_EBUG;
}

__attribute__((weak)) int nn_read(nn_program *program, nn_node *output, nn_real *to)
{
    (void)program, (void)output, (void)to;
    return WEIR_EBUG;
}

__attribute__((weak)) nn_node *nn_adam_apply(nn_graph *graph, int n, nn_node *const *parameters,
                                             nn_node *const *gradients, const char *prefix,
                                             const nn_adam_options *options)
{
    (void)n, (void)parameters, (void)gradients, (void)prefix, (void)options;
    return nn_fail(graph, WEIR_EBUG, "this build has no optimisers");
}

__attribute__((weak)) void *nn_buffer_memory(const nn_program *program, int buffer)
{
    const nn_buffer *b = &program->buffer[buffer];

    return b->leaf ? nn_leaf_memory(b->leaf) : (char *)program->arena + b->offset;
}

__attribute__((weak)) void nn_kernel_buffers(const nn_kernel *kernel, nn_buffer_visitor *visit,
                                             void *context)
{
    if (kernel->kind == NN_KERNEL_LOOP)
        for (int r = 0; r < kernel->loop.results; r++)
            visit(kernel->loop.result[r].view.buffer, true, context);
    if (kernel->kind == NN_KERNEL_PRODUCT)
        visit(kernel->product.c.buffer, true, context);
}

__attribute__((weak)) void nn_product_plan_make(nn_product_plan *plan, const nn_product *product,
                                                nn_isa isa, int threads)
{
    (void)isa, (void)threads;
    *plan = (nn_product_plan){.product = *product};
}

__attribute__((weak)) size_t nn_product_scratch(const nn_product_plan *plan)
{
    (void)plan;
    return 0;
}

__attribute__((weak)) size_t nn_product_packed(const nn_product_plan *plan)
{
    (void)plan;
    return 0;
}

__attribute__((weak)) bool nn_product_same_b(const nn_product *one, const nn_product *other)
{
    (void)one, (void)other;
    return false;
}

__attribute__((weak)) void nn_product_pack(const nn_product_plan *plan, const nn_real *b,
                                           nn_real *packed)
{
    (void)plan, (void)b, (void)packed;
}

static const nn_real *element(const nn_matrix *matrix, const nn_real *from, const int64_t *batch,
                              int64_t row, int64_t column)
{
    for (int i = 0; i < 3; i++)
        from += batch[i] * matrix->batch[i];
    return from + (matrix->transposed ? column * matrix->row + row : row * matrix->row + column);
}

__attribute__((weak)) void nn_product_run(const nn_product_plan *plan, const nn_real *a,
                                          const nn_real *b, const nn_real *packed,
                                          const nn_real *bias, nn_real *c, nn_real *scratch)
{
    const nn_product *p = &plan->product;

    (void)packed, (void)scratch;
    for (int64_t at = 0; at < p->batch[0] * p->batch[1] * p->batch[2] * p->m * p->n; at++) {
        int64_t j = at % p->n, i = at / p->n % p->m, batch = at / p->n / p->m;
        int64_t index[3] = {batch / p->batch[2] / p->batch[1], batch / p->batch[2] % p->batch[1],
                            batch % p->batch[2]};
        nn_real *to = c + (element(&p->c, c, index, i, j) - c);
        nn_real sum = p->accumulate ? *to : 0;
        for (int64_t k = 0; k < p->k; k++)
            sum += *element(&p->a, a, index, i, k) * *element(&p->b, b, index, k, j);
        *to = sum + (bias ? *element(&p->bias, bias, index, 0, j) : 0);
    }
}
