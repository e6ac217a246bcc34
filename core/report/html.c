/* The page: its frame, what was compared on what, and the leaderboards. */
#include "report/html.h"
#include "report/differences.h"
#include <math.h>
#include <string.h>

/* ---- Pieces ---------------------------------------------------------------------------------- */

void report_table_open(report_text *out, const char *label)
{
    report_add(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
    report_html(out, label);
    report_add(out, "\">\n<table>\n");
}

void report_table_close(report_text *out)
{
    report_add(out, "</table>\n</div>\n");
}

void report_entry_html(report_text *out, const report_entry *entry, bool line)
{
    const char *role = report_role_name(entry);
    bool dashed;
    const char *colour = report_colour(entry->colour, &dashed);

    if (line && entry->role != REPORT_FLOOR)
        report_format(out, "<i class=\"line%s\" style=\"border-color:%s\"></i>",
                      dashed ? " dashed" : "", colour);
    if (entry->role == REPORT_FLOOR) {
        report_add(out, "floor, ");
        report_html(out, entry->label);
        return;
    }
    report_html(out, *entry->label ? entry->label : entry->generator);
    if (*role)
        report_format(out, " <span class=\"role\">%s</span>", role);
    else if (*entry->label && strcmp(entry->label, entry->generator)) {
        report_add(out, " <span class=\"role\">");
        report_html(out, entry->generator);
        report_add(out, "</span>");
    }
}

void report_number_cell(report_text *out, double value, const char *unit, double scale,
                        const char *class)
{
    char exact[REPORT_NUMBER], human[REPORT_NUMBER];

    if (isnan(value)) {
        report_add(out, "<td class=\"none\">–</td>");
        return;
    }
    report_add(out, "<td");
    if (*class)
        report_format(out, " class=\"%s\"", class);
    report_add(out, " title=\"");
    report_html(out, report_exact(value, unit, exact));
    report_add(out, "\">");
    report_html(out, report_quantity(value, unit, scale, human));
    report_add(out, "</td>");
}

/* ---- Leaderboards ---------------------------------------------------------------------------- */

static void cost_cells(report_text *out, const report_cost *cost)
{
    char number[REPORT_NUMBER];

    if (!cost->runs) {
        report_add(out, "<td class=\"none\">–</td><td class=\"none\">–</td><td "
                        "class=\"none\">–</td>");
        return;
    }
    report_format(out, "<td title=\"%.17g s\">%s</td>", cost->effort,
                  report_duration(cost->effort, number));
    report_format(out, "<td title=\"%.17g bytes\">%s</td>", cost->peak_memory,
                  report_bytes(cost->peak_memory, number));
    report_format(out, "<td title=\"%.17g bytes\">%s</td>", cost->model_bytes,
                  report_bytes(cost->model_bytes, number));
}

static void rank_cell(report_text *out, double rank, const char *class)
{
    if (isnan(rank))
        report_add(out, "<td class=\"none\">–</td>");
    else
        report_format(out, "<td%s title=\"%.17g\">%.2f</td>", class, rank, rank);
}

static void board_line(report_text *out, const report_model *model, const report_board *board,
                       size_t i, const report_cost *costs, bool held_out, const double *best,
                       bool copied)
{
    const report_line *line = &board->lines[i];
    bool ranked = line->entry < model->ranked && !isnan(line->rank);

    report_add(out, "<tr>");
    if (ranked)
        report_format(out, "<td>%zu</td>", i + 1);
    else
        report_add(out, "<td></td>");
    report_add(out, "<th class=\"name\" scope=\"row\">");
    report_entry_html(out, &model->entries[line->entry], false);
    report_add(out, "</th>");
    if (isnan(line->would))
        rank_cell(out, line->rank, i == 0 && ranked ? " class=\"best\"" : "");
    else
        report_format(out, "<td title=\"%.17g, were it alone ranked with them\">(%.2f)</td>",
                      line->would, line->would);
    if (held_out)
        rank_cell(out, line->held_out, "");
    if (ranked)
        report_format(out, "<td>%zu of %zu</td><td>%zu + %zu</td>", line->features, board->features,
                      line->best, line->alike);
    else
        report_add(out, "<td class=\"none\">–</td><td class=\"none\">–</td>");
    for (size_t g = 0; g < model->group_count; g++) {
        if (!report_group_shown(model, board, g))
            continue;
        if (isnan(line->skill[g]))
            report_add(out, "<td class=\"none\">–</td>");
        else
            report_format(
                out, "<td%s title=\"%.17g, median of %zu\">%.3f</td>",
                line->entry < model->ranked && line->skill[g] == best[g] ? " class=\"best\"" : "",
                line->skill[g], line->skills[g], line->skill[g]);
    }
    if (copied && isnan(line->copied))
        report_add(out, "<td class=\"none\">–</td>");
    else if (copied)
        report_format(out, "<td title=\"%.17g\">%.0f %%</td>", line->copied, 100 * line->copied);
    cost_cells(out, &costs[line->entry]);
    report_add(out, "</tr>\n");
}

/* trace = trace_count: over all. */
static void leaderboard(report_text *out, const report_model *model, size_t trace)
{
    const report_board *board =
        trace < model->trace_count ? &model->boards[trace] : &model->overall;
    const report_cost *costs = &model->costs[trace * model->entry_count];
    weir_error ignored = {0};
    double *best = report_alloc(model->store, model->group_count, sizeof *best, &ignored);
    double repeated = report_repeated(model, board);
    bool held_out = false;

    if (!best) {
        out->failed = true;
        return;
    }
    for (size_t g = 0; g < model->group_count; g++)
        best[g] = HUGE_VAL;
    for (size_t i = 0; i < model->entry_count; i++) {
        held_out |= !isnan(board->lines[i].held_out);
        for (size_t g = 0; g < model->group_count; g++)
            if (board->lines[i].entry < model->ranked && board->lines[i].skills[g])
                best[g] = fmin(best[g], board->lines[i].skill[g]);
    }
    report_table_open(out, "Leaderboard");
    report_add(out, "<thead><tr><th>#</th><th class=\"name\">generator</th><th>mean rank");
    report_add(out, held_out ? "<span>training part</span></th><th>mean rank<span>held-out "
                               "part</span></th>"
                             : "<span>1 is best</span></th>");
    report_add(
        out,
        "<th>features<span>ranked</span></th><th>best<span>+ not distinguish&shy;able</span></th>");
    for (size_t g = 0; g < model->group_count; g++)
        if (report_group_shown(model, board, g)) {
            report_add(out, "<th>");
            report_html(out, model->groups[g]);
            report_add(out, "<span>median skill</span></th>");
        }
    if (!isnan(repeated))
        report_format(out, "<th>copied<span>records; of two real halves %.0f %%</span></th>",
                      100 * repeated);
    report_add(out, "<th>fit + sample<span>CPU time a seed</span></th><th>peak memory</th>"
                    "<th>model<span>size</span></th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < model->entry_count; i++) {
        if (i == model->ranked)
            report_add(out, "</tbody>\n<tbody class=\"references\">\n");
        if (report_entry_present(model, trace, board->lines[i].entry))
            board_line(out, model, board, i, costs, held_out, best, !isnan(repeated));
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
}

/* ---- Traces ---------------------------------------------------------------------------------- */

static void trace_line(report_text *out, const report_model *model, const report_trace *trace)
{
    static const char *const first[] = {"packets", "rows", "flows", "duration"};
    const json_t *facts = report_facts(model, trace);
    bool any = false;

    report_add(out, "<li><b>");
    report_html(out, trace->name);
    report_add(out, "</b>");
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        const json_t *value = json_object_get(facts, first[i]);
        report_text name = {0}, text = {0};

        if (!json_is_number(value))
            continue;
        report_fact(first[i], value, &name, &text);
        report_add(out, any ? ", " : ": ");
        report_html(out, text.data);
        report_format(out, " %s",
                      !strcmp(first[i], "duration")  ? "long"
                      : !strcmp(first[i], "packets") ? report_rows_name(model, trace)
                                                     : first[i]);
        any = true;
        report_end(out, &name);
        report_end(out, &text);
    }
    if (trace->held_out >= 0)
        report_add(out, "; generators saw the training part only, scores against the held-out part "
                        "stand beside");
    report_add(out, "</li>\n");
}

/* A fact that is a number, or NULL; rows that are no packets are not counted as such. */
static const json_t *fact_of(const report_model *model, size_t trace, const char *key)
{
    const report_trace *what = &model->traces[trace];
    const json_t *fact = json_object_get(report_facts(model, what), key);

    if ((!strcmp(key, "packets") || !strcmp(key, "ipv4")) &&
        strcmp(report_rows_name(model, what), "packets"))
        return NULL;
    return json_is_number(fact) ? fact : NULL;
}

/* The numbers of a trace's facts, one row a fact and one column a trace. */
static void facts_table(report_text *out, const report_model *model)
{
    const json_t *value;
    const char *key;
    bool open = false;

    for (size_t t = 0; t < model->trace_count; t++) {
        json_t *facts = report_facts(model, &model->traces[t]);

        json_object_foreach(facts, key, value)
        {
            bool known = !fact_of(model, t, key);
            report_text name = {0}, text = {0};

            for (size_t before = 0; before < t && !known; before++)
                known = fact_of(model, before, key);
            if (known)
                continue;
            if (!open) {
                report_add(out, "<h3>Facts of the traces</h3>\n");
                report_table_open(out, "Facts of the traces");
                report_add(out, "<thead><tr><th class=\"name\">fact</th>");
                for (size_t i = 0; i < model->trace_count; i++) {
                    report_add(out, "<th>");
                    report_html(out, model->traces[i].name);
                    report_add(out, "</th>");
                }
                report_add(out, "</tr></thead>\n<tbody>\n");
                open = true;
            }
            report_fact(key, value, &name, &text);
            report_add(out, "<tr><th class=\"name\" scope=\"row\">");
            report_html(out, name.data);
            report_add(out, "</th>");
            report_end(out, &name);
            report_end(out, &text);
            for (size_t i = 0; i < model->trace_count; i++) {
                const json_t *own = fact_of(model, i, key);

                report_add(out, "<td>");
                if (own) {
                    report_fact(key, own, &name, &text);
                    report_html(out, text.data);
                } else {
                    report_add(out, "–");
                }
                report_add(out, "</td>");
                report_end(out, &name);
                report_end(out, &text);
            }
            report_add(out, "</tr>\n");
        }
    }
    if (open) {
        report_add(out, "</tbody>\n");
        report_table_close(out);
    }
}

/* What reading a trace left out or noticed: "290 not IPv4: ARP". */
static void reading_notes(report_text *out, const report_model *model)
{
    static const char *const kinds[][2] = {{"skipped", "Left out of"}, {"notes", "Noticed in"}};
    char number[REPORT_NUMBER];
    const json_t *value;
    const char *key;

    for (size_t t = 0; t < model->trace_count; t++)
        for (size_t k = 0; k < 2; k++) {
            json_t *counts = json_object_get(
                json_object_get(report_input(model, &model->traces[t]), "facts"), kinds[k][0]);
            bool any = false;

            json_object_foreach(counts, key, value)
            {
                if (!json_is_number(value))
                    continue;
                if (!any) {
                    report_format(out, "<p class=\"small soft\">%s ", kinds[k][1]);
                    report_html(out, model->traces[t].name);
                }
                report_format(out, "%s %s × ", any ? ";" : ":",
                              report_count(json_number_value(value), number));
                report_html(out, key);
                any = true;
            }
            report_add(out, any ? ".</p>\n" : "");
        }
}

/* ---- The frame ------------------------------------------------------------------------------- */

static void head(report_text *out, const report_model *model, const report_figures *figures,
                 const char *name)
{
    report_text summary = {0}, headline = {0};
    bool failed = model->failure_count > 0;

    report_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<title>");
    report_html(out, name);
    report_add(out, " – Weir report</title>\n<style>");
    for (const char *const *piece = report_style; *piece; piece++)
        report_add(out, *piece);
    report_add(out, "</style>\n</head>\n<body>\n<header>\n<h1>");
    report_html(out, name);
    report_add(out, "</h1>\n<p class=\"lead\">");
    report_summary(model, &summary);
    report_html(out, summary.data);
    report_end(out, &summary);
    if (failed)
        report_format(out, " <a class=\"fail\" href=\"#failures\">%zu %s failed.</a>",
                      model->failure_count, model->failure_count == 1 ? "job" : "jobs");
    report_add(out, "</p>\n");
    report_headline(model, &headline);
    if (headline.used) {
        report_add(out, "<p>");
        report_html(out, headline.data);
        report_add(out, "</p>\n");
    }
    report_end(out, &headline);
    report_add(out, "<ul class=\"plain\">\n");
    for (size_t t = 0; t < model->trace_count; t++)
        trace_line(out, model, &model->traces[t]);
    report_add(out, "</ul>\n<nav aria-label=\"Parts\"><a href=\"#leaderboard\">Leaderboard</a>"
                    "<a href=\"#differences\">Differences</a>");
    if (report_own_any(figures))
        report_add(out, "<a href=\"#figures\">Figures</a>");
    for (size_t t = 0; t < model->trace_count; t++) {
        report_format(out, "<a href=\"#trace-%zu\">Scores on ", t);
        report_html(out, model->traces[t].name);
        report_add(out, "</a>");
    }
    report_add(out, "<a href=\"#cost\">Cost</a>");
    if (failed)
        report_add(out, "<a href=\"#failures\">Failures</a>");
    report_add(out, "<a href=\"#run\">How it was run</a></nav>\n</header>\n<main>\n");
}

static void paragraph(report_text *out, const char *text)
{
    report_add(out, "<p>");
    report_html(out, text);
    report_add(out, "</p>\n");
}

void report_html_page(report_text *out, const report_model *model, const report_figures *figures)
{
    const char *name = report_json_text(model->store->manifest, "experiment");

    head(out, model, figures, *name ? name : "Experiment");
    report_add(out, "<section id=\"leaderboard\">\n<h2>Leaderboard</h2>\n");
    paragraph(out, report_reading()[0]);
    if (model->trace_count > 1) {
        report_add(out, "<h3>All traces</h3>\n");
        leaderboard(out, model, model->trace_count);
    }
    for (size_t t = 0; t < model->trace_count; t++) {
        if (model->trace_count > 1) {
            report_add(out, "<details><summary>Leaderboard on ");
            report_html(out, model->traces[t].name);
            report_add(out, "</summary>\n");
        }
        leaderboard(out, model, t);
        report_add(out, model->trace_count > 1 ? "</details>\n" : "");
    }
    for (const char *const *sentence = report_reading() + 1; *sentence; sentence++)
        paragraph(out, *sentence);
    if (model->floor_by_time)
        paragraph(out, "Where a trace has no flow-disjoint floor, the floor by time stands for it; "
                       "each table names its floor.");
    facts_table(out, model);
    reading_notes(out, model);
    report_add(out, "</section>\n");
    report_differences_html(out, model);
    if (*figures->problem) {
        report_add(out, "<p class=\"notice\">");
        report_html(out, figures->problem);
        report_add(out, "</p>\n");
    }
    if (figures->left_out)
        report_format(out,
                      "<p class=\"notice\">%zu figures are left out, to keep the page small; what "
                      "they show is in the store.</p>\n",
                      figures->left_out);
    report_own_html(out, figures);
    for (size_t t = 0; t < model->trace_count; t++)
        report_html_trace(out, model, figures, t);
    report_html_run(out, model, figures);
    report_format(out, "</main>\n<footer>Written by Weir from <code>scores.csv</code>, "
                       "<code>manifest.json</code> and <code>jobs/</code> beside this file. Every "
                       "number shows all its digits when pointed at.</footer>\n</body>\n</html>\n");
}
