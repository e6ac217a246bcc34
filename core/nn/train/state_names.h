/* Names of what an optimiser or an average keeps beside a parameter. */
#ifndef WEIR_CORE_NN_TRAIN_STATE_NAMES_H
#define WEIR_CORE_NN_TRAIN_STATE_NAMES_H

#include "nn/graph.h"

/* KIND.PREFIX.WHAT.REST for the parameter PREFIX.REST ("adam.critic.m.0.weight"), and
 * KIND.PREFIX.WHAT where parameter is NULL; an empty prefix is left out. Dots at the joints are not
 * doubled. */
const char *nn_state_name(nn_graph *graph, const char *kind, const char *prefix, const char *what,
                          const nn_node *parameter);
/* The parameters of prefix, as long as the graph lives; *n is 0, and the error recorded, when there
 * are none. */
nn_node **nn_all_parameters(nn_graph *graph, const char *prefix, const char *who, int *n);

#endif
