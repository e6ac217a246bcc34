/* What of a graph lasts from run to run, on its way into files and archives and back: the values of
 * variables, and how often each noise was drawn. */
#ifndef WEIR_CORE_NN_LASTING_H
#define WEIR_CORE_NN_LASTING_H

#include "data/safetensors.h"
#include "nn/graph.h"

/* The type of this build's numbers in a file. */
#define NN_FILE_TYPE (sizeof(nn_real) == 4 ? WEIR_F32 : WEIR_F64)

/* The next leaf of this operation (VARIABLE, NOISE) whose name begins with prefix, from node *at
 * on; *at moves behind it. NULL after the last. */
nn_node *nn_next_leaf(const nn_graph *graph, nn_op op, const char *prefix, int *at);
/* "parameter 'net.weight' [64][8]", into text. */
const char *nn_leaf_text(const nn_node *leaf, char *text, size_t size);

/* How often a noise was drawn, and setting it. Errors are the graph's. */
int nn_draws(nn_node *noise, uint64_t *draws);
int nn_set_draws(nn_node *noise, uint64_t draws);

/* Adds the value of a variable to the set. */
int nn_collect(nn_node *variable, weir_tensors *tensors);
/* Adds those of all whose names begin with prefix, and notes the writer and which are states. */
int nn_collect_all(nn_graph *graph, const char *prefix, weir_tensors *tensors);
/* Whether the set of this file has every variable of the prefix, in its shape and type; and, unless
 * they are noted as states and `spare` allows it, nothing else but names with a '/'. */
int nn_fits(nn_graph *graph, const char *prefix, const weir_tensors *tensors, const char *path,
            bool spare);
/* Reads all values of an open set, then sets the variables of the prefix: after nn_fits. */
int nn_set_all(nn_graph *graph, const char *prefix, weir_tensors *tensors, const char *path);

/* Whether the graph has no error and prefix and path are there; NULL is recorded as an error. */
bool nn_file_given(nn_graph *graph, const char *operation, const char *prefix, const char *path);

#endif
