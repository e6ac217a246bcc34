/* What the parts of DoppelGANger share: the model, the network as nodes, batches of data, a
 * training at work. */
#ifndef WEIR_CORE_NN_MODELS_DG_H
#define WEIR_CORE_NN_MODELS_DG_H

#include <weir/doppelganger.h>

enum {
    DG_MOST_RUNS = 64,      /* parts of a layout that are concatenated at once */
    DG_GENERATOR_STEPS = 8, /* the most */
    DG_PROGRAMS = 3
};

/* The sequences' numbers in the order in which batches take them. */
typedef struct dg_order {
    uint32_t *rows;
    uint32_t count, at; /* at: the next one's place */
} dg_order;

struct nn_doppelganger {
    nn_doppelganger_settings settings;
    weir_layout attributes;
    weir_layout records; /* the features, and behind them the flag: another record follows, none */
    nn_graph *graph;     /* holds the weights; NULL before a training */
    bool in_training;
    dg_order order; /* of a training that is not private */
    nn_doppelganger_cost cost;
    const weir_archive *archive; /* what the model was got from, as `name`; or NULL */
    char *name;
};

/* ---- settings (doppelganger.c) ---- */

typedef struct dg_number {
    const char *name; /* NULL ends the list */
    size_t offset;    /* in the settings */
    bool whole;       /* int64_t, else double */
    double low, high;
} dg_number;
extern const dg_number dg_numbers[];
double dg_number_of(const nn_doppelganger_settings *settings, const dg_number *number);
/* WEIR_OK, or an error of the job that says which setting is out of its range. */
int dg_check(weir_job *job, const nn_doppelganger_settings *settings);
/* Steps of the LSTM, and the records of a sequence as the critics see it: whole steps. */
int64_t dg_steps(const nn_doppelganger *model);
int64_t dg_records(const nn_doppelganger *model);
/* What the privacy settings come to for so many steps; not private: all 0. */
int dg_cost(weir_job *job, const nn_doppelganger_settings *settings, uint32_t sequences,
            int64_t steps, nn_doppelganger_cost *cost);
/* Of a private training that ended sooner: after so many steps. */
int dg_cost_of(weir_job *job, nn_doppelganger *model, int64_t steps);

/* ---- the network (doppelganger_network.c) ---- */

typedef struct dg_attributes {
    nn_node *soft;   /* [batch][attributes]: what the critics see */
    nn_node *chosen; /* the same with choices one-hot, a constant for gradients */
} dg_attributes;
typedef struct dg_made {
    nn_node *noise;   /* [steps][batch][feature_noise] */
    nn_node *records; /* [batch][records x (features + 2)] */
} dg_made;
/* noise: what the names of the noises begin with. */
dg_attributes dg_make_attributes(nn_graph *g, const nn_doppelganger *model, int64_t batch,
                                 const char *noise);
/* Records for attributes [batch][attributes]: zero behind the step in which a sequence ends. */
dg_made dg_make_records(nn_node *attributes, const nn_doppelganger *model, const char *noise);
/* x [batch][…]: [batch][1]. Parameters NAME.0 … */
nn_node *dg_critic(nn_node *x, const nn_doppelganger *model, const char *name);
/* First values that no layer gives, once the generator is built. */
int dg_first_values(nn_graph *g, const nn_doppelganger *model);

/* ---- batches (doppelganger_data.c) ---- */

int dg_order_new(weir_job *job, dg_order *order, uint32_t count);
void dg_order_free(dg_order *order);
/* The next n, shuffled anew whenever all have been. */
void dg_order_next(dg_order *order, weir_random *random, size_t n, uint32_t *rows);

typedef struct dg_batch {
    size_t room;
    uint32_t *rows, *lengths;
    nn_real *mask;       /* [room] */
    nn_real *attributes; /* [room][attributes] */
    nn_real *features;   /* [room][length][features], as the callback gives them */
    nn_real *records;    /* [room][records][features + 2] */
} dg_batch;
int dg_batch_new(weir_job *job, dg_batch *batch, const nn_doppelganger *model, size_t room);
void dg_batch_free(dg_batch *batch);
/* Fills in the first n sequences, whose numbers are in batch->rows; the others are zeros. records:
 * whether they are wanted beside the attributes. */
int dg_batch_fill(weir_job *job, dg_batch *batch, const nn_doppelganger *model,
                  const nn_sequences *data, size_t n, bool records);

/* ---- a training (doppelganger_train.c) ---- */

typedef struct dg_side {
    bool records; /* whether the critic sees them too */
    nn_private step;
    nn_node *real_attributes, *real_records; /* inputs [micro][1][…] */
    uint32_t *rows;                          /* [max]: a sample … */
    nn_real *mask;                           /* [max]: … and what of it was drawn */
    uint64_t max;
} dg_side;

typedef struct dg_run {
    weir_job *job;
    nn_doppelganger *model;
    const nn_doppelganger_training *training;
    int64_t made, total; /* steps of this training so far; of the job, planned */
    nn_program *programs[DG_PROGRAMS];
    nn_program *watched; /* the one whose outputs the terms are */
    int terms;
    nn_term term[5];
    dg_batch batch;
    nn_node *attributes, *records; /* inputs of the real ones; private: each critic's own */
    int64_t micro;                 /* private: examples at once */
    dg_side sides[2];
} dg_run;

/* The graph and program of a training that is not private. */
int dg_plain_build(dg_run *run);
int dg_progress(const dg_run *run);
/* Brings batch norm's statistics in line with averaged weights. */
int dg_calibrate(weir_job *job, const nn_doppelganger *model);
nn_adam_options dg_adam_options(const nn_doppelganger *model);
nn_node *dg_join(nn_node *a, nn_node *b); /* side by side */

/* What a critic makes small, its penalty, and its scores of what was made. */
typedef struct dg_judged {
    nn_node *loss, *penalty, *on_fake;
} dg_judged;
dg_judged dg_judge(nn_node *real, nn_node *fake, const nn_doppelganger *model, const char *name);
/* Of both critics' scores of what was made. */
nn_node *dg_generator_loss(const nn_doppelganger *model, nn_node *score, nn_node *attribute_score);
/* The generator's stages: its update as often as the settings say, and the average. Returns how
 * many. update, average: their outputs, kept until nn_compile. */
int dg_generator_stages(nn_graph *g, const nn_doppelganger *model, nn_node *loss,
                        nn_stage stage[DG_GENERATOR_STEPS + 1], nn_node *update[2],
                        nn_node **average);

/* ---- a private one (doppelganger_private.c) ---- */
int dg_private_build(dg_run *run);
int dg_private_step(dg_run *run);
void dg_private_free(dg_run *run);

#endif
