/* What the engine links against while its parts arrive: weak, so that the real one wins. */
#include "nn/backend.h"

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
