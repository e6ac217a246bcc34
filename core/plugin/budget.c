/* The budget of a fit: how long its training takes, where its stages end, and the same ends again.
 */
#include "plugin/inside.h"
#include <math.h>
#include <string.h>

/* ---- What is given ----------------------------------------------------------------------------*/

static bool is_step(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* [N, …] with 1 to WEIR_STAGES ends. */
static bool is_ends(const json_t *value)
{
    bool good = json_array_size(value) >= 1 && json_array_size(value) <= WEIR_STAGES;

    for (size_t i = 0; good && i < json_array_size(value); i++)
        good = is_step(json_array_get(value, i));
    return good;
}

/* N, [N, …] or [[N, …], …] as [[N, …], …]; NULL if it is something else. */
static json_t *read_steps(const json_t *given)
{
    bool parts = json_array_size(given) >= 1;
    json_t *steps = json_deep_copy(given);

    if (is_step(given))
        return json_pack("[[o]]", steps);
    if (is_ends(given))
        return json_pack("[o]", steps);
    for (size_t i = 0; parts && i < json_array_size(given); i++)
        parts = is_ends(json_array_get(given, i));
    if (parts)
        return steps;
    json_decref(steps);
    return NULL;
}

json_t *weir_budget_resolve(const json_t *given, weir_error *error)
{
    const json_t *seconds = json_is_object(given) ? json_object_get(given, "cpu") : given;
    json_t *made = NULL, *steps;

    if (json_is_object(given) && !seconds)
        seconds = json_object_get(given, "seconds");
    if (json_object_size(given) > 1 || (json_is_object(given) && !json_object_size(given))) {
        weir_error_set(error, WEIR_EOPTION, "a budget is one of seconds, cpu and steps");
    } else if (seconds) {
        double value = json_number_value(seconds);
        if (!json_is_number(seconds) || !(value > 0) || !(value < 1e9))
            weir_error_set(error, WEIR_EOPTION,
                           "a budget must be a number of seconds above 0, or { steps = … }");
        else if (!(made = json_pack("{s:f}", "seconds", value)))
            weir_error_memory(error, 0, "a budget");
    } else {
        steps = read_steps(json_object_get(given, "steps"));
        if (!steps)
            weir_error_set(error, WEIR_EOPTION,
                           "the steps of a budget must be a whole number, a list of the stages' "
                           "ends (at most %d), or a list of such lists, one a part",
                           WEIR_STAGES);
        else if (!(made = json_pack("{s:o}", "steps", steps)))
            weir_error_memory(error, 0, "a budget");
    }
    return made;
}

/* ---- The clock --------------------------------------------------------------------------------*/

static bool on_device(const weir_job *job)
{
    return strcmp(weir_device(job), "cpu") != 0;
}

/* CPU time of all threads. On a device, which one job has at a time, the time that passes. */
static double clock_of(const weir_job *job)
{
    struct timespec now;

    clock_gettime(on_device(job) ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double used(const weir_job *job)
{
    const weir_training *t = &job->training;

    return t->before + (t->runs ? clock_of(job) - t->since : 0);
}

void weir_budget_begin(weir_job *job)
{
    job->training.since = clock_of(job);
    job->training.runs = true;
}

/* ---- Stages -----------------------------------------------------------------------------------*/

static double seconds_of(const weir_job *job)
{
    return json_number_value(json_object_get(job->setup.budget, "seconds"));
}

/* The ends to be repeated by this part, or NULL. */
static const json_t *ends_of(const weir_job *job)
{
    const json_t *steps = json_object_get(job->setup.budget, "steps");

    return steps ? json_array_get(steps, json_array_size(steps) > 1 ? job->part : 0) : NULL;
}

static void end_stage(weir_job *job)
{
    weir_training *t = &job->training;

    if (t->count == WEIR_STAGES)
        weir_error_set(&job->error, WEIR_EBUG, "a fit has at most %d stages", WEIR_STAGES);
    else
        t->ended[t->count++] = t->at;
    t->at = (weir_stage){0};
}

/* Whether the stage at work, which has that many before it, ends at its step. */
static bool is_over(weir_job *job, int64_t planned)
{
    const weir_training *t = &job->training;
    const json_t *budget = job->setup.budget;

    if (!budget)
        return t->at.step >= planned;
    if (seconds_of(job) > 0)
        return t->at.seconds >= t->at.share * seconds_of(job);
    if (t->count < json_array_size(ends_of(job)))
        return t->at.step >= json_integer_value(json_array_get(ends_of(job), t->count));
    weir_error_set(&job->error, WEIR_EOPTION,
                   "the steps to be repeated are of %zu stages, the fit has more",
                   json_array_size(ends_of(job)));
    return true;
}

bool weir_stage_ends(weir_job *job, int64_t step, int64_t planned, double share)
{
    weir_training *t = &job->training;
    double last = t->count ? t->ended[t->count - 1].share : 0;

    if (job->owner) /* an encoder's training is its own */
        return step >= planned;
    t->asked = true;
    t->last = step > t->last ? step : t->last;
    for (size_t i = 0; i < t->count; i++)
        if (t->ended[i].share == share)
            return true;
    if (!(share > 0 && share <= 1) || share < last || share < t->at.share) {
        weir_error_set(&job->error, WEIR_EBUG,
                       "a stage ends by share %g after one of %g: shares rise, up to 1", share,
                       t->at.share > last ? t->at.share : last);
        return true;
    }
    if (t->at.share > 0 && t->at.share < share) /* the plugin ended the stage before by itself */
        end_stage(job);
    t->at = (weir_stage){share, used(job), step};
    if (job->error.status == WEIR_OK && !is_over(job, planned))
        return false;
    end_stage(job);
    return true;
}

int weir_budget_end(weir_job *job)
{
    weir_training *t = &job->training;
    size_t wanted = json_array_size(ends_of(job));

    t->before = used(job);
    t->runs = false;
    if (t->at.share > 0)
        end_stage(job);
    if (wanted && t->asked && t->count != wanted)
        return weir_error_set(&job->error, WEIR_EOPTION,
                              "the steps to be repeated are of %zu stages, the fit has %zu", wanted,
                              t->count);
    return job->error.status;
}

/* ---- What it took -----------------------------------------------------------------------------*/

static json_t *stages(const weir_training *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->count; i++)
        json_array_append_new(list, json_pack("{s:f,s:I,s:f}", "share", t->ended[i].share, "step",
                                              (json_int_t)t->ended[i].step, "seconds",
                                              t->ended[i].seconds));
    return list;
}

json_t *weir_budget_taken(const weir_job *job)
{
    return json_pack("{s:s,s:f,s:b,s:o,s:I}", "clock", on_device(job) ? "device" : "cpu", "used",
                     used(job), "known", job->training.asked, "stages", stages(&job->training),
                     "step", (json_int_t)job->training.last);
}

json_t *weir_training_save(const weir_job *job)
{
    const weir_training *t = &job->training;

    return json_pack("{s:f,s:b,s:o,s:{s:f,s:I,s:f}}", "used", used(job), "known", t->asked,
                     "stages", stages(t), "at", "share", t->at.share, "step",
                     (json_int_t)t->at.step, "seconds", t->at.seconds);
}

static weir_stage read_stage(const json_t *from)
{
    return (weir_stage){.share = json_number_value(json_object_get(from, "share")),
                        .step = json_integer_value(json_object_get(from, "step")),
                        .seconds = json_number_value(json_object_get(from, "seconds"))};
}

void weir_training_resume(weir_job *job, const json_t *saved)
{
    const json_t *list = json_object_get(saved, "stages");
    weir_training *t = &job->training;

    t->before = json_number_value(json_object_get(saved, "used"));
    t->asked = json_is_true(json_object_get(saved, "known"));
    t->count = 0;
    for (size_t i = 0; i < json_array_size(list) && i < WEIR_STAGES; i++)
        t->ended[t->count++] = read_stage(json_array_get(list, i));
    t->at = read_stage(json_object_get(saved, "at"));
}

void weir_training_progress(const weir_job *job, int64_t *done, int64_t *total)
{
    const json_t *ends = ends_of(job);
    double seconds = seconds_of(job);
    int64_t last;

    if (!job->training.runs || !job->training.asked)
        return;
    if (seconds > 0) {
        *total = (int64_t)ceil(1000 * seconds); /* ms */
        *done = (int64_t)fmin(1000 * used(job), (double)*total);
    } else if (ends) {
        last = json_integer_value(json_array_get(ends, json_array_size(ends) - 1));
        *total = last > 0 ? last : 1;
        *done = job->training.at.step < *total ? job->training.at.step : *total;
    }
}
