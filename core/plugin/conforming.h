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
/* Lets weir_cancel be called a short while from now; and undoes it. */
void weir_conform_cancel_soon(void);
void weir_conform_stop_cancel(void);
/* A call of a plugin in a life of its own, in which the n-th request (0: none) for something goes
 * against it: for weir_conform_cancel_within the n-th weir_progress cancels, for
 * weir_conform_memory the n-th weir_alloc fails. Returns its status; asked: how many such requests
 * it made. */
typedef int weir_conform_call(weir_subject *subject, const weir_dataset *data, uint64_t n,
                              uint64_t *asked);
/* Fails unless the call gives WEIR_ENOMEM when one of its weir_allocs fails: each of them where
 * that takes about two seconds in all, else 12 or more spread ones. */
void weir_conform_memory(weir_subject *subject, const char *what, weir_conform_call *call,
                         const weir_dataset *data);
/* Fails unless the call gives WEIR_ECANCEL when its first, a middle or its last weir_progress says
 * so. */
void weir_conform_cancel_within(weir_subject *subject, const char *what, weir_conform_call *call,
                                const weir_dataset *data);
/* Seconds since it was; 0 if not yet. */
double weir_conform_since_cancel(void);
/* How long a plugin may take to obey, s: 1 in a release build. */
#define WEIR_CANCEL_LIMIT_SLOW 10.0
double weir_conform_cancel_limit(void);

#endif
