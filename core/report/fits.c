/* How generators were trained, gathered and written for both pages. */
#include "report/fits.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

/* ---- Gathered -------------------------------------------------------------------------------- */

/* "400, 900", of parts "{400, 900}, {40}". */
static void add_ends(report_text *text, const json_t *training)
{
    const json_t *part, *stage;
    size_t i, k;

    json_array_foreach((json_t *)(uintptr_t)training, i, part)
    {
        const json_t *stages = json_object_get(part, "stages");

        report_add(text, text->used ? ", {" : "{");
        json_array_foreach((json_t *)(uintptr_t)stages, k, stage)
            report_format(text, "%s%.0f", k ? ", " : "", report_json_number(stage, "step", 0));
        report_add(text, "}");
    }
}

static report_fit fit_of(const report_model *model, const report_entry *entry,
                         const report_row *row, weir_error *error)
{
    enum { ROOM = 256 };
    const report_job *jobs[ROOM];
    size_t n = report_chain(model->store, row->job, jobs, ROOM), parts = 0, i;
    report_fit fit = {.entry = entry, .seed = row->seed, .budget = "", .ends = ""};
    report_text ends = {0};
    const json_t *part;

    for (size_t k = 0; k < n; k++) {
        const json_t *training = json_object_get(jobs[k]->status, "training");
        const json_t *budget = json_object_get(jobs[k]->spec, "budget");
        double seconds = report_json_number(budget, "seconds", 0);

        if (jobs[k]->selection)
            fit.selection = jobs[k]->selection;
        if (seconds > 0)
            fit.budget = report_string(model->store, error, "%g s", seconds);
        else if (budget)
            fit.budget = "steps";
        json_array_foreach(training, i, part)
        {
            fit.seconds += report_json_number(part, "used", 0);
            fit.known |= json_is_true(json_object_get(part, "known"));
            fit.on_device |= !strcmp(report_json_text(part, "clock"), "device");
            parts++;
        }
        add_ends(&ends, training);
    }
    if (fit.known && ends.used)
        fit.ends = report_string(model->store, error, parts > 1 ? "{%s}" : "%s", ends.data);
    if (ends.failed)
        weir_error_memory(error, ends.size, "the report");
    report_free(&ends);
    return fit;
}

size_t report_fits(const report_model *model, size_t trace, const report_fit **list,
                   weir_error *error)
{
    const report_store *store = model->store;
    const char *dataset = model->datasets[model->traces[trace].main].name;
    report_fit *fits = report_alloc(model->store, store->row_count + 1, sizeof *fits, error);
    size_t n = 0;

    *list = fits;
    for (size_t e = 0; e < model->entry_count && fits; e++) {
        const report_entry *entry = &model->entries[e];
        size_t first = n;

        for (size_t i = 0; i < store->row_count && error->status == WEIR_OK; i++) {
            const report_row *row = &store->rows[i];
            bool known = strcmp(row->dataset, dataset) || strcmp(row->label, entry->label) ||
                         strcmp(row->generator, entry->generator) || entry->role == REPORT_FLOOR;

            for (size_t k = first; k < n && !known; k++)
                known = !strcmp(fits[k].seed, row->seed);
            if (!known)
                fits[n++] = fit_of(model, entry, row, error);
        }
    }
    /* Those that have nothing to tell are left out. */
    for (size_t i = 0, kept = 0; i <= n; i++) {
        if (i == n)
            return kept;
        if (*fits[i].budget || fits[i].selection)
            fits[kept++] = fits[i];
    }
    return 0;
}

static const json_t *chosen(const report_fit *fit)
{
    double at = report_json_number(fit->selection, "chosen", -1);

    return at < 0 ? NULL
                  : json_array_get(json_object_get(fit->selection, "candidates"), (size_t)at);
}

/* "step 400 of 7, final model": which candidate it was. */
static void choice_text(const report_fit *fit, report_text *text)
{
    const json_t *one = chosen(fit), *set = json_object_get(fit->selection, "validation");

    if (!one)
        return;
    report_format(text, "%s step %.0f, of %zu, on ",
                  json_is_true(json_object_get(one, "final")) ? "the final model,"
                                                              : "checkpoint of",
                  report_json_number(one, "step", 0),
                  json_array_size(json_object_get(fit->selection, "candidates")));
    report_add(text, report_json_text(set, "name"));
    report_format(text, " (%.0f rows, held back by %s)", report_json_number(set, "rows", 0),
                  report_json_text(set, "by"));
}

static void budget_text(const report_fit *fit, report_text *text)
{
    if (!*fit->budget)
        report_add(text, "–");
    else if (!fit->known)
        report_format(text, "%s, but it knows no budget", fit->budget);
    else
        report_add(text, fit->budget);
}

static const char budget_note[] =
    "Training is CPU time of all threads (on a GPU the time that passes), from the beginning of "
    "the "
    "fit, counted over interruptions. How many steps a budget of seconds gives depends on the "
    "machine: such a fit is not repeated byte for byte by running it again, but by the steps that "
    "it reached, budget = { steps = … }. A generator that knows no budget trained as long as ever.";
static const char choice_note[] =
    "Candidates are the checkpoints of a fit and its final model, ranked in each feature (average "
    "ranks) on rows that were held back from the fit; the least sum is chosen"
    ", of equal ones the earlier.";

/* The compared generators of which a cost is known. */
static size_t how_many(const report_model *model, size_t trace, report_measure measure)
{
    size_t n = 0;

    for (size_t e = 0; e < model->ranked; e++)
        if (!isnan(report_measured(model, trace, e, measure)))
            n++;
    return n;
}

/* ---- HTML ------------------------------------------------------------------------------------ */

static void fronts(report_text *out, const report_model *model, const report_figures *figures,
                   size_t trace)
{
    bool any = false;

    for (report_measure m = 0; m < REPORT_MEASURES; m++) {
        size_t n = 0;

        if (how_many(model, trace, m) < 2)
            continue;
        if (!any)
            report_add(out, "<h4>What it gives for what it costs</h4>\n");
        if (!any)
            report_figure_grid(out, figures, REPORT_FRONT, trace);
        report_format(out, "<p class=\"small\">Mean rank against %s, none is better for less: ",
                      report_measure_name(m));
        any = true;
        for (size_t e = 0; e < model->ranked; e++) {
            if (!report_on_front(model, trace, e, m))
                continue;
            report_add(out, n++ ? ", " : "");
            report_html(out, model->entries[e].label);
        }
        report_add(out, ".</p>\n");
    }
}

static void cell_text(report_text *out, report_text *text)
{
    report_add(out, "<td class=\"name\">");
    report_html(out, text->data ? text->data : "–");
    report_add(out, "</td>");
    report_end(out, text);
}

static void fits_table(report_text *out, const report_fit *fits, size_t n)
{
    char number[REPORT_NUMBER];

    report_add(out, "<h4>Budgets and choices</h4>\n");
    report_table_open(out, "Budgets and choices");
    report_add(out, "<thead><tr><th class=\"name\">generator</th><th>seed</th><th>training</th>"
                    "<th class=\"name\">budget</th><th class=\"name\">stages ended at step</th>"
                    "<th class=\"name\">chosen</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        report_text text = {0};

        report_add(out, "<tr><th class=\"name\" scope=\"row\">");
        report_entry_html(out, fits[i].entry, false);
        report_add(out, "</th><td>");
        report_html(out, fits[i].seed);
        report_format(out, "</td><td title=\"%.17g s\">%s</td>", fits[i].seconds,
                      report_duration(fits[i].seconds, number));
        budget_text(&fits[i], &text);
        cell_text(out, &text);
        report_add(&text, *fits[i].ends ? fits[i].ends : "–");
        cell_text(out, &text);
        choice_text(&fits[i], &text);
        cell_text(out, &text);
        report_add(out, "</tr>\n");
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
}

static void candidates_table(report_text *out, const report_fit *fit)
{
    const json_t *list = json_object_get(fit->selection, "candidates"), *one, *won = chosen(fit);
    size_t i;

    report_add(out, "<details><summary>Candidates of ");
    report_entry_html(out, fit->entry, false);
    report_add(out, ", seed ");
    report_html(out, fit->seed);
    report_format(out, ": rank sums over %zu features</summary>\n",
                  json_array_size(json_object_get(fit->selection, "features")));
    report_table_open(out, "Candidates");
    report_add(out, "<thead><tr><th>step</th><th class=\"name\">model</th><th>rank sum</th>"
                    "</tr></thead>\n<tbody>\n");
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        report_format(out, "<tr><td>%.0f</td><td class=\"name\">%s%s</td>",
                      report_json_number(one, "step", 0),
                      json_is_true(json_object_get(one, "final")) ? "final" : "checkpoint",
                      one == won ? ", chosen" : "");
        if (json_is_number(json_object_get(one, "rank_sum"))) {
            report_format(out, "<td%s>%g</td></tr>\n", one == won ? " class=\"best\"" : "",
                          report_json_number(one, "rank_sum", 0));
        } else {
            report_add(out, "<td class=\"name\">");
            report_html(out, report_json_text(one, "reason"));
            report_add(out, "</td></tr>\n");
        }
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
    report_add(out, "</details>\n");
}

void report_training_html(report_text *out, const report_model *model,
                          const report_figures *figures, size_t trace)
{
    weir_error error = {0};
    const report_fit *fits;
    size_t n = report_fits(model, trace, &fits, &error);
    bool budgets = false, choices = false;

    out->failed |= error.status != WEIR_OK;
    fronts(out, model, figures, trace);
    if (!n)
        return;
    fits_table(out, fits, n);
    for (size_t i = 0; i < n; i++) {
        budgets |= *fits[i].budget != 0;
        choices |= fits[i].selection != NULL;
    }
    if (budgets)
        report_format(out, "<p class=\"small soft\">%s</p>\n", budget_note);
    if (choices)
        report_format(out, "<p class=\"small soft\">%s</p>\n", choice_note);
    for (size_t i = 0; i < n; i++)
        if (fits[i].selection)
            candidates_table(out, &fits[i]);
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void markdown_text(report_text *out, report_text *text)
{
    report_markdown(out, text->data ? text->data : "–");
    report_add(out, " | ");
    report_end(out, text);
}

static void markdown_sums(report_text *out, const report_fit *fit)
{
    const json_t *one;
    size_t i;

    report_add(out, "- Rank sums of ");
    report_markdown(out, fit->entry->label);
    report_add(out, ", seed ");
    report_markdown(out, fit->seed);
    report_add(out, ", by step:");
    json_array_foreach(json_object_get(fit->selection, "candidates"), i, one)
    {
        report_format(out, "%s %.0f%s: ", i ? "," : "", report_json_number(one, "step", 0),
                      json_is_true(json_object_get(one, "final")) ? " (final)" : "");
        if (json_is_number(json_object_get(one, "rank_sum")))
            report_format(out, "%g", report_json_number(one, "rank_sum", 0));
        else
            report_markdown(out, report_json_text(one, "reason"));
    }
    report_add(out, "\n");
}

static void markdown_fronts(report_text *out, const report_model *model, size_t trace)
{
    for (report_measure m = 0; m < REPORT_MEASURES; m++) {
        size_t n = 0;

        if (how_many(model, trace, m) < 2)
            continue;
        report_add(out, "On ");
        report_markdown(out, model->traces[trace].name);
        report_format(out,
                      ", none has a better mean rank for less %s than: ", report_measure_name(m));
        for (size_t e = 0; e < model->ranked; e++) {
            if (!report_on_front(model, trace, e, m))
                continue;
            report_add(out, n++ ? ", " : "");
            report_markdown(out, model->entries[e].label);
        }
        report_add(out, ".\n\n");
    }
}

void report_training_markdown(report_text *out, const report_model *model)
{
    weir_error error = {0};
    bool open = false, budgets = false, choices = false;
    char number[REPORT_NUMBER];

    for (size_t t = 0; t < model->trace_count; t++)
        markdown_fronts(out, model, t);
    for (size_t t = 0; t < model->trace_count; t++) {
        const report_fit *fits;
        size_t n = report_fits(model, t, &fits, &error);

        for (size_t i = 0; i < n; i++) {
            report_text text = {0};

            if (!open)
                report_add(out,
                           "### Budgets and choices\n\n| trace | generator | seed | training | "
                           "budget | stages ended at step | chosen |\n| --- | --- | ---: | "
                           "---: | --- | --- | --- |\n");
            open = true;
            report_add(out, "| ");
            report_markdown(out, model->traces[t].name);
            report_add(out, " | ");
            report_markdown(out, fits[i].entry->label);
            report_add(out, " | ");
            report_markdown(out, fits[i].seed);
            report_format(out, " | %s | ", report_duration(fits[i].seconds, number));
            budget_text(&fits[i], &text);
            markdown_text(out, &text);
            report_add(&text, *fits[i].ends ? fits[i].ends : "–");
            markdown_text(out, &text);
            choice_text(&fits[i], &text);
            report_markdown(out, text.data ? text.data : "–");
            report_add(out, " |\n");
            report_end(out, &text);
            budgets |= *fits[i].budget != 0;
            choices |= fits[i].selection != NULL;
        }
    }
    out->failed |= error.status != WEIR_OK;
    if (open)
        report_format(out, "\n%s%s%s%s", budgets ? budget_note : "", budgets ? "\n\n" : "",
                      choices ? choice_note : "", choices ? "\n\n" : "");
    for (size_t t = 0; t < model->trace_count && choices; t++) {
        const report_fit *fits;
        size_t n = report_fits(model, t, &fits, &error);

        for (size_t i = 0; i < n; i++)
            if (fits[i].selection)
                markdown_sums(out, &fits[i]);
    }
    if (choices)
        report_add(out, "\n");
}
