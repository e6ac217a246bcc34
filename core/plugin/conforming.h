/* What the files of the conformance checks share. A check runs in a process of its own and ends it
 * with weir_conform_fail as soon as something is wrong. */
#ifndef WEIR_PLUGIN_CONFORMING_H
#define WEIR_PLUGIN_CONFORMING_H

#include "plugin/job.h"
#include "plugin/registry.h"

typedef struct weir_subject {
    weir_registry *registry;
    const weir_loaded *loaded;
    const weir_plugin *plugin;
    const char *folder; /* an empty one, for this check alone */
    double limit;       /* s, of a check */
    int verdict;        /* where a failure is written to */
} weir_subject;

typedef void weir_check_function(weir_subject *subject);
typedef struct weir_check {
    const char *name; /* NULL ends a list */
    weir_check_function *run;
} weir_check;

extern const weir_check weir_generator_checks[], weir_encoder_checks[], weir_score_checks[];

_Noreturn void weir_conform_fail(weir_subject *subject, const char *format, ...) WEIR_PRINTF(2, 3);
/* Fails unless the condition holds. */
#define NEED(subject, condition, ...)                                                              \
    do {                                                                                           \
        if (!(condition))                                                                          \
            weir_conform_fail(subject, __VA_ARGS__);                                               \
    } while (0)

/* A trace of that schema and about that many rows, the same whenever it is asked for; with all
 * optional columns. Seed 1, 2 … are different traces of one kind. */
weir_dataset *weir_conform_trace(weir_subject *subject, uint32_t schema, size_t rows,
                                 uint64_t seed);
/* Schemas one after another: 0 when there is no further one that the plugin accepts. */
uint32_t weir_conform_schema(const weir_subject *subject, int *at);
const char *weir_conform_schema_name(uint32_t schema);
/* A job of the plugin: its preset `tiny` if it has one and `tiny`, else its defaults. */
weir_job *weir_conform_job(weir_subject *subject, uint64_t seed, bool tiny);
/* The text of the error that a job has. */
const char *weir_conform_why(weir_job *job);
/* The plugin's weir_alloc calls to let fail: n points out of 1 … total. */
uint64_t weir_conform_point(uint64_t total, int i, int n);
/* Lets weir_cancel be called a short while from now. */
void weir_conform_cancel_soon(void);
/* Seconds since it was; 0 if not yet. */
double weir_conform_since_cancel(void);
/* How long a plugin may take to obey, s: 1 in a release build. */
#define WEIR_CANCEL_LIMIT_SLOW 10.0
double weir_conform_cancel_limit(void);

#endif
