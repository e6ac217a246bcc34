/* Floors and ceilings: real halves scored against each other, and the declared bad generators. */
#include "data/source.h"
#include "run/declare.h"
#include "run/fields.h"
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The source, split into halves: the part "train" or "test". A new object. */
static json_t *half(const json_t *source, const char *by, int64_t seed, const char *part)
{
    json_t *made = json_deep_copy(source);
    json_t *splits = json_object_get(made, "split");

    if (made && !splits) {
        json_object_set_new(made, "split", json_array());
        splits = json_object_get(made, "split");
    }
    if (!splits ||
        json_array_append_new(splits, json_pack("{ss sf sI ss}", "by", by, "test", 0.5, "seed",
                                                (json_int_t)seed, "part", part))) {
        json_decref(made);
        return NULL;
    }
    return made;
}

/* A score of this metric: members of `metric` and those that every score of the floor has. */
static json_t *score_of(const json_t *metric, const json_t *declaration, json_t *real,
                        json_t *synthetic)
{
    static const char *const shared[] = {"test", "threads", "memory", "time", "where"};
    json_t *made = json_deep_copy(metric);
    json_t *picked = weir_fields_pick(declaration, shared, COUNT(shared));
    int bad = !made || !picked || !real || !synthetic;

    if (!bad)
        bad = json_object_update(made, picked) || json_object_set(made, "real", real) ||
              json_object_set(made, "synthetic", synthetic);
    json_decref(picked);
    if (bad) {
        json_decref(made);
        return NULL;
    }
    return made;
}

static int declare_split(weir_experiment *experiment, const json_t *declaration,
                         const json_t *metric, const char *by, int64_t seed, weir_error *error)
{
    const json_t *trace = json_object_get(declaration, "trace");
    bool by_time = !strcmp(by, "time");
    json_t *first = half(trace, by, seed, "train"), *second = half(trace, by, seed, "test");
    json_t *score = score_of(metric, declaration, first, second);
    char dataset[256];
    json_t *names;
    int status;

    weir_source_name(trace, dataset, sizeof dataset);
    names = json_pack("{ss ss ss so}", "dataset", dataset, "generator", "floor", "label",
                      by_time ? "by time" : "flow-disjoint", "seed",
                      by_time ? json_null() : json_integer(seed));
    status = score && names ? weir_declare_score(experiment, score, names, error)
                            : weir_error_memory(error, sizeof *declaration, "a floor");
    json_decref(first);
    json_decref(second);
    json_decref(score);
    json_decref(names);
    return status;
}

static int declare_ceiling(weir_experiment *experiment, const json_t *declaration,
                           const json_t *metric, const char *generator, int64_t seed,
                           weir_error *error)
{
    static const char *const shared[] = {"threads", "memory", "time", "where"};
    json_t *made = weir_fields_pick(declaration, shared, COUNT(shared)), *score, *synthetic;
    int handle, status;

    if (!made || json_object_set_new(made, "generator", json_string(generator)) ||
        json_object_set(made, "train", json_object_get(declaration, "trace")) ||
        json_object_set_new(made, "seed", json_integer(seed))) {
        json_decref(made);
        return weir_error_memory(error, sizeof *declaration, "a ceiling");
    }
    handle = weir_declare_generate(experiment, made, true, error);
    json_decref(made);
    if (handle < 0)
        return error->status;
    synthetic = json_integer(handle);
    score = score_of(metric, declaration, json_object_get(declaration, "trace"), synthetic);
    status = score ? weir_declare_score(experiment, score, NULL, error)
                   : weir_error_memory(error, sizeof *declaration, "a ceiling");
    json_decref(synthetic);
    json_decref(score);
    return status;
}

static bool has_ceiling(const weir_feature *features, weir_ceiling ceiling)
{
    for (; features && features->label; features++)
        if (features->ceiling == ceiling)
            return true;
    return false;
}

static int declare_floor(weir_experiment *experiment, const json_t *declaration, weir_error *error)
{
    static const char *const known[] = {"metrics", "trace",  "test", "seed",
                                        "threads", "memory", "time", "where"};
    const json_t *metrics = json_object_get(declaration, "metrics"), *metric;
    int64_t seed = 1;
    size_t at;

    if (weir_fields_check(declaration, known, COUNT(known), "floor", error) ||
        weir_fields_run(declaration, error) ||
        weir_field_integer(declaration, "seed", 0, INT64_MAX, &seed, error))
        return error->status;
    if (!json_object_get(declaration, "trace"))
        return weir_error_set(error, WEIR_EOPTION, "'trace' is missing: a trace");
    if (weir_source_check(json_object_get(declaration, "trace"), error))
        return error->status;
    if (!json_is_array(metrics) || !json_array_size(metrics))
        return weir_error_set(error, WEIR_EOPTION, "'metrics' must be a list of metrics");
    json_array_foreach((json_t *)(uintptr_t)metrics, at, metric)
    {
        const char *name = json_string_value(json_object_get(metric, "plugin"));
        const weir_loaded *loaded = NULL;

        if (declare_split(experiment, declaration, metric, "flow", seed, error) ||
            declare_split(experiment, declaration, metric, "time", seed, error))
            return error->status;
        if (!json_object_get(metric, "lua"))
            loaded = weir_registry_find(
                experiment->registry,
                strcmp(json_string_value(json_object_get(metric, "kind")), "metric")
                    ? WEIR_KIND_DOWNSTREAM
                    : WEIR_KIND_METRIC,
                name, error);
        if (has_ceiling(weir_features_of(loaded), WEIR_CEILING_MARGINALS) &&
            declare_ceiling(experiment, declaration, metric, "marginals", seed, error))
            return error->status;
        if (has_ceiling(weir_features_of(loaded), WEIR_CEILING_UNIFORM) &&
            declare_ceiling(experiment, declaration, metric, "uniform", seed, error))
            return error->status;
    }
    return WEIR_OK;
}

int weir_experiment_floor(weir_experiment *experiment, const json_t *declaration, weir_error *error)
{
    weir_error found = {0};

    if (declare_floor(experiment, declaration, &found) == WEIR_OK)
        return WEIR_OK;
    return weir_declare_failed(declaration, &found, error);
}
