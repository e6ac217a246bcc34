/* What the files of the classifier give each other. */
#ifndef WEIR_CORE_NN_MODELS_CLASSIFY_H
#define WEIR_CORE_NN_MODELS_CLASSIFY_H

#include <weir/classifier.h>
#include <weir/nn.h>

/* x [batch][height][width][channels] to the penultimate layer [batch][width], with the parameters
 * net.…; as the graph's mode is, for training or for use. */
nn_node *cl_features(nn_node *x, const weir_classifier_settings *settings);
/* And on to the logits [batch][classes]. */
nn_node *cl_logits(nn_node *features, int64_t classes, const weir_classifier_settings *settings);

#endif
