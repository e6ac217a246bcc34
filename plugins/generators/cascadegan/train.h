/* CascadeGAN's training, inside: the training set as batches, and the graphs of the stages. */
#ifndef CASCADEGAN_TRAIN_H
#define CASCADEGAN_TRAIN_H

#include "cascadegan.h"

/* ---- data.c: what is encoded once a flow is kept, the rest is made for a batch ----------------
 */

struct cascade_data {
    const struct cascade_model *model;
    const weir_dataset *set;
    const weir_flows *flows;
    weir_steps steps;
    float *conditions; /* [flows][conditions] */
    float *tuples;     /* [flows][tuple] */
    /* Series as runs of equal steps: run r of flow f, first_run[f] <= r < first_run[f + 1], goes
     * from where the one before ended up to run_end[r]; behind the last there is nothing but
     * `pad`. */
    uint64_t *first_run; /* [flows + 1] */
    uint32_t *run_end;
    float *run_values; /* [runs][step_width] */
    uint64_t runs, room;
    float *pad;
    /* For a field network that makes sequences: where in flows->rows each step of a flow that has
     * packets begins. */
    uint32_t *bins;
    uint32_t bin_count;
    float *scratch; /* fields of a batch of rows */
    uint32_t *rows; /* of a batch */
};

/* Encodes the training set. The model has its shape; `sequence` is filled in. Close it also when it
 * failed. */
int cascade_data_open(weir_job *job, const weir_dataset *train, struct cascade_model *model,
                      struct cascade_data *data);
void cascade_data_close(struct cascade_data *data);
/* A flow's series [steps][step_width]. */
void cascade_data_series(const struct cascade_data *data, uint32_t flow, float *out);
/* The window around a step of it [window][step_width]. */
void cascade_data_window(const struct cascade_data *data, uint32_t flow, int64_t step, float *out);
/* The step of its flow's series that a row lies in. */
int64_t cascade_data_step(const struct cascade_data *data, uint32_t row);
/* What the field network is to make of the steps that begin at at[0 … n-1], n <= batch, places in
 * flows->rows: the one row's fields [n][fields], or a step's rows [n][sequence][fields + 2]. */
int cascade_data_fields(const struct cascade_data *data, const uint32_t *at, size_t n, float *out);
/* Where the step that holds the row at that place of flows->rows begins. */
uint32_t cascade_data_bin(const struct cascade_data *data, uint32_t at);

/* ---- stages.c --------------------------------------------------------------------------------*/

enum { RUNS = 5, OUTPUTS = 8, TERMS = 9 };

/* A stage of training: what a step of it runs. */
struct cascade_stage {
    int fakes; /* runs that make a fake batch: 1; joint: 2, with the windows chosen between them */
    int runs;  /* the fakes, critic, generator, and average if there is one */
    nn_stage run[RUNS];
    nn_node *output[RUNS][OUTPUTS];
    nn_term term[TERMS];
    int terms;
    nn_node *series; /* joint: the fake series, to be read after the first run */
    const char *prefix;
};

/* The graph of a fit: inputs of a batch, and all stages. */
struct cascade_graph {
    nn_node *condition, *tuple, *series, *window, *fields;
    nn_node *index; /* [batch][window]: rows of the padded fake series, see cascade_window_row */
    struct cascade_stage stage[STAGES];
};

/* Makes all variables of the generators, as a sampler has them. */
void cascade_variables(nn_graph *graph, const struct cascade_model *model);
/* Whether a stage takes part in training. */
bool cascade_has_stage(const struct cascade_options *options, int stage);
const char *cascade_stage_name(int stage);
void cascade_build(nn_graph *graph, const struct cascade_model *model, struct cascade_graph *built);
/* The first of the window's rows in the table that `index` points into. */
int64_t cascade_window_row(const struct cascade_model *model, int64_t example, int64_t step);

#endif
