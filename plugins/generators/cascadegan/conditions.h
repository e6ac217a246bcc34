/* Conditions at work: flows as numbers in natural units, their ranks, and where a sample's flows
 * come from. */
#ifndef CASCADEGAN_CONDITIONS_H
#define CASCADEGAN_CONDITIONS_H

#include "cascadegan.h"

/* The conditions that the encoder flow_conditions knows, in its order. */
enum {
    COND_PACKETS,
    COND_DURATION, /* steps from first to last */
    COND_ACTIVE,   /* steps that have packets */
    COND_PEAK,     /* most packets of a step */
    COND_MEAN,     /* packets a step that has some */
    COND_DEVIATION,
    COND_GAP,   /* mean run of empty steps */
    COND_START, /* ns since the trace's first row */
    COND_END,   /* ns since then */
    CONDITIONS
};

/* Names as in the encoder's layout; columns as it decodes them. */
struct cascade_condition {
    const char *name, *column;
    bool logarithmic; /* log(1 + x) is what is encoded, and what is interpolated */
    bool whole;
};
extern const struct cascade_condition cascade_condition[CONDITIONS];

/* A flow to be made: every condition in natural units; what is not conditioned on is NaN, but for
 * start, end and duration, which are always there. */
struct cascade_wanted {
    double x[CONDITIONS];
};

/* A piece of a distribution: up to `end` of it, evenly over low … high. */
struct cascade_piece {
    float end, low, high;
};

struct cascade_conditions {
    int at[CONDITIONS]; /* place in the encoding; -1: not conditioned on */
    uint32_t count;     /* values of the encoding */
    double greatest[CONDITIONS];
    double length, width; /* of the trace and of a step, ns */
    uint32_t steps, flows;
    weir_classes classes;

    /* The distribution of packets, and by bin of packets those of the other conditions, each as the
     * place between the least and the greatest that the ones before it allow. */
    uint32_t bins;
    const double *bin_least;       /* [bins] packets, ascending; the first is 0 */
    const double *bin_gap;         /* [bins] least mean gap of a flow, ns */
    const uint32_t *piece_offsets; /* [1 + bins * CONDITIONS + 1]: packets, then bin by bin */
    const struct cascade_piece *pieces;

    const float *kept; /* [flows][count] of training, for `real` and `bootstrap`; else NULL */

    const struct cascade_wanted *given; /* [rows] of the option `given`, NaN what the file lacks */
    size_t rows;
};

/* ---- margins.c -------------------------------------------------------------------------------*/

/* Learns bins and pieces from flows[n]. */
int cascade_margins_learn(weir_job *job, struct cascade_conditions *self,
                          const struct cascade_wanted *flows, size_t n);
/* Ranks in [0, 1], one a condition, of a training flow: ties and what the others fix are drawn or
 * 1/2. And a flow of any ranks: consistent, whatever they are. */
void cascade_ranks_of(const struct cascade_conditions *self, const struct cascade_wanted *flow,
                      weir_random *random, double ranks[CONDITIONS]);
void cascade_flow_of(const struct cascade_conditions *self, const double ranks[CONDITIONS],
                     struct cascade_wanted *flow);
/* Flows of any numbers: only their order counts, condition by condition and bin by bin, so that
 * the margins come out as learnt. numbers: [n][count], changed. */
int cascade_flows_of_order(weir_job *job, const struct cascade_conditions *self,
                           const float *numbers, size_t n, weir_random *random,
                           struct cascade_wanted *flows);
/* Makes what is in `flow` consistent: NaN becomes what is nearest to `like`, numbers stay. */
void cascade_complete(const struct cascade_conditions *self, const struct cascade_wanted *like,
                      struct cascade_wanted *flow);
/* The step of a time, and steps from start to end. */
double cascade_duration(const struct cascade_conditions *self, double start, double end);

/* ---- timestamps.c -----------------------------------------------------------------------------*/

/* Start and end to the nanosecond. The floats of an encoding tell times of a trace of minutes apart
 * by some 10 us: a flow that lasts less would last no time at all, and those made like it 1 ns. */
int cascade_exact_times(weir_job *job, const struct cascade_conditions *self,
                        const weir_dataset *train, const weir_steps *steps,
                        struct cascade_wanted *flows);

/* ---- conditions.c ----------------------------------------------------------------------------*/

/* Flow numbers that a sampler draws from the condition network: [n][count]. */
typedef int cascade_numbers(void *context, size_t n, float *numbers);

/* Where the flows of one sample come from. */
struct cascade_source {
    weir_job *job;
    const struct cascade_model *model;
    const struct cascade_conditions *self;
    weir_random *random;
    cascade_numbers *numbers;
    void *context;
    bool drawn;       /* some of what is given has to be drawn */
    double shares[2]; /* of elephants and of long flows; below 0: as they come */
    uint64_t next;    /* of real and given flows */
};

/* Checks what the options ask for. */
int cascade_source_open(weir_job *job, const struct cascade_model *model, cascade_numbers *numbers,
                        void *context, struct cascade_source *source);
/* The next n flows. */
int cascade_source_next(struct cascade_source *source, size_t n, struct cascade_wanted *flows);
/* As the encoder encodes: [n][count]. */
void cascade_encode(const struct cascade_conditions *self, const struct cascade_wanted *flows,
                    size_t n, float *out);

/* ---- given.c ---------------------------------------------------------------------------------*/

/* Reads the file of the option `given` into self->given. */
int cascade_given_read(weir_job *job, struct cascade_conditions *self, const char *path);
/* Whether something that a model is conditioned on has to be drawn. */
bool cascade_given_lacks(const struct cascade_conditions *self);
/* Refuses rows of a loaded model that no file could have given. */
int cascade_given_check(weir_job *job, const struct cascade_conditions *self);
/* n flows whose classes have the shares that are asked for, chosen from what `make` makes. */
int cascade_weighted(struct cascade_source *source, size_t n, struct cascade_wanted *flows,
                     int (*make)(struct cascade_source *, size_t, struct cascade_wanted *));

#endif
