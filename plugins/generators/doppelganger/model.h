/* The generator doppelganger: its options and its model, and how series become sequences. */
#ifndef WEIR_DOPPELGANGER_MODEL_H
#define WEIR_DOPPELGANGER_MODEL_H

#include <weir/doppelganger.h>

#define MOST_CHOICES 64

struct options {
    int normalise, scale, mixing;
    int64_t choices, sample_len;
    int64_t attribute_noise, feature_noise, attribute_layers, attribute_width, lstm;
    int64_t critic_layers, critic_width, batch, critic_steps, generator_steps;
    double learning_rate, beta1, beta2, penalty, attribute_weight, momentum, ema;
    double epochs;
    int64_t steps;
    double noise, epsilon, delta, clip;
};
enum { BY_SERIES, BY_CHANNEL };
enum { LINEAR, LOGARITHMIC };

struct channel {
    float low, high;  /* of all steps */
    uint32_t whole;   /* all values are whole numbers */
    uint32_t choices; /* different values, ascending; 0: too many to be choices */
    float values[MOST_CHOICES];
};

struct model {
    nn_doppelganger *net;
    weir_table *owned;        /* labels, while the model is being made */
    const weir_table *labels; /* a series table without rows: shape, labels by number */
    uint64_t *counts;         /* [labels] training series of each; zeros if private */
    uint64_t series;          /* training series that have steps */
    struct channel channels[WEIR_MAX_CHANNELS];
    uint32_t channel_count, length; /* length: steps of the longest */
    bool by_series, logarithmic;
};

/* Of a training set: the rows that have steps, and their labels by number. */
struct training {
    weir_job *job;
    struct model *model;
    const weir_table *table;
    uint32_t *rows, *label_of; /* [model->series] */
};

/* ---- data.c ---- */

/* Learns labels, lengths and ranges; fills in `training`. */
int learn(weir_job *job, const weir_dataset *train, struct model *model, struct training *training);
uint32_t label_count(const struct model *model);
/* What the network is given: layouts whose segments are weir_alloc's. */
int layouts(weir_job *job, const struct model *model, weir_layout *attributes,
            weir_layout *features);
/* The callbacks of nn_sequences; context is a struct training. */
int give_attributes(void *context, const uint32_t *rows, size_t n, nn_real *out);
int give_features(void *context, const uint32_t *rows, size_t n, nn_real *out, uint32_t *lengths);
/* A sampled sequence of so many steps as values [steps][channels]. */
void decode(const struct model *model, const nn_real *attributes, const nn_real *features,
            uint32_t steps, float *values);

/* ---- sample.c ---- */
int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out);

#endif
