/* The work of one job: what fit, sample and score share. */
#ifndef WEIR_RUN_WORK_H
#define WEIR_RUN_WORK_H

#include "plugin/job.h"
#include "plugin/registry.h"
#include <jansson.h>

typedef struct weir_work {
    const json_t *spec, *inputs;
    const char *out; /* the job's folder */
    weir_registry *registry;
    const weir_loaded *loaded;  /* NULL for a metric written in Lua */
    const weir_plugin *plugin;  /* loaded->plugin, or the Lua metric's */
    json_t *options, *encoders; /* resolved */
    json_t *budget;             /* of a fit, resolved; NULL for none */
    uint64_t seed;
    int threads, status_fd;
    const char *device;
    const char *phase;  /* the phase reached */
    double since;       /* when it began, s */
    json_t *phases;     /* name -> s */
    json_int_t parts;   /* of a fit's part 0; 0: not asked */
    json_t *candidates; /* of a fit: the steps of its candidates; NULL: none are kept */
    json_t *training;   /* of a fit, by part: what weir_budget_taken says; NULL: none ran */
} weir_work;

/* Begins a phase: for the status, the events and the error messages of job (may be NULL). */
void weir_work_phase(weir_work *work, weir_job *job, const char *phase);
/* A job's setup out of the work; folder may be NULL. */
weir_job_setup weir_work_setup(const weir_work *work, const char *folder);
/* Finds the plugin that the spec names: by its path, else by kind and name. */
int weir_work_plugin(weir_work *work, int kind, weir_error *error);
/* Resolves options and, for a generator, encoders. */
int weir_work_options(weir_work *work, const json_t *options, const json_t *encoders,
                      weir_error *error);
/* The options and encoders that a generator's model.json says; the files that they name may be
 * gone.
 */
int weir_work_restore(weir_work *work, const json_t *about, weir_error *error);
/* The dataset of an input; fails if the spec has none such. */
weir_dataset *weir_work_open(const weir_work *work, const char *input, weir_error *error);

int weir_work_fit(weir_work *work, weir_error *error);
int weir_work_sample(weir_work *work, weir_error *error);
int weir_work_score(weir_work *work, weir_error *error);
int weir_work_select(weir_work *work, weir_error *error);

#endif
