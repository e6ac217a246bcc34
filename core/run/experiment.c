/* Declarations of an experiment: each is checked and completed when it is made, so that a mistake
 * is reported with the line that made it. */
#include "run/experiment.h"
#include "data/source.h"
#include "plugin/descriptor.h"
#include "plugin/job.h"
#include "plugin/options.h"
#include "run/declare.h"
#include "run/fields.h"
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const weir_generator *weir_as_generator(const weir_loaded *loaded)
{
    if (!loaded || loaded->plugin->kind != WEIR_KIND_GENERATOR)
        return NULL;
    return (const weir_generator *)(const void *)loaded->plugin;
}

const weir_feature *weir_features_of(const weir_loaded *loaded)
{
    if (loaded && loaded->plugin->kind == WEIR_KIND_METRIC)
        return ((const weir_metric *)(const void *)loaded->plugin)->features;
    if (loaded && loaded->plugin->kind == WEIR_KIND_DOWNSTREAM)
        return ((const weir_downstream *)(const void *)loaded->plugin)->features;
    return NULL;
}

weir_experiment *weir_experiment_new(const char *name, const char *script, weir_registry *registry,
                                     weir_error *error)
{
    weir_experiment *made;
    size_t length = strlen(name);

    if (!length || length > 200 || name[0] == '.' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            length) {
        weir_error_set(
            error, WEIR_EOPTION,
            "'%s' cannot name an experiment: letters, digits, '.', '_' and '-' only, not "
            "beginning with '.'",
            name);
        return NULL;
    }
    made = calloc(1, sizeof *made);
    if (made) {
        made->registry = registry;
        made->name = strdup(name);
        made->script = script ? strdup(script) : NULL;
        made->known = json_object();
    }
    if (!made || !made->name || (script && !made->script) || !made->known) {
        weir_experiment_free(made);
        weir_error_memory(error, sizeof *made, "an experiment");
        return NULL;
    }
    return made;
}

void weir_experiment_free(weir_experiment *experiment)
{
    if (!experiment)
        return;
    for (size_t i = 0; i < experiment->generate_count; i++) {
        json_decref(experiment->generates[i].declared);
        json_decref(experiment->generates[i].options);
        json_decref(experiment->generates[i].encoders);
        json_decref(experiment->generates[i].budget);
        weir_declare_select_free(&experiment->generates[i]);
    }
    for (size_t i = 0; i < experiment->rating_count; i++) {
        json_decref(experiment->ratings[i].declared);
        json_decref(experiment->ratings[i].options);
    }
    free(experiment->generates);
    free(experiment->ratings);
    json_decref(experiment->known);
    json_decref(experiment->rows);
    json_decref(experiment->data);
    json_decref(experiment->models);
    free(experiment->name);
    free(experiment->script);
    free(experiment->folder);
    free(experiment);
}

static int check_source(const json_t *source, const char *what, weir_error *error)
{
    if (!source)
        return weir_error_set(error, WEIR_EOPTION, "'%s' is missing: a trace", what);
    return weir_source_check(source, error);
}

/* ---- Generators ------------------------------------------------------------------------------ */

static json_t *resolve_request(const json_t *given, weir_error *error)
{
    static const char *const known[] = {"flows", "packets", "series", "duration"};
    json_t *request = json_object();
    const char *first = NULL;

    if (!given || json_is_null(given))
        return request;
    if (weir_fields_check(given, known, COUNT(known), "the request", error) ||
        weir_field_positive(given, "duration", error))
        goto failed;
    for (size_t i = 0; i < 3; i++) {
        int64_t value = 0;
        if (weir_field_integer(given, known[i], 1, INT64_C(1) << 48, &value, error))
            goto failed;
        if (value && first) {
            weir_error_set(error, WEIR_EOPTION,
                           "ask for one of flows, packets and series, not for %s and %s", first,
                           known[i]);
            goto failed;
        }
        if (value) {
            first = known[i];
            json_object_set_new(request, first, json_integer(value));
        }
    }
    if (json_is_number(json_object_get(given, "duration")))
        json_object_set_new(request, "duration",
                            json_real(json_number_value(json_object_get(given, "duration"))));
    return request;

failed:
    json_decref(request);
    return NULL;
}

static int find_known(weir_experiment *experiment, const json_t *identity, char **text)
{
    const json_t *at;

    *text = json_dumps(identity, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    at = *text ? json_object_get(experiment->known, *text) : NULL;
    return at ? (int)json_integer_value(at) : -1;
}

/* Appends, or finds the equal one: its handle, or -1. Takes the members of `made`. */
static int add_generate(weir_experiment *experiment, weir_generate made, weir_error *error)
{
    weir_generate *grown;
    json_t *identity = json_deep_copy(made.declared), *selected;
    char *text = NULL;
    int handle = -1;

    if (identity) {
        selected = json_array();
        json_object_del(identity, "where");
        json_object_set(identity, "options", made.options);
        json_object_set(identity, "encoders", made.encoders);
        if (made.budget)
            json_object_set(identity, "budget", made.budget);
        if (made.select)
            json_object_set(identity, "select", made.select);
        for (size_t i = 0; i < made.metric_count; i++)
            json_array_append_new(selected, json_pack("{ss sO}", "metric",
                                                      made.metrics[i].loaded->plugin->name,
                                                      "options", made.metrics[i].options));
        json_object_set_new(identity, "selected by", selected);
        handle = find_known(experiment, identity, &text);
    }
    json_decref(identity);
    if (handle < 0 && text) {
        grown = realloc(experiment->generates,
                        (experiment->generate_count + 1) * sizeof *experiment->generates);
        if (grown) {
            experiment->generates = grown;
            handle = (int)experiment->generate_count;
            if (json_object_set_new(experiment->known, text, json_integer(handle)) == 0) {
                grown[experiment->generate_count++] = made;
                free(text);
                return handle;
            }
        }
        handle = -1;
    }
    if (handle >= 0 && !made.ceiling)
        experiment->generates[handle].ceiling = false;
    free(text);
    json_decref(made.declared);
    json_decref(made.options);
    json_decref(made.encoders);
    json_decref(made.budget);
    weir_declare_select_free(&made);
    if (handle < 0)
        weir_error_memory(error, sizeof made, "a declaration");
    return handle;
}

int weir_declare_generate(weir_experiment *experiment, const json_t *declaration, bool ceiling,
                          weir_error *error)
{
    static const char *const known[] = {"generator", "options", "encoders", "train",  "seed",
                                        "label",     "request", "threads",  "device", "memory",
                                        "time",      "where",   "budget",   "select", "fit_only"};
    static const char *const kept[] = {"generator", "train",  "label", "threads",
                                       "device",    "memory", "time",  "where"};
    const json_t *encoders = json_object_get(declaration, "encoders");
    const json_t *budget = json_object_get(declaration, "budget");
    weir_generate made = {.ceiling = ceiling,
                          .fit_only = json_is_true(json_object_get(declaration, "fit_only"))};
    const char *name, *label;
    json_t *request = NULL;
    int64_t seed = 1;
    int status = WEIR_OK;

    if (weir_fields_check(declaration, known, COUNT(known), "generate", error) ||
        !(name = weir_field_text(declaration, "generator", true, &status, error)) ||
        !(made.loaded =
              weir_registry_find(experiment->registry, WEIR_KIND_GENERATOR, name, error)) ||
        check_source(json_object_get(declaration, "train"), "train", error) ||
        weir_field_integer(declaration, "seed", 0, INT64_MAX, &seed, error) ||
        weir_fields_run(declaration, error))
        return -1;
    label = weir_field_text(declaration, "label", false, &status, error);
    if (status || !(request = resolve_request(json_object_get(declaration, "request"), error)))
        return -1;
    made.options =
        weir_options_resolve(made.loaded->plugin, json_object_get(declaration, "options"), error);
    if (encoders && !json_is_object(encoders))
        weir_error_set(error, WEIR_EOPTION, "'encoders' must be a table: { role = encoder }");
    else if (made.options)
        made.encoders = weir_encoders_resolve(weir_as_generator(made.loaded), made.options,
                                              encoders, experiment->registry, error);
    if (budget && made.encoders)
        made.budget = weir_budget_resolve(budget, error);
    if (made.encoders && error->status == WEIR_OK)
        weir_declare_select(experiment, declaration, &made, error);
    if (made.encoders && error->status == WEIR_OK)
        made.declared = weir_fields_pick(declaration, kept, COUNT(kept));
    if (!made.declared ||
        json_object_set_new(made.declared, "generator", json_string(made.loaded->plugin->name)) ||
        json_object_set_new(made.declared, "seed", json_integer(seed)) ||
        (!label &&
         json_object_set_new(made.declared, "label", json_string(made.loaded->plugin->name))) ||
        json_object_set(made.declared, "request", request)) {
        weir_error_memory(error, sizeof made, "a declaration");
        json_decref(request);
        json_decref(made.declared);
        json_decref(made.options);
        json_decref(made.encoders);
        json_decref(made.budget);
        weir_declare_select_free(&made);
        return -1;
    }
    json_decref(request);
    return add_generate(experiment, made, error);
}

int weir_declare_failed(const json_t *declaration, weir_error *found, weir_error *error)
{
    const char *where = json_string_value(json_object_get(declaration, "where"));

    if (where)
        weir_error_prefix(found, "%s: ", where);
    return weir_error_set(error, found->status, "%s", found->text);
}

int weir_experiment_generate(weir_experiment *experiment, const json_t *declaration,
                             weir_error *error)
{
    weir_error found = {0};
    int handle = weir_declare_generate(experiment, declaration, false, &found);

    if (handle < 0)
        weir_declare_failed(declaration, &found, error);
    return handle;
}

/* ---- Scores ---------------------------------------------------------------------------------- */

static int check_lua(const json_t *lua, weir_error *error)
{
    static const char *const betters[] = {"lower", "higher", "neither"};
    const json_t *features = json_object_get(lua, "features");
    const json_t *feature;
    size_t at;
    int status = WEIR_OK;

    if (!weir_field_text(lua, "name", true, &status, error) ||
        !weir_field_text(lua, "code", true, &status, error))
        return status;
    if (!json_is_array(features) || !json_array_size(features))
        return weir_error_set(error, WEIR_EOPTION, "a Lua metric needs features: a list of names");
    json_array_foreach((json_t *)(uintptr_t)features, at, feature)
    {
        const char *better;
        if (!weir_field_text(feature, "label", true, &status, error))
            return status;
        better = weir_field_text(feature, "better", false, &status, error);
        if (status)
            return status;
        if (better && strcmp(better, betters[0]) != 0 && strcmp(better, betters[1]) != 0 &&
            strcmp(better, betters[2]) != 0)
            return weir_error_set(error, WEIR_EOPTION,
                                  "'better' is '%s', must be lower, higher or neither", better);
    }
    return WEIR_OK;
}

static int check_test(const weir_experiment *experiment, const weir_rating *made, weir_error *error)
{
    const json_t *test = json_object_get(made->declared, "test");
    const char *name = json_string_value(json_object_get(made->declared, "plugin"));
    const json_t *train;

    if (!test) {
        if (made->loaded && made->loaded->plugin->kind == WEIR_KIND_DOWNSTREAM &&
            ((const weir_downstream *)(const void *)made->loaded->plugin)->needs_test)
            return weir_error_set(error, WEIR_EOPTION,
                                  "downstream task %s needs held-out data: { train =, test = }",
                                  name);
        return WEIR_OK;
    }
    if (weir_source_check(test, error))
        return error->status;
    if (weir_source_overlap(json_object_get(made->declared, "real"), test))
        return weir_error_set(error, WEIR_EOPTION,
                              "the test set of %s shares rows with its training set; "
                              "trace:split gives two that do not",
                              name);
    train = made->synthetic >= 0
                ? json_object_get(experiment->generates[made->synthetic].declared, "train")
                : json_object_get(made->declared, "synthetic");
    if (weir_source_overlap(train, test))
        return weir_error_set(
            error, WEIR_EOPTION,
            "the test set of %s shares rows with what %s was trained on; trace:split gives two "
            "that do not, train the generator on the first",
            name, json_string_value(json_object_get(made->declared, "generator")));
    return WEIR_OK;
}

/* Completes a rating: whose data it scores, under which label. */
static int name_rating(const weir_experiment *experiment, weir_rating *made, const char *label)
{
    json_t *declared = made->declared;
    char dataset[256], source[256] = "";
    const json_t *from = NULL;
    int bad = 0;

    weir_source_name(json_object_get(declared, "real"), dataset, sizeof dataset);
    bad |= json_object_set_new(declared, "dataset", json_string(dataset));
    if (made->synthetic >= 0)
        from = experiment->generates[made->synthetic].declared;
    else
        weir_source_name(json_object_get(declared, "synthetic"), source, sizeof source);
    if (!label)
        bad |= json_object_set_new(declared, "label",
                                   from ? json_incref(json_object_get(from, "label"))
                                        : json_string(source));
    bad |= json_object_set_new(declared, "generator",
                               from ? json_incref(json_object_get(from, "generator"))
                                    : json_string(source));
    bad |= json_object_set_new(declared, "seed",
                               from ? json_incref(json_object_get(from, "seed")) : json_null());
    return bad;
}

static int add_rating(weir_experiment *experiment, weir_rating made, weir_error *error)
{
    weir_rating *grown;
    json_t *identity = json_deep_copy(made.declared);
    char *text = NULL;
    int at = -1, status = WEIR_OK;

    if (identity) {
        json_object_del(identity, "where");
        json_object_set(identity, "options", made.options);
        json_object_set_new(identity, "handle", json_integer(made.synthetic));
        at = find_known(experiment, identity, &text);
    }
    json_decref(identity);
    if (at < 0) {
        grown = text ? realloc(experiment->ratings,
                               (experiment->rating_count + 1) * sizeof *experiment->ratings)
                     : NULL;
        if (grown) {
            experiment->ratings = grown;
            if (json_object_set_new(experiment->known, text,
                                    json_integer((json_int_t)experiment->rating_count)) == 0) {
                grown[experiment->rating_count++] = made;
                free(text);
                return WEIR_OK;
            }
        }
        status = weir_error_memory(error, sizeof made, "a declaration");
    }
    free(text);
    json_decref(made.declared);
    json_decref(made.options);
    return status;
}

/* Plugin and options of a score: made->loaded (NULL for a Lua metric) and made->options. */
static int resolve_rating(weir_experiment *experiment, const json_t *declaration, weir_rating *made,
                          weir_error *error)
{
    const json_t *lua = json_object_get(declaration, "lua");
    const char *kind, *name;
    int status = WEIR_OK;

    if (!(kind = weir_field_text(declaration, "kind", true, &status, error)) ||
        !(name = weir_field_text(declaration, "plugin", true, &status, error)))
        return status;
    if (strcmp(kind, "metric") != 0 && strcmp(kind, "downstream") != 0)
        return weir_error_set(error, WEIR_EOPTION, "kind '%s' is unknown: metric or downstream",
                              kind);
    if (lua) {
        made->options = json_object();
        return made->options ? check_lua(lua, error)
                             : weir_error_memory(error, sizeof *made, "options");
    }
    made->loaded = weir_registry_find(
        experiment->registry, strcmp(kind, "metric") ? WEIR_KIND_DOWNSTREAM : WEIR_KIND_METRIC,
        name, error);
    if (made->loaded)
        made->options = weir_options_resolve(made->loaded->plugin,
                                             json_object_get(declaration, "options"), error);
    return made->options ? weir_features_check(made->loaded->plugin, made->options, error)
                         : (int)error->status;
}

int weir_declare_score(weir_experiment *experiment, const json_t *declaration, const json_t *names,
                       weir_error *error)
{
    static const char *const known[] = {"kind",  "plugin", "options", "real",   "test", "synthetic",
                                        "label", "lua",    "threads", "memory", "time", "where"};
    static const char *const kept[] = {"kind", "plugin",  "real",   "test", "synthetic", "label",
                                       "lua",  "threads", "memory", "time", "where"};
    const json_t *synthetic = json_object_get(declaration, "synthetic");
    weir_rating made = {.synthetic = -1};
    int64_t handle = -1;
    const char *label;
    int status = WEIR_OK;

    if (weir_fields_check(declaration, known, COUNT(known), "score", error) ||
        weir_fields_run(declaration, error) ||
        check_source(json_object_get(declaration, "real"), "real", error))
        return error->status;
    label = weir_field_text(declaration, "label", false, &status, error);
    if (status)
        return status;
    if (json_is_number(synthetic)) {
        if (weir_field_integer(declaration, "synthetic", 0, (int64_t)experiment->generate_count - 1,
                               &handle, error))
            return error->status;
        made.synthetic = (int)handle;
    } else if (check_source(synthetic, "synthetic", error)) {
        return error->status;
    }
    if (resolve_rating(experiment, declaration, &made, error)) {
        json_decref(made.options);
        return error->status;
    }
    made.declared = weir_fields_pick(declaration, kept, COUNT(kept));
    if (!made.declared || name_rating(experiment, &made, label) ||
        (names && json_object_update(made.declared, (json_t *)(uintptr_t)names)))
        weir_error_memory(error, sizeof made, "a declaration");
    else
        check_test(experiment, &made, error);
    if (error->status) {
        json_decref(made.declared);
        json_decref(made.options);
        return error->status;
    }
    return add_rating(experiment, made, error);
}

int weir_experiment_score(weir_experiment *experiment, const json_t *declaration, weir_error *error)
{
    weir_error found = {0};

    if (weir_declare_score(experiment, declaration, NULL, &found) == WEIR_OK)
        return WEIR_OK;
    return weir_declare_failed(declaration, &found, error);
}
