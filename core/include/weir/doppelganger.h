/* DoppelGANger (Lin, Jain, Wang, Fanti, Sekar, "Using GANs for sharing networked time series data",
 * IMC 2020) as NetShare trains it (Yin, Lin, Jin, Fanti, Sekar, SIGCOMM 2022): a generator of
 * sequences of records, each with attributes that hold for all of it. A generator plugin gives
 * encoded data by callbacks and decodes what is sampled:
 *
 *     fit     nn_doppelganger_new, nn_doppelganger_train
 *     save    nn_doppelganger_put            load    nn_doppelganger_get
 *     sample  nn_doppelganger_sampler_new, …_attributes, …_features, …_sampler_free
 *     free    nn_doppelganger_free
 *
 * Functions return a status, errors are the job's. Pages: docs/plugins.md. */
#ifndef WEIR_DOPPELGANGER_H
#define WEIR_DOPPELGANGER_H

#include <weir/nn_plugin.h>

typedef struct nn_doppelganger nn_doppelganger;

/* Where the gradient penalty is taken. */
typedef enum nn_mixing {
    NN_MIXING_UNIFORM, /* between the real and the made, as Gulrajani et al. 2017 */
    NN_MIXING_ONE      /* at the made alone, which is what NetShare's published code does */
} nn_mixing;

/* DP-SGD on both critics (Abadi et al. 2016). A sequence is the unit; their number is taken as
 * known. Every round of each critic draws a Poisson sample of its own, so that the two critics'
 * rounds compose; the generator sees critics only, which is post-processing. Private unless noise
 * and epsilon are both 0. */
typedef struct nn_doppelganger_privacy {
    double noise;   /* deviation of the noise over clip */
    double epsilon; /* above 0: noise is what makes the fit cost this, and must be 0 */
    double delta;   /* 0: 1 / number of sequences */
    double clip;    /* largest norm of one sequence's gradient */
} nn_doppelganger_privacy;

/* nn_doppelganger_defaults has the values in brackets: NetShare's for packets, with its defects
 * corrected. */
typedef struct nn_doppelganger_settings {
    int64_t length;                            /* most records of a sequence */
    int64_t sample_len;                        /* [10] records made by one step of the LSTM */
    int64_t attribute_noise;                   /* [5] numbers of noise for the attributes */
    int64_t feature_noise;                     /* [5] … for each step */
    int64_t attribute_layers, attribute_width; /* [4, 512] Linear, ReLU, batch norm */
    int64_t lstm;                              /* [100] numbers of its state */
    int64_t critic_layers, critic_width;       /* [4, 512] Linear, ReLU; of both critics */
    double momentum;                           /* [0.1] of batch norm; published: 0.9 */
    int64_t batch;                             /* [100] sequences a step; private: on average */
    int64_t critic_steps, generator_steps;     /* [5, 1] rounds a step */
    double rate, beta1, beta2;                 /* [1e-4, 0.5, 0.999] of Adam */
    double penalty;                            /* [10] weight of both gradient penalties */
    double attribute_weight;                   /* [1] of the attribute critic for the generator */
    nn_mixing mixing;                          /* [uniform] */
    double
        ema; /* [0] decay of the generator's averaged weights, which are then the model; 0: none */
    nn_doppelganger_privacy privacy; /* [0, 0, 0, 1] */
} nn_doppelganger_settings;
WEIR_API nn_doppelganger_settings nn_doppelganger_defaults(int64_t length);

/* Sequences to learn, asked for by the batch, so that they can be kept ragged. What the callbacks
 * return other than WEIR_OK ends the fit with that status. */
typedef struct nn_sequences {
    uint32_t count;
    void *context;
    /* rows[n]: numbers of sequences, some perhaps more than once; out [n][attributes], zeroed */
    int (*attributes)(void *context, const uint32_t *rows, size_t n, nn_real *out);
    /* out [n][length][features], zeroed; lengths [n]: the records of each, 1 … length, behind which
     * out is left zero */
    int (*features)(void *context, const uint32_t *rows, size_t n, nn_real *out, uint32_t *lengths);
} nn_sequences;

/* The layouts are copied; their widths are 1 or more. Softmax segments are choices: the LSTM is
 * given the likeliest, the critics the distribution. The end of a sequence is a flag that the
 * network has by itself. NULL on failure. Free it in the plugin's `free`. */
WEIR_API nn_doppelganger *nn_doppelganger_new(weir_job *job,
                                              const nn_doppelganger_settings *settings,
                                              const weir_layout *attributes,
                                              const weir_layout *features);
WEIR_API void nn_doppelganger_free(nn_doppelganger *model);
/* Of this model. Borrowed. */
WEIR_API const nn_doppelganger_settings *nn_doppelganger_about(const nn_doppelganger *model);
/* Whether a model that was got makes sequences of that length for these layouts (names aside), so
 * that a caller's room is enough. */
WEIR_API bool nn_doppelganger_suits(const nn_doppelganger *model, int64_t length,
                                    const weir_layout *attributes, const weir_layout *features);

/* Steps of so many epochs (of all sequences, in batches): 1 or more. */
WEIR_API int64_t nn_doppelganger_steps(const nn_doppelganger_settings *settings, uint64_t sequences,
                                       double epochs);

typedef struct nn_doppelganger_training {
    nn_sequences data;
    int64_t steps;
    /* Weights to begin with (fine-tuning): of the same sizes; the critics too if it has them. NULL:
     * new ones. */
    const nn_doppelganger *from;
    /* Where a fit consists of several trainings (a public one and a private one): the steps made
     * before this one, and of all. 0: steps. They number progress, curves and checkpoints. */
    int64_t before, total;
    double share;  /* weir_stage_ends' of this training; 0: 1 */
    int64_t *made; /* gets the steps made, which a budget makes other than `steps`; or NULL */
    /* Makes a checkpoint: `return weir_checkpoint(job, model, step);` NULL: none. */
    int (*checkpoint)(void *context, int64_t step); /* context is data's */
    int64_t checkpoint_every;                       /* steps; 0: a tenth of them */
} nn_doppelganger_training;

/* Trains: step = critic_steps rounds of both critics and generator_steps of the generator. Calls
 * weir_progress in each round; curves "critic", "attribute_critic", "generator", "penalty",
 * "attribute_penalty" (a private training: "generator" alone, since the others are not private). A
 * loss that is not finite is WEIR_EDIVERGE, the model is the last good one. Where
 * weir_resumed(job) is above `before`, it goes on from the checkpoint that the model was made of by
 * nn_doppelganger_get: bit for bit the uninterrupted training. (One that had ended before the
 * checkpoint is not to be called again.) A budget ends it sooner or later; a private one never
 * later. */
WEIR_API int nn_doppelganger_train(weir_job *job, nn_doppelganger *model,
                                   const nn_doppelganger_training *training);

/* What the last training cost; also saved with the model, and a line of the log. */
typedef struct nn_doppelganger_cost {
    bool private;
    double epsilon, delta;     /* of this training alone */
    double clip;               /* of one sequence's gradient, by each critic */
    nn_mechanism mechanism[2]; /* critic, attribute critic; to compose several trainings */
} nn_doppelganger_cost;
WEIR_API nn_doppelganger_cost nn_doppelganger_spent(const nn_doppelganger *model);

/* Settings, layouts, cost and weights as NAME.…: of the generator, with `critics` those of the
 * critics too (for later fine-tuning). Within a training, for a checkpoint: all that lasts. */
WEIR_API int nn_doppelganger_put(weir_job *job, weir_archive *to, const nn_doppelganger *model,
                                 const char *name, bool critics);
/* The model back, of a checkpoint too. NULL on failure. */
WEIR_API nn_doppelganger *nn_doppelganger_get(weir_job *job, const weir_archive *from,
                                              const char *name);

/* A trained model as one of its own, to join models of several jobs: generator and cost, not the
 * critics. NULL on failure. */
WEIR_API nn_doppelganger *nn_doppelganger_copy(weir_job *job, const nn_doppelganger *from);

/* Samples by the job's seed and the name: of equal calls the same, and of models that resemble each
 * other different ones by different names. Any n at once; it is worked off in blocks, of `block`
 * sequences (0: 256), so that little more than `out` is needed. Not within a training. */
typedef struct nn_doppelganger_sampler nn_doppelganger_sampler;
WEIR_API nn_doppelganger_sampler *nn_doppelganger_sampler_new(weir_job *job,
                                                              const nn_doppelganger *model,
                                                              int64_t block, const char *name);
/* out [n][attributes]; softmax segments are one-hot. */
WEIR_API int nn_doppelganger_attributes(nn_doppelganger_sampler *sampler, size_t n, nn_real *out);
/* Sequences for these attributes (sampled ones, or others: softmax segments one-hot): out
 * [n][length][features], zero behind lengths [n], 1 … length. */
WEIR_API int nn_doppelganger_features(nn_doppelganger_sampler *sampler, size_t n,
                                      const nn_real *attributes, nn_real *out, uint32_t *lengths);
WEIR_API void nn_doppelganger_sampler_free(nn_doppelganger_sampler *sampler);

#endif
