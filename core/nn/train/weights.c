/* Weights as safetensors files. */
#include "nn/train/lasting.h"
#include <stdlib.h>

int nn_save(nn_graph *graph, const char *prefix, const char *path)
{
    weir_tensors tensors = {0};

    if (nn_file_given(graph, "save", prefix, path) &&
        nn_collect_all(graph, prefix, &tensors) == WEIR_OK) {
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

    if (nn_file_given(graph, "load", prefix, path) &&
        weir_tensors_open(&tensors, path, &graph->error) == WEIR_OK &&
        nn_fits(graph, prefix, &tensors, path, true) == WEIR_OK)
        nn_set_all(graph, prefix, &tensors, path);
    weir_tensors_free(&tensors);
    return nn_status(graph);
}

static int copy_value(nn_node *to, nn_node *from)
{
    nn_real *values = malloc(((size_t)nn_count(to) + 1) * sizeof *values);

    if (!values)
        return weir_error_memory(&to->graph->error, 0, to->name);
    if (nn_value(from, values) == WEIR_OK)
        nn_write(to, values);
    free(values);
    return nn_status(from->graph);
}

int nn_copy(nn_graph *to, nn_graph *from, const char *prefix)
{
    nn_node *node;

    if (nn_status(to) == WEIR_OK && (!from || !prefix))
        nn_fail(to, WEIR_EOPTION, "copy: no %s (NULL)", from ? "prefix" : "graph to copy from");
    for (int at = 0; !nn_status(to) && (node = nn_next_leaf(to, NN_OP_VARIABLE, prefix, &at));) {
        const nn_node *source = nn_find(from, node->name);
        char want[400], have[160];
        if (!source)
            nn_fail(to, WEIR_EOPTION, "copy: the other graph has no %s",
                    nn_leaf_text(node, want, sizeof want));
        else if (!nn_same_shape(source, node))
            nn_fail(to, WEIR_EOPTION, "copy: the other graph's '%s' is %s, not %s", node->name,
                    nn_shape_text(source, have), nn_leaf_text(node, want, sizeof want));
    }
    for (int at = 0; !nn_status(to) && (node = nn_next_leaf(to, NN_OP_VARIABLE, prefix, &at));)
        if (copy_value(node, nn_find(from, node->name)) != WEIR_OK)
            nn_fail(to, (weir_status)nn_status(from), "copy: %s", nn_error(from)->text);
    return nn_status(to);
}
