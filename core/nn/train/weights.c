/* Weights as safetensors files. */
#include "nn/train/lasting.h"

int nn_save(nn_graph *graph, const char *prefix, const char *path)
{
    weir_tensors tensors = {0};

    if (nn_status(graph) == WEIR_OK && nn_collect_all(graph, prefix, &tensors) == WEIR_OK) {
        if (tensors.count)
            weir_tensors_write(&tensors, path, &graph->error);
        else
            weir_error_set(&graph->error, WEIR_EOPTION,
                           "%s: no parameter's or state's name begins with '%s'", path, prefix);
    }
    weir_tensors_free(&tensors);
    return nn_status(graph);
}

int nn_load(nn_graph *graph, const char *prefix, const char *path)
{
    weir_tensors tensors = {0};

    if (nn_status(graph) == WEIR_OK &&
        weir_tensors_open(&tensors, path, &graph->error) == WEIR_OK &&
        nn_fits(graph, prefix, &tensors, path, true) == WEIR_OK)
        nn_set_all(graph, prefix, &tensors, path);
    weir_tensors_free(&tensors);
    return nn_status(graph);
}
