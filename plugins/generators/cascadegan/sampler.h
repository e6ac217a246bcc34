/* Sampling: the networks run in batches, and when packets are. */
#ifndef CASCADEGAN_SAMPLER_H
#define CASCADEGAN_SAMPLER_H

#include "conditions.h"

/* ---- sampler.c: the networks -----------------------------------------------------------------*/

enum { CASCADE_SEQUENCES = 5 };

/* A network with a batch of its inputs: which of them there are is the network's matter. */
struct cascade_net {
    nn_program *program;
    nn_node *condition, *tuple, *window, *h, *c;
    nn_node *out, *next_h, *next_c;
    int64_t packets; /* of the field network */
};

struct cascade_sampler {
    weir_job *job;
    const struct cascade_model *model;
    nn_graph *graph;
    struct cascade_net condition, flow, rate, rate_first, rate_next, field[CASCADE_SEQUENCES];
    float *in[5], *out; /* a batch of the largest network */
    float *pad;         /* [step_width] */
};

/* Packets of one step, all seeing the series around it: `count` of its `of` packets, from number
 * `from` on. */
struct cascade_item {
    const float *condition, *tuple, *series;
    uint32_t step, count, from, of;
};

/* Close it also when it failed to open. */
int cascade_sampler_open(weir_job *job, const struct cascade_model *model,
                         struct cascade_sampler *sampler);
void cascade_sampler_close(struct cascade_sampler *sampler);
/* [n][conditions], any numbers. */
int cascade_run_conditions(struct cascade_sampler *sampler, size_t n, float *out);
/* conditions [n][conditions]: tuples [n][tuple] */
int cascade_run_flows(struct cascade_sampler *sampler, const float *conditions, size_t n,
                      float *tuples);
/* series [n][steps * step_width], masked as in training. */
int cascade_run_rates(struct cascade_sampler *sampler, const float *conditions, const float *tuples,
                      size_t n, float *series);
/* fields [sum of counts][fields], in the order of items. */
int cascade_run_fields(struct cascade_sampler *sampler, const struct cascade_item *items, size_t n,
                       float *fields);

/* ---- timestamps.c ----------------------------------------------------------------------------*/

struct cascade_share {
    double rest;
    uint32_t step;
};

/* Makes counts[0 … n-1], whose sum is 1 or more, add up to total >= 1, each in proportion: the
 * largest remainders get what is left. The first and the last step that have packets keep one, if
 * total allows. shares: room for n. */
void cascade_rescale(uint32_t *counts, uint32_t n, uint64_t total, struct cascade_share *shares);
/* Where in its step packet i of n lies, by the option: position is the field network's. */
double cascade_position(int timestamps, double position, double median, double half, uint32_t i,
                        uint32_t n);
/* times[n >= 1] of a flow, in steps, become ns since the trace's first row: around the middle of
 * the wanted start and end, as far as that is inside the trace; with conform from start to end.
 * Returns whether the flow had to be moved to be inside. */
bool cascade_retime(const struct cascade_conditions *self, const struct cascade_wanted *wanted,
                    bool conform, double *times, size_t n);

/* ---- block.c: flows that are made together ---------------------------------------------------*/

/* Packets whose fields are made and decoded at once. */
#define CASCADE_CHUNK 4096
/* Draws of a 5-tuple that is new before flows are let merge. */
#define CASCADE_TUPLE_DRAWS 16

/* What was made, and what had to be done for it. */
struct cascade_counts {
    uint64_t flows, merged, redrawn, moved, capped, capped_rows, late;
};

/* One call of sample. */
struct cascade_sampling {
    weir_job *job;
    const struct cascade_model *model;
    const weir_request *request;
    weir_table *out;
    const char *time; /* the column's name */
    size_t used;      /* rows of out that are filled */
    struct cascade_sampler nets;
    struct cascade_source source;
    weir_tuples *tuples;
    weir_random *random;
    struct cascade_counts counts;
    uint64_t fruitless; /* flows in a row without a new 5-tuple */

    /* The time that is asked for: length ns, of which one trace is `window`. */
    int64_t length, window;
    uint64_t windows; /* of a duration that is laid end to end: drawn so far */

    /* Flows to be made, and where in the time asked for their trace begins. */
    struct cascade_wanted *queue;
    int64_t *offsets;
    size_t queued, next;

    /* The block. */
    size_t room, n; /* flows */
    float *encoded, *tuple, *series;
    float *planned; /* [queued][tuple] of the queue, if it is calibrated by itself */
    float *made_tuples, *made_fields; /* cascade_made of the sample; NULL: none */
    float *raw;                       /* [rows of out][fields], if there is a calibration */
    weir_tuple *drawn;
    size_t *first;      /* [room + 1] rows of the block's flows, counted from its first */
    weir_table *shapes; /* decoded series */
    weir_table *heads;  /* decoded 5-tuples */
    weir_table *fields; /* [CASCADE_CHUNK] decoded packets */
    double *times;      /* [times_room] of the block's rows */
    size_t times_room;
    struct cascade_share *shares; /* [steps] */
    struct cascade_item *items;   /* [CASCADE_CHUNK] */
    float *values;                /* [CASCADE_CHUNK][fields] */
};

/* Room for a block; freed with the rest by the caller. */
int cascade_block_open(struct cascade_sampling *s);
/* With calibration: 5-tuples of a whole queue, before its first block. */
int cascade_block_plan(struct cascade_sampling *s);
/* Makes the next flows of the queue, as many as a block holds, into rows of out. */
int cascade_block_add(struct cascade_sampling *s);
/* With calibration: the fields of all rows of out once more. */
int cascade_block_finish(struct cascade_sampling *s);

#endif
