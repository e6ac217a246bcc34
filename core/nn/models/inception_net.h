/* What the files of Inception-v3 give each other. */
#ifndef WEIR_CORE_NN_MODELS_INCEPTION_NET_H
#define WEIR_CORE_NN_MODELS_INCEPTION_NET_H

#include "data/safetensors.h"
#include <weir/nn.h>

/* A file of weights, and what is wrong with it. */
typedef struct inception_weights {
    weir_tensors file;
    int wrong;      /* arrays that are missing or do not fit */
    bool unsure;    /* a convolution is among them: channel counts behind it are not known */
    size_t used;    /* of text */
    char text[800]; /* which, and why: as many as there is room for */
} inception_weights;

/* x [batch][299][299][3] in [-1, 1] to [batch][features]. Channel counts are those of the weights;
 * the graph's parameters get the arrays' names, and no values. Look at weights->wrong before
 * anything else. */
nn_node *inception_network(nn_node *x, inception_weights *weights);

#endif
