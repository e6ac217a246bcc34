/* An instance of a plugin at work: what stands behind weir_job, for the code that runs plugins. */
#ifndef WEIR_PLUGIN_JOB_H
#define WEIR_PLUGIN_JOB_H

#include "plugin/registry.h"
#include <jansson.h>
#include <weir/plugin.h>

/* Everything is borrowed for the job's life. */
typedef struct weir_job_setup {
    const weir_plugin *plugin;
    const json_t *options;   /* resolved; NULL: none (a metric written in Lua) */
    const json_t *encoders;  /* weir_encoders_resolve's; NULL for none */
    const json_t *budget;    /* of a fit, weir_budget_resolve's; NULL for none */
    int candidates;          /* of a fit: how many of its checkpoints stay, at most; 0: the last */
    bool fitted;             /* only models are loaded: TRACE options read NULL */
    weir_registry *registry; /* where encoders are found; may be NULL */
    uint64_t seed;
    int threads;
    const char *device;
    const char *folder; /* where curves, artefacts and checkpoints go; NULL: nowhere */
    int log_fd;         /* what weir_log writes to; -1: nothing */
    int status_fd;      /* what events are written to; -1: nothing */
    const char *within; /* in front of the names of random streams; NULL: nothing */
} weir_job_setup;

weir_job *weir_job_new(const weir_job_setup *setup, weir_error *error);
/* Calls the plugin's `free` for every model of the job, then frees all that weir_alloc gave. */
void weir_job_free(weir_job *job);
/* Zeroed state_size bytes that live as long as the job: a model or an encoder's state. */
void *weir_job_state(weir_job *job);

/* Says which phase begins ("fit"): for error messages, and as an event. */
void weir_job_phase(weir_job *job, const char *phase);
/* What a callback came to: status is what it returned. An error is moved into `error` with "KIND
 * NAME: PHASE: " in front; a failure without a word, or a word without a failure, is one as well.
 * Returns the status. */
int weir_job_end(weir_job *job, int status, weir_error *error);

/* Ends every job of this process soon: weir_progress returns WEIR_ECANCEL. Safe in a signal
 * handler. */
void weir_cancel(void);
/* Undoes it (tests and checks). */
void weir_cancel_clear(void);

/* For tests and checks: the n-th weir_alloc of this job from now on fails; 0: none does. */
void weir_job_fail_alloc(weir_job *job, uint64_t n);
/* How often weir_alloc was called. */
uint64_t weir_job_allocs(const weir_job *job);
/* For tests and checks: weir_cancel at the n-th weir_progress of this job from now on; 0: never. */
void weir_job_cancel_at(weir_job *job, uint64_t n);
/* How often weir_progress was called. */
uint64_t weir_job_asked(const weir_job *job);

/* A part of a fit: its number, how many there are, part 0's model folder (NULL for part 0). */
int weir_job_set_part(weir_job *job, uint32_t part, uint32_t count, const char *base,
                      weir_error *error);
/* What a script or a command gives as the budget of a fit: seconds of training, { "cpu": seconds },
 * or { "steps": N, [N, …] or [[N, …], …] }: the stored ends of the stages, of the one part or of
 * each, to be repeated. Made one of { "seconds": S } and { "steps": … }, a new object. */
json_t *weir_budget_resolve(const json_t *given, weir_error *error);
/* fit begins: the clock runs from here. */
void weir_budget_begin(weir_job *job);
/* fit has ended: WEIR_EOPTION if it had other stages than the ones to be repeated. */
int weir_budget_end(weir_job *job);
/* What the fit took: { clock "cpu"|"device", used s, known: it asked for the end of its stages,
 * stages [ { share, step, seconds } ], step: the last one }. A new object. */
json_t *weir_budget_taken(const weir_job *job);

/* Where encoders were fitted already: a model folder. */
int weir_job_encoders_from(weir_job *job, const char *model);

/* ---- Scores ---------------------------------------------------------------------------------- */

/* Decides which features apply and records the others as n/a, with the reason. Fails when the two
 * sides have different schemas, or the option `features` names one that does not exist. */
int weir_scores_begin(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic);
/* After it: whether any feature is left to score; if not, the callback need not be called. */
bool weir_scores_wanted(const weir_job *job);
/* After the callback: a feature that should have been scored and has neither a value nor a reason
 * is an error. Returns the rows of scores.json, a new array; NULL on failure. */
json_t *weir_scores_end(weir_job *job);

/* ---- What a job leaves in its folder --------------------------------------------------------- */

/* Writes curves.csv, artefacts.json and artefacts/ where there are any. */
int weir_artefacts_end(weir_job *job);

/* ---- Models ---------------------------------------------------------------------------------- */

/* All roles of a generator: { role: { encoder, options (resolved), path, build } }, with the
 * defaults where `given` ({ role: name | { encoder, options } }, may be NULL) says nothing.
 * options: the generator's own, resolved. A new object. Unknown roles, encoders and options are
 * errors that name the nearest. */
json_t *weir_encoders_resolve(const weir_generator *generator, const json_t *options,
                              const json_t *given, weir_registry *registry, weir_error *error);
/* The same of a saved model, whose encoders stand in `saved` as resolve made them: their FILE and
 * TRACE options stay the paths they are, also where the files are gone. */
json_t *weir_encoders_restore(const weir_generator *generator, const json_t *options,
                              const json_t *saved, weir_registry *registry, weir_error *error);

/* Saves a model and the job's encoders as the folder `path`, whole or not at all; an older one is
 * replaced. about: what model.json says beside plugin, options, encoders and seed (may be NULL). */
int weir_model_save(weir_job *job, const void *model, const char *path, const json_t *about);
/* Reads model.json of a model folder: plugin { kind, name, path, build, abi }, options, encoders,
 * seed, schema, training … A new object. */
json_t *weir_model_about(const char *path, weir_error *error);
/* Loads a model folder into a state of the job, encoders too. NULL on failure, in the job's error.
 */
void *weir_model_load(weir_job *job, const char *path);

/* If the job's folder holds a checkpoint: loads it into model and returns its step; 0 if there is
 * none that can be used. */
int64_t weir_checkpoint_resume(weir_job *job, void *model);
/* Removes it. */
int weir_checkpoint_remove(weir_job *job);
/* What model.json of checkpoints says beside plugin, options, encoders, seed and step; copied. */
int weir_checkpoint_about(weir_job *job, const json_t *about);

/* ---- Candidates: checkpoints that stay, for a choice among them --------------------------------
 */

/* Keeps the job's checkpoint of that step as candidates/STEP. Of more than setup.candidates, the
 * one where they lie closest is removed. Nothing where 0 are kept. */
int weir_candidate_keep(weir_job *job, int64_t step);
/* Before fit: of candidates from before, keeps those that the checkpoint stands on. */
int weir_candidates_resume(weir_job *job);
/* The steps of the candidates in the job's folder, rising, but for one that equals the final model
 * in `model`. A new array. */
json_t *weir_candidates_list(weir_job *job, const char *model);

#endif
