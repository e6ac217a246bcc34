/* Differences in the Markdown page: the same numbers as the page's, pairs as a list. */
#include "report/differences.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

static void cell(report_text *out, const char *text)
{
    report_add(out, " ");
    report_markdown(out, text);
    report_add(out, " |");
}

static void fixed(report_text *out, double value)
{
    if (isnan(value))
        report_add(out, " – |");
    else
        report_format(out, " %.2f |", value);
}

static void ranks(report_text *out, const report_model *model)
{
    const struct report_differences *what = model->differences;
    size_t groups = 0;

    report_add(out, "### Mean rank by trace and by group\n\nThe columns of groups are means over "
                    "the traces.\n\n| generator |");
    for (size_t t = 0; t < model->trace_count; t++)
        cell(out, model->traces[t].name);
    for (size_t g = 0; g < model->group_count; g++) {
        if (!report_ranks_any(model, what->group_ranks + g * model->ranked))
            continue;
        cell(out, model->groups[g]);
        groups++;
    }
    report_add(out, "\n");
    report_markdown_rule(out, 1, 1 + model->trace_count + groups);
    for (size_t i = 0; i < model->entry_count; i++) {
        size_t e = model->overall.lines[i].entry;

        if (e >= model->ranked)
            continue;
        report_add(out, "|");
        cell(out, report_entry_label(&model->entries[e]));
        for (size_t t = 0; t < model->trace_count; t++)
            fixed(out, what->ranks[t * model->ranked + e]);
        for (size_t g = 0; g < model->group_count; g++)
            if (report_ranks_any(model, what->group_ranks + g * model->ranked))
                fixed(out, what->group_ranks[g * model->ranked + e]);
        report_add(out, "\n");
    }
    report_add(out, "\n");
}

static void probability(report_text *out, double p, const report_agreement *one)
{
    char text[REPORT_NUMBER];

    cell(out, isnan(p) ? report_untested(one, text) : report_p(p, text));
}

static void pair_row(report_text *out, const report_model *model, size_t a, size_t b)
{
    const report_pair *pair = report_pair_at(model, model->trace_count, a, b);
    report_text verdict = {0};
    char text[REPORT_NUMBER];

    report_add(out, "|");
    cell(out, report_entry_label(&model->entries[a]));
    cell(out, report_entry_label(&model->entries[b]));
    if (isnan(pair->net))
        report_add(out, " – |");
    else
        report_format(out, " %.0f %% |", 50 * (1 + pair->net));
    if (model->trace_count > 1) {
        report_verdict(model, a, b, &verdict);
        if (isnan(pair->corrected))
            report_add(out, " – |");
        else
            cell(out, report_p(pair->corrected, text));
        cell(out, verdict.data);
        report_end(out, &verdict);
    }
    for (size_t t = 0; t < model->trace_count; t++) {
        const report_pair *one = report_pair_at(model, t, a, b);

        if (one->features == one->unknown)
            report_add(out, " – |");
        else
            report_format(out, " %zu : %zu of %zu |", one->apart[0], one->apart[1], one->features);
    }
    report_add(out, "\n");
}

static void pairs(report_text *out, const report_model *model)
{
    report_add(out,
               "### Pairs\n\nShare of the features that the first wins, ties half, mean over the "
               "traces; p after Holm's correction. For each trace: features in which the 95 % "
               "intervals over seeds are apart, the first being better : worse; in the others the "
               "two are not distinguishable.\n\n| first | second | won |");
    if (model->trace_count > 1)
        report_add(out, " p | over the traces |");
    for (size_t t = 0; t < model->trace_count; t++)
        cell(out, model->traces[t].name);
    report_add(out, "\n");
    report_markdown_rule(out, 2, 3 + model->trace_count + (model->trace_count > 1 ? 2 : 0));
    for (size_t b = 1; b < model->ranked; b++)
        for (size_t a = 0; a < b; a++)
            pair_row(out, model, a, b);
    report_add(out, "\n");
}

static void agreement(report_text *out, const report_model *model, bool traces)
{
    const struct report_differences *what = model->differences;
    const report_agreement *all = traces ? what->between_traces : what->between_groups;
    size_t n = traces ? model->trace_count : model->group_count;

    report_format(out, "| %s | and | k | Spearman's ρ | p | Kendall's τ | p |\n",
                  traces ? "trace" : "group of features");
    report_markdown_rule(out, 2, 7);
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++) {
            const report_agreement *one = &all[a * n + b];

            if (!one->k)
                continue;
            report_add(out, "|");
            cell(out, traces ? model->traces[a].name : model->groups[a]);
            cell(out, traces ? model->traces[b].name : model->groups[b]);
            report_format(out, " %zu |", one->k);
            fixed(out, one->rho);
            probability(out, one->rho_p, one);
            fixed(out, one->tau);
            probability(out, one->tau_p, one);
            report_add(out, "\n");
        }
    report_add(out, "\n");
}

void report_differences_markdown(report_text *out, const report_model *model)
{
    report_text sentences = {0};

    report_add(out, "## Differences\n\n");
    report_difference_sentences(model, &sentences);
    for (char *at = sentences.data, *end; at && (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        report_markdown(out, at);
        report_add(out, "\n\n");
    }
    report_end(out, &sentences);
    if (model->ranked < 2)
        return;
    pairs(out, model);
    ranks(out, model);
    if (model->ranked < 3 || (model->trace_count < 2 && model->group_count < 2))
        return;
    report_add(out, "### Agreement of ranks\n\nDo two traces, or two groups, rank the generators "
                    "alike? Of the mean ranks of the k generators that both rank: 1 is the same "
                    "order, -1 the opposite. p is the chance of as strong an agreement between "
                    "random orders, not corrected for the number of tests.\n\n");
    if (model->trace_count > 1)
        agreement(out, model, true);
    if (model->group_count > 1)
        agreement(out, model, false);
}
