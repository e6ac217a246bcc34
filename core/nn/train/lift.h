/* A computation on one example, done for many at once. */
#ifndef WEIR_CORE_NN_LIFT_H
#define WEIR_CORE_NN_LIFT_H

#include "nn/graph.h"

/* out[i] ([examples] + shape of nodes[i]): nodes[i] for every example, where the inputs one[k] of
 * one example are replaced by all[k] ([examples] + shape of one[k]). Variables are shared; noise is
 * drawn for each example under "NAME.each". Ranks up to 4. */
int nn_lift(nn_graph *graph, int64_t examples, int inputs, nn_node *const *one, nn_node *const *all,
            int n, nn_node *const *nodes, nn_node **out);

#endif
