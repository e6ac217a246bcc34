/* What the two halves of fitting share: the training flows in work. */
#ifndef MARKOV_FIT_H
#define MARKOV_FIT_H

#include "model.h"

/* What is known of a flow before it is put into a class. */
struct flow {
    uint64_t key;
    uint32_t number, rows; /* of the dataset's flow */
    uint32_t kind;
    double load;
    uint16_t service, client;
    uint8_t proto, side;
};

struct fitting {
    weir_job *job;
    const struct options *opt;
    const weir_table *table;
    const weir_flows *of;
    const int64_t *times;
    struct model *model;
    struct flow *flows; /* [of->count] by class, then by rows */
    uint8_t *bin;       /* [rows] size bin of each row */
    double *values;     /* [rows + 1] scratch */
    double *gaps;       /* [rows + 1] scratch */
    uint64_t *codes;    /* [rows + 1] scratch */
    uint32_t *order;    /* [rows] scratch */
    uint64_t *names;    /* [hosts + 1] scratch */
    uint64_t *chain;    /* [bins + 1][bins] scratch */
};

static inline uint32_t markov_row_of(const struct fitting *f, const struct flow *flow, uint32_t i)
{
    return f->of->rows[f->of->offsets[flow->number] + i];
}

static inline int64_t markov_start_of(const struct fitting *f, const struct flow *flow)
{
    return f->times[markov_row_of(f, flow, 0)];
}

static inline int64_t markov_duration_of(const struct fitting *f, const struct flow *flow)
{
    return f->times[markov_row_of(f, flow, flow->rows - 1)] - markov_start_of(f, flow);
}

/* The distributions of a class and its kinds; *kind: the next kind's number. */
int markov_fit_class(struct fitting *f, const struct flow *flows, size_t n, uint32_t class,
                     uint32_t *kind);

#endif
