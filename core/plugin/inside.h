/* The insides of a job, shared by the files of core/plugin and nobody else. */
#ifndef WEIR_PLUGIN_INSIDE_H
#define WEIR_PLUGIN_INSIDE_H

#include "plugin/job.h"
#include <stdio.h>
#include <time.h>
#include <weir/archive.h>

typedef struct weir_block {
    struct weir_block *next;
} weir_block;

typedef struct weir_named_stream {
    struct weir_named_stream *next;
    weir_random random;
    char name[]; /* as the plugin says it */
} weir_named_stream;

/* One value of a training set's score list: what applies, decided before the metric runs. */
typedef struct weir_want {
    const weir_feature *feature;
    bool wanted, answered;
} weir_want;

struct weir_encoder {
    weir_encoder *next;
    char role[64];
    const weir_encoder_plugin *plugin;
    weir_job *job, *owner; /* its own instance; the generator's */
    void *state;
    bool fitted;
    json_t *options;
};

/* The end of a stage of training. */
typedef struct weir_stage {
    double share, seconds;
    int64_t step;
} weir_stage;
#define WEIR_STAGES 64

/* A fit's training, measured. */
typedef struct weir_training {
    bool runs, asked;
    double before,
        since; /* s: used before the checkpoint that the fit goes on from; clock at begin */
    weir_stage ended[WEIR_STAGES];
    size_t count;
    int64_t last;  /* step of the newest question or checkpoint */
    weir_stage at; /* the stage at work; share 0: none */
} weir_training;

struct weir_job {
    weir_job_setup setup;
    weir_error error;
    char phase[16];
    void *options;
    weir_block *blocks;
    uint64_t allocs, fail_alloc;
    uint64_t asked, cancel_at; /* calls of weir_progress */
    weir_named_stream *streams;
    json_t *about;         /* of the training set, for checkpoints */
    json_t *saved_streams; /* of the checkpoint that the job goes on from */
    weir_dataset **traces; /* of TRACE options */
    size_t trace_count;
    weir_job *owner; /* of a lent encoder: the generator's job */
    char *scratch;

    struct timespec reported;
    int64_t total;
    weir_training training;

    void **states; /* given by weir_job_state */
    size_t state_count;
    weir_archive **archives; /* loaded ones, which lend what weir_get_… gave */
    size_t archive_count;

    uint32_t part, parts;
    weir_job *base;
    void *base_model;
    int64_t resumed;

    weir_encoder *encoders;
    char *encoders_from;
    weir_segment *segments;
    uint32_t segment_count, width;
    weir_layout layout;

    weir_want *wants;
    size_t want_count;
    json_t *scores;
    char variant[64], unit[64]; /* unit: empty for the declared one */

    json_t *artefacts;
    FILE *curves;
};

/* An event for the runner: one JSON line. Takes the reference. */
void weir_job_event(const weir_job *job, json_t *event);
/* Fills the job's options struct from its resolved options. */
int weir_options_fill(weir_job *job);
/* Keeps an archive that was loaded for the job's life; takes it, also on failure. */
int weir_job_keep(weir_job *job, weir_archive *archive);
/* The streams as { name: [10 numbers] }, and back. */
json_t *weir_streams_save(const weir_job *job);

/* The training so far, for a checkpoint, and back from there. */
json_t *weir_training_save(const weir_job *job);
void weir_training_resume(weir_job *job, const json_t *saved);
/* With a budget: how much of it is used, in place of the plugin's own numbers. */
void weir_training_progress(const weir_job *job, int64_t *done, int64_t *total);

/* Encoders: all into folder/encoders/ROLE; freed with the job. */
int weir_encoders_save(weir_job *job, const char *folder);
void weir_encoders_free(weir_job *job);

/* curves.csv of the job so far into `to` (for a checkpoint), and from there again. */
int weir_curves_keep(weir_job *job, const char *to);
int weir_curves_resume(weir_job *job, const char *from);

#endif
