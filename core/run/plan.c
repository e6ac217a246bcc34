/* Declarations to jobs: what each runs, what its key is made of, what it waits for. */
#include "run/plan.h"
#include "data/source.h"
#include "run/inputs.h"
#include "run/node.h"
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
    free(plan->models);
    free(plan->samples);
    free(plan->scores);
    json_decref(plan->inputs);
    json_decref(plan->notes);
    json_decref(plan->known);
    free(plan);
}

/* ---- The declarations ------------------------------------------------------------------------ */

static weir_node *plan_fit(weir_plan *plan, const weir_generate *made, const json_t *train,
                           const char *name, weir_error *error)
{
    json_t *candidates = json_object_get(made->select, "candidates");
    weir_node *fit = weir_node_new(plan, "fit", made->loaded, made->declared, made->options,
                                   made->encoders, error);
    weir_node *same;

    if (!fit || weir_node_input(plan, fit, "train", train, error))
        return NULL;
    if ((made->budget && (json_object_set(fit->content, "budget", made->budget) ||
                          json_object_set(fit->spec, "budget", made->budget))) ||
        (candidates && (json_object_set(fit->content, "candidates", candidates) ||
                        json_object_set(fit->spec, "candidates", candidates)))) {
        weir_error_memory(error, sizeof *fit, "a job");
        return NULL;
    }
    if (weir_as_generator(made->loaded)->parts) {
        json_object_set_new(json_object_get(fit->content, "inputs"), "part", json_integer(0));
        json_object_set_new(json_object_get(fit->spec, "inputs"), "part", json_integer(0));
    }
    plan->count--; /* not to be found as its own equal */
    same = weir_node_same(plan, fit->content, NULL);
    plan->count++;
    if (same)
        return weir_node_instead(plan, same);
    weir_node_title(fit, "fit %s", name);
    return fit;
}

/* The generator of a declaration takes the data, and there is enough of it to be split. taken:
 * false for a ceiling that is left out. */
static int check_train(weir_plan *plan, const weir_generate *made, const json_t *train, bool *taken,
                       weir_error *error)
{
    const weir_generator *generator = weir_as_generator(made->loaded);
    const json_t *input = weir_plan_input(plan, train, error);
    char source[256];

    *taken = false;
    if (!input || weir_plan_check_split(train, input, error))
        return error->status;
    weir_source_name(train, source, sizeof source);
    if (!(generator->accepts &
          (uint32_t)json_integer_value(json_object_get(input, "schema_flag")))) {
        if (made->ceiling)
            return WEIR_OK;
        return weir_error_set(error, WEIR_EDATA, "generator %s does not learn from %s, which %s is",
                              generator->name, json_string_value(json_object_get(input, "schema")),
                              source);
    }
    *taken = true;
    return weir_plan_split(plan, train, error);
}

static weir_node *plan_sample(weir_plan *plan, const weir_generate *made, weir_node *model,
                              const char *name, weir_error *error)
{
    json_t *request = json_object_get(made->declared, "request");
    weir_node *sample = weir_node_new(plan, "sample", made->loaded, made->declared, made->options,
                                      made->encoders, error);
    weir_node *same;

    if (!sample)
        return NULL;
    if (json_object_set(sample->content, "request", request) ||
        json_object_set(sample->spec, "request", request) || weir_node_need(sample, model)) {
        weir_error_memory(error, WEIR_PATH, "a job");
        return NULL;
    }
    plan->count--;
    same = weir_node_same(plan, sample->content, model);
    plan->count++;
    if (same)
        return weir_node_instead(plan, same);
    weir_node_title(sample, "sample %s", name);
    return sample;
}

static int plan_generate(weir_plan *plan, size_t at, weir_error *error)
{
    const weir_generate *made = &plan->experiment->generates[at];
    json_t *whole = json_object_get(made->declared, "train");
    json_t *train = made->select ? weir_select_source(made, false) : json_incref(whole);
    const char *label = json_string_value(json_object_get(made->declared, "label"));
    char source[256], *name = NULL;
    weir_node *model = NULL;
    bool taken;

    weir_source_name(whole, source, sizeof source);
    if (check_train(plan, made, train, &taken, error) || !taken) {
        json_decref(train);
        return error->status;
    }
    if (asprintf(&name, "%s on %s, seed %lld", label, source,
                 (long long)json_integer_value(json_object_get(made->declared, "seed"))) < 0) {
        json_decref(train);
        return weir_error_memory(error, strlen(label), "a job's title");
    }
    model = plan_fit(plan, made, train, name, error);
    if (model && made->select)
        model = weir_plan_select(plan, made, model, name, error);
    plan->models[at] = model;
    if (model && !made->fit_only)
        plan->samples[at] = plan_sample(plan, made, model, name, error);
    free(name);
    json_decref(train);
    return error->status;
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
    node = weir_node_new(plan, "score", rating->loaded, declared, rating->options, NULL, error);
    if (!node || weir_node_input(plan, node, "real", json_object_get(declared, "real"), error) ||
        (test &&
         (!weir_plan_input(plan, test, error) || weir_node_input(plan, node, "test", test, error))))
        return error->status;
    if (sample) {
        if (weir_node_need(node, sample))
            return weir_error_memory(error, WEIR_PATH, "a job");
    } else if (!weir_plan_input(plan, json_object_get(declared, "synthetic"), error) ||
               weir_node_input(plan, node, "synthetic", json_object_get(declared, "synthetic"),
                               error)) {
        return error->status;
    }
    snprintf(seed, sizeof seed, ", seed %lld",
             (long long)json_integer_value(json_object_get(declared, "seed")));
    plan->count--;
    same = weir_node_same(plan, node->content, sample);
    plan->count++;
    if (same)
        node = weir_node_instead(plan, same);
    else
        weir_node_title(
            node, "score %s: %s on %s%s", json_string_value(json_object_get(declared, "plugin")),
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
        plan->models = calloc(experiment->generate_count + 1, sizeof(weir_node *));
        plan->samples = calloc(experiment->generate_count + 1, sizeof(weir_node *));
        plan->scores = calloc(experiment->rating_count + 1, sizeof(weir_node *));
        plan->inputs = json_object();
        plan->notes = json_array();
        plan->known = json_pack("{s{} s{} sO?}", "identities", "splits", "before", before);
    }
    if (!plan || !plan->models || !plan->samples || !plan->scores || !plan->inputs ||
        !plan->notes || !plan->known) {
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
    if (!strcmp(node->job, "select")) /* what else it needs is added by weir_select_expand */
        return json_object_set_new(content, "model", json_string(first->key)) ||
               json_object_set_new(spec, "model", model_folder(store, first));
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
weir_node *weir_node_like(weir_plan *plan, const weir_node *fit, const char *title,
                          weir_error *error)
{
    json_t *content = json_deep_copy(fit->content), *spec = json_deep_copy(fit->spec);
    weir_node *node = weir_node_add(plan, fit->job, content, spec);

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
    weir_node_title(node, "%s, %s", fit->title ? fit->title : "", title);
    return node;
}

int weir_plan_expand(weir_plan *plan, weir_node *fit, weir_error *error)
{
    json_int_t parts = json_integer_value(json_object_get(fit->status, "parts"));
    size_t before = plan->count;
    weir_node *join, *part;
    char title[64];

    if (fit->expanded || strcmp(fit->job, "fit") != 0 || parts < 2 ||
        json_integer_value(json_object_get(json_object_get(fit->spec, "inputs"), "part")) != 0 ||
        !json_object_get(json_object_get(fit->spec, "inputs"), "part"))
        return WEIR_OK;
    fit->expanded = true;
    join = weir_node_like(plan, fit, "joined", error);
    if (!join || bad_if(weir_node_need(join, fit), error))
        return error->status;
    for (json_int_t i = 1; i < parts; i++) {
        snprintf(title, sizeof title, "part %lld of %lld", (long long)i + 1, (long long)parts);
        part = weir_node_like(plan, fit, title, error);
        if (!part || bad_if(weir_node_need(part, fit) || weir_node_need(join, part), error))
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
    for (size_t i = 0; i < plan->experiment->generate_count; i++)
        if (plan->models[i] == fit)
            plan->models[i] = join;
    return WEIR_OK;
}
