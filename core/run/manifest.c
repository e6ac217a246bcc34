/* The manifest: everything another person needs to know about a run, gathered. */
#include "run/manifest.h"
#include "data/trace.h"
#include "run/host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

/* The command of this process, word by word. */
static json_t *command_line(void)
{
    FILE *file = fopen("/proc/self/cmdline", "re");
    json_t *words = json_array();
    char *word = NULL;
    size_t size = 0;

    while (file && getdelim(&word, &size, '\0', file) > 0)
        json_array_append_new(words, json_string(word)); /* a word that is no UTF-8 is left out */
    free(word);
    if (file)
        fclose(file);
    return words;
}

static json_t *describe_script(const char *script)
{
    char hex[65];
    weir_error ignored = {0};

    if (!script)
        return json_null();
    return json_pack("{ss ss?}", "path", script, "sha256",
                     weir_trace_sha256(script, hex, &ignored) ? NULL : hex);
}

static void add_plugin(json_t *seen, const char *kind, const char *name, const char *path,
                       const char *build)
{
    char key[300];

    snprintf(key, sizeof key, "%s/%s", kind, name);
    if (path && !json_object_get(seen, key))
        json_object_set_new(
            seen, key,
            json_pack("{ss ss ss ss}", "kind", kind, "name", name, "path", path, "build", build));
}

/* Every plugin of the plan once, sorted by kind and name. */
static json_t *list_plugins(const weir_plan *plan)
{
    json_t *seen = json_object(), *list = json_array(), *encoder, *entry;
    const char *key;

    for (size_t i = 0; i < plan->count; i++) {
        const weir_loaded *loaded = plan->nodes[i]->loaded;
        if (loaded)
            add_plugin(seen, weir_kind_name((int)loaded->plugin->kind), loaded->plugin->name,
                       loaded->path, loaded->build_id);
        json_object_foreach(json_object_get(plan->nodes[i]->spec, "encoders"), key, encoder)
        {
            add_plugin(seen, "encoder", json_string_value(json_object_get(encoder, "encoder")),
                       json_string_value(json_object_get(encoder, "path")),
                       json_string_value(json_object_get(encoder, "build")));
        }
    }
    json_object_foreach(seen, key, entry) json_array_append(list, entry);
    json_decref(seen);
    return list;
}

static json_t *list_inputs(const weir_plan *plan)
{
    json_t *list = json_array(), *entry;
    const char *key;

    json_object_foreach(plan->inputs, key, entry) json_array_append(list, entry);
    return list;
}

static json_t *count_jobs(const weir_plan *plan)
{
    int cached = 0, done = 0, failed = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const weir_node *node = plan->nodes[i];
        cached += node->state == WEIR_DONE && node->cached;
        done += node->state == WEIR_DONE && !node->cached;
        failed += node->state == WEIR_FAILED && !node->tolerated;
    }
    return json_pack("{si si si si}", "total", (int)plan->count, "cached", cached, "done", done,
                     "failed", failed);
}

json_t *weir_manifest_new(const weir_plan *plan, weir_error *error)
{
    const weir_experiment *experiment = plan->experiment;
    const weir_settings *settings = &plan->settings;
    char *git = experiment->script ? weir_host_git(experiment->script) : NULL;
    char started[WEIR_TIME_TEXT];
    json_t *made =
        json_pack("{ss ss si ss? so so ss sn so so so so s{si si ss sI sf}}", "experiment",
                  experiment->name, "weir", weir_version(), "results_version", WEIR_RESULTS_VERSION,
                  "git", git, "script", describe_script(experiment->script), "host",
                  weir_host_describe(), "started", weir_time_text(started), "finished", "command",
                  command_line(), "plugins", list_plugins(plan), "inputs", list_inputs(plan),
                  "jobs", count_jobs(plan), "options", "jobs", settings->jobs, "threads",
                  settings->threads, "device", settings->device ? settings->device : "auto",
                  "memory", (json_int_t)settings->memory, "time", settings->time);

    free(git);
    if (!made)
        weir_error_memory(error, WEIR_PATH, "the manifest");
    return made;
}

/* The folders of the jobs that failed now: the store keeps those of earlier runs too. */
static json_t *list_failures(const weir_plan *plan)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->count; i++)
        if (plan->nodes[i]->state == WEIR_FAILED && !plan->nodes[i]->tolerated &&
            *plan->nodes[i]->key)
            json_array_append_new(list, json_stringn(plan->nodes[i]->key, 24));
    return list;
}

void weir_manifest_finish(json_t *manifest, const weir_plan *plan)
{
    char finished[WEIR_TIME_TEXT];

    json_object_set_new(manifest, "finished", json_string(weir_time_text(finished)));
    json_object_set_new(manifest, "jobs", count_jobs(plan));
    json_object_set_new(manifest, "failures", list_failures(plan));
    json_object_set_new(manifest, "plugins", list_plugins(plan));
}
