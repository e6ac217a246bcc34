/* Checkpoints: all of a graph that lasts, as one safetensors file. Beside the variables it has
 * `draws/NAME` for each noise, and notes the seed and a fingerprint of the inputs and noises, by
 * which a checkpoint of another graph is told. */
#include "nn/train/lasting.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIND "checkpoint 1"

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return hash;
}

/* The same in whatever order the leaves were made. */
static uint64_t fingerprint(const nn_graph *graph)
{
    uint64_t sum = 0;

    for (int i = 0; i < graph->count; i++) {
        const nn_node *node = graph->nodes[i];
        int64_t kind[2] = {node->op == NN_OP_INPUT, node->at[0]};
        uint64_t hash = 1469598103934665603u;
        if (node->op != NN_OP_INPUT && node->op != NN_OP_NOISE)
            continue;
        hash = mix(hash, node->name, strlen(node->name));
        hash = mix(hash, kind, sizeof kind);
        hash = mix(hash, node->shape, (size_t)node->rank * sizeof *node->shape);
        sum += hash ^ hash >> 29;
    }
    return sum;
}

static const char *draws_name(const nn_node *noise, char *text, size_t size)
{
    snprintf(text, size, "draws/%s", noise->name);
    return text;
}

static int collect_draws(nn_graph *graph, weir_tensors *tensors)
{
    nn_node *noise;
    char name[512];

    for (int at = 0; !nn_status(graph) && (noise = nn_next_leaf(graph, NN_OP_NOISE, "", &at));) {
        uint64_t draws = 0;
        if (nn_draws(noise, &draws) == WEIR_OK)
            weir_tensors_add(tensors, draws_name(noise, name, sizeof name), WEIR_U64, 0, NULL,
                             &draws, &graph->error);
    }
    return nn_status(graph);
}

int nn_checkpoint_save(nn_graph *graph, const char *path)
{
    weir_tensors tensors = {0};
    char seed[32], print[32];

    if (!nn_file_given(graph, "checkpoint_save", "", path))
        return nn_status(graph);
    snprintf(seed, sizeof seed, "%" PRIu64, graph->settings.seed);
    snprintf(print, sizeof print, "%016" PRIx64, fingerprint(graph));
    if (nn_collect_all(graph, "", &tensors) == WEIR_OK &&
        collect_draws(graph, &tensors) == WEIR_OK &&
        weir_tensors_note(&tensors, "kind", KIND, &graph->error) == WEIR_OK &&
        weir_tensors_note(&tensors, "seed", seed, &graph->error) == WEIR_OK &&
        weir_tensors_note(&tensors, "leaves", print, &graph->error) == WEIR_OK)
        weir_tensors_write(&tensors, path, &graph->error);
    weir_tensors_free(&tensors);
    return nn_status(graph);
}

static int check_draws(nn_graph *graph, const weir_tensors *tensors, const char *path)
{
    size_t found = 0, there = 0;
    const nn_node *noise;
    char name[512];

    for (int at = 0; !nn_status(graph) && (noise = nn_next_leaf(graph, NN_OP_NOISE, "", &at));) {
        const weir_tensor *tensor =
            weir_tensors_find(tensors, draws_name(noise, name, sizeof name));
        found++;
        if (!tensor || tensor->type != WEIR_U64 || tensor->rank != 0)
            weir_error_set(&graph->error, WEIR_EDATA,
                           "%s: it has no count of draws (u64) of the noise '%.200s'", path,
                           noise->name);
    }
    for (size_t i = 0; i < tensors->count; i++)
        there += strchr(tensors->items[i].name, '/') != NULL;
    if (found != there)
        weir_error_set(&graph->error, WEIR_EDATA,
                       "%s: it counts the draws of %zu noises, the graph has %zu", path, there,
                       found);
    return nn_status(graph);
}

static int check_notes(nn_graph *graph, const weir_tensors *tensors, const char *path)
{
    const char *kind = weir_tensors_noted(tensors, "kind");
    const char *seed = weir_tensors_noted(tensors, "seed");
    const char *leaves = weir_tensors_noted(tensors, "leaves");
    char own_seed[32], own_leaves[32];

    snprintf(own_seed, sizeof own_seed, "%" PRIu64, graph->settings.seed);
    snprintf(own_leaves, sizeof own_leaves, "%016" PRIx64, fingerprint(graph));
    if (!kind || strcmp(kind, KIND) != 0)
        return weir_error_set(&graph->error, WEIR_EDATA, "%s: it is no checkpoint (" KIND ")",
                              path);
    if (!seed || strcmp(seed, own_seed) != 0)
        return weir_error_set(&graph->error, WEIR_EDATA,
                              "%s: it is of seed %.30s, the graph has seed %s", path,
                              seed ? seed : "unknown", own_seed);
    if (!leaves || strcmp(leaves, own_leaves) != 0)
        return weir_error_set(&graph->error, WEIR_EDATA,
                              "%s: it is of a graph with other inputs or noises", path);
    return WEIR_OK;
}

int nn_checkpoint_load(nn_graph *graph, const char *path)
{
    weir_tensors tensors = {0};
    nn_node *noise;
    char name[512];

    if (nn_file_given(graph, "checkpoint_load", "", path) &&
        weir_tensors_open(&tensors, path, &graph->error) == WEIR_OK &&
        nn_fits(graph, "", &tensors, path, false) == WEIR_OK &&
        check_draws(graph, &tensors, path) == WEIR_OK &&
        check_notes(graph, &tensors, path) == WEIR_OK &&
        nn_set_all(graph, "", &tensors, path) == WEIR_OK)
        for (int at = 0;
             !nn_status(graph) && (noise = nn_next_leaf(graph, NN_OP_NOISE, "", &at));) {
            uint64_t draws;
            memcpy(&draws, weir_tensors_find(&tensors, draws_name(noise, name, sizeof name))->data,
                   sizeof draws);
            nn_set_draws(noise, draws);
        }
    weir_tensors_free(&tensors);
    return nn_status(graph);
}
