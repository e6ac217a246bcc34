/* Rank sums over the scores of candidates: which one is the best on the validation set. */
#include "run/rank.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static bool usable(const json_t *candidate)
{
    return !json_object_get(candidate, "reason");
}

/* Adds the features of some rows that are not in the list yet. */
static void add_features(json_t *features, const char *plugin, const json_t *rows)
{
    const json_t *row, *known;
    size_t i, k;

    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        bool there = !json_is_number(json_object_get(row, "value")) ||
                     !strcmp(text_of(row, "better"), "neither");
        json_array_foreach(features, k, known)
        {
            there |= !strcmp(text_of(known, "plugin"), plugin) &&
                     !strcmp(text_of(known, "feature"), text_of(row, "feature")) &&
                     !strcmp(text_of(known, "variant"), text_of(row, "variant"));
        }
        if (!there)
            json_array_append_new(features, json_pack("{ss ss ss ss}", "plugin", plugin, "variant",
                                                      text_of(row, "variant"), "feature",
                                                      text_of(row, "feature"), "better",
                                                      text_of(row, "better")));
    }
}

/* A candidate's value of a feature; NaN with the reason where there is none. */
static double value_of(const json_t *candidate, const json_t *feature, const char **reason)
{
    const json_t *score, *row;
    size_t i, k;

    *reason = usable(candidate) ? "not scored" : text_of(candidate, "reason");
    json_array_foreach(json_object_get(candidate, "scores"), i, score)
    {
        if (strcmp(text_of(score, "plugin"), text_of(feature, "plugin")) != 0)
            continue;
        if (json_object_get(score, "reason") && usable(candidate))
            *reason = text_of(score, "reason");
        json_array_foreach(json_object_get(score, "rows"), k, row)
        {
            if (strcmp(text_of(row, "feature"), text_of(feature, "feature")) != 0 ||
                strcmp(text_of(row, "variant"), text_of(feature, "variant")) != 0)
                continue;
            *reason = text_of(row, "reason");
            if (json_is_number(json_object_get(row, "value")))
                return json_number_value(json_object_get(row, "value"));
        }
    }
    return NAN;
}

/* Average ranks of the usable ones among n values; what has no value shares the last ranks. */
static void rank(const double *values, const bool *taken, size_t n, bool higher, double *ranks)
{
    for (size_t i = 0; i < n; i++) {
        double before = 0, equal = 0;
        for (size_t k = 0; k < n && taken[i]; k++) {
            bool better = isnan(values[i]) ? !isnan(values[k])
                          : higher         ? values[k] > values[i]
                                           : values[k] < values[i];
            if (!taken[k])
                continue;
            before += better;
            equal += values[k] == values[i] || (isnan(values[i]) && isnan(values[k]));
        }
        ranks[i] = before + (equal + 1) / 2;
    }
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *outline(const json_t *candidates)
{
    json_t *list = json_array();
    const json_t *candidate;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)candidates, i, candidate)
    {
        json_array_append_new(list,
                              json_pack("{sO* sb sb ss sn s[] s[] s[]}", "step",
                                        json_object_get(candidate, "step"), "final",
                                        json_is_true(json_object_get(candidate, "final")), "usable",
                                        usable(candidate), "reason", text_of(candidate, "reason"),
                                        "rank_sum", "values", "ranks", "reasons"));
    }
    return list;
}

/* The one with the least sum; the final model where there is nothing to go by. */
static json_int_t choose(const json_t *candidates, const double *sums, size_t features)
{
    json_int_t chosen = -1;

    for (size_t i = 0; i < json_array_size(candidates); i++) {
        const json_t *candidate = json_array_get(candidates, i);
        if (!usable(candidate))
            continue;
        if (chosen < 0 ||
            (features ? sums[i] < sums[chosen] : json_is_true(json_object_get(candidate, "final"))))
            chosen = (json_int_t)i;
    }
    return chosen;
}

json_t *weir_rank_sum(const json_t *candidates, weir_error *error)
{
    size_t n = json_array_size(candidates), i, k;
    double *values = calloc(n + 1, sizeof *values), *ranks = calloc(n + 1, sizeof *ranks);
    double *sums = calloc(n + 1, sizeof *sums);
    bool *taken = calloc(n + 1, sizeof *taken);
    json_t *features = json_array(), *list = outline(candidates), *made = NULL;
    const json_t *candidate, *score, *feature;
    const char *reason;

    if (!values || !ranks || !sums || !taken || !features || !list) {
        weir_error_memory(error, n * sizeof *values, "ranks");
        goto done;
    }
    json_array_foreach((json_t *)(uintptr_t)candidates, i, candidate)
    {
        taken[i] = usable(candidate);
        json_array_foreach(json_object_get(candidate, "scores"), k, score)
        {
            if (taken[i])
                add_features(features, text_of(score, "plugin"), json_object_get(score, "rows"));
        }
    }
    json_array_foreach(features, k, feature)
    {
        for (i = 0; i < n; i++)
            values[i] = value_of(json_array_get(candidates, i), feature, &reason);
        rank(values, taken, n, !strcmp(text_of(feature, "better"), "higher"), ranks);
        for (i = 0; i < n; i++) {
            json_t *one = json_array_get(list, i);
            value_of(json_array_get(candidates, i), feature, &reason);
            sums[i] += ranks[i];
            json_array_append_new(json_object_get(one, "values"), number_or_null(values[i]));
            json_array_append_new(json_object_get(one, "ranks"),
                                  taken[i] ? json_real(ranks[i]) : json_null());
            json_array_append_new(json_object_get(one, "reasons"), json_string(reason));
        }
    }
    for (i = 0; i < n; i++)
        if (taken[i])
            json_object_set_new(json_array_get(list, i), "rank_sum", json_real(sums[i]));
    made = json_pack("{sI sO sO}", "chosen", choose(candidates, sums, json_array_size(features)),
                     "features", features, "candidates", list);
    if (!made)
        weir_error_memory(error, 0, "ranks");
done:
    json_decref(features);
    json_decref(list);
    free(values);
    free(ranks);
    free(sums);
    free(taken);
    return made;
}
