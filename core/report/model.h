/* What a report is made of: the store as read (load.c, chain.c), and what follows from it
 * (aggregate.c). Everything lives in the store's memory and is freed with it. */
#ifndef WEIR_REPORT_MODEL_H
#define WEIR_REPORT_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <weir/error.h>

typedef enum report_status { REPORT_OK, REPORT_NA, REPORT_FAILED } report_status;

/* A row of scores.csv. Strings are never NULL. */
typedef struct report_row {
    const char *dataset, *generator, *label, *seed, *kind, *plugin, *variant, *feature, *unit,
        *better, *reason, *job;
    report_status status;
    double value;               /* NaN unless status is REPORT_OK */
    double n_real, n_synthetic; /* NaN where the row has none */
} report_row;

/* A job's folder. Any of the documents may be NULL: the file is missing or unreadable. */
typedef struct report_job {
    const char *id;
    json_t *spec, *status, *scores, *artefacts, *selection;
    const char *log;    /* its last lines; "" if there are none */
    double model_bytes; /* of model/ with its encoders; NaN if there is none */
} report_job;

typedef struct report_store {
    const char *folder;
    json_t *manifest; /* NULL: missing or unreadable */
    report_row *rows;
    size_t row_count;
    report_job *jobs; /* sorted by id */
    size_t job_count;
    const char **notes; /* what could not be read, one line each */
    size_t note_count;
    struct report_block *blocks;
} report_store;

/* Reads scores.csv (which must be there and right), manifest.json and jobs/ (which may be missing).
 * NULL on failure. */
report_store *report_load(const char *folder, weir_error *error);
/* The same with the rows that are given (as weir_report_skills takes them), which must outlive the
 * store, in place of scores.csv, and without the manifest. */
report_store *report_load_rows(const char *folder, const json_t *rows, weir_error *error);
void report_store_free(report_store *store);
/* Zeroed memory that is freed with the store; NULL with the error recorded. */
void *report_alloc(report_store *store, size_t count, size_t size, weir_error *error);
char *report_string(report_store *store, weir_error *error, const char *format, ...)
    WEIR_PRINTF(3, 4);
/* The job of that id, or NULL. */
const report_job *report_find_job(const report_store *store, const char *id);

/* The members of a JSON object that the report reads, with what stands for a missing one. */
const char *report_json_text(const json_t *object, const char *key); /* "" */
double report_json_number(const json_t *object, const char *key, double missing);

/* The fit and sample jobs behind a score job, itself left out: followed through the job folders
 * that the specs name. Into list (room for `room`); returns how many. */
size_t report_chain(const report_store *store, const char *score_job, const report_job **list,
                    size_t room);

/* ---- What follows ---------------------------------------------------------------------------- */

/* A real side: `sample`, `sample:train`, `sample:test`. */
typedef struct report_dataset {
    const char *name;
    size_t trace;
} report_dataset;

/* A trace and the columns of its scores. */
typedef struct report_trace {
    const char *name; /* without ":train" and ":test" */
    int main;         /* dataset: the whole trace or its training part */
    int held_out;     /* dataset: the test part, as a second column; -1: none */
} report_trace;

typedef enum report_role {
    REPORT_GENERATOR, /* is compared and ranked */
    REPORT_CANARY,    /* copy, time_shuffle: checks of the metrics */
    REPORT_CEILING,   /* marginals, uniform: the declared bad generators */
    REPORT_FLOOR      /* two real halves */
} report_role;

/* A generator under a label. */
typedef struct report_entry {
    const char *generator, *label;
    report_role role;
    int colour; /* of its curves: 0, 1, … among the generators; -1 for the others */
} report_entry;

typedef struct report_feature {
    const char *kind, *plugin, *variant, *label, *unit, *better, *title, *ceiling;
    size_t group;
    bool counted; /* in ranks and averages: not a `ref` variant beside a `fix` one */
} report_feature;

typedef struct report_cell {
    size_t ok, na, failed; /* seeds */
    double *values;        /* [ok], by seed */
    double mean, min, max;
    enum { REPORT_NO_INTERVAL, REPORT_T, REPORT_BCA } method;
    double low, high;                 /* 95 % interval of the mean */
    double n_real[2], n_synthetic[2]; /* smallest and largest */
    double skill;                     /* NaN: skill_reason says why */
    const char *skill_reason;
    const char *reason; /* of the first n/a or failed row; "" */
    double rank;        /* among the ranked; NaN */
    bool best, tied;    /* the best mean; an interval that overlaps the best one's */
} report_cell;

/* An entry's line in a leaderboard. */
typedef struct report_line {
    size_t entry;
    /* Mean over the features of a trace; over all traces, the mean of theirs; NaN: none. */
    double rank;
    size_t features;
    double held_out; /* the same against the held-out part; NaN */
    /* Features in which it is best, and in which its interval overlaps the best one's. */
    size_t best, alike;
    /* A reference's: the mean rank that it would have, were it alone added to the ranked; NaN. */
    double would;
    /* Shares of its records that are in the real trace, and of one half of that in the other
     * (REC and REC_REAL of overlap): means over traces; NaN. */
    double copied, repeated;
    double *skill;  /* [groups]: median over its features; NaN */
    size_t *skills; /* [groups]: how many it is of */
} report_line;

typedef struct report_board {
    report_line *lines; /* [entries], best first, then the references */
    size_t features;    /* that are ranked */
} report_board;

/* Seconds and bytes of an entry on a trace (or on all): means over seeds, largest peak. */
typedef struct report_cost {
    size_t runs; /* seeds with a known cost */
    double open, fit, sample, save, score, seconds, cpu_seconds, peak_memory, model_bytes;
    double effort;   /* s of CPU, on a GPU of time, of fit and sample */
    double training; /* s of CPU, on a GPU of time, that training took, over all interruptions */
} report_cost;

/* How the scores of one group are put on one scale before they are averaged (specs D.3). */
typedef enum report_norm {
    REPORT_SKILL,
    REPORT_CASCADENET,
    REPORT_NETSHARE,
    REPORT_NONE
} report_norm;
#define REPORT_NORMS 4

typedef struct report_average {
    double value;  /* NaN: none */
    double median; /* of skills: no single feature rules it; NaN for the other scales */
    size_t features;
} report_average;

/* What 0 and 1 of a feature's skill are on a dataset. */
typedef struct report_scale {
    double floor, span; /* skill = (value - floor) / span */
    const char *reason; /* why there is no skill; "" if there is one */
} report_scale;

typedef struct report_model {
    report_store *store;
    report_dataset *datasets;
    size_t dataset_count;
    report_trace *traces;
    size_t trace_count;
    report_entry *entries;      /* generators, canaries, ceilings, floors */
    size_t entry_count, ranked; /* the first `ranked` are ranked */
    report_feature *features;   /* by group, then in the metric's order */
    size_t feature_count;
    const char **groups; /* "temporal EMD", … */
    size_t group_count;
    size_t seeds;                /* different ones of the ranked generators */
    report_cell **cells;         /* [dataset][feature][entry]; NULL: no row */
    report_scale *scales;        /* [dataset][feature] */
    report_board *boards;        /* [traces] */
    report_board overall;        /* over all traces */
    report_cost *costs;          /* [traces + 1][entries], the last over all */
    report_average *averages;    /* [traces][norms][groups][entries] */
    const report_job **failures; /* jobs that failed, by id */
    size_t failure_count;
    bool floor_by_time;                     /* some skill had to use the floor by time */
    struct report_differences *differences; /* NULL before report_compare */
} report_model;

/* Computes everything from the store. NULL on failure; what it gives lives in the store. */
report_model *report_aggregate(report_store *store, weir_error *error);
/* The parts of it that are files of their own. */
int report_rank(report_model *model, weir_error *error);
int report_costs(report_model *model, weir_error *error);
int report_averages(report_model *model, weir_error *error);

/* Whether more is better of a feature. */
static inline bool report_higher(const report_feature *feature)
{
    return strcmp(feature->better, "higher") == 0;
}
static inline report_cell *report_cell_at(const report_model *model, size_t dataset, size_t feature,
                                          size_t entry)
{
    return model->cells[(dataset * model->feature_count + feature) * model->entry_count + entry];
}
/* The scale of a row's feature on its dataset, or NULL. */
const report_scale *report_row_scale(const report_model *model, const report_row *row);
static inline double report_skill(const report_scale *scale, double value)
{
    return (value - scale->floor) / scale->span;
}
static inline const report_average *report_average_at(const report_model *model, size_t trace,
                                                      report_norm norm, size_t group, size_t entry)
{
    return &model->averages[((trace * REPORT_NORMS + norm) * model->group_count + group) *
                                model->entry_count +
                            entry];
}
/* "mean over 3 seeds", why a cell has no value, and the like. */
const char *report_norm_name(report_norm norm);

/* The terminal's leaderboard. A new string; NULL on failure. */
char *report_terminal(const report_model *model, weir_error *error);

#endif
