/* Training with the engine: optimisers, schedules, averages of weights, differential privacy,
 * weights and checkpoints as files. Part of <weir/nn.h>. */
#ifndef WEIR_NN_TRAIN_H
#define WEIR_NN_TRAIN_H

#include <weir/nn.h>
#include <weir/random.h>

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
/* Sets every variable of `to` whose name begins with prefix to the value that `from` has under the
 * same name: how a sampler of its own seed gets its weights. None is set if one is missing or has
 * another shape (an error of `to`). */
WEIR_API int nn_copy(nn_graph *to, nn_graph *from, const char *prefix);
/* All of the graph that lasts: parameters, states, draws of noise. A fit resumed from it, into a
 * graph of the same leaves and seed, is bit for bit the uninterrupted one; begin with stage 0. */
WEIR_API int nn_checkpoint_save(nn_graph *graph, const char *path);
WEIR_API int nn_checkpoint_load(nn_graph *graph, const char *path);

/* ---- a watch over the losses ---- */
/* A loss term: its name in messages and curves, a scalar output of the program, and the parameters
 * that it trains (a prefix; NULL: none). */
typedef struct nn_term {
    const char *name;
    nn_node *loss;
    const char *prefix;
} nn_term;
typedef struct nn_guard nn_guard;

/* Watches the n terms (at most 16) of a program. The state of the graph now and after every
 * `every`-th step (0: 100) is kept in memory as the last good one. NULL on failure (sticky). */
WEIR_API nn_guard *nn_guard_new(nn_program *program, int n, const nn_term *terms, int64_t every);
/* After each step, numbered 1, 2, … (a resumed fit: as it goes on): reads the terms. If one is not
 * finite, or a variable is not where a state is to be kept: sets the graph back to the last good
 * state and records WEIR_EDIVERGE in `error` with the step, every term and the parameter with the
 * largest gradient (by the last good weights, of what the inputs now hold). Steps before that pay
 * for reading the terms only. The graph stays usable, to be saved. */
WEIR_API int nn_guard_step(nn_guard *guard, int64_t step, weir_error *error);
/* The values of a term so far, one a step; how many in *n. Borrowed until the next step. */
WEIR_API const double *nn_guard_losses(const nn_guard *guard, int term, int64_t *n);
/* The step of the last good state; 0: the beginning. */
WEIR_API int64_t nn_guard_good(const nn_guard *guard);
WEIR_API int nn_guard_terms(const nn_guard *guard, const nn_term **terms);
WEIR_API void nn_guard_free(nn_guard *guard);

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

/* A Poisson sample in a batch of one size: of n records each is drawn with probability q; indices
 * [max] of those drawn (0 behind them), mask [max] 1 for them and 0 behind. More than max is an
 * error, since leaving some out would break the promise; with max from nn_poisson_max that happens
 * once in 1e9 samples at most. */
WEIR_API uint64_t nn_poisson_max(uint64_t n, double q);
WEIR_API int nn_poisson_sample(weir_random *random, uint64_t n, double q, uint64_t max,
                               uint32_t *indices, nn_real *mask, uint64_t *drawn,
                               weir_error *error);

/* ---- private steps ----
 * DP-SGD (Abadi et al. 2016). The model is built for one example (a batch of 1), gradients of
 * gradients included; nn_private_step does it for `examples` at a time, which share the
 * parameters and draw noise each for itself:
 *
 *     nn_private dp = nn_private_step(loss, "critic.", &options);
 *     nn_stage stages[] = {{"add", 1, &dp.accumulate}, {"step", 1, &dp.apply}};
 *
 * Stage "add" runs once for each micro-batch of a sample, "step" once for the sample. Any layer
 * will do but one that keeps statistics of what it sees (batch norm). */
typedef struct nn_private_options {
    int64_t examples; /* of a micro-batch; see nn_private_examples */
    double clip;      /* C: the largest norm of one example's gradient by all parameters */
    double noise;     /* deviation of the noise over C; the accountant's */
    double expected;  /* size of a sample on average, rate x records, by which the sum is divided */
    int inputs;       /* of one example; 0: all that the loss depends on, as inputs NAME.each */
    nn_node *const *one; /* [inputs] of the one example … */
    nn_node *const *all; /* … and [examples] + shape each, any nodes; NULL: inputs NAME.each */
    const nn_adam_options *adam; /* NULL: plain descent … */
    double rate;                 /* … at this rate */
} nn_private_options;

typedef struct nn_private {
    nn_node *mask;       /* an input, [examples]: 0 where there is no example, whatever it holds */
    nn_node *losses;     /* [examples]; not private */
    nn_node *norms;      /* [examples], of the gradients before clipping; not private */
    nn_node *accumulate; /* an output to compile: adds this micro-batch's clipped gradients up */
    nn_node *apply;      /* an output to compile: noise, mean, update of the parameters */
    int inputs;          /* of all examples, in the order of the options' or in that in which the */
    nn_node **input;     /* inputs of one example were made; lives as long as the graph */
} nn_private;

/* loss: one number, of one example. */
WEIR_API nn_private nn_private_step(nn_node *loss, const char *prefix,
                                    const nn_private_options *options);
/* How many examples' gradients by the parameters of prefix fit into so many bytes: 1 to most. */
WEIR_API int64_t nn_private_examples(nn_graph *graph, const char *prefix, int64_t most,
                                     size_t bytes);

#endif
