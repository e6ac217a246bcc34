/* Scoring: a metric, a downstream task or a metric written in Lua, to scores.json. */
#include "files.h"
#include "lua/metric.h"
#include "run/work.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

/* The descriptor of a metric written in Lua, made out of its declaration. */
typedef struct lua_metric {
    weir_metric metric;
    weir_feature *features;
} lua_metric;

static const char *text_of(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : otherwise;
}

static int make_lua_metric(const json_t *lua, lua_metric *made, weir_error *error)
{
    const json_t *features = json_object_get(lua, "features");
    const char *name = json_string_value(json_object_get(lua, "name"));
    json_t *item;
    size_t i;

    if (!name || !json_array_size(features))
        return weir_error_set(error, WEIR_EOPTION, "spec: lua needs a name and features");
    made->features = calloc(json_array_size(features) + 1, sizeof *made->features);
    if (!made->features)
        return weir_error_memory(error, 0, "features");
    json_array_foreach(features, i, item)
    {
        const char *label = text_of(item, "label", NULL),
                   *better = text_of(item, "better", "lower");
        if (!label || !label[0])
            return weir_error_set(error, WEIR_EOPTION, "spec: a feature of lua has no label");
        made->features[i] = (weir_feature){.label = label,
                                           .title = text_of(item, "title", label),
                                           .unit = text_of(item, "unit", ""),
                                           .definition = "what the script's function returns",
                                           .better = !strcmp(better, "higher")    ? WEIR_HIGHER
                                                     : !strcmp(better, "neither") ? WEIR_NEITHER
                                                                                  : WEIR_LOWER,
                                           .schemas = WEIR_ANY_SCHEMA};
    }
    made->metric = (weir_metric){.abi = WEIR_ABI,
                                 .kind = WEIR_KIND_METRIC,
                                 .name = name,
                                 .summary = "a metric written in Lua",
                                 .accepts = WEIR_ANY_SCHEMA,
                                 .features = made->features};
    return WEIR_OK;
}

static int call(const weir_work *work, weir_job *job, const json_t *lua, const weir_dataset *real,
                const weir_dataset *test, const weir_dataset *synthetic)
{
    if (lua)
        return weir_lua_metric_score(job, lua, real, synthetic);
    if (work->plugin->kind == WEIR_KIND_METRIC)
        return ((const weir_metric *)work->plugin)->score(job, real, synthetic);
    return ((const weir_downstream *)work->plugin)->score(job, real, test, synthetic);
}

static int score(weir_work *work, const json_t *lua, const weir_dataset *real,
                 const weir_dataset *test, const weir_dataset *synthetic, weir_error *error)
{
    weir_job_setup setup = weir_work_setup(work, work->out);
    weir_job *job = weir_job_new(&setup, error);
    json_t *rows = NULL, *scores;
    char path[PATH_MAX];
    int status;

    if (!job)
        return error->status;
    weir_work_phase(work, job, "score");
    status = weir_scores_begin(job, real, synthetic);
    if (status == WEIR_OK && weir_scores_wanted(job))
        status = call(work, job, lua, real, test, synthetic);
    if (status == WEIR_OK)
        rows = weir_scores_end(job);
    if (weir_job_end(job, status, error) == WEIR_OK) {
        weir_work_phase(work, job, "save");
        if (weir_job_end(job, weir_artefacts_end(job), error) == WEIR_OK) {
            scores = json_pack("{s:O}", "scores", rows);
            snprintf(path, sizeof path, "%s/scores.json", work->out);
            if (!scores)
                weir_error_memory(error, 0, "scores");
            else
                weir_json_write(path, scores, error);
            json_decref(scores);
        }
    }
    json_decref(rows);
    weir_job_free(job);
    return error->status;
}

int weir_work_score(weir_work *work, weir_error *error)
{
    const json_t *lua = json_object_get(work->spec, "lua");
    const char *kind = text_of(json_object_get(work->spec, "plugin"), "kind", "metric");
    bool task = !strcmp(kind, "downstream");
    weir_dataset *real = NULL, *synthetic = NULL, *test = NULL;
    lua_metric made = {0};

    if (!task && strcmp(kind, "metric") != 0)
        return weir_error_set(error, WEIR_EOPTION,
                              "spec: plugin.kind must be \"metric\" or \"downstream\"");
    if (lua && make_lua_metric(lua, &made, error) == WEIR_OK)
        work->plugin = (const weir_plugin *)&made.metric;
    else if (!lua)
        weir_work_plugin(work, task ? WEIR_KIND_DOWNSTREAM : WEIR_KIND_METRIC, error);
    if (error->status != WEIR_OK ||
        weir_work_options(work, json_object_get(work->spec, "options"), NULL, error) != WEIR_OK)
        goto done;
    real = weir_work_open(work, "real", error);
    synthetic = real ? weir_work_open(work, "synthetic", error) : NULL;
    if (synthetic && json_object_get(work->inputs, "test"))
        test = weir_work_open(work, "test", error);
    if (error->status != WEIR_OK)
        goto done;
    if (task && !test && ((const weir_downstream *)work->plugin)->needs_test)
        weir_error_set(error, WEIR_EOPTION,
                       "downstream %s needs held-out real data: { train =, test = }",
                       work->plugin->name);
    else
        score(work, lua, real, test, synthetic, error);
done:
    weir_dataset_free(test);
    weir_dataset_free(synthetic);
    weir_dataset_free(real);
    free(made.features);
    return error->status;
}
