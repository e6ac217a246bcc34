/* Declarations to jobs: what each runs, what its key is made of, what it waits for. */
#include "run/plan.h"
#include "data/source.h"
#include "data/trace.h"
#include "run/device.h"
#include "run/inputs.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

void weir_plan_free(weir_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++) {
        weir_node *node = plan->nodes[i];
        json_decref(node->content);
        json_decref(node->spec);
        json_decref(node->status);
        json_decref(node->output);
        free(node->title);
        free(node->reason);
        free(node->needs);
        free(node);
    }
    free(plan->nodes);
    free(plan->samples);
    free(plan->scores);
    json_decref(plan->inputs);
    json_decref(plan->notes);
    json_decref(plan->known);
    free(plan);
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static int need(weir_node *node, weir_node *other)
{
    weir_node **grown = realloc(node->needs, (node->need_count + 1) * sizeof(weir_node *));

    if (!grown)
        return -1;
    node->needs = grown;
    grown[node->need_count++] = other;
    return 0;
}

/* A node in the plan, of this content and spec, which it takes. NULL: out of memory. */
static weir_node *add_node(weir_plan *plan, const char *job, json_t *content, json_t *spec)
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

static void __attribute__((format(printf, 2, 3)))
set_title(weir_node *node, const char *format, ...)
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
static weir_node *same_node(weir_plan *plan, const json_t *content, const weir_node *needed)
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
static json_t *keyed_options(weir_plan *plan, const weir_plugin *plugin, const json_t *options,
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
        options =
            loaded ? keyed_options(plan, loaded->plugin, json_object_get(entry, "options"), error)
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

    if (!strcmp(job, "score"))
        return "cpu";
    if (!device) /* what a declaration says was found to be there when it was made */
        weir_device_choose(json_string_value(json_object_get(declared, "device")), &device, NULL);
    return device;
}

/* A node of a plugin's job with everything but its inputs. */
static weir_node *new_node(weir_plan *plan, const char *job, const weir_loaded *loaded,
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
    keyed = loaded ? keyed_options(plan, loaded->plugin, options, error) : json_object();
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
    node = add_node(plan, job, content, spec);
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
static int set_input(weir_plan *plan, weir_node *node, const char *name, const json_t *source,
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
static weir_node *instead(weir_plan *plan, weir_node *same)
{
    weir_node *node = plan->nodes[--plan->count];

    json_decref(node->content);
    json_decref(node->spec);
    free(node->title);
    free(node->needs);
    free(node);
    return same;
}

/* ---- The declarations ------------------------------------------------------------------------ */

static weir_node *plan_fit(weir_plan *plan, const weir_generate *made, const char *name,
                           weir_error *error)
{
    weir_node *fit =
        new_node(plan, "fit", made->loaded, made->declared, made->options, made->encoders, error);
    weir_node *same;

    if (!fit || set_input(plan, fit, "train", json_object_get(made->declared, "train"), error))
        return NULL;
    if (made->budget && (json_object_set(fit->content, "budget", made->budget) ||
                         json_object_set(fit->spec, "budget", made->budget))) {
        weir_error_memory(error, sizeof *fit, "a job");
        return NULL;
    }
    if (weir_as_generator(made->loaded)->parts) {
        json_object_set_new(json_object_get(fit->content, "inputs"), "part", json_integer(0));
        json_object_set_new(json_object_get(fit->spec, "inputs"), "part", json_integer(0));
    }
    plan->count--; /* not to be found as its own equal */
    same = same_node(plan, fit->content, NULL);
    plan->count++;
    if (same)
        return instead(plan, same);
    set_title(fit, "fit %s", name);
    return fit;
}

static int plan_generate(weir_plan *plan, size_t at, weir_error *error)
{
    const weir_generate *made = &plan->experiment->generates[at];
    const weir_generator *generator = weir_as_generator(made->loaded);
    json_t *request = json_object_get(made->declared, "request");
    const json_t *train = json_object_get(made->declared, "train");
    const char *label = json_string_value(json_object_get(made->declared, "label"));
    char source[256], *name = NULL;
    const json_t *input = weir_plan_input(plan, train, error);
    weir_node *fit, *sample, *same;
    uint32_t schema;

    if (!input)
        return error->status;
    if (weir_plan_check_split(train, input, error))
        return error->status;
    schema = (uint32_t)json_integer_value(json_object_get(input, "schema_flag"));
    weir_source_name(train, source, sizeof source);
    if (!(generator->accepts & schema)) {
        if (made->ceiling)
            return WEIR_OK;
        return weir_error_set(error, WEIR_EDATA, "generator %s does not learn from %s, which %s is",
                              generator->name, json_string_value(json_object_get(input, "schema")),
                              source);
    }
    if (weir_plan_split(plan, train, error))
        return error->status;
    if (asprintf(&name, "%s on %s, seed %lld", label, source,
                 (long long)json_integer_value(json_object_get(made->declared, "seed"))) < 0)
        return weir_error_memory(error, strlen(label), "a job's title");
    fit = plan_fit(plan, made, name, error);
    sample = fit ? new_node(plan, "sample", made->loaded, made->declared, made->options,
                            made->encoders, error)
                 : NULL;
    if (!sample) {
        free(name);
        return error->status;
    }
    if (json_object_set(sample->content, "request", request) ||
        json_object_set(sample->spec, "request", request) || need(sample, fit)) {
        free(name);
        return weir_error_memory(error, WEIR_PATH, "a job");
    }
    plan->count--;
    same = same_node(plan, sample->content, fit);
    plan->count++;
    if (same)
        sample = instead(plan, same);
    else
        set_title(sample, "sample %s", name);
    free(name);
    plan->samples[at] = sample;
    return WEIR_OK;
}

static void note_not_applicable(weir_plan *plan, const weir_rating *rating, const char *schema,
                                uint32_t flag)
{
    const weir_feature *feature = weir_features_of(rating->loaded);
    const char *where = json_string_value(json_object_get(rating->declared, "where"));

    for (; feature && feature->label; feature++)
        if (feature->schemas & flag)
            return;
    if (rating->loaded)
        json_array_append_new(
            plan->notes, json_sprintf("%s%snote: %s %s has no feature for %s; its scores read n/a",
                                      where ? where : "", where ? ": " : "",
                                      weir_kind_name((int)rating->loaded->plugin->kind),
                                      rating->loaded->plugin->name, schema));
}

static int plan_rating(weir_plan *plan, size_t at, weir_error *error)
{
    const weir_rating *rating = &plan->experiment->ratings[at];
    const json_t *declared = rating->declared;
    const json_t *test = json_object_get(declared, "test");
    const json_t *input = weir_plan_input(plan, json_object_get(declared, "real"), error);
    weir_node *node, *same, *sample = NULL;
    char seed[40];

    if (!input)
        return error->status;
    if (!strcmp(json_string_value(json_object_get(declared, "generator")), "floor") &&
        !strcmp(json_string_value(json_object_get(declared, "label")), "by time") &&
        json_integer_value(json_object_get(input, "schema_flag")) == WEIR_SERIES)
        return WEIR_OK; /* series have no times to split by */
    if (weir_plan_check_split(json_object_get(declared, "real"), input, error))
        return error->status;
    if (rating->synthetic >= 0 && !(sample = plan->samples[rating->synthetic]))
        return WEIR_OK;
    note_not_applicable(plan, rating, json_string_value(json_object_get(input, "schema")),
                        (uint32_t)json_integer_value(json_object_get(input, "schema_flag")));
    /* A floor is a by-product: where the data is too little for it, its scores say so. */
    if (strcmp(json_string_value(json_object_get(declared, "generator")), "floor") != 0 &&
        (weir_plan_split(plan, json_object_get(declared, "real"), error) ||
         (test && weir_plan_split(plan, test, error)) ||
         (!sample && weir_plan_split(plan, json_object_get(declared, "synthetic"), error))))
        return error->status;
    node = new_node(plan, "score", rating->loaded, declared, rating->options, NULL, error);
    if (!node || set_input(plan, node, "real", json_object_get(declared, "real"), error) ||
        (test &&
         (!weir_plan_input(plan, test, error) || set_input(plan, node, "test", test, error))))
        return error->status;
    if (sample) {
        if (need(node, sample))
            return weir_error_memory(error, WEIR_PATH, "a job");
    } else if (!weir_plan_input(plan, json_object_get(declared, "synthetic"), error) ||
               set_input(plan, node, "synthetic", json_object_get(declared, "synthetic"), error)) {
        return error->status;
    }
    snprintf(seed, sizeof seed, ", seed %lld",
             (long long)json_integer_value(json_object_get(declared, "seed")));
    plan->count--;
    same = same_node(plan, node->content, sample);
    plan->count++;
    if (same)
        node = instead(plan, same);
    else
        set_title(node, "score %s: %s on %s%s",
                  json_string_value(json_object_get(declared, "plugin")),
                  json_string_value(json_object_get(declared, "label")),
                  json_string_value(json_object_get(declared, "dataset")), sample ? seed : "");
    plan->scores[at] = node;
    return WEIR_OK;
}

weir_plan *weir_plan_new(const weir_experiment *experiment, const weir_settings *settings,
                         const json_t *before, weir_error *error)
{
    weir_plan *plan = calloc(1, sizeof *plan);
    weir_error found = {0};
    const json_t *declared = NULL;

    if (plan) {
        plan->experiment = experiment;
        plan->settings = *settings;
        plan->samples = calloc(experiment->generate_count + 1, sizeof(weir_node *));
        plan->scores = calloc(experiment->rating_count + 1, sizeof(weir_node *));
        plan->inputs = json_object();
        plan->notes = json_array();
        plan->known = json_pack("{s{} s{} sO?}", "identities", "splits", "before", before);
    }
    if (!plan || !plan->samples || !plan->scores || !plan->inputs || !plan->notes || !plan->known) {
        weir_plan_free(plan);
        weir_error_memory(error, sizeof *plan, "a plan");
        return NULL;
    }
    for (size_t i = 0; i < experiment->generate_count && !found.status; i++) {
        declared = experiment->generates[i].declared;
        plan_generate(plan, i, &found);
    }
    for (size_t i = 0; i < experiment->rating_count && !found.status; i++) {
        declared = experiment->ratings[i].declared;
        plan_rating(plan, i, &found);
    }
    if (found.status) {
        weir_declare_failed(declared, &found, error);
        weir_plan_free(plan);
        return NULL;
    }
    return plan;
}

/* ---- As data appears ------------------------------------------------------------------------- */

static int bad_if(int bad, weir_error *error)
{
    return bad ? weir_error_memory(error, WEIR_PATH, "a job") : WEIR_OK;
}

static json_t *model_folder(const weir_store *store, const weir_node *fit)
{
    char path[WEIR_PATH];

    weir_store_path(store, fit->key, "model", path);
    return json_string(path);
}

static int take_needs(weir_node *node, const weir_store *store)
{
    json_t *content = json_object_get(node->content, "inputs");
    json_t *spec = json_object_get(node->spec, "inputs");
    const weir_node *first = node->need_count ? node->needs[0] : NULL;
    char path[WEIR_PATH];
    int bad = 0;

    if (!first)
        return 0;
    if (!strcmp(node->job, "sample"))
        return json_object_set_new(content, "model", json_string(first->key)) ||
               json_object_set_new(spec, "model", model_folder(store, first));
    if (!strcmp(node->job, "score")) {
        json_t *holds = json_object_get(first->output, "holds");
        weir_store_path(store, first->key, "synthetic.weir", path);
        return json_object_set_new(content, "synthetic",
                                   json_pack("{sO sO?}", "sha256",
                                             json_object_get(first->output, "sha256"), "holds",
                                             holds)) ||
               json_object_set_new(spec, "synthetic",
                                   json_pack("{ss ss sO*}", "data", path, "name",
                                             first->loaded->plugin->name, "holds", holds));
    }
    if (json_object_get(content, "part"))
        return json_object_set_new(content, "base", json_string(first->key)) ||
               json_object_set_new(spec, "base", model_folder(store, first));
    bad = json_object_set_new(content, "models", json_array()) ||
          json_object_set_new(spec, "models", json_array());
    for (size_t i = 0; i < node->need_count && !bad; i++)
        bad = json_array_append_new(json_object_get(content, "models"),
                                    json_string(node->needs[i]->key)) ||
              json_array_append_new(json_object_get(spec, "models"),
                                    model_folder(store, node->needs[i]));
    return bad;
}

int weir_plan_key(weir_plan *plan, weir_node *node, const weir_store *store, weir_error *error)
{
    char path[WEIR_PATH];

    (void)plan;
    if (bad_if(take_needs(node, store), error) || weir_job_key(node->content, node->key, error))
        return error->status;
    weir_store_path(store, node->key, NULL, path);
    return bad_if(json_object_set_new(node->spec, "key", json_string(node->key)) ||
                      json_object_set_new(node->spec, "out", json_string(path)),
                  error);
}

/* A node like the fit, with inputs of its own. */
static weir_node *like(weir_plan *plan, const weir_node *fit, const char *title, weir_error *error)
{
    json_t *content = json_deep_copy(fit->content), *spec = json_deep_copy(fit->spec);
    weir_node *node = add_node(plan, fit->job, content, spec);

    if (!node) {
        weir_error_memory(error, sizeof *node, "a job");
        return NULL;
    }
    json_object_del(json_object_get(content, "inputs"), "part");
    json_object_del(json_object_get(spec, "inputs"), "part");
    json_object_del(spec, "attempt");
    node->loaded = fit->loaded;
    node->threads = fit->threads;
    node->memory = fit->memory;
    node->time = fit->time;
    set_title(node, "%s, %s", fit->title ? fit->title : "", title);
    return node;
}

int weir_plan_expand(weir_plan *plan, weir_node *fit, weir_error *error)
{
    json_int_t parts = json_integer_value(json_object_get(fit->status, "parts"));
    size_t before = plan->count;
    weir_node *join, *part;
    char title[64];

    if (strcmp(fit->job, "fit") != 0 || parts < 2 ||
        json_integer_value(json_object_get(json_object_get(fit->spec, "inputs"), "part")) != 0 ||
        !json_object_get(json_object_get(fit->spec, "inputs"), "part"))
        return WEIR_OK;
    join = like(plan, fit, "joined", error);
    if (!join || bad_if(need(join, fit), error))
        return error->status;
    for (json_int_t i = 1; i < parts; i++) {
        snprintf(title, sizeof title, "part %lld of %lld", (long long)i + 1, (long long)parts);
        part = like(plan, fit, title, error);
        if (!part || bad_if(need(part, fit) || need(join, part), error))
            return error->status;
        for (int k = 0; k < 2; k++) {
            json_t *inputs = json_object_get(k ? part->spec : part->content, "inputs");
            if (bad_if(json_object_set_new(inputs, "part", json_integer(i)) ||
                           json_object_set_new(inputs, "parts", json_integer(parts)),
                       error))
                return error->status;
        }
    }
    for (size_t i = 0; i < before; i++)
        for (size_t k = 0; k < plan->nodes[i]->need_count; k++)
            if (plan->nodes[i]->needs[k] == fit)
                plan->nodes[i]->needs[k] = join;
    return WEIR_OK;
}
