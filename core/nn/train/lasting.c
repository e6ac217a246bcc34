/* Variables and draws of noise, between a graph and a set of arrays. */
#include "nn/train/lasting.h"
#include "nn/backend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

nn_node *nn_next_leaf(const nn_graph *graph, nn_op op, const char *prefix, int *at)
{
    size_t length = strlen(prefix);

    while (*at < graph->count) {
        nn_node *node = graph->nodes[(*at)++];
        if (node->op == op && !strncmp(node->name, prefix, length))
            return node;
    }
    return NULL;
}

const char *nn_leaf_text(const nn_node *leaf, char *text, size_t size)
{
    char shape[160];

    snprintf(text, size, "%s '%.200s' %s",
             leaf->op == NN_OP_NOISE           ? "noise"
             : leaf->role == NN_ROLE_PARAMETER ? "parameter"
                                               : "state",
             leaf->name, nn_shape_text(leaf, shape));
    return text;
}

int nn_draws(nn_node *noise, uint64_t *draws)
{
    nn_graph *graph = noise->graph;
    void *memory = nn_leaf_memory(noise);

    if (!memory)
        return nn_status(graph);
    return graph->backend->read(graph->device, draws, memory, sizeof *draws, &graph->error);
}

int nn_set_draws(nn_node *noise, uint64_t draws)
{
    nn_graph *graph = noise->graph;
    void *memory = nn_leaf_memory(noise);

    if (!memory)
        return nn_status(graph);
    return graph->backend->write(graph->device, memory, &draws, sizeof draws, &graph->error);
}

/* ---- Out of a graph ---------------------------------------------------------------------------*/

int nn_collect(nn_node *variable, weir_tensors *tensors)
{
    nn_graph *graph = variable->graph;
    size_t bytes = (size_t)nn_count(variable) * sizeof(nn_real);
    nn_real *values = malloc(bytes ? bytes : 1);
    uint64_t shape[NN_MAX_RANK];

    for (int i = 0; i < variable->rank; i++)
        shape[i] = (uint64_t)variable->shape[i];
    if (!values)
        weir_error_memory(&graph->error, bytes, variable->name);
    else if (nn_value(variable, values) == WEIR_OK)
        weir_tensors_add(tensors, variable->name, NN_FILE_TYPE, variable->rank, shape, values,
                         &graph->error);
    free(values);
    return nn_status(graph);
}

/* The names of the states as one text, each between spaces. */
static char *list_states(const nn_graph *graph, const char *prefix)
{
    size_t length = 2, used = 1;
    nn_node *node;
    char *text;

    for (int at = 0; (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        length += strlen(node->name) + 1;
    text = malloc(length);
    if (!text)
        return NULL;
    strcpy(text, " ");
    for (int at = 0; (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        if (node->role == NN_ROLE_STATE)
            used += (size_t)snprintf(text + used, length - used, "%s ", node->name);
    return text;
}

int nn_collect_all(nn_graph *graph, const char *prefix, weir_tensors *tensors)
{
    char *states = list_states(graph, prefix), writer[64];
    nn_node *node;

    snprintf(writer, sizeof writer, "weir %s", weir_version());
    if (!states)
        return weir_error_memory(&graph->error, 0, "the names of states");
    weir_tensors_note(tensors, "writer", writer, &graph->error);
    weir_tensors_note(tensors, "states", states, &graph->error);
    free(states);
    for (int at = 0;
         !nn_status(graph) && (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        nn_collect(node, tensors);
    return nn_status(graph);
}

/* ---- Into a graph -----------------------------------------------------------------------------*/

static bool same_shape(const nn_node *node, const weir_tensor *tensor)
{
    bool same = node->rank == tensor->rank;

    for (int i = 0; same && i < node->rank; i++)
        same = (uint64_t)node->shape[i] == tensor->shape[i];
    return same;
}

static const char *tensor_shape(const weir_tensor *tensor, char text[160])
{
    size_t used = (size_t)snprintf(text, 160, tensor->rank ? "" : "[]");

    for (int i = 0; i < tensor->rank && used < 130; i++)
        used += (size_t)snprintf(text + used, 160 - used, "[%llu]",
                                 (unsigned long long)tensor->shape[i]);
    return text;
}

static bool noted_as_state(const weir_tensors *tensors, const char *name)
{
    const char *states = weir_tensors_noted(tensors, "states");
    size_t length = strlen(name);

    for (const char *at = states; at && length && (at = strstr(at, name)); at++)
        if (at > states && at[-1] == ' ' && at[length] == ' ')
            return true;
    return false;
}

static int fits(const nn_node *node, const weir_tensors *tensors, const char *path,
                weir_error *error)
{
    const weir_tensor *tensor = weir_tensors_find(tensors, node->name);
    char expected[400], shape[160];

    nn_leaf_text(node, expected, sizeof expected);
    if (!tensor)
        return weir_error_set(error, WEIR_EDATA, "%s: it has no %s", path, expected);
    if (!same_shape(node, tensor))
        return weir_error_set(error, WEIR_EDATA, "%s: '%.200s' is %s there, must be %s", path,
                              node->name, tensor_shape(tensor, shape),
                              nn_shape_text(node, expected));
    if (tensor->type != NN_FILE_TYPE && tensor->type != WEIR_F32)
        return weir_error_set(error, WEIR_EDATA, "%s: '%.200s' is of type %s, must be f32", path,
                              node->name, weir_type_name(tensor->type));
    return WEIR_OK;
}

int nn_fits(nn_graph *graph, const char *prefix, const weir_tensors *tensors, const char *path,
            bool spare)
{
    size_t length = strlen(prefix);
    const nn_node *node;

    for (int at = 0;
         !nn_status(graph) && (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        fits(node, tensors, path, &graph->error);
    for (size_t i = 0; i < tensors->count && !nn_status(graph); i++) {
        const char *name = tensors->items[i].name;
        node = nn_find(graph, name);
        if (strchr(name, '/') ||
            (node && node->op == NN_OP_VARIABLE && !strncmp(name, prefix, length)) ||
            (spare && noted_as_state(tensors, name)))
            continue;
        weir_error_set(&graph->error, WEIR_EDATA,
                       "%s: '%.200s' is no variable of this graph whose name begins with '%s': the "
                       "file is of another model",
                       path, name, prefix);
    }
    return nn_status(graph);
}

static int set(nn_node *node, const weir_tensor *tensor)
{
    size_t count = (size_t)nn_count(node);
    nn_real *wide;
    int status;

    if (tensor->type == NN_FILE_TYPE)
        return nn_write(node, tensor->data);
    wide = malloc((count + 1) * sizeof *wide);
    if (!wide)
        return weir_error_memory(&node->graph->error, count * sizeof *wide, node->name);
    for (size_t i = 0; i < count; i++)
        wide[i] = ((const float *)tensor->data)[i];
    status = nn_write(node, wide);
    free(wide);
    return status;
}

int nn_set_all(nn_graph *graph, const char *prefix, weir_tensors *tensors, const char *path)
{
    weir_error local = {0};
    nn_node *node;

    for (size_t i = 0; i < tensors->count && local.status == WEIR_OK; i++)
        weir_tensors_fill(tensors, i, &local);
    if (local.status != WEIR_OK)
        return weir_error_set(&graph->error, local.status, "%s: %s", path, local.text);
    for (int at = 0;
         !nn_status(graph) && (node = nn_next_leaf(graph, NN_OP_VARIABLE, prefix, &at));)
        set(node, weir_tensors_find(tensors, node->name));
    return nn_status(graph);
}

bool nn_file_given(nn_graph *graph, const char *operation, const char *prefix, const char *path)
{
    if (nn_status(graph) != WEIR_OK)
        return false;
    if (!prefix || !path)
        nn_fail(graph, WEIR_EOPTION, "%s: no %s (NULL)", operation, path ? "prefix" : "path");
    return prefix && path;
}
