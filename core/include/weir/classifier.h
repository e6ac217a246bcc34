/* Classifiers of small images, on the engine: a convolutional network and a multilayer perceptron,
 * trained by Adam on the cross-entropy. For tasks that ask how well labels are told, and for
 * metrics that need a network's view of images (its penultimate layer). */
#ifndef WEIR_CLASSIFIER_H
#define WEIR_CLASSIFIER_H

#include <weir/plugin.h>

/* Labelled images. Not every class needs an example. */
typedef struct weir_examples {
    size_t count;
    uint32_t height, width, channels, classes;
    const float *x;        /* [count][height][width][channels], finite; [0, 1] for images */
    const uint32_t *label; /* [count], below classes */
} weir_examples;

typedef enum weir_classifier_kind { WEIR_CNN, WEIR_MLP } weir_classifier_kind;

typedef struct weir_classifier_settings {
    weir_classifier_kind kind;
    int64_t steps, batch; /* steps of training, and examples of each */
    double rate;          /* Adam's, falling to 0 along half a cosine */
    double weight_decay;  /* AdamW's */
    double dropout;       /* before the last layer, in [0, 1) */
    int64_t levels;       /* CNN: convolution, batch norm, ReLU, 2 x 2 maxima; MLP: hidden layers */
    int64_t base;         /* CNN: channels of the first level, doubled from one to the next */
    int64_t width;        /* of the penultimate layer (MLP: of every hidden layer) */
    /* What weir_progress is told: that of `all` steps `before` + 0, 1, … are done. all 0: this
     * fit's steps. */
    int64_t before, all;
} weir_classifier_settings;

/* Settings for these examples (their number and shape; x and label may be NULL): 30 passes over
 * them, but 500 steps at least and 1500 at most, in batches of 32; as many levels, 4 at most, as
 * leave no more than 4 pixels of the longer side. */
WEIR_API weir_classifier_settings weir_classifier_defaults(weir_classifier_kind kind,
                                                           const weir_examples *examples);

typedef struct weir_classifier weir_classifier;

/* Trains a classifier. First weights and batches come from the job's stream of that name: one name,
 * seed and set of examples give the same bytes; a second fit by the same name in a job goes on in
 * the stream. The examples are borrowed for the call. NULL with the error recorded: WEIR_EDATA
 * without examples, for a label that is no class and for a value that is not finite, WEIR_EOPTION
 * for settings out of range, WEIR_EDIVERGE, WEIR_ENOMEM, WEIR_ECANCEL. */
WEIR_API weir_classifier *weir_classifier_fit(weir_job *job, const char *stream,
                                              const weir_classifier_settings *settings,
                                              const weir_examples *train);
/* x [n] images of the training's shape, finite: probability [n][classes]; each image is seen by
 * itself. WEIR_OK, or the error recorded. */
WEIR_API int weir_classifier_predict(weir_job *job, weir_classifier *classifier, const float *x,
                                     size_t n, float *probability);
/* Of the penultimate layer. */
WEIR_API uint32_t weir_classifier_width(const weir_classifier *classifier);
/* What the penultimate layer makes of x (after its ReLU): out [n][width]. */
WEIR_API int weir_classifier_features(weir_job *job, weir_classifier *classifier, const float *x,
                                      size_t n, float *out);
/* NULL is ignored. */
WEIR_API void weir_classifier_free(weir_classifier *classifier);

#endif
