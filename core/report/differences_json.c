/* Differences as JSON, for scripts: what exp:differences() gives. */
#include "report/differences.h"
#include <math.h>

/* A number that a document may lack. */
static int put(json_t *object, const char *key, double value)
{
    return isfinite(value) ? json_object_set_new(object, key, json_real(value)) : 0;
}

static int put_count(json_t *object, const char *key, size_t value)
{
    return json_object_set_new(object, key, json_integer((json_int_t)value));
}

static int put_text(json_t *object, const char *key, const char *value)
{
    return json_object_set_new(object, key, json_string_nocheck(value));
}

static const char *label(const report_model *model, size_t entry)
{
    return report_entry_label(&model->entries[entry]);
}

static int add_generators(const report_model *model, json_t *list)
{
    int bad = 0;

    for (size_t i = 0; i < model->entry_count; i++) {
        const report_line *line = &model->overall.lines[i];
        const report_entry *entry = &model->entries[line->entry];
        json_t *one;

        if (entry->role == REPORT_FLOOR)
            continue;
        one = json_object();
        bad |= put_text(one, "label", label(model, line->entry)) |
               put_text(one, "role",
                        entry->role == REPORT_GENERATOR ? "generator"
                        : entry->role == REPORT_CANARY  ? "canary"
                                                        : "ceiling") |
               put(one, "rank", line->rank) | put(one, "would", line->would);
        if (line->entry < model->ranked)
            bad |= put_count(one, "best", line->best) | put_count(one, "alike", line->alike) |
                   put_count(one, "features", line->features);
        bad |= json_array_append_new(list, one);
    }
    return bad;
}

static int add_pairs(const report_model *model, json_t *list)
{
    int bad = 0;

    for (size_t b = 1; b < model->ranked; b++)
        for (size_t a = 0; a < b; a++) {
            const report_pair *pair = report_pair_at(model, model->trace_count, a, b);
            json_t *one = json_object();
            report_text verdict = {0};

            report_verdict(model, a, b, &verdict);
            bad |= put_text(one, "a", label(model, a)) | put_text(one, "b", label(model, b)) |
                   put_count(one, "traces", pair->traces) | put(one, "won", (1 + pair->net) / 2) |
                   put(one, "least", pair->least) | put(one, "p", pair->p) |
                   put(one, "corrected", pair->corrected) |
                   put_count(one, "features", pair->features) |
                   put_count(one, "a_better", pair->apart[0]) |
                   put_count(one, "b_better", pair->apart[1]) |
                   put_count(one, "alike", pair->alike) | put_count(one, "unknown", pair->unknown) |
                   put_text(one, "verdict", verdict.data) | verdict.failed;
            report_free(&verdict);
            bad |= json_array_append_new(list, one);
        }
    return bad;
}

static int add_agreements(json_t *list, const report_agreement *all, size_t n,
                          const char *(*name)(const report_model *, size_t),
                          const report_model *model)
{
    int bad = 0;
    char text[REPORT_NUMBER];

    for (size_t b = 1; b < n; b++)
        for (size_t a = 0; a < b; a++) {
            const report_agreement *one = &all[a * n + b];
            json_t *object = json_object();

            bad |= put_text(object, "a", name(model, a)) | put_text(object, "b", name(model, b)) |
                   put_count(object, "k", one->k) | put(object, "spearman", one->rho) |
                   put(object, "spearman_p", one->rho_p) | put(object, "kendall", one->tau) |
                   put(object, "kendall_p", one->tau_p);
            if (isnan(one->rho_p) && isnan(one->tau_p))
                bad |= put_text(object, "reason", report_untested(one, text));
            bad |= json_array_append_new(list, object);
        }
    return bad;
}

static const char *trace_name(const report_model *model, size_t trace)
{
    return model->traces[trace].name;
}

static const char *group_name(const report_model *model, size_t group)
{
    return model->groups[group];
}

static int add_friedman(const report_model *model, json_t *object)
{
    const struct report_differences *what = model->differences;
    json_t *ranks = json_object();
    int bad = put_count(object, "traces", model->trace_count) | put_count(object, "k", what->k);
    char text[REPORT_NUMBER];

    for (size_t i = 0; what->tested && i < what->k; i++)
        bad |= put(ranks, label(model, what->compared[i]), what->mean_ranks[i]);
    if (what->tested)
        bad |= put(object, "f", what->friedman.f) | put(object, "p", what->friedman.p) |
               put(object, "least", what->friedman.least) |
               put(object, "critical_difference", what->critical);
    else
        bad |=
            put_text(object, "reason",
                     report_too_few(
                         model->trace_count < REPORT_BLOCKS ? model->trace_count : what->k, text));
    return bad | json_object_set_new(object, "ranks", ranks);
}

json_t *report_differences_json(const report_model *model, weir_error *error)
{
    const struct report_differences *what = model->differences;
    json_t *document = json_object(), *friedman = json_object();
    json_t *generators = json_array(), *pairs = json_array(), *traces = json_array();
    json_t *groups = json_array();
    report_text sentences = {0};
    int bad;

    report_difference_sentences(model, &sentences);
    bad = json_object_set_new(document, "generators", generators) |
          json_object_set_new(document, "friedman", friedman) |
          json_object_set_new(document, "pairs", pairs) |
          json_object_set_new(document, "traces", traces) |
          json_object_set_new(document, "groups", groups) |
          put_text(document, "text", sentences.data) | sentences.failed;
    if (!bad)
        bad = add_generators(model, generators) | add_friedman(model, friedman) |
              add_pairs(model, pairs) |
              add_agreements(traces, what->between_traces, model->trace_count, trace_name, model) |
              add_agreements(groups, what->between_groups, model->group_count, group_name, model);
    report_free(&sentences);
    if (!bad)
        return document;
    json_decref(document);
    weir_error_memory(error, sizeof *document, "the differences");
    return NULL;
}
