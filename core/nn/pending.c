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

__attribute__((weak)) nn_node *nn_adam_apply(nn_graph *graph, int n, nn_node *const *parameters,
                                             nn_node *const *gradients, const char *prefix,
                                             const nn_adam_options *options)
{
    (void)n, (void)parameters, (void)gradients, (void)prefix, (void)options;
    return nn_fail(graph, WEIR_EBUG, "this build has no optimisers");
}
