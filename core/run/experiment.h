/* Experiments: a graph of jobs, declared, validated as a whole, then run. What the Lua module and
 * the command line stand on. Declarations are JSON, so that they are checked, stored and hashed
 * alike. */
#ifndef WEIR_RUN_EXPERIMENT_H
#define WEIR_RUN_EXPERIMENT_H

#include "plugin/registry.h"
#include <jansson.h>

typedef struct weir_experiment weir_experiment;

/* name: [A-Za-z0-9._-]+. script: path for the manifest, or NULL. The registry is borrowed. */
weir_experiment *weir_experiment_new(const char *name, const char *script, weir_registry *registry,
                                     weir_error *error);
void weir_experiment_free(weir_experiment *experiment);

/* Declares training and sampling:
 *   { generator, options {}?, encoders { role: name | { encoder, options } }?, train SOURCE, seed
 * (1)?, label?, request { flows, packets, series, duration }?, budget (weir_budget_resolve)?,
 * select { method "rank_sum", metrics [ { plugin, options? } ]?, validation 0.2?, by
 * "flow"|"time"|"label"?, candidates 20?, keep? }?, fit_only true?, threads?, device?, memory?,
 * time?, where "script.lua:12"? } Returns a handle >= 0, or -1. Equal declarations give one handle.
 */
int weir_experiment_generate(weir_experiment *experiment, const json_t *declaration,
                             weir_error *error);
/* Declares a score:
 *   { kind "metric"|"downstream", plugin, options {}?, real SOURCE, test SOURCE?, synthetic HANDLE
 * | SOURCE, label?, where?, threads?, memory?, time?, lua { name, code (base64 of string.dump),
 * features [ { label, title?, unit?, better? } ] }? } With `lua` the plugin is a Lua metric and
 * `plugin` its name. Options are validated here. A downstream task with a test set is refused when
 * the generator's training source overlaps it. */
int weir_experiment_score(weir_experiment *experiment, const json_t *declaration,
                          weir_error *error);
/* Declares the floor of the metrics for a trace: the scores of two real halves of equal size, by
 * both named splits (flow-disjoint, and by time), and the ceilings (`marginals`, `uniform`), for
 * skill: { metrics [ { kind, plugin, options } ], trace SOURCE, seed?, where? } */
int weir_experiment_floor(weir_experiment *experiment, const json_t *declaration,
                          weir_error *error);

typedef struct weir_run_options {
    int jobs;           /* in parallel; 0: number of cores */
    int threads;        /* a job; 0: as declared, else 1 */
    const char *device; /* "auto", "cpu", "cuda" */
    const char *out;    /* the store's folder; NULL: results/NAME */
    bool fresh;         /* forget finished jobs */
    bool dry_run;       /* validate and list the jobs, run nothing */
    uint64_t memory;    /* bytes a job; 0: 0.8 of RAM over jobs */
    double time;        /* s a job; 0: no limit for fit, 3600 otherwise */
    bool quiet;         /* no progress */
} weir_run_options;

/* Plans, validates, runs what is not in the store yet, writes scores.csv and manifest.json. Returns
 * the exit status: 0, 1 some job failed, 2 unusable (error says why), 130 interrupted. */
int weir_experiment_run(weir_experiment *experiment, const weir_run_options *options,
                        weir_error *error);
/* After run: the store's folder. Borrowed. */
const char *weir_experiment_folder(const weir_experiment *experiment);
/* After run: the rows of scores.csv as an array of objects (the same keys; value a number or null),
 * those that equal every member of filter (NULL: all). A new array. */
json_t *weir_experiment_scores(const weir_experiment *experiment, const json_t *filter,
                               weir_error *error);
/* After run: the synthetic dataset of a handle, as a source; NULL if its job failed. A new object.
 */
json_t *weir_experiment_data(const weir_experiment *experiment, int handle, weir_error *error);
/* After run: the folder of the job that holds the model of a handle; NULL if it failed. A new
 * string. */
char *weir_experiment_model(const weir_experiment *experiment, int handle, weir_error *error);

#endif
