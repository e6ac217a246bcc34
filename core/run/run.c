/* A run from beginning to end: plan, store, jobs, scores, manifest. */
#include "run/declare.h"
#include "run/device.h"
#include "run/host.h"
#include "run/manifest.h"
#include "run/process.h"
#include "run/scheduler.h"
#include "run/scores.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARE 0.8 /* of the machine's memory, that all jobs together may have */

static int settle_options(const weir_run_options *options, weir_settings *settings,
                          weir_error *error)
{
    bool asked = options->device && strcmp(options->device, "auto") != 0;
    cpu_set_t allowed;
    int cpus = weir_host_cpus(&allowed);

    if (weir_device_choose(options->device, &settings->device, error))
        return error->status;
    if (!asked)
        settings->device = NULL; /* each declaration says, or none */
    if (options->jobs < 0 || options->threads < 0 || !(options->time >= 0) ||
        !isfinite(options->time))
        return weir_error_set(error, WEIR_EOPTION, "jobs, threads and time must not be negative");
    settings->threads = options->threads;
    settings->jobs = options->jobs;
    if (!settings->jobs)
        settings->jobs = cpus / (options->threads > 1 ? options->threads : 1);
    if (settings->jobs < 1)
        settings->jobs = 1;
    if (settings->jobs > 1024)
        settings->jobs = 1024;
    settings->memory = options->memory;
    settings->share = (uint64_t)(SHARE * (double)weir_host_memory()) / (uint64_t)settings->jobs;
    settings->time = options->time;
    return WEIR_OK;
}

static int choose_folder(weir_experiment *experiment, const char *out, weir_error *error)
{
    char *folder = NULL;

    if (out)
        folder = strdup(out);
    else if (asprintf(&folder, "results/%s", experiment->name) < 0)
        folder = NULL;
    if (!folder)
        return weir_error_memory(error, WEIR_PATH, "a path");
    free(experiment->folder);
    experiment->folder = folder;
    return WEIR_OK;
}

/* The inputs of the store's last manifest; NULL if there is none. */
static json_t *inputs_before(const char *folder)
{
    char path[WEIR_PATH];
    json_t *manifest, *inputs;

    if ((size_t)snprintf(path, sizeof path, "%s/manifest.json", folder) >= sizeof path)
        return NULL;
    manifest = weir_json_read(path);
    inputs = json_incref(json_object_get(manifest, "inputs"));
    json_decref(manifest);
    return inputs;
}

static void print_plan(const weir_plan *plan)
{
    static const char *const states[] = {"waits", "to run", "to run", "cached", "failed"};
    size_t cached = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const weir_node *node = plan->nodes[i];
        cached += node->state == WEIR_DONE;
        printf("%-6s  %-*.*s  %s\n", states[node->state], WEIR_ID_LENGTH, WEIR_ID_LENGTH,
               *node->key ? node->key : "-", node->title);
    }
    printf("%zu jobs: %zu cached, %zu to run\n", plan->count, cached, plan->count - cached);
}

/* What a caller may ask for after the run: rows, and the synthetic data of each handle. */
static int keep_results(weir_experiment *experiment, const weir_plan *plan, const weir_store *store,
                        weir_error *error)
{
    char path[WEIR_PATH];

    json_decref(experiment->rows);
    json_decref(experiment->data);
    json_decref(experiment->models);
    experiment->models = json_array();
    experiment->rows = weir_score_rows(plan, error);
    experiment->data = json_array();
    for (size_t i = 0; i < experiment->generate_count; i++) {
        const weir_node *sample = plan->samples[i], *model = plan->models[i];
        if (model && model->state == WEIR_DONE)
            weir_store_path(store, model->key, NULL, path);
        json_array_append_new(experiment->models,
                              model && model->state == WEIR_DONE ? json_string(path) : json_null());
        if (!sample || sample->state != WEIR_DONE) {
            json_array_append_new(experiment->data, json_null());
            continue;
        }
        weir_store_path(store, sample->key, "synthetic.weir", path);
        json_array_append_new(experiment->data,
                              json_pack("{ss sO sO*}", "data", path, "name",
                                        json_object_get(experiment->generates[i].declared, "label"),
                                        "holds", json_object_get(sample->output, "holds")));
    }
    if (!experiment->data)
        weir_error_memory(error, WEIR_PATH, "the results");
    return error->status;
}

static int write_manifest(const json_t *manifest, const weir_store *store, weir_error *error)
{
    char path[WEIR_PATH];

    snprintf(path, sizeof path, "%s/manifest.json", weir_store_folder(store));
    return weir_json_write(path, manifest, error);
}

static int write_results(weir_experiment *experiment, const weir_plan *plan,
                         const weir_store *store, json_t *manifest, weir_error *error)
{
    char path[WEIR_PATH];

    if (keep_results(experiment, plan, store, error))
        return error->status;
    snprintf(path, sizeof path, "%s/scores.csv", weir_store_folder(store));
    if (weir_scores_write(path, experiment->rows, error))
        return error->status;
    weir_manifest_finish(manifest, plan);
    return write_manifest(manifest, store, error);
}

static bool any_failed(const weir_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->nodes[i]->state == WEIR_FAILED && !plan->nodes[i]->tolerated)
            return true;
    return false;
}

/* With the store open: the exit status. */
static int run_plan(weir_experiment *experiment, weir_plan *plan, weir_store *store,
                    const weir_run_options *options, weir_display *display, weir_error *error)
{
    double began = weir_clock();
    weir_error late = {0};
    json_t *manifest;
    int status;

    if (options->fresh && weir_store_clear(store, error))
        return 2;
    if (weir_settle(plan, store, error))
        return 2;
    manifest = weir_manifest_new(plan, error);
    if (!manifest || write_manifest(manifest, store, error)) {
        json_decref(manifest);
        return 1;
    }
    status = weir_schedule(plan, store, display, error);
    write_results(experiment, plan, store, manifest, &late);
    json_decref(manifest);
    weir_display_finish(display, plan, weir_clock() - began);
    if (status == WEIR_ECANCEL)
        return 130;
    if (late.status)
        weir_error_set(error, late.status, "%s; what is done is in the store", late.text);
    return error->status || any_failed(plan) ? 1 : 0;
}

static int run_in_store(weir_experiment *experiment, weir_plan *plan,
                        const weir_run_options *options, weir_error *error)
{
    weir_display *display = weir_display_new(options->quiet);
    weir_store *store = NULL;
    const json_t *note;
    size_t at;
    int status = 2;

    if (!display) {
        weir_error_memory(error, WEIR_PATH, "the display");
        return 2;
    }
    json_array_foreach(plan->notes, at, note) weir_display_note(display, json_string_value(note));
    if (!options->dry_run)
        weir_stop_catch();
    store = weir_store_open(experiment->folder, options->dry_run, weir_display_note, display,
                            &weir_stop_count, error);
    if (store && options->dry_run) {
        if (options->fresh || weir_settle(plan, store, error) == WEIR_OK) {
            print_plan(plan);
            status = 0;
        }
    } else if (store) {
        status = run_plan(experiment, plan, store, options, display, error);
    } else if (error->status == WEIR_ECANCEL) {
        status = 130;
    }
    if (!options->dry_run)
        weir_stop_release();
    weir_store_close(store);
    weir_display_free(display);
    return status;
}

int weir_experiment_run(weir_experiment *experiment, const weir_run_options *options,
                        weir_error *error)
{
    weir_settings settings = {0};
    weir_error found = {0};
    json_t *before = NULL;
    weir_plan *plan = NULL;
    int status = 2;

    if (!settle_options(options, &settings, &found) &&
        !choose_folder(experiment, options->out, &found)) {
        before = inputs_before(experiment->folder);
        plan = weir_plan_new(experiment, &settings, before, &found);
    }
    if (plan)
        status = run_in_store(experiment, plan, options, &found);
    if (found.status)
        weir_error_set(error, found.status, "%s", found.text);
    weir_plan_free(plan);
    json_decref(before);
    return status;
}

const char *weir_experiment_folder(const weir_experiment *experiment)
{
    return experiment->folder;
}

json_t *weir_experiment_scores(const weir_experiment *experiment, const json_t *filter,
                               weir_error *error)
{
    return weir_scores_filter(experiment->rows, filter, error);
}

json_t *weir_experiment_data(const weir_experiment *experiment, int handle, weir_error *error)
{
    const json_t *data = handle < 0 ? NULL : json_array_get(experiment->data, (size_t)handle);

    if (json_is_object(data))
        return json_deep_copy(data);
    weir_error_set(error, WEIR_EDATA, "there is no synthetic data: its job has not run or failed");
    return NULL;
}

char *weir_experiment_model(const weir_experiment *experiment, int handle, weir_error *error)
{
    const char *folder =
        json_string_value(handle < 0 ? NULL : json_array_get(experiment->models, (size_t)handle));
    char *copy = folder ? strdup(folder) : NULL;

    if (!folder)
        weir_error_set(error, WEIR_EDATA, "there is no model: its job has not run or failed");
    else if (!copy)
        weir_error_memory(error, WEIR_PATH, "a path");
    return copy;
}
