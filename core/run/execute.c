/* One job in this process: its spec, its phases, its status. */
#include "run/execute.h"
#include "data/source.h"
#include "files.h"
#include "plugin/options.h"
#include "run/device.h"
#include "run/work.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double clock_seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void weir_work_phase(weir_work *work, weir_job *job, const char *phase)
{
    double now = clock_seconds(CLOCK_MONOTONIC);

    if (work->phase) {
        double before = json_number_value(json_object_get(work->phases, work->phase));
        json_object_set_new(work->phases, work->phase, json_real(before + now - work->since));
    }
    work->phase = phase;
    work->since = now;
    if (job) {
        weir_job_phase(job, phase);
    } else if (work->status_fd >= 0) {
        dprintf(work->status_fd, "{\"phase\":\"%s\"}\n", phase);
    }
}

weir_job_setup weir_work_setup(const weir_work *work, const char *folder)
{
    return (weir_job_setup){.plugin = work->plugin,
                            .options = work->options,
                            .encoders = work->encoders,
                            .budget = work->budget,
                            .candidates =
                                (int)json_integer_value(json_object_get(work->spec, "candidates")),
                            .registry = work->registry,
                            .seed = work->seed,
                            .threads = work->threads,
                            .device = work->device,
                            .folder = folder,
                            .log_fd = STDERR_FILENO,
                            .status_fd = work->status_fd};
}

int weir_work_plugin(weir_work *work, int kind, weir_error *error)
{
    const json_t *plugin = json_object_get(work->spec, "plugin");
    const char *path = json_string_value(json_object_get(plugin, "path"));
    const char *name = json_string_value(json_object_get(plugin, "name"));
    const char *build = json_string_value(json_object_get(plugin, "build"));

    if (!name)
        return weir_error_set(error, WEIR_EOPTION, "spec: plugin.name is missing");
    work->loaded = path && access(path, R_OK) == 0
                       ? weir_registry_load(work->registry, path, error)
                       : weir_registry_find(work->registry, kind, name, error);
    if (!work->loaded)
        return WEIR_EOPTION;
    if ((int)work->loaded->plugin->kind != kind || strcmp(work->loaded->plugin->name, name) != 0)
        return weir_error_set(error, WEIR_EOPTION, "%s is %s %s, not %s %s", work->loaded->path,
                              weir_kind_name((int)work->loaded->plugin->kind),
                              work->loaded->plugin->name, weir_kind_name(kind), name);
    if (build && build[0] && strcmp(build, work->loaded->build_id) != 0)
        return weir_error_set(error, WEIR_EOPTION,
                              "%s was built again since this job was planned; plan it again",
                              work->loaded->path);
    work->plugin = work->loaded->plugin;
    return WEIR_OK;
}

int weir_work_restore(weir_work *work, const json_t *about, weir_error *error)
{
    work->options = weir_options_restore(work->plugin, json_object_get(about, "options"), error);
    if (work->options)
        work->encoders =
            weir_encoders_restore((const weir_generator *)work->plugin, work->options,
                                  json_object_get(about, "encoders"), work->registry, error);
    return work->encoders ? WEIR_OK : WEIR_EOPTION;
}

int weir_work_options(weir_work *work, const json_t *options, const json_t *encoders,
                      weir_error *error)
{
    work->options = weir_options_resolve(work->plugin, options, error);
    if (!work->options)
        return WEIR_EOPTION;
    if (work->plugin->kind != WEIR_KIND_GENERATOR)
        return WEIR_OK;
    work->encoders = weir_encoders_resolve((const weir_generator *)work->plugin, work->options,
                                           encoders, work->registry, error);
    return work->encoders ? WEIR_OK : WEIR_EOPTION;
}

weir_dataset *weir_work_open(const weir_work *work, const char *input, weir_error *error)
{
    const json_t *source = json_object_get(work->inputs, input);

    if (!source) {
        weir_error_set(error, WEIR_EOPTION, "spec: inputs.%s is missing", input);
        return NULL;
    }
    return weir_source_open(source, NULL, error);
}

/* ---- Status -----------------------------------------------------------------------------------*/

/* Peak resident memory of this process, bytes. */
static json_int_t peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kilobytes = 0;

    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmHWM:", 6))
            kilobytes = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return (json_int_t)kilobytes * 1024;
}

static void write_status(weir_work *work, const char *started, double seconds,
                         const weir_error *outcome, weir_error *error)
{
    bool ok = outcome->status == WEIR_OK;
    json_t *status, *attempt = json_object_get(work->spec, "attempt");
    struct rusage usage;
    char path[PATH_MAX];
    double cpu;

    getrusage(RUSAGE_SELF, &usage);
    cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
          1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    status = json_pack("{s:s,s:O,s:b,s:f,s:f,s:I,s:s,s:i,s:O,s:s,s:O*}", "phase",
                       ok            ? "done"
                       : work->phase ? work->phase
                                     : "open",
                       "job", json_object_get(work->spec, "job"), "ok", ok, "seconds", seconds,
                       "cpu_seconds", cpu, "peak_memory", peak_memory(), "device", work->device,
                       "threads", work->threads, "phases", work->phases, "started", started,
                       "attempts", attempt);
    if (status && work->parts)
        json_object_set_new(status, "parts", json_integer(work->parts));
    if (status && work->candidates)
        json_object_set(status, "candidates", work->candidates);
    if (status && work->training)
        json_object_set(status, "training", work->training);
    if (status && !ok) {
        json_t *text = json_string(outcome->text);
        json_object_set_new(status, "error",
                            json_pack("{s:s,s:o}", "status", weir_status_name((int)outcome->status),
                                      "text",
                                      text ? text : json_string("a message that is not UTF-8")));
        if (outcome->status == WEIR_ECANCEL)
            json_object_set_new(status, "reason", json_string("cancelled"));
    }
    snprintf(path, sizeof path, "%s/status.json", work->out);
    if (!status)
        weir_error_memory(error, 0, "a job's status");
    else
        weir_json_write(path, status, error);
    json_decref(status);
}

/* ---- The spec ---------------------------------------------------------------------------------*/

static int bad(weir_error *error, const char *member, const char *right)
{
    return weir_error_set(error, WEIR_EOPTION, "spec: %s must be %s", member, right);
}

static int read_spec(weir_work *work, weir_error *error)
{
    const json_t *seed = json_object_get(work->spec, "seed");
    const json_t *threads = json_object_get(work->spec, "threads");
    const json_t *device = json_object_get(work->spec, "device");
    const json_t *budget = json_object_get(work->spec, "budget");
    const json_t *candidates = json_object_get(work->spec, "candidates");
    const char *word = json_string_value(device);

    work->out = json_string_value(json_object_get(work->spec, "out"));
    work->inputs = json_object_get(work->spec, "inputs");
    work->seed = 1;
    work->threads = 1;
    if (!work->out || !work->out[0] || strlen(work->out) > PATH_MAX - 200)
        return bad(error, "out", "the path of a folder");
    if (!json_is_object(work->inputs))
        return bad(error, "inputs", "an object");
    if (seed && (!json_is_integer(seed) || json_integer_value(seed) < 0))
        return bad(error, "seed", "a whole number, 0 or more");
    if (threads && (!json_is_integer(threads) || json_integer_value(threads) < 1 ||
                    json_integer_value(threads) > 4096))
        return bad(error, "threads", "a whole number between 1 and 4096");
    if (device && (!word || (strcmp(word, "auto") != 0 && strcmp(word, "cpu") != 0 &&
                             strcmp(word, "cuda") != 0)))
        return bad(error, "device", "\"auto\", \"cpu\" or \"cuda\"");
    if (candidates && (!json_is_integer(candidates) || json_integer_value(candidates) < 1 ||
                       json_integer_value(candidates) > 1000))
        return bad(error, "candidates", "a whole number between 1 and 1000");
    if (weir_device_choose(word, &work->device, error))
        return error->status;
    if (budget && !(work->budget = weir_budget_resolve(budget, error)))
        return error->status;
    if (seed)
        work->seed = (uint64_t)json_integer_value(seed);
    if (threads)
        work->threads = (int)json_integer_value(threads);
    return WEIR_OK;
}

static int run(weir_work *work, weir_error *error)
{
    const char *job = json_string_value(json_object_get(work->spec, "job"));

    work->registry = weir_registry_open(NULL, error);
    if (!work->registry)
        return error->status;
    if (!strcmp(job, "fit"))
        return weir_work_fit(work, error);
    if (!strcmp(job, "select"))
        return weir_work_select(work, error);
    return !strcmp(job, "sample") ? weir_work_sample(work, error) : weir_work_score(work, error);
}

int weir_execute(const json_t *spec, int status_fd, weir_error *error)
{
    weir_work work = {.spec = spec, .status_fd = status_fd};
    double began = clock_seconds(CLOCK_MONOTONIC);
    const char *job = json_string_value(json_object_get(spec, "job"));
    weir_error outcome = {0};
    char started[32];
    time_t now = time(NULL);
    struct tm utc;

    if (!job || (strcmp(job, "fit") != 0 && strcmp(job, "sample") != 0 &&
                 strcmp(job, "score") != 0 && strcmp(job, "select") != 0))
        return bad(error, "job", "\"fit\", \"sample\", \"score\" or \"select\"");
    if (read_spec(&work, error) != WEIR_OK)
        return WEIR_EOPTION;
    work.phases = json_object();
    if (!work.phases)
        return weir_error_memory(error, 0, "a job");
    if (status_fd >= 0) /* a reader that is slow must not hold the job up */
        fcntl(status_fd, F_SETFL, fcntl(status_fd, F_GETFL) | O_NONBLOCK);
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    if (weir_folder_make(work.out, &outcome) == WEIR_OK) {
        weir_work_phase(&work, NULL, "open");
        if (run(&work, &outcome) != WEIR_OK)
            weir_error_set(&outcome, WEIR_EBUG, "the job failed without a reason");
        weir_work_phase(&work, NULL, outcome.status == WEIR_OK ? "done" : work.phase);
        write_status(&work, started, clock_seconds(CLOCK_MONOTONIC) - began, &outcome,
                     outcome.status == WEIR_OK ? &outcome : NULL);
    }
    json_decref(work.phases);
    json_decref(work.training);
    json_decref(work.candidates);
    json_decref(work.budget);
    json_decref(work.options);
    json_decref(work.encoders);
    weir_registry_free(work.registry);
    return outcome.status == WEIR_OK ? WEIR_OK
                                     : weir_error_set(error, outcome.status, "%s", outcome.text);
}
