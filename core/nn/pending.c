/* What the engine links against while its parts arrive: weak, so that the real one wins. */
#include "nn/compile/compile.h"

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
