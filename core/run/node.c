/* Nodes of a plan: what a job is made of, for its spec and for its key. */
#include "run/node.h"
#include "data/trace.h"
#include "run/device.h"
#include "run/inputs.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

/* ---- Nodes ----------------------------------------------------------------------------------- */

int weir_node_need(weir_node *node, weir_node *other)
{
    weir_node **grown = realloc(node->needs, (node->need_count + 1) * sizeof(weir_node *));

    if (!grown)
        return -1;
    node->needs = grown;
    grown[node->need_count++] = other;
    return 0;
}

/* A node in the plan, of this content and spec, which it takes. NULL: out of memory. */
weir_node *weir_node_add(weir_plan *plan, const char *job, json_t *content, json_t *spec)
{
    weir_node *node = calloc(1, sizeof *node);
    weir_node **grown = realloc(plan->nodes, (plan->count + 1) * sizeof(weir_node *));

    if (grown)
        plan->nodes = grown;
    if (!grown || !node || !content || !spec) {
        free(node);
        json_decref(content);
        json_decref(spec);
        return NULL;
    }
    node->job = job;
    node->content = content;
    node->spec = spec;
    grown[plan->count++] = node;
    return node;
}

void weir_node_title(weir_node *node, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    free(node->title);
    node->title = text;
}

/* The node that was made of an equal text before, or NULL; else remembers the next one under it. */
weir_node *weir_node_same(weir_plan *plan, const json_t *content, const weir_node *needed)
{
    size_t at = 0;
    char *text = json_dumps(content, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    char *full = NULL;
    const json_t *found;
    int n;

    while (needed && plan->nodes[at] != needed)
        at++;
    n = text ? asprintf(&full, "%s on %zd", text, needed ? (ssize_t)at : -1) : -1;
    free(text);
    if (n < 0)
        return NULL;
    found = json_object_get(plan->known, full);
    if (!found)
        json_object_set_new(plan->known, full, json_integer((json_int_t)plan->count));
    free(full);
    return found ? plan->nodes[json_integer_value(found)] : NULL;
}

/* ---- What a job is made of ------------------------------------------------------------------- */

/* Options as they stand in a key: files by their contents, the preset's name left out. */
json_t *weir_node_options(weir_plan *plan, const weir_plugin *plugin, const json_t *options,
                          weir_error *error)
{
    json_t *made = json_deep_copy(options), *source, *value;
    char hex[65];

    json_object_del(made, "preset");
    for (const weir_option *row = plugin->options; made && row && row->kind != WEIR_OPTION_END;
         row++) {
        const char *path = json_string_value(json_object_get(made, row->name));
        if (!path || (row->kind != WEIR_OPTION_FILE && row->kind != WEIR_OPTION_TRACE))
            continue;
        if (row->kind == WEIR_OPTION_FILE) {
            value = weir_trace_sha256(path, hex, error) ? NULL : json_string(hex);
        } else {
            source = json_pack("{s[s]}", "files", path);
            value = json_incref((json_t *)(uintptr_t)weir_plan_identity(plan, source, error));
            json_decref(source);
        }
        if (!value || json_object_set_new(made, row->name, value)) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static json_t *keyed_encoders(weir_plan *plan, const json_t *encoders, weir_error *error)
{
    json_t *made = json_object(), *entry, *options;
    const char *role;

    json_object_foreach((json_t *)(uintptr_t)encoders, role, entry)
    {
        const weir_loaded *loaded =
            weir_registry_find(plan->experiment->registry, WEIR_KIND_ENCODER,
                               json_string_value(json_object_get(entry, "encoder")), error);
        options = loaded ? weir_node_options(plan, loaded->plugin,
                                             json_object_get(entry, "options"), error)
                         : NULL;
        if (!options ||
            json_object_set_new(made, role,
                                json_pack("{ss so ss}", "encoder", loaded->plugin->name, "options",
                                          options, "build", loaded->build_id))) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static double number_of(const json_t *declared, const char *name, double otherwise)
{
    const json_t *value = json_object_get(declared, name);

    return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* Generators train and sample where it was asked for, everything else runs on the CPU: a score must
 * not depend on the machine. */
static const char *device_of(const weir_settings *settings, const char *job, const json_t *declared)
{
    const char *device = settings->device;

    if (!strcmp(job, "score") || !strcmp(job, "select"))
        return "cpu";
    if (!device) /* what a declaration says was found to be there when it was made */
        weir_device_choose(json_string_value(json_object_get(declared, "device")), &device, NULL);
    return device;
}

/* A node of a plugin's job with everything but its inputs. */
weir_node *weir_node_new(weir_plan *plan, const char *job, const weir_loaded *loaded,
                         const json_t *declared, const json_t *options, const json_t *encoders,
                         weir_error *error)
{
    const weir_settings *settings = &plan->settings;
    bool fit = !strcmp(job, "fit");
    int threads = settings->threads ? settings->threads : (int)number_of(declared, "threads", 1);
    const char *device = device_of(settings, job, declared);
    const json_t *seed = json_object_get(declared, "seed");
    json_t *lua = json_object_get(declared, "lua");
    const char *kind = loaded ? weir_kind_name((int)loaded->plugin->kind) : "metric";
    const char *name = json_string_value(json_object_get(declared, "plugin"));
    json_t *content, *spec, *keyed;
    weir_node *node;

    name = loaded ? loaded->plugin->name : name;
    keyed = loaded ? weir_node_options(plan, loaded->plugin, options, error) : json_object();
    if (!keyed && error->status)
        return NULL;
    content = json_pack("{si ss s{ss ss ss} so so? ss si s{}}", "results_version",
                        WEIR_RESULTS_VERSION, "job", job, "plugin", "kind", kind, "name", name,
                        "build", loaded ? loaded->build_id : "lua", "options", keyed, "encoders",
                        encoders ? keyed_encoders(plan, encoders, error) : NULL, "device", device,
                        "threads", threads, "inputs");
    spec = json_pack("{ss si ss s{ss ss ss? ss} sO sI ss si s{}}", "weir", weir_version(),
                     "results_version", WEIR_RESULTS_VERSION, "job", job, "plugin", "kind", kind,
                     "name", name, "path", loaded ? loaded->path : NULL, "build",
                     loaded ? loaded->build_id : "lua", "options", options, "seed",
                     json_is_integer(seed) ? json_integer_value(seed) : (json_int_t)1, "device",
                     device, "threads", threads, "inputs");
    if (error->status) {
        json_decref(content);
        json_decref(spec);
        return NULL;
    }
    if (content && spec) {
        /* A plugin that says that the seed changes nothing has one job for all seeds. */
        if (!loaded || !loaded->plugin->deterministic)
            json_object_set(content, "seed", json_object_get(spec, "seed"));
        if (encoders)
            json_object_set(spec, "encoders", (json_t *)(uintptr_t)encoders);
        if (lua && (json_object_set(content, "lua", lua) || json_object_set(spec, "lua", lua)))
            weir_error_memory(error, WEIR_PATH, "a job");
    }
    node = weir_node_add(plan, job, content, spec);
    if (!node) {
        weir_error_memory(error, sizeof *node, "a job");
        return NULL;
    }
    node->loaded = loaded;
    node->threads = threads;
    node->memory = settings->memory
                       ? settings->memory
                       : (uint64_t)number_of(declared, "memory", (double)settings->share);
    node->time =
        settings->time > 0 ? settings->time : number_of(declared, "time", fit ? 0.0 : 3600.0);
    json_object_set_new(
        spec, "limits",
        json_pack("{sI sf}", "memory", (json_int_t)node->memory, "time", node->time));
    return node;
}

/* Puts a source among a node's inputs: as it is into the spec, by its content into the key. */
int weir_node_input(weir_plan *plan, weir_node *node, const char *name, const json_t *source,
                    weir_error *error)
{
    const json_t *identity = weir_plan_identity(plan, source, error);

    if (!identity)
        return error->status;
    if (json_object_set(json_object_get(node->content, "inputs"), name,
                        (json_t *)(uintptr_t)identity) ||
        json_object_set(json_object_get(node->spec, "inputs"), name, (json_t *)(uintptr_t)source))
        return weir_error_memory(error, WEIR_PATH, "a job's input");
    return WEIR_OK;
}

/* Drops the newest node: an equal one is there. */
weir_node *weir_node_instead(weir_plan *plan, weir_node *same)
{
    weir_node *node = plan->nodes[--plan->count];

    json_decref(node->content);
    json_decref(node->spec);
    free(node->title);
    free(node->needs);
    free(node);
    return same;
}
