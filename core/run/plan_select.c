/* Choosing among the candidates of a fit: each is sampled and scored against a validation set by
 * jobs of their own, then one job ranks them. */
#include "plugin/descriptor.h"
#include "plugin/options.h"
#include "run/fields.h"
#include "run/inputs.h"
#include "run/node.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPLIT_SEED 1 /* one validation set for all seeds of a generator */

/* ---- Declared -------------------------------------------------------------------------------- */

static int add_metric(weir_experiment *experiment, const json_t *given, weir_generate *made,
                      weir_error *error)
{
    static const char *const known[] = {"plugin", "options"};
    weir_choice *grown, one = {0};
    const char *name;
    int status = WEIR_OK;

    if (weir_fields_check(given, known, 2, "a metric of 'select'", error) ||
        !(name = weir_field_text(given, "plugin", true, &status, error)) ||
        !(one.loaded = weir_registry_find(experiment->registry, WEIR_KIND_METRIC, name, error)) ||
        !(one.options =
              weir_options_resolve(one.loaded->plugin, json_object_get(given, "options"), error)))
        return error->status;
    for (size_t i = 0; i < made->metric_count; i++)
        if (made->metrics[i].loaded == one.loaded) {
            json_decref(one.options);
            return weir_error_set(error, WEIR_EOPTION, "'metrics' of select names %s twice", name);
        }
    grown = realloc(made->metrics, (made->metric_count + 1) * sizeof *grown);
    if (!grown || weir_features_check(one.loaded->plugin, one.options, error)) {
        json_decref(one.options);
        made->metrics = grown ? grown : made->metrics;
        return error->status ? (int)error->status : weir_error_memory(error, 0, "a declaration");
    }
    made->metrics = grown;
    made->metrics[made->metric_count++] = one;
    return WEIR_OK;
}

int weir_declare_select(weir_experiment *experiment, const json_t *declaration, weir_generate *made,
                        weir_error *error)
{
    static const char *const known[] = {"method", "metrics",    "validation",
                                        "by",     "candidates", "keep"};
    const json_t *given = json_object_get(declaration, "select"), *metric;
    const json_t *share = json_object_get(given, "validation");
    json_t *metrics;
    int64_t candidates = 20;
    const char *method, *by;
    int status = WEIR_OK;
    size_t at;

    if (!given)
        return WEIR_OK;
    if (weir_fields_check(given, known, 6, "'select'", error) ||
        !(method = weir_field_text(given, "method", true, &status, error)) ||
        weir_field_integer(given, "candidates", 1, 1000, &candidates, error))
        return error->status;
    if (strcmp(method, "rank_sum") != 0)
        return weir_error_set(error, WEIR_EOPTION, "select is '%s', must be rank_sum", method);
    by = weir_field_text(given, "by", false, &status, error);
    if (status)
        return status;
    if (by && strcmp(by, "flow") != 0 && strcmp(by, "time") != 0 && strcmp(by, "label") != 0)
        return weir_error_set(error, WEIR_EOPTION,
                              "'by' of select is '%s', must be flow, time or label", by);
    if (share && !(json_number_value(share) > 0 && json_number_value(share) < 1))
        return weir_error_set(error, WEIR_EOPTION,
                              "'validation' of select must be a share between 0 and 1");
    metrics = json_object_get(given, "metrics")
                  ? json_incref(json_object_get(given, "metrics"))
                  : json_pack("[{s:s},{s:s}]", "plugin", "emd", "plugin", "jsd");
    if (!json_array_size(metrics))
        weir_error_set(error, WEIR_EOPTION, "'metrics' of select must be a list of metrics");
    json_array_foreach(metrics, at, metric)
    {
        if (error->status == WEIR_OK)
            add_metric(experiment, metric, made, error);
    }
    json_decref(metrics);
    if (error->status)
        return error->status;
    made->select =
        json_pack("{ss sf ss sI sb}", "method", method, "validation",
                  share ? json_number_value(share) : 0.2, "by", by ? by : "flow", "candidates",
                  (json_int_t)candidates, "keep", json_is_true(json_object_get(given, "keep")));
    return made->select ? WEIR_OK : weir_error_memory(error, 0, "a declaration");
}

void weir_declare_select_free(weir_generate *made)
{
    for (size_t i = 0; i < made->metric_count; i++)
        json_decref(made->metrics[i].options);
    free(made->metrics);
    json_decref(made->select);
}

json_t *weir_select_source(const weir_generate *made, bool validation)
{
    json_t *source = json_deep_copy(json_object_get(made->declared, "train"));
    json_t *splits = json_object_get(source, "split");

    if (source && !splits) {
        splits = json_array();
        json_object_set_new(source, "split", splits);
    }
    if (json_array_append_new(splits,
                              json_pack("{sO sO si ss}", "by", json_object_get(made->select, "by"),
                                        "test", json_object_get(made->select, "validation"), "seed",
                                        SPLIT_SEED, "part", validation ? "test" : "train"))) {
        json_decref(source);
        return NULL;
    }
    return source;
}

/* ---- Planned --------------------------------------------------------------------------------- */

/* Of the choice, what changes its result, and how it reads in a key. */
static json_t *keyed(weir_plan *plan, const weir_generate *made, weir_error *error)
{
    json_t *select = json_deep_copy(made->select), *metrics = json_array();

    json_object_del(select, "keep");
    for (size_t i = 0; i < made->metric_count; i++)
        json_array_append_new(
            metrics, json_pack("{ss ss so?}", "name", made->metrics[i].loaded->plugin->name,
                               "build", made->metrics[i].loaded->build_id, "options",
                               weir_node_options(plan, made->metrics[i].loaded->plugin,
                                                 made->metrics[i].options, error)));
    json_object_set_new(select, "metrics", metrics);
    return select;
}

static bool keeps(const weir_generate *made)
{
    return json_is_true(json_object_get(made->select, "keep"));
}

weir_node *weir_plan_select(weir_plan *plan, const weir_generate *made, weir_node *fit,
                            const char *name, weir_error *error)
{
    weir_node *node = weir_node_new(plan, "select", made->loaded, made->declared, made->options,
                                    made->encoders, error);
    json_t *validation = weir_select_source(made, true), *key;
    weir_node *same = NULL;

    if (!node || !validation || weir_node_input(plan, node, "validation", validation, error)) {
        json_decref(validation);
        return NULL;
    }
    json_decref(validation);
    key = keyed(plan, made, error);
    if (!key || json_object_set_new(node->content, "select", key) ||
        json_object_set(node->spec, "select", made->select) || weir_node_need(node, fit)) {
        weir_error_memory(error, WEIR_PATH, "a job");
        return NULL;
    }
    node->made = made;
    plan->count--;
    same = weir_node_same(plan, node->content, fit);
    plan->count++;
    if (same) {
        if (keeps(made)) /* of equal choices one that keeps the candidates goes before */
            same->made = made;
        return weir_node_instead(plan, same);
    }
    weir_node_title(node, "select %s", name);
    return node;
}

bool weir_select_tolerates(const weir_node *node, size_t need)
{
    return node->made && need > 0;
}

/* ---- As fits are done ------------------------------------------------------------------------ */

/* The fits whose candidates there are: the parts that were joined, or the fit itself. */
static size_t fit_count(const weir_node *node)
{
    return node->needs[0]->need_count > 1 ? node->needs[0]->need_count : 1;
}

static weir_node *fit_at(const weir_node *node, size_t part)
{
    return node->needs[0]->need_count > 1 ? node->needs[0]->needs[part] : node->needs[0];
}

static json_int_t step_at(const weir_node *fit, size_t k)
{
    return json_integer_value(json_array_get(json_object_get(fit->status, "candidates"), k));
}

/* As many as every part has. */
static size_t candidate_count(const weir_node *node)
{
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < fit_count(node); i++) {
        size_t n = json_array_size(json_object_get(fit_at(node, i)->status, "candidates"));
        least = n < least ? n : least;
    }
    return least;
}

static void candidate_path(const weir_store *store, const weir_node *fit, size_t k,
                           const char *below, char path[WEIR_PATH])
{
    char name[64];

    snprintf(name, sizeof name, "candidates/%lld%s", (long long)step_at(fit, k), below);
    weir_store_path(store, fit->key, name, path);
}

/* Sends a done job back: it is to be done again, after what it needs. */
static void send_back(weir_node *node, const weir_store *store)
{
    char path[WEIR_PATH];

    weir_store_path(store, node->key, "status.json", path);
    unlink(path);
    node->state = WEIR_WAITING;
    node->cached = false;
    json_decref(node->status);
    json_decref(node->output);
    node->status = node->output = NULL;
}

/* An earlier choice has removed the candidates: those fits have to be done again, and what joins
 * them. */
static bool refit(weir_node *node, const weir_store *store)
{
    size_t fits = fit_count(node);
    char path[WEIR_PATH];
    bool any = false;

    for (size_t i = 0; i < fits; i++) {
        weir_node *fit = fit_at(node, i);
        bool whole = true;
        for (size_t k = 0; k < json_array_size(json_object_get(fit->status, "candidates")); k++) {
            candidate_path(store, fit, k, "/model.json", path);
            whole &= !access(path, R_OK);
        }
        if (!whole)
            send_back(fit, store);
        any |= !whole;
    }
    if (any && fits > 1)
        send_back(node->needs[0], store);
    return any;
}

/* Puts the k-th candidates of all parts among the inputs of what joins them, or of a sample. */
static int set_models(weir_node *made, const weir_node *node, size_t k, const weir_store *store)
{
    json_t *content = json_object_get(made->content, "inputs");
    json_t *spec = json_object_get(made->spec, "inputs");
    json_t *keys = json_array(), *paths = json_array();
    char path[WEIR_PATH];
    int bad;

    for (size_t i = 0; i < fit_count(node); i++) {
        const weir_node *fit = fit_at(node, i);
        candidate_path(store, fit, k, "", path);
        json_array_append_new(keys, json_sprintf("%s/%lld", fit->key, (long long)step_at(fit, k)));
        json_array_append_new(paths, json_string(path));
    }
    if (fit_count(node) > 1)
        return json_object_set_new(content, "models", keys) ||
               json_object_set_new(spec, "models", paths);
    bad = json_object_set(content, "model", json_array_get(keys, 0)) ||
          json_object_set(spec, "model", json_array_get(paths, 0));
    json_decref(keys);
    json_decref(paths);
    return bad;
}

/* A job that the select waits for, but could do without. */
static int add(weir_node *node, weir_node *made)
{
    made->tolerated = true;
    return weir_node_need(node, made);
}

/* Samples and scores the k-th candidate; the last one is the final model. */
static int add_candidate(weir_plan *plan, weir_node *node, size_t k, const weir_store *store,
                         weir_error *error)
{
    const weir_generate *made = node->made;
    json_t *validation = weir_select_source(made, true);
    bool last = k == candidate_count(node);
    weir_node *model = last ? node->needs[0] : NULL, *sample, *score;
    char what[80];
    int bad;

    if (last)
        snprintf(what, sizeof what, "the final model");
    else
        snprintf(what, sizeof what, "candidate %lld", (long long)step_at(fit_at(node, 0), k));
    if (!last && fit_count(node) > 1) {
        model = weir_node_like(plan, node->needs[0], what, error);
        if (!model)
            goto done;
        model->expanded = true; /* a joined model of its own, not a fit's first part */
        json_object_del(model->content, "candidates");
        json_object_del(json_object_get(model->content, "inputs"), "models");
        json_object_del(json_object_get(model->spec, "inputs"), "models");
        if (set_models(model, node, k, store) || add(node, model)) {
            weir_error_memory(error, WEIR_PATH, "a job");
            goto done;
        }
    }
    sample = weir_node_new(plan, "sample", made->loaded, made->declared, made->options,
                           made->encoders, error);
    if (!sample || weir_node_input(plan, sample, "like", validation, error))
        goto done;
    weir_node_title(sample, "sample %s of %s", what, node->title + strlen("select "));
    bad = model ? weir_node_need(sample, model) : set_models(sample, node, k, store);
    if (bad || add(node, sample)) {
        weir_error_memory(error, WEIR_PATH, "a job");
        goto done;
    }
    for (size_t m = 0; m < made->metric_count && error->status == WEIR_OK; m++) {
        score = weir_node_new(plan, "score", made->metrics[m].loaded, made->declared,
                              made->metrics[m].options, NULL, error);
        if (!score || weir_node_input(plan, score, "real", validation, error))
            goto done;
        weir_node_title(score, "score %s: %s of %s", made->metrics[m].loaded->plugin->name, what,
                        node->title + strlen("select "));
        if (weir_node_need(score, sample) || add(node, score))
            weir_error_memory(error, WEIR_PATH, "a job");
    }
done:
    json_decref(validation);
    return error->status;
}

/* The last step that a fit told. */
static json_int_t final_step(const weir_node *fit)
{
    const json_t *part = json_array_get(json_object_get(fit->status, "training"), 0);

    return json_integer_value(json_object_get(part, "step"));
}

/* A candidate with its model, its scores or why it has none, out of the nodes from *need on. */
static json_t *describe(const weir_node *node, size_t k, size_t *need, const weir_store *store)
{
    bool last = k == candidate_count(node), joined = fit_count(node) > 1;
    const weir_node *sample;
    char path[WEIR_PATH];
    json_t *made, *scores = json_array();

    if (last || joined)
        weir_store_path(store, last ? node->needs[0]->key : node->needs[*need]->key, "model", path);
    else
        candidate_path(store, fit_at(node, 0), k, "", path);
    *need += !last && joined;
    sample = node->needs[(*need)++];
    made = json_pack("{sI sb ss so}", "step",
                     last ? final_step(fit_at(node, 0)) : step_at(fit_at(node, 0), k), "final",
                     last, "model", path, "scores", scores);
    if (sample->state == WEIR_FAILED)
        json_object_set_new(made, "reason",
                            json_string(sample->reason ? sample->reason : "failed"));
    for (size_t m = 0; m < node->made->metric_count; m++) {
        const weir_node *score = node->needs[(*need)++];
        const char *name = node->made->metrics[m].loaded->plugin->name;
        if (score->state == WEIR_FAILED)
            json_array_append_new(scores, json_pack("{ss ss}", "plugin", name, "reason",
                                                    score->reason ? score->reason : "failed"));
        else
            json_array_append_new(scores, json_pack("{ss sO}", "plugin", name, "rows",
                                                    json_object_get(score->output, "scores")));
    }
    return made;
}

bool weir_select_expand(weir_plan *plan, weir_node *node, const weir_store *store,
                        weir_error *error)
{
    json_t *candidates, *inputs;
    size_t need = 1;

    if (!node->made)
        return false;
    if (!node->expanded) {
        if (refit(node, store))
            return true;
        node->expanded = true;
        for (size_t k = 0; k <= candidate_count(node) && error->status == WEIR_OK; k++)
            add_candidate(plan, node, k, store, error);
        return true;
    }
    candidates = json_array();
    inputs = json_object_get(node->spec, "inputs");
    for (size_t k = 0; k <= candidate_count(node); k++)
        json_array_append_new(candidates, describe(node, k, &need, store));
    if (json_object_set_new(inputs, "candidates", candidates))
        weir_error_memory(error, WEIR_PATH, "a job");
    return false;
}

/* Whether a select wants what another one of the same fit is about to remove. */
static bool in_use(const weir_plan *plan, const weir_node *node)
{
    for (size_t i = 0; i < plan->count; i++) {
        const weir_node *other = plan->nodes[i];
        if (other->made && other->need_count && other->needs[0] == node->needs[0] &&
            ((other->state != WEIR_DONE && other->state != WEIR_FAILED && other != node) ||
             keeps(other->made)))
            return true;
    }
    return false;
}

void weir_select_tidy(const weir_plan *plan, const weir_node *node, const weir_store *store)
{
    weir_error ignored = {0}; /* what cannot be removed only takes room */
    char path[WEIR_PATH];

    if (!node->made || in_use(plan, node))
        return;
    for (size_t i = 0; i < fit_count(node); i++) {
        weir_store_path(store, fit_at(node, i)->key, "candidates", path);
        weir_folder_remove(path, &ignored);
    }
    for (size_t k = 0; k < plan->count; k++) { /* its own, and of those that had to wait for it */
        const weir_node *done = plan->nodes[k];

        if (!done->made || !done->need_count || done->needs[0] != node->needs[0])
            continue;
        for (size_t i = 1; i < done->need_count; i++)
            if (done->needs[i]->state == WEIR_DONE) {
                weir_store_path(store, done->needs[i]->key, NULL, path);
                weir_folder_remove(path, &ignored);
            }
    }
}
