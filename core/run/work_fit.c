/* A fit: one part, all parts in a row, or the joining of parts, into a model folder. */
#include "files.h"
#include "run/work.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>

static const weir_generator *generator_of(const weir_work *work)
{
    return (const weir_generator *)work->plugin;
}

static const char *schema_name(uint32_t schema)
{
    return schema == WEIR_PACKETS ? "packets" : schema == WEIR_NETFLOW ? "netflow" : "series";
}

static json_t *describe_series(const weir_series_shape *shape)
{
    json_t *names = json_array();

    for (uint32_t i = 0; i < shape->channels; i++)
        json_array_append_new(names, json_string(shape->names[i]));
    return json_pack("{s:I,s:f,s:o}", "steps", (json_int_t)shape->steps, "step_seconds",
                     shape->step_seconds, "channels", names);
}

/* What model.json says of the plugin and of the training set. */
static json_t *describe(const weir_work *work, const weir_dataset *train, weir_error *error)
{
    uint32_t schema = weir_dataset_schema(train);
    const weir_series_shape *shape = weir_table_series(weir_dataset_table(train));
    json_t *training = json_pack("{s:s,s:I}", "name", weir_dataset_name(train), "rows",
                                 (json_int_t)weir_dataset_rows(train));
    int64_t first, last;
    json_t *about;

    if (schema != WEIR_SERIES) {
        const weir_flows *flows = weir_dataset_flows(train, error);
        if (!flows) {
            json_decref(training);
            return NULL;
        }
        json_object_set_new(training, "flows", json_integer(flows->count));
    }
    if (weir_dataset_span(train, &first, &last)) {
        json_object_set_new(training, "first_ns", json_integer(first));
        json_object_set_new(training, "last_ns", json_integer(last));
    }
    about = json_pack("{s:{s:s,s:s,s:s,s:s,s:o},s:s,s:o,s:o,s:i,s:s}", "plugin", "kind",
                      "generator", "name", work->plugin->name, "path", work->loaded->path, "build",
                      work->loaded->build_id, "abi",
                      json_sprintf("%#llx", (unsigned long long)WEIR_ABI), "schema",
                      schema_name(schema), "series", shape ? describe_series(shape) : json_null(),
                      "training", training, "threads", work->threads, "device", work->device);
    if (!about)
        weir_error_memory(error, 0, "a model");
    return about;
}

/* Notes what a part's training took. */
static int add_training(weir_work *work, const weir_job *job, uint32_t part, weir_error *error)
{
    json_t *taken = weir_budget_taken(job);

    if (!work->training)
        work->training = json_array();
    if (json_object_set_new(taken, "part", json_integer(part)) ||
        json_array_append(work->training, taken))
        weir_error_memory(error, 0, "a fit's status");
    json_decref(taken);
    return error->status;
}

/* What model.json says of the budget: what was given, what the training of each part took, and the
 * steps that repeat it. Nothing where none was given: such a fit repeats itself. */
static int describe_budget(const weir_work *work, json_t *about, const json_t *training,
                           weir_error *error)
{
    const json_t *taken, *stage;
    json_t *budget, *steps;
    size_t i, k;

    if (!work->budget)
        return WEIR_OK;
    budget = json_copy(work->budget);
    steps = json_array();
    json_array_foreach((json_t *)(uintptr_t)training, i, taken)
    {
        json_t *ends = json_array();
        json_array_foreach(json_object_get(taken, "stages"), k, stage)
            json_array_append(ends, json_object_get(stage, "step"));
        json_array_append_new(steps, ends);
    }
    if (!budget || json_object_set_new(budget, "steps", steps) ||
        json_object_set(budget, "training", (json_t *)(uintptr_t)training) ||
        json_object_set(about, "budget", budget))
        weir_error_memory(error, 0, "a model");
    json_decref(budget);
    return error->status;
}

/* The number of parts that the plugin asks for: at least 1. */
static int ask_parts(const weir_work *work, weir_job *job, const weir_dataset *train,
                     uint32_t *parts, weir_error *error)
{
    *parts = 1;
    if (!generator_of(work)->parts)
        return WEIR_OK;
    if (weir_job_end(job, generator_of(work)->parts(job, train, parts), error) != WEIR_OK)
        return error->status;
    if (*parts < 1 || *parts > 100000)
        return weir_error_set(error, WEIR_EBUG, "generator %s: %u parts are too few or too many",
                              work->plugin->name, *parts);
    return WEIR_OK;
}

/* Fits with a fresh job in `folder`, going on from a checkpoint if there is one. */
static int fit_part(weir_work *work, const weir_dataset *train, uint32_t part, uint32_t *parts,
                    const char *base, const char *folder, weir_error *error)
{
    weir_job_setup setup = weir_work_setup(work, folder);
    weir_job *job = weir_job_new(&setup, error);
    json_t *about = NULL, *own = NULL;
    char path[PATH_MAX];
    void *model = NULL;
    int status;

    if (job && part == 0 && *parts == 0 && ask_parts(work, job, train, parts, error) != WEIR_OK)
        goto done;
    if (!job || weir_job_set_part(job, part, *parts, base, error) != WEIR_OK)
        goto done;
    model = weir_job_state(job);
    if (model && weir_checkpoint_resume(job, model) > 0)
        weir_log(job, "going on from the checkpoint of step %lld", (long long)weir_resumed(job));
    if (model && weir_job_error(job)->status == WEIR_OK)
        weir_candidates_resume(job);
    if (!model || weir_job_error(job)->status != WEIR_OK) {
        weir_error damaged = {0};
        weir_job_end(job, WEIR_OK, &damaged);
        if (!model) {
            weir_error_set(error, damaged.status, "%s", damaged.text);
            goto done;
        }
        *weir_job_error(job) = (weir_error){0};
        /* a checkpoint that cannot be used: say so, and begin anew with a job that is new as well
         */
        weir_log(job, "the checkpoint cannot be used: %s", damaged.text);
        if (weir_checkpoint_remove(job) != WEIR_OK) {
            weir_job_end(job, WEIR_OK, error);
            goto done;
        }
        weir_job_free(job);
        return fit_part(work, train, part, parts, base, folder, error);
    }
    about = describe(work, train, error);
    if (!about || weir_job_end(job, weir_checkpoint_about(job, about), error) != WEIR_OK)
        goto done;
    weir_work_phase(work, job, "fit");
    weir_budget_begin(job);
    status = generator_of(work)->fit(job, train, model);
    if (weir_budget_end(job) != WEIR_OK && status == WEIR_OK)
        status = weir_job_error(job)->status;
    if (add_training(work, job, part, error) != WEIR_OK ||
        weir_job_end(job, status, error) != WEIR_OK)
        goto done;
    weir_work_phase(work, job, "save");
    own = json_pack("[O]", json_array_get(work->training, json_array_size(work->training) - 1));
    if (describe_budget(work, about, own, error) != WEIR_OK)
        goto done;
    json_object_set_new(about, "part", json_integer(part));
    json_object_set_new(about, "parts", json_integer(*parts));
    snprintf(path, sizeof path, "%s/model", folder);
    if (weir_job_end(job, weir_model_save(job, model, path, about), error) == WEIR_OK &&
        weir_job_end(job, weir_artefacts_end(job), error) == WEIR_OK) {
        if (setup.candidates)
            work->candidates = weir_candidates_list(job, path);
        weir_job_end(job, weir_checkpoint_remove(job), error);
    }
done:
    json_decref(own);
    json_decref(about);
    weir_job_free(job);
    return error->status;
}

/* The training of all parts, as their models say it. */
static json_t *training_of(const char *const *folders, uint32_t n, weir_error *error)
{
    json_t *all = json_array();

    for (uint32_t i = 0; i < n && error->status == WEIR_OK; i++) {
        json_t *part = weir_model_about(folders[i], error);
        json_array_extend(all, json_object_get(json_object_get(part, "budget"), "training"));
        json_decref(part);
    }
    return all;
}

/* One model of the models in these folders, part 0 first. */
static int join(weir_work *work, const weir_dataset *train, const char *const *folders, uint32_t n,
                weir_error *error)
{
    weir_job_setup setup = weir_work_setup(work, work->out);
    weir_job *job = weir_job_new(&setup, error), **owners = calloc(n, sizeof(weir_job *));
    const void **models = calloc(n, sizeof *models);
    json_t *about = NULL, *training = NULL;
    char path[PATH_MAX];
    void *model;

    if (!job || !owners || !models) {
        weir_error_memory(error, n * sizeof *models, "the parts of a model");
        goto done;
    }
    setup.folder = NULL;
    setup.status_fd = -1;
    setup.fitted = true;
    for (uint32_t i = 0; i < n; i++) {
        owners[i] = weir_job_new(&setup, error);
        if (!owners[i])
            goto done;
        weir_job_phase(owners[i], "load");
        models[i] = weir_model_load(owners[i], folders[i]);
        if (!models[i]) {
            weir_job_end(owners[i], WEIR_OK, error);
            goto done;
        }
    }
    weir_work_phase(work, job, "fit");
    model = weir_job_state(job);
    weir_job_encoders_from(job, folders[0]);
    for (const weir_role *role = generator_of(work)->encoders; role && role->role; role++)
        weir_encoder_open(job, role->role); /* so that they are saved with the joined model */
    if (!model || weir_job_end(job, weir_job_error(job)->status, error) != WEIR_OK ||
        weir_job_end(job, generator_of(work)->join(job, models, n, model), error) != WEIR_OK)
        goto done;
    weir_work_phase(work, job, "save");
    about = describe(work, train, error);
    training = training_of(folders, n, error);
    if (!about || error->status != WEIR_OK ||
        describe_budget(work, about, training, error) != WEIR_OK)
        goto done;
    json_object_set_new(about, "parts", json_integer(n));
    snprintf(path, sizeof path, "%s/model", work->out);
    if (weir_job_end(job, weir_model_save(job, model, path, about), error) == WEIR_OK)
        weir_job_end(job, weir_artefacts_end(job), error);
done:
    json_decref(training);
    json_decref(about);
    for (uint32_t i = 0; owners && i < n; i++)
        weir_job_free(owners[i]);
    free(owners);
    free(models);
    weir_job_free(job);
    return error->status;
}

static int join_models(weir_work *work, const weir_dataset *train, const json_t *list,
                       weir_error *error)
{
    size_t n = json_array_size(list);
    const char **folders = calloc(n + 1, sizeof *folders);
    int status;

    if (!folders)
        return weir_error_memory(error, n * sizeof *folders, "the parts of a model");
    for (size_t i = 0; i < n; i++)
        if (!(folders[i] = json_string_value(json_array_get(list, i))))
            weir_error_set(error, WEIR_EOPTION, "spec: inputs.models must be folders");
    if (!n || !generator_of(work)->join)
        weir_error_set(error, WEIR_EOPTION, "spec: there is nothing to join");
    status = error->status == WEIR_OK ? join(work, train, folders, (uint32_t)n, error)
                                      : (int)error->status;
    free(folders);
    return status;
}

/* All parts in a row, in this process: what `weir fit` does. */
static int fit_whole(weir_work *work, const weir_dataset *train, weir_error *error)
{
    char(*folders)[PATH_MAX] = NULL, parts_folder[PATH_MAX];
    const char **names = NULL;
    uint32_t parts = 0;

    if (fit_part(work, train, 0, &parts, NULL, work->out, error) != WEIR_OK || parts == 1)
        return error->status;
    folders = calloc(parts, sizeof *folders);
    names = calloc(parts, sizeof *names);
    if (!folders || !names) {
        weir_error_memory(error, parts * sizeof *folders, "the parts of a model");
        goto done;
    }
    for (uint32_t i = 0; i < parts && error->status == WEIR_OK; i++) {
        char folder[PATH_MAX - 16];
        snprintf(folder, sizeof folder, "%.3000s/parts/%u", work->out, i);
        if (i == 0)
            snprintf(folders[i], sizeof folders[i], "%.3000s/model", work->out);
        else
            snprintf(folders[i], sizeof folders[i], "%s/model", folder);
        names[i] = folders[i];
        if (i && weir_folder_make(folder, error) == WEIR_OK)
            fit_part(work, train, i, &parts, folders[0], folder, error);
    }
    if (error->status == WEIR_OK)
        join(work, train, names, parts, error);
    snprintf(parts_folder, sizeof parts_folder, "%.3000s/parts", work->out);
    weir_folder_remove(parts_folder, NULL);
done:
    free(folders);
    free(names);
    return error->status;
}

int weir_work_fit(weir_work *work, weir_error *error)
{
    const json_t *part = json_object_get(work->inputs, "part");
    const json_t *models = json_object_get(work->inputs, "models");
    const char *base = json_string_value(json_object_get(work->inputs, "base"));
    json_int_t given = json_integer_value(json_object_get(work->inputs, "parts"));
    json_int_t number = json_integer_value(part);
    weir_dataset *train;
    uint32_t parts;

    if (weir_work_plugin(work, WEIR_KIND_GENERATOR, error) != WEIR_OK ||
        weir_work_options(work, json_object_get(work->spec, "options"),
                          json_object_get(work->spec, "encoders"), error) != WEIR_OK)
        return error->status;
    if ((part && (number < 0 || number > 100000)) || given < 0 || given > 100000 ||
        (number > 0 && (!base || number >= given)))
        return weir_error_set(error, WEIR_EOPTION,
                              "spec: inputs.part, inputs.parts and inputs.base do not fit");
    train = weir_work_open(work, "train", error);
    if (!train)
        return error->status;
    parts = number > 0 ? (uint32_t)given : 0;
    if (!(work->plugin->accepts & weir_dataset_schema(train)))
        weir_error_set(error, WEIR_EDATA, "generator %s does not learn from %s", work->plugin->name,
                       schema_name(weir_dataset_schema(train)));
    else if (models)
        join_models(work, train, models, error);
    else if (part) {
        fit_part(work, train, (uint32_t)number, &parts, base, work->out, error);
        work->parts = number == 0 ? parts : 0;
    } else {
        fit_whole(work, train, error);
    }
    weir_dataset_free(train);
    return error->status;
}
