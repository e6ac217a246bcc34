/* CascadeGAN, inside: options, model, networks, and what training and sampling ask of each other.
 *
 * Three generators in a cascade: flow (a 5-tuple, from a condition), rate (a series of steps, from
 * condition and tuple) and field (a packet's fields, from condition, tuple and the window of the
 * series around its step). Where conditions are generated, a fourth makes those. */
#ifndef CASCADEGAN_H
#define CASCADEGAN_H

#include <weir/nn_plugin.h>
#include <weir/sampling.h>

struct cascade_options {
    int64_t steps, sample_len, window;
    bool zero_inflation, adjust;
    weir_list conditions;
    int conditions_from;
    const char *given;   /* FILE; NULL if unset */
    const char *weights; /* "elephants=0.2,long=0.5"; "" for none */
    double smoothing;
    int rate_backbone, field_backbone;
    int64_t bin_packets;
    int timestamps;
    bool conform;
    int64_t width, critic_width, critic_layers, noise, batch, critic_steps;
    double learning_rate, beta1, beta2, penalty;
    int penalty_over;
    double alpha, beta;
    int64_t epochs_condition, epochs_flow, epochs_rate, epochs_field, epochs_joint;
    int64_t least_epoch, most_steps;
    double ema, gumbel, flow_weight;
    bool calibrate;
    int ranges;
};

/* The choices' values, in the order of the option table. */
enum { FROM_GENERATED, FROM_BOOTSTRAP, FROM_REAL, FROM_GIVEN };
enum { RATE_LSTM, RATE_MLP };
enum { FIELD_MLP, FIELD_LSTM };
enum { TIMES_ML, TIMES_EQUIDISTANT, TIMES_SUB_PERIOD };
enum { OVER_OUTPUTS, OVER_INPUTS };

/* Whether there is a condition network. */
static inline bool cascade_makes_conditions(const struct cascade_options *options)
{
    return options->conditions_from == FROM_GENERATED || options->conditions_from == FROM_GIVEN;
}

/* Roles of encoders; conditions and series are per flow, the others per row. */
enum { ROLE_CONDITIONS, ROLE_ADDRESSES, ROLE_PORTS, ROLE_SERIES, ROLE_FIELDS, ROLES };

/* Stages of training, in order. */
enum { STAGE_CONDITION, STAGE_FLOW, STAGE_RATE, STAGE_FIELD, STAGE_JOINT, STAGES };

/* How conditions of a sample are had; see conditions.c. */
struct cascade_conditions;

struct cascade_model {
    const struct cascade_options *options;
    const weir_archive *archive; /* of load; NULL after a fit that began anew */
    nn_graph *graph; /* holds the generators' variables, "generator.…" (and more during a fit) */
    weir_encoder *encoder[ROLES]; /* fitted; borrowed from the job */
    const weir_table *names;      /* no rows: the columns and categories of the training set */
    weir_table *owned;            /* names, after fit */

    /* Of the training set. */
    uint32_t schema;
    int64_t first, last; /* times of its first and last row, ns */
    uint32_t flows;
    uint64_t rows;

    /* Widths of encodings. A tuple is [addresses | ports] of a flow's first row. */
    int64_t conditions, addresses, ports, tuple, fields;
    int64_t steps, step_width; /* a series is [steps][step_width] */
    bool empty_pair;  /* a step ends with [some, none][active, ended], or with the latter */
    int64_t sequence; /* packets that the field network makes at once, at most; 1 for an MLP */

    /* Where training is: the stage, its steps so far, and what its present epoch's order is drawn
     * from. stage is STAGES when it is done, and then `save` keeps the generators alone. */
    uint32_t stage;
    uint64_t stage_step, order, before; /* before: steps of the stages that are done */

    struct cascade_calibration *calibration; /* NULL for none; see calibrate.h */
    struct cascade_conditions *source;       /* of sampling; NULL where there is nothing to keep */
};

/* ---- networks.c ------------------------------------------------------------------------------
 * Built in a graph's training mode for training (batch statistics), else for sampling. Parameters
 * are "generator.condition.…", ".flow.…", ".rate.…", ".field.…", so that
 *
 *     nn_graph *g = nn_graph_for(job);
 *     nn_training(g, false);
 *     … networks …
 *     nn_copy(g, model->graph, "generator.");
 *
 * makes a sampler. noise: a name of the noises drawn, unique in the graph. */

/* [rows][conditions], ranks in [0, 1]: see cascade_conditions_ranks. */
nn_node *cascade_condition_network(nn_graph *graph, const struct cascade_model *model, int64_t rows,
                                   const char *noise);
/* condition [rows][conditions]: [rows][tuple] */
nn_node *cascade_flow_network(const struct cascade_model *model, nn_node *condition,
                              const char *noise);
/* [rows][steps * step_width], masked: after the end of a flow, and in empty steps, values are 0. */
nn_node *cascade_rate_network(const struct cascade_model *model, nn_node *condition, nn_node *tuple,
                              const char *noise);
/* The LSTM of it by parts, for sampling: the next `parts` calls of the cell from the state *h, *c
 * [rows][width], which are replaced; NULL: from the beginning. [rows][parts *
 * sample_len][step_width], not masked. */
nn_node *cascade_rate_part(const struct cascade_model *model, nn_node *condition, nn_node *tuple,
                           int64_t parts, nn_node **h, nn_node **c, const char *noise);
/* window [rows][window * step_width]: the series around a step, padded with cascade_pad where it
 * ends. Result: [rows][packets][fields]. packets is 1 for an MLP, any number for an LSTM, which
 * makes a step's packets one after another (trained with up to model->sequence). */
nn_node *cascade_field_network(const struct cascade_model *model, nn_node *condition,
                               nn_node *tuple, nn_node *window, int64_t packets, const char *noise);
/* The same for the training of an LSTM: [rows][packets][fields + 2]; the pair says whether there is
 * a packet, and behind the last one everything but the pair is 0. */
nn_node *cascade_field_sequence(const struct cascade_model *model, nn_node *condition,
                                nn_node *tuple, nn_node *window, int64_t packets,
                                const char *noise);
/* x [rows][in]: [rows][1], parameters "critic.NAME.…" */
nn_node *cascade_critic(const struct cascade_model *model, nn_node *x, const char *name);

/* ---- cascadegan.c ----------------------------------------------------------------------------*/

/* Opens the encoders, and fits them if train is not NULL; fills the widths. */
int cascade_shape(weir_job *job, const weir_dataset *train, struct cascade_model *model);
/* Values of a step of which there is none: before a series begins and behind its end. */
void cascade_pad(const struct cascade_model *model, float *step);

/* ---- fit.c -----------------------------------------------------------------------------------*/

int cascade_fit(weir_job *job, const weir_dataset *train, void *model);

/* ---- conditions.c, sample.c ------------------------------------------------------------------*/

/* In fit, before training: keeps in model->source what sampling needs to make conditions. encoded:
 * [flows][conditions], in order of the training set's flows; borrowed for the call. */
int cascade_conditions_fit(weir_job *job, const weir_dataset *train, const float *encoded,
                           struct cascade_model *model);
/* What the condition network (trained where conditions are `generated` or `given`) learns in the
 * place of encoded conditions: n of them as ranks in [0, 1], each by itself uniform given the
 * number of packets, so that every margin is right whatever the network makes of it. out:
 * [n][conditions]. After cascade_conditions_fit. */
int cascade_conditions_ranks(weir_job *job, const struct cascade_model *model, const float *encoded,
                             size_t n, float *out);
int cascade_conditions_save(weir_job *job, const struct cascade_model *model, weir_archive *to);
int cascade_conditions_load(weir_job *job, const weir_archive *from, struct cascade_model *model);

int cascade_sample(weir_job *job, const void *model, const weir_request *request, weir_table *out);

#endif
