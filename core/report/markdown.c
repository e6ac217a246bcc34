/* The report as Markdown: the same tables, compact. */
#include "report/differences.h"
#include "report/fits.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

/* ---- Pieces ---------------------------------------------------------------------------------- */

void report_markdown_rule(report_text *out, size_t left, size_t columns)
{
    report_add(out, "|");
    for (size_t i = 0; i < columns; i++)
        report_add(out, i < left ? " --- |" : " ---: |");
    report_add(out, "\n");
}

static void entry_name(report_text *out, const report_entry *entry)
{
    const char *role = report_role_name(entry);

    if (entry->role == REPORT_FLOOR) {
        report_add(out, "floor, ");
        report_markdown(out, entry->label);
        return;
    }
    report_markdown(out, *entry->label ? entry->label : entry->generator);
    if (*role)
        report_format(out, " (%s)", role);
}

static void score(report_text *out, const report_cell *cell, const char *unit, double scale)
{
    char text[REPORT_NUMBER];
    const char *mark = cell && cell->best ? "**" : "";

    report_add(out, mark);
    report_markdown(out, report_cell_text(cell, unit, scale, text));
    report_add(out, mark);
    if (cell && cell->tied)
        report_add(out, " ≈");
    report_add(out, " |");
}

static void fixed(report_text *out, double value, int digits)
{
    if (isnan(value))
        report_add(out, " – |");
    else
        report_format(out, " %.*f |", digits, value);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static void leaderboard(report_text *out, const report_model *model, size_t trace)
{
    const report_board *board =
        trace < model->trace_count ? &model->boards[trace] : &model->overall;
    const report_cost *costs = &model->costs[trace * model->entry_count];
    char number[REPORT_NUMBER];
    double repeated = report_repeated(model, board);
    bool held_out = false, copied = !isnan(repeated);
    size_t columns = 8;

    for (size_t i = 0; i < model->entry_count; i++)
        held_out |= !isnan(board->lines[i].held_out);
    report_add(out, "| # | generator | mean rank |");
    report_add(out, held_out ? " on the held-out part |" : "");
    report_add(out, " features | best + ≈ |");
    for (size_t g = 0; g < model->group_count; g++) {
        if (!report_group_shown(model, board, g))
            continue;
        report_add(out, " ");
        report_markdown(out, model->groups[g]);
        report_add(out, " |");
        columns++;
    }
    if (copied)
        report_format(out, " copied (real halves: %.0f %%) |", 100 * repeated);
    report_add(out, " fit + sample, CPU | peak memory | model |\n");
    report_markdown_rule(out, 2, columns + held_out + copied);
    for (size_t i = 0; i < model->entry_count; i++) {
        const report_line *line = &board->lines[i];
        const report_cost *cost = &costs[line->entry];

        if (!report_entry_present(model, trace, line->entry))
            continue;
        if (isnan(line->rank))
            report_add(out, "|  | ");
        else
            report_format(out, "| %zu | ", i + 1);
        entry_name(out, &model->entries[line->entry]);
        report_add(out, " |");
        if (isnan(line->would))
            fixed(out, line->rank, 2);
        else
            report_format(out, " (%.2f) |", line->would);
        if (held_out)
            fixed(out, line->held_out, 2);
        if (isnan(line->rank))
            report_add(out, " – | – |");
        else
            report_format(out, " %zu of %zu | %zu + %zu |", line->features, board->features,
                          line->best, line->alike);
        for (size_t g = 0; g < model->group_count; g++)
            if (report_group_shown(model, board, g))
                fixed(out, line->skill[g], 3);
        if (copied && isnan(line->copied))
            report_add(out, " – |");
        else if (copied)
            report_format(out, " %.0f %% |", 100 * line->copied);
        if (cost->runs) {
            report_format(out, " %s |", report_duration(cost->effort, number));
            report_format(out, " %s |", report_bytes(cost->peak_memory, number));
            report_format(out, " %s |\n", report_bytes(cost->model_bytes, number));
        } else {
            report_add(out, " – | – | – |\n");
        }
    }
    report_add(out, "\n");
}

static void glance(report_text *out, const report_model *model, size_t trace, size_t dataset)
{
    size_t shown = 0;

    report_add(out, "| feature |");
    for (size_t e = 0; e < model->entry_count; e++) {
        if (!report_entry_present(model, trace, e))
            continue;
        shown++;
        report_add(out, " ");
        entry_name(out, &model->entries[e]);
        report_add(out, " |");
    }
    report_add(out, "\n");
    report_markdown_rule(out, 1, shown + 1);
    for (size_t f = 0; f < model->feature_count; f++) {
        const report_feature *feature = &model->features[f];
        double scale = report_feature_scale(model, dataset, f);

        if (!report_feature_present(model, (int)dataset, f))
            continue;
        report_add(out, "| ");
        report_markdown(out, feature->plugin);
        report_add(out, " ");
        report_markdown(out, feature->label);
        if (*feature->variant && strcmp(feature->variant, "fix")) {
            report_add(out, " ");
            report_markdown(out, feature->variant);
        }
        if (report_higher(feature))
            report_add(out, " (higher is better)");
        report_add(out, " |");
        for (size_t e = 0; e < model->entry_count; e++) {
            if (!report_entry_present(model, trace, e))
                continue;
            report_add(out, " ");
            score(out, report_cell_at(model, dataset, f, e), feature->unit, scale);
        }
        report_add(out, "\n");
    }
    report_add(out, "\n");
}

/* The interval, skill and counts of every cell with a value: what the table above leaves out. */
static void details(report_text *out, const report_model *model, size_t dataset)
{
    char low[REPORT_NUMBER], high[REPORT_NUMBER];

    report_add(out, "| feature | generator | mean | 95 % interval | min | max | skill | seeds | n "
                    "real | n synthetic |\n");
    report_markdown_rule(out, 2, 10);
    for (size_t f = 0; f < model->feature_count; f++) {
        const report_feature *what = &model->features[f];
        double scale = report_feature_scale(model, dataset, f);

        for (size_t e = 0; e < model->entry_count; e++) {
            const report_cell *cell = report_cell_at(model, dataset, f, e);

            if (!cell || !report_feature_present(model, (int)dataset, f))
                continue;
            report_add(out, "| ");
            report_markdown(out, what->plugin);
            report_add(out, " ");
            report_markdown(out, what->label);
            report_add(out, *what->variant ? " " : "");
            report_markdown(out, what->variant);
            report_add(out, " | ");
            entry_name(out, &model->entries[e]);
            report_add(out, " | ");
            score(out, cell, what->unit, scale);
            if (!cell->ok) {
                report_add(out, " ");
                report_markdown(out, cell->reason);
                report_add(out, " | | | |");
            } else {
                report_add(out, " ");
                if (cell->method) {
                    report_interval(cell, what->unit, scale, out);
                    report_format(out, " (%s) |", report_method_name(cell));
                } else {
                    report_format(out, "%s |", report_method_name(cell));
                }
                report_format(out, " %s | %s |", report_quantity(cell->min, what->unit, scale, low),
                              report_quantity(cell->max, what->unit, scale, high));
                if (isnan(cell->skill))
                    report_format(out, " n/a: %s |", cell->skill_reason);
                else
                    report_format(out, " %.3f |", cell->skill);
            }
            report_format(out, " %zu of %zu | %s |", cell->ok, cell->ok + cell->na + cell->failed,
                          report_range(cell->n_real, low));
            report_format(out, " %s |\n", report_range(cell->n_synthetic, low));
        }
    }
    report_add(out, "\n");
}

static void average_row(report_text *out, const report_model *model, size_t trace, report_norm norm,
                        size_t group, bool median)
{
    report_add(out, "| ");
    report_markdown(out, model->groups[group]);
    report_format(out, " | %s%s |", report_norm_name(norm), median ? ", median" : "");
    for (size_t e = 0; e < model->ranked; e++) {
        const report_average *average = report_average_at(model, trace, norm, group, e);

        if (average->features)
            report_format(out, " %.3f (%zu) |", median ? average->median : average->value,
                          average->features);
        else
            report_add(out, " – |");
    }
    report_add(out, "\n");
}

static void averages(report_text *out, const report_model *model, size_t trace)
{
    report_add(out, "| group | normalisation |");
    for (size_t e = 0; e < model->ranked; e++) {
        report_add(out, " ");
        entry_name(out, &model->entries[e]);
        report_add(out, " |");
    }
    report_add(out, "\n");
    report_markdown_rule(out, 2, model->ranked + 2);
    for (size_t g = 0; g < model->group_count; g++)
        for (report_norm norm = 0; norm < REPORT_NORMS; norm++) {
            bool any = false;

            for (size_t e = 0; e < model->ranked; e++)
                any |= report_average_at(model, trace, norm, g, e)->features > 0;
            if (!any)
                continue;
            average_row(out, model, trace, norm, g, false);
            if (norm == REPORT_SKILL)
                average_row(out, model, trace, norm, g, true);
        }
    report_add(out, "\n");
}

static void costs(report_text *out, const report_model *model)
{
    char number[REPORT_NUMBER];

    report_add(out,
               "## Cost\n\nMeans over seeds; peak memory is the largest.\n\n| trace | generator "
               "| open | fit | sample | save | in all | CPU time | peak memory | model | score "
               "|\n");
    report_markdown_rule(out, 2, 11);
    for (size_t t = 0; t < model->trace_count; t++)
        for (size_t e = 0; e < model->entry_count; e++) {
            const report_cost *cost = &model->costs[t * model->entry_count + e];
            const double seconds[] = {cost->open, cost->fit,     cost->sample,
                                      cost->save, cost->seconds, cost->cpu_seconds};

            if (!cost->runs)
                continue;
            report_add(out, "| ");
            report_markdown(out, model->traces[t].name);
            report_add(out, " | ");
            entry_name(out, &model->entries[e]);
            report_add(out, " |");
            for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
                report_format(out, " %s |", report_duration(seconds[i], number));
            report_format(out, " %s |", report_bytes(cost->peak_memory, number));
            report_format(out, " %s |", report_bytes(cost->model_bytes, number));
            report_format(out, " %s |\n", report_duration(cost->score, number));
        }
    report_add(out, "\n");
}

static void failures(report_text *out, const report_model *model)
{
    char number[REPORT_NUMBER];

    if (!model->failure_count)
        return;
    report_add(out, "## Failures\n\n| job | phase | reason | after | peak memory |\n");
    report_markdown_rule(out, 3, 5);
    for (size_t i = 0; i < model->failure_count; i++) {
        const report_job *job = model->failures[i];
        report_text name = {0};

        report_job_name(model->store, job, &name);
        report_add(out, "| ");
        report_markdown(out, name.data);
        report_end(out, &name);
        report_add(out, " | ");
        report_markdown(out, report_json_text(job->status, "phase"));
        report_add(out, " | ");
        report_markdown(out, report_job_reason(job));
        report_format(out, " | %s |",
                      report_duration(report_json_number(job->status, "seconds", 0), number));
        report_format(out, " %s |\n",
                      report_bytes(report_json_number(job->status, "peak_memory", 0), number));
    }
    report_add(out, "\n");
}

static void manifest(report_text *out, const report_model *model)
{
    const json_t *document = model->store->manifest, *input, *file;
    const json_t *script = json_object_get(document, "script"), *word;
    size_t i, j;

    report_add(out, "## How it was run\n\n");
    for (i = 0; i < model->store->note_count; i++) {
        report_add(out, "- Could not be read: ");
        report_markdown(out, model->store->notes[i]);
        report_add(out, "\n");
    }
    if (!document) {
        report_add(out, "There is no usable manifest.json.\n");
        return;
    }
    report_add(out, "- Weir ");
    report_markdown(out, report_json_text(document, "weir"));
    report_add(out, ", from ");
    report_markdown(out, report_json_text(document, "started"));
    report_add(out, " to ");
    report_markdown(out, report_json_text(document, "finished"));
    report_add(out, "\n- Command:");
    json_array_foreach(json_object_get(document, "command"), i, word)
    {
        report_add(out, " ");
        report_markdown(out, json_string_value(word));
    }
    if (*report_json_text(script, "path")) {
        report_add(out, "\n- Script: ");
        report_markdown(out, report_json_text(script, "path"));
        report_add(out, ", SHA-256 ");
        report_markdown(out, report_json_text(script, "sha256"));
    }
    report_add(out, "\n");
    json_array_foreach(json_object_get(document, "inputs"), i, input)
    {
        json_array_foreach(json_object_get(input, "files"), j, file)
        {
            report_add(out, "- Input ");
            report_markdown(out, report_json_text(input, "name"));
            report_add(out, ": ");
            report_markdown(out, report_json_text(file, "path"));
            report_add(out, ", SHA-256 ");
            report_markdown(out, report_json_text(file, "sha256"));
            report_add(out, "\n");
        }
    }
}

void report_markdown_page(report_text *out, const report_model *model,
                          const report_figures *figures)
{
    const char *name = report_json_text(model->store->manifest, "experiment");
    const char *const *reading = report_reading();
    report_text headline = {0};

    report_add(out, "# ");
    report_markdown(out, *name ? name : "Experiment");
    report_add(out, "\n\n");
    report_summary(model, out);
    report_add(out, "\n\n");
    report_headline(model, &headline);
    if (headline.used) {
        report_markdown(out, headline.data);
        report_add(out, "\n\n");
    }
    report_end(out, &headline);
    if (*figures->problem) {
        report_add(out, "Note: ");
        report_markdown(out, figures->problem);
        report_add(out, "\n\n");
    }
    report_add(out, "## Leaderboard\n\n");
    report_add(out, *reading++);
    report_add(
        out,
        "\n\nBy mean rank, 1 is best. Best + ≈: features in which a generator is the best, and in "
        "which it is not distinguishable from it. Groups of features: the median skill.\n\n");
    if (model->trace_count > 1) {
        report_add(out, "### All traces\n\n");
        leaderboard(out, model, model->trace_count);
    }
    for (size_t t = 0; t < model->trace_count; t++) {
        report_add(out, "### ");
        report_markdown(out, model->traces[t].name);
        report_add(out, "\n\n");
        leaderboard(out, model, t);
    }
    report_add(out, "### How to read it\n\n");
    for (; *reading; reading++) {
        report_add(out, *reading);
        report_add(out, "\n\n");
    }
    report_differences_markdown(out, model);
    report_own_markdown(out, figures);
    for (size_t t = 0; t < model->trace_count; t++) {
        const report_trace *trace = &model->traces[t];

        report_add(out, "## Scores on ");
        report_markdown(out, model->datasets[trace->main].name);
        report_add(
            out, "\n\nMeans over seeds; **bold** is the best of the generators compared, ≈: not "
                 "distinguishable from it, the 95 % intervals over seeds overlap. One seed has no "
                 "interval.\n\n");
        glance(out, model, t, (size_t)trace->main);
        if (trace->held_out >= 0) {
            report_add(out, "### Against the held-out part\n\n");
            glance(out, model, t, (size_t)trace->held_out);
        }
        report_add(out, "### Averages over features\n\n");
        averages(out, model, t);
    }
    costs(out, model);
    report_training_markdown(out, model);
    failures(out, model);
    manifest(out, model);
    for (size_t t = 0; t < model->trace_count; t++) {
        report_add(out, "\n## Every score on ");
        report_markdown(out, model->datasets[model->traces[t].main].name);
        report_add(out, "\n\n");
        details(out, model, (size_t)model->traces[t].main);
    }
}
