/* Training with the engine: optimisers, schedules, averages of weights, differential privacy,
 * weights and checkpoints as files. Part of <weir/nn.h>. */
#ifndef WEIR_NN_TRAIN_H
#define WEIR_NN_TRAIN_H

#include <weir/nn.h>

/* ---- optimisers ----
 * Each differentiates loss (a scalar) by the parameters whose names begin with prefix and returns
 * one output for nn_compile that updates them. Parameters that the loss does not depend on are left
 * as they are, as by PyTorch; it is an error when there are no others. Different rates are had by
 * several optimisers, one a prefix, in one stage.
 *
 * An optimiser is its kind and prefix: asked for again, with another loss or in another stage, it
 * goes on with the same moments. They are states: adam.critic.m.0.weight, adam.critic.v.0.weight
 * for the parameter critic.0.weight of the prefix "critic.", and adam.critic.step counts; so
 * nn_save of a model's prefix leaves them out. */
typedef struct nn_update_options {
    double clip;    /* largest norm of the gradient of all parameters together; 0: none */
    nn_node *rate;  /* a scalar node, from nn_schedule_…; NULL: the option's number */
    nn_node **norm; /* gets the node of the gradient's norm before clipping; may be NULL */
} nn_update_options;

typedef struct nn_sgd_options {
    double rate;         /* above 0, unless update.rate is set */
    double momentum;     /* b = momentum b + gradient from b = 0; parameter -= rate b */
    double weight_decay; /* times the parameter, added to the gradient */
    nn_update_options update;
} nn_sgd_options;
WEIR_API nn_node *nn_sgd(nn_node *loss, const char *prefix, const nn_sgd_options *options);

typedef struct nn_adam_options {
    double rate;         /* 0: 1e-3 */
    double beta1, beta2; /* 0: 0.9 and 0.999; a beta of exactly 0 is written -1 */
    double epsilon;      /* 0: 1e-8 */
    double weight_decay; /* times the parameter, added to the gradient; in AdamW decoupled */
    nn_update_options update;
} nn_adam_options;
/* Kingma and Ba 2015; Loshchilov and Hutter 2019. options NULL: the defaults. */
WEIR_API nn_node *nn_adam(nn_node *loss, const char *prefix, const nn_adam_options *options);
WEIR_API nn_node *nn_adamw(nn_node *loss, const char *prefix, const nn_adam_options *options);
/* Adam with gradients of one's own, one a parameter (shapes equal). */
WEIR_API nn_node *nn_adam_apply(nn_graph *graph, int n, nn_node *const *parameters,
                                nn_node *const *gradients, const char *prefix,
                                const nn_adam_options *options);

/* A counter: a scalar state, 0 at first, that the output *update raises by one in its stage. In
 * float it stops at 2^24. */
WEIR_API nn_node *nn_counter(nn_graph *graph, const char *name, nn_node **update);
/* Rates as functions of a counter t (the first step is t = 0): rate times factor after every so
 * many steps; half a cosine from rate down to least at t = steps, and least from there on; any rate
 * times (t + 1) / steps until that is 1. */
WEIR_API nn_node *nn_schedule_step(nn_node *t, double rate, double factor, double every);
WEIR_API nn_node *nn_schedule_cosine(nn_node *t, double rate, double least, double steps);
WEIR_API nn_node *nn_schedule_warmup(nn_node *t, nn_node *rate, double steps);

/* Averages of weights: for every parameter of prefix a state "ema.NAME". The output to compile
 * sets average = decay average + (1 - decay) value, the first time average = value. As everything
 * in a stage it reads what the parameters were before the stage: to see a step's result, it goes
 * into a stage of its own behind the step's. nn_ema_swap exchanges parameters and averages, to
 * sample with them, and again to train on; it is an error before the first update. */
WEIR_API nn_node *nn_ema(nn_graph *graph, const char *prefix, double decay);
WEIR_API int nn_ema_swap(nn_graph *graph, const char *prefix);

/* ---- weights and checkpoints ---- */
/* Parameters and states whose names begin with prefix, with shapes, as safetensors; the file is
 * written whole or not at all. Loading sets every one of them and nothing else, and nothing at all
 * unless the whole file fits: a missing or an additional name, another shape or type is an error
 * that names it. Only states of the file that the graph lacks are passed over: a sampler has no
 * optimiser. */
WEIR_API int nn_save(nn_graph *graph, const char *prefix, const char *path);
WEIR_API int nn_load(nn_graph *graph, const char *prefix, const char *path);
/* All of the graph that lasts: parameters, states, draws of noise. A fit resumed from it, into a
 * graph of the same leaves and seed, is bit for bit the uninterrupted one; begin with stage 0. */
WEIR_API int nn_checkpoint_save(nn_graph *graph, const char *path);
WEIR_API int nn_checkpoint_load(nn_graph *graph, const char *path);

/* ---- the cost of privacy ----
 * The sampled Gaussian mechanism: of all records each takes part with probability `rate` (Poisson
 * sampling), and the sum of what they give, each of norm at most C, gets noise of deviation noise x
 * C. Mironov, Talwar, Zhang 2019. */
typedef struct nn_mechanism {
    double noise;  /* deviation over the clipping norm */
    double rate;   /* of sampling */
    int64_t steps; /* how often */
} nn_mechanism;

typedef enum nn_conversion {
    NN_CONVERT,        /* Canonne, Kamath, Steinke 2020, proposition 12: the tighter one */
    NN_CONVERT_CLASSIC /* Mironov 2017, proposition 3 */
} nn_conversion;

/* Renyi divergence of one step, of any order above 1; INFINITY without noise. */
WEIR_API double nn_privacy_rdp(double noise, double rate, double order);
/* The least epsilon at this delta over orders from 1.1 to 1024, of all n mechanisms together (two
 * critics that are updated in a step are two mechanisms). order: where to put the best one, or
 * NULL. */
WEIR_API int nn_privacy_epsilon(int n, const nn_mechanism *mechanisms, double delta,
                                nn_conversion conversion, double *epsilon, double *order,
                                weir_error *error);
/* The factor by which the noise of all mechanisms is to be multiplied so that they cost epsilon;
 * with noise = 1 in all of them, the noise itself. */
WEIR_API int nn_privacy_noise(int n, const nn_mechanism *mechanisms, double delta, double epsilon,
                              nn_conversion conversion, double *factor, weir_error *error);

#endif
