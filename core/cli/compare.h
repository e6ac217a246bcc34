/* The parts of weir compare: what is to be scored (compare.c), the processes (compare_jobs.c), the
 * rows (compare_scores.c). */
#ifndef WEIR_CLI_COMPARE_H
#define WEIR_CLI_COMPARE_H

#include "cli/arguments.h"
#include "plugin/registry.h"
#include "run/process.h"
#include <jansson.h>

#define WEIR_COMPARE_MOST 64

/* One plugin's score job. */
struct weir_scoring {
    const weir_loaded *loaded;
    json_t *options; /* resolved */
    char folder[512];
    weir_process process;
};

struct weir_comparison {
    const char *metrics, *downstream, *variant, *time_unit, *plugins;
    weir_texts settings;
    bool json, allow_truncated;
    uint64_t memory; /* bytes, of one job; 0: the default */
    double time;     /* s, of one job; 0: the default */
    weir_registry *registry;
    json_t *real, *synthetic;             /* sources */
    json_t *facts_real, *facts_synthetic; /* what reading them found; may be NULL */
    uint32_t schema;
    struct weir_scoring scorings[WEIR_COMPARE_MOST];
    size_t count;
    char folder[256];
};

/* Runs every score job, one a processor, each in a process and a folder of its own below c->folder,
 * which it makes and the caller removes. A job that fails, or is ended at a limit, is no error. */
int weir_compare_run(struct weir_comparison *c, weir_error *error);
/* Whether a signal ended the run. */
bool weir_compare_interrupted(void);
/* Removes c->folder. */
void weir_compare_clean(const struct weir_comparison *c);

/* Prints all scores, as a table or as JSON, and a line on stderr for each job that failed. Returns
 * the exit status. */
int weir_compare_report(const struct weir_comparison *c);

#endif
