/* What the layers share. */
#ifndef WEIR_CORE_NN_LAYERS_LAYER_H
#define WEIR_CORE_NN_LAYERS_LAYER_H

#include "nn/graph.h"
#include <weir/nn_layers.h>

/* Whether x is the result of an earlier mistake, which is recorded already, or NULL, which has no
 * graph to record anything in: a layer then returns x. */
static inline bool nn_poisoned(const nn_node *x)
{
    return !x || x->op == NN_OP_POISON;
}

/* NAME.SUFFIX, as long as the graph lives. */
const char *nn_member(nn_graph *graph, const char *name, const char *suffix);
/* A name for a noise that no noise has yet: name, name.2, name.3, … */
const char *nn_fresh_noise(nn_graph *graph, const char *name);
/* The noise of this name; NULL when there is none. */
nn_node *nn_find_noise(nn_graph *graph, const char *name);
/* x with axes 0 … rank - 2 joined to one: [rows][width]. */
nn_node *nn_rows(nn_node *x);
/* rows [rows][width] with the leading axes of like: [...][width]. */
nn_node *nn_unrows(nn_node *rows, const nn_node *like);
/* x where it is an image [batch][height][width][channel], else poison. */
nn_node *nn_image(nn_node *x, const char *layer);
/* The window with 1 for sizes of 0; false, with the error recorded, where one is negative. */
bool nn_sweep_check(nn_graph *graph, const nn_sweep *given, nn_sweep *window, const char *layer);
/* 0, 1, … count - 1 as [count]. */
nn_node *nn_iota(nn_graph *graph, int64_t count);

#endif
