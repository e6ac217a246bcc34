/* The page's part on one trace: scores at a glance, curves, a table a feature, averages. */
#include "report/differences.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

static const char *mark(const report_cell *cell)
{
    if (cell->best)
        return "best";
    return cell->tied ? "tied" : "";
}

/* A cell's mean, or what stands for it with the reason as title. */
static void score_cell(report_text *out, const report_cell *cell, const char *unit, double scale)
{
    char text[REPORT_NUMBER];

    if (cell && cell->ok && cell->failed) {
        /* A mean over the seeds that survived is no mean over the seeds. */
        report_format(out, "<td class=\"%s\" title=\"%zu of %zu seeds failed\">", mark(cell),
                      cell->failed, cell->ok + cell->na + cell->failed);
        report_html(out, report_quantity(cell->mean, unit, scale, text));
        report_format(out, " <span class=\"fail\">%zu/%zu</span></td>", cell->ok,
                      cell->ok + cell->na + cell->failed);
        return;
    }
    if (cell && cell->ok) {
        report_number_cell(out, cell->mean, unit, scale, mark(cell));
        return;
    }
    report_format(out, "<td class=\"%s\"", cell && cell->failed ? "fail" : "none");
    if (cell && *cell->reason) {
        report_add(out, " title=\"");
        report_html(out, cell->reason);
        report_add(out, "\"");
    }
    report_format(out, ">%s</td>", report_cell_text(cell, unit, scale, text));
}

static void feature_name(report_text *out, const report_feature *feature)
{
    report_add(out, "<b>");
    report_html(out, feature->label);
    report_add(out, "</b>");
    if (*feature->variant && strcmp(feature->variant, "fix")) {
        report_add(out, " <span class=\"role\">");
        report_html(out, feature->variant);
        report_add(out, "</span>");
    }
    if (*feature->title) {
        report_add(out, " ");
        report_html(out, feature->title);
    }
}

/* ---- At a glance ----------------------------------------------------------------------------- */

static void glance(report_text *out, const report_model *model, size_t trace)
{
    size_t group = SIZE_MAX, dataset = (size_t)model->traces[trace].main, shown = 0;

    report_add(out,
               "<h3>At a glance</h3>\n<p class=\"small soft\">Means over seeds. <span "
               "class=\"best\">Shaded</span>: the best of the generators compared; <span "
               "class=\"tied\">underlined</span>: not distinguishable from it, the 95 % intervals "
               "over seeds overlap. One seed has no interval.</p>\n");
    report_table_open(out, "Scores at a glance");
    report_add(out, "<thead><tr><th class=\"name\">feature</th>");
    for (size_t e = 0; e < model->entry_count; e++) {
        if (!report_entry_present(model, trace, e))
            continue;
        shown++;
        report_add(out, "<th>");
        report_html(out,
                    model->entries[e].role == REPORT_FLOOR ? "floor" : model->entries[e].label);
        report_add(out, "<span>");
        report_html(out, model->entries[e].role == REPORT_FLOOR
                             ? model->entries[e].label
                             : report_role_name(&model->entries[e]));
        report_add(out, "</span></th>");
    }
    report_add(out, "</tr></thead>\n<tbody>\n");
    for (size_t f = 0; f < model->feature_count; f++) {
        const report_feature *feature = &model->features[f];
        double scale = report_feature_scale(model, dataset, f);

        if (!report_feature_present(model, (int)dataset, f))
            continue;
        if (feature->group != group) {
            group = feature->group;
            report_format(out,
                          "<tr class=\"group\"><th class=\"name\" scope=\"rowgroup\" "
                          "colspan=\"%zu\">",
                          shown + 1);
            report_html(out, model->groups[group]);
            report_add(out, "</th></tr>\n");
        }
        report_add(out, "<tr><th class=\"name\" scope=\"row\">");
        feature_name(out, feature);
        if (report_higher(feature))
            report_add(out, " <span class=\"role\">higher is better</span>");
        report_add(out, "</th>");
        for (size_t e = 0; e < model->entry_count; e++)
            if (report_entry_present(model, trace, e))
                score_cell(out, report_cell_at(model, dataset, f, e), feature->unit, scale);
        report_add(out, "</tr>\n");
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
}

/* Features that apply to nobody here, with the first one's reason for each run of equal reasons. */
static void not_applicable(report_text *out, const report_model *model, size_t dataset)
{
    const char *last = NULL;

    for (size_t f = 0; f < model->feature_count; f++) {
        const char *reason = report_feature_absent(model, dataset, f);

        if (!reason)
            continue;
        if (!last)
            report_add(out, "<p class=\"small soft\">Not applicable: ");
        else if (strcmp(last, reason)) {
            report_add(out, " (");
            report_html(out, last);
            report_add(out, "); ");
        } else {
            report_add(out, ", ");
        }
        report_html(out, model->features[f].label);
        last = reason;
    }
    if (last) {
        report_add(out, " (");
        report_html(out, last);
        report_add(out, ").</p>\n");
    }
}

/* ---- Folds ----------------------------------------------------------------------------------- */

/* Whether the page is so long that its details begin folded: a browser lays out what is open. */
static bool folds(const report_model *model)
{
    enum { LONG = 60 };

    return model->trace_count * model->feature_count > LONG;
}

/* A heading whose part can be folded away, and its end. */
static void fold(report_text *out, const char *title, bool closed)
{
    report_format(out, "<details%s><summary><h3>%s</h3></summary>\n", closed ? "" : " open", title);
}

static void unfold(report_text *out)
{
    report_add(out, "</details>\n");
}

/* ---- Figures --------------------------------------------------------------------------------- */

void report_figure_html(report_text *out, const report_figure *what)
{
    report_add(out, "<figure>");
    report_add(out, what->markup);
    report_add(out, "<figcaption><b>");
    report_html(out, what->title);
    report_add(out, "</b>");
    if (*what->caption) {
        report_add(out, " <span class=\"soft\">");
        report_html(out, what->caption);
        report_add(out, "</span>");
    }
    /* Lines that are no generators' are named under their own figure. */
    if (((what->kind == REPORT_ARTEFACT || what->kind == REPORT_OWN) && what->curve_count) ||
        (what->kind == REPORT_TRAINING && what->curve_count > 1)) {
        report_add(out, "<br>");
        for (size_t c = 0; c < what->curve_count; c++) {
            bool dashed;
            const char *colour = report_colour(what->curves[c].colour, &dashed);

            report_format(out,
                          "<span class=\"of\"><i class=\"line%s\" style=\"border-color:%s\"></i>",
                          dashed ? " dashed" : "", colour);
            report_html(out, what->curves[c].name);
            report_add(out, "</span> ");
        }
    }
    report_add(out, "</figcaption></figure>\n");
}

static bool has_figures(const report_figures *figures, report_figure_kind kind, size_t trace)
{
    for (size_t i = 0; i < figures->count; i++)
        if (figures->list[i].kind == kind && figures->list[i].trace == trace &&
            figures->list[i].markup)
            return true;
    return false;
}

/* References fold away, and so do a trace's grids of images when they are many. */
static void images_html(report_text *out, const report_figures *figures, size_t trace)
{
    enum { OPEN = 3 };
    size_t shown = 0;

    report_add(out, "<div class=\"grids\">\n");
    for (int references = 0; references < 2; references++)
        for (size_t i = 0; i < figures->count; i++) {
            const report_figure *what = &figures->list[i];

            if (what->kind != REPORT_IMAGES || what->trace != trace || !what->markup ||
                what->reference != (references == 1))
                continue;
            report_format(out, "<details class=\"images\"%s><summary><b>",
                          !references && shown++ < OPEN ? " open" : "");
            report_html(out, what->title);
            report_add(out, "</b> <span class=\"soft\">");
            report_html(out, what->caption);
            report_add(out, "</span></summary>\n");
            report_add(out, what->markup);
            report_add(out, "</details>\n");
        }
    report_add(out, "</div>\n");
}

void report_figure_grid(report_text *out, const report_figures *figures, report_figure_kind kind,
                        size_t trace)
{
    if (!has_figures(figures, kind, trace))
        return;
    report_format(out, "<div class=\"figures%s\">\n", kind == REPORT_FRONT ? " wide" : "");
    for (size_t i = 0; i < figures->count; i++)
        if (figures->list[i].kind == kind && figures->list[i].trace == trace &&
            figures->list[i].markup)
            report_figure_html(out, &figures->list[i]);
    report_add(out, "</div>\n");
}

static void legend(report_text *out, const report_model *model, size_t dataset)
{
    report_add(out, "<p class=\"legend\"><span><i class=\"line\" style=\"border-color:#000\"></i>"
                    "real</span>");
    for (size_t e = 0; e < model->entry_count; e++) {
        bool any = false;

        for (size_t f = 0; f < model->feature_count; f++) {
            const report_cell *cell = report_cell_at(model, dataset, f, e);

            any |= cell && cell->ok;
        }
        if (!any || model->entries[e].role == REPORT_FLOOR)
            continue;
        report_add(out, "<span>");
        report_entry_html(out, &model->entries[e], true);
        report_add(out, "</span>");
    }
    report_add(out, "</p>\n");
}

static void all_figures(report_text *out, const report_model *model, const report_figures *figures,
                        size_t trace)
{
    size_t dataset = (size_t)model->traces[trace].main;

    if (has_figures(figures, REPORT_CDF, trace)) {
        report_add(out, "<h3>Distributions, real against synthetic</h3>\n<p class=\"small soft\">"
                        "Cumulative share of the sample, by value; one seed. The references are "
                        "dashed grey.</p>\n");
        legend(out, model, dataset);
        report_figure_grid(out, figures, REPORT_CDF, trace);
    }
    if (has_figures(figures, REPORT_RATE, trace)) {
        report_add(out, "<h3>Packet rate over time</h3>\n<p class=\"small soft\">Packets a second, "
                        "grey: the real trace.</p>\n");
        report_figure_grid(out, figures, REPORT_RATE, trace);
    }
    if (has_figures(figures, REPORT_TRAINING, trace)) {
        fold(out, "Training", folds(model));
        report_add(out, "<p class=\"small soft\">Losses and what else fits tracked, "
                        "a figure a curve, means of runs of steps; a line a seed, and where a fit "
                        "has parts, a part. Where the first steps would hide the rest, the axis "
                        "leaves them out.</p>\n");
        report_figure_grid(out, figures, REPORT_TRAINING, trace);
        unfold(out);
    }
    if (has_figures(figures, REPORT_IMAGES, trace) || has_figures(figures, REPORT_PIXELS, trace)) {
        report_add(out,
                   "<h3>Images</h3>\n<p class=\"small soft\">What generators' series look like as "
                   "images, dark for high, one scale of grey a grid. Of each generator one "
                   "seed.</p>\n");
        if (has_figures(figures, REPORT_PIXELS, trace)) {
            legend(out, model, dataset);
            report_figure_grid(out, figures, REPORT_PIXELS, trace);
        }
        images_html(out, figures, trace);
    }
    if (has_figures(figures, REPORT_ARTEFACT, trace)) {
        report_add(out, "<h3>Other things to look at</h3>\n");
        report_figure_grid(out, figures, REPORT_ARTEFACT, trace);
    }
}

/* ---- A table a feature ----------------------------------------------------------------------- */

static void interval_cell(report_text *out, const report_cell *cell, const char *unit, double scale)
{
    report_text text = {0};

    if (!cell->method) {
        report_format(out, "<td class=\"none\">%s</td>", cell->ok == 1 ? "one seed" : "–");
        return;
    }
    report_format(out, "<td title=\"%.17g to %.17g\">", cell->low, cell->high);
    report_interval(cell, unit, scale, &text);
    report_html(out, text.data);
    report_end(out, &text);
    report_format(out, " <span class=\"role\">%s</span></td>", report_method_name(cell));
}

static void skill_cell(report_text *out, const report_cell *cell)
{
    if (isnan(cell->skill)) {
        report_add(out, "<td class=\"none\"");
        if (*cell->skill_reason) {
            report_add(out, " title=\"");
            report_html(out, cell->skill_reason);
            report_add(out, "\"");
        }
        report_format(out, ">%s</td>", cell->ok ? "n/a" : "–");
    } else {
        report_format(out, "<td title=\"%.17g\">%.3f</td>", cell->skill, cell->skill);
    }
}

static void seeds_cell(report_text *out, const report_cell *cell)
{
    size_t all = cell->ok + cell->na + cell->failed;

    if (cell->ok == all)
        report_format(out, "<td>%zu</td>", all);
    else
        report_format(out, "<td%s>%zu of %zu</td>", cell->failed ? " class=\"fail\"" : "", cell->ok,
                      all);
}

static void feature_row(report_text *out, const report_model *model, const report_trace *trace,
                        size_t feature, size_t entry, double scale, bool held_out,
                        bool held_out_skill, bool several)
{
    const report_feature *what = &model->features[feature];
    const report_cell *cell = report_cell_at(model, (size_t)trace->main, feature, entry);
    const report_cell *test =
        held_out ? report_cell_at(model, (size_t)trace->held_out, feature, entry) : NULL;
    char number[REPORT_NUMBER];

    report_add(out, "<tr><th class=\"name\" scope=\"row\">");
    report_entry_html(out, &model->entries[entry], true);
    report_add(out, "</th>");
    if (!cell->ok) {
        report_format(out, "<td class=\"%s\">%s</td><td class=\"wrap %s\" colspan=\"%d\">",
                      cell->failed ? "fail" : "none", cell->failed ? "failed" : "n/a",
                      cell->failed ? "fail" : "none", several ? 4 : 1);
        report_html(out, *cell->reason ? cell->reason : "no reason was recorded");
        report_add(out, "</td>");
    } else {
        report_number_cell(out, cell->mean, what->unit, scale, mark(cell));
        if (several) {
            interval_cell(out, cell, what->unit, scale);
            report_number_cell(out, cell->ok > 1 ? cell->min : NAN, what->unit, scale, "");
            report_number_cell(out, cell->ok > 1 ? cell->max : NAN, what->unit, scale, "");
        }
        skill_cell(out, cell);
    }
    if (held_out) {
        score_cell(out, test, what->unit, scale);
        if (test && held_out_skill)
            skill_cell(out, test);
        else if (held_out_skill)
            report_add(out, "<td class=\"none\">–</td>");
    }
    seeds_cell(out, cell);
    report_format(out, "<td>%s</td>", report_range(cell->n_real, number));
    report_format(out, "<td>%s</td></tr>\n", report_range(cell->n_synthetic, number));
}

/* "emd, variant fix, in s, lower is better." and why there is no skill. */
static void feature_facts(report_text *out, const report_model *model, size_t dataset,
                          size_t feature, bool several)
{
    const report_feature *what = &model->features[feature];
    report_text best = {0};
    const char *reason = "";

    for (size_t e = 0; e < model->ranked; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (cell && cell->ok)
            reason = cell->skill_reason;
    }
    report_add(out, "<p class=\"small soft\">");
    report_html(out, what->plugin);
    if (*what->variant) {
        report_add(out, ", variant ");
        report_html(out, what->variant);
    }
    report_add(out, *what->unit ? ", in " : ", a pure number");
    report_html(out, what->unit);
    if (!strcmp(what->better, "lower") || !strcmp(what->better, "higher"))
        report_format(out, ", %s is better", what->better);
    report_add(out, several ? ". " : ". One seed, so no interval. ");
    report_best(model, dataset, feature, &best);
    report_html(out, best.data);
    report_end(out, &best);
    if (*reason) {
        report_add(out, " Skill n/a: ");
        report_html(out, reason);
        report_add(out, ".");
    }
    report_add(out, "</p>\n");
}

static void feature_table(report_text *out, const report_model *model, const report_trace *trace,
                          size_t feature, size_t *order)
{
    const report_feature *what = &model->features[feature];
    size_t dataset = (size_t)trace->main;
    double scale = report_feature_scale(model, dataset, feature);
    bool held_out = report_feature_present(model, trace->held_out, feature);
    const char *split = report_floor_split(model, dataset, feature);
    size_t n = report_feature_order(model, dataset, feature, order);
    bool references = false, several = false, held_out_skill = false;

    for (size_t i = 0; i < n; i++) {
        const report_cell *test =
            held_out ? report_cell_at(model, (size_t)trace->held_out, feature, order[i]) : NULL;

        several |= report_cell_at(model, dataset, feature, order[i])->ok > 1;
        held_out_skill |= test && !isnan(test->skill);
    }
    report_add(out, "<div class=\"feature\">\n<h4>");
    feature_name(out, what);
    report_add(out, "</h4>\n");
    feature_facts(out, model, dataset, feature, several);
    report_table_open(out, what->label);
    report_add(out, "<thead><tr><th class=\"name\">generator</th><th>mean");
    report_add(out, held_out ? "<span>training part</span>" : "");
    report_add(out, "</th>");
    if (several)
        report_add(out, "<th>95 % interval</th><th>min</th><th>max</th>");
    report_add(out, "<th>skill<span>");
    if (*split && *what->ceiling) {
        report_add(out, "0: ");
        report_html(out, split);
        report_add(out, "</span><span>1: ");
        report_html(out, what->ceiling);
    }
    report_add(out, "</span></th>");
    if (held_out)
        report_add(out, "<th>mean<span>held-out part</span></th>");
    if (held_out_skill)
        report_add(out, "<th>skill<span>held-out part</span></th>");
    report_add(out, "<th>seeds</th><th>n real</th><th>n synthetic</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        if (order[i] >= model->ranked && !references && i > 0) {
            report_add(out, "</tbody>\n<tbody class=\"references\">\n");
            references = true;
        }
        feature_row(out, model, trace, feature, order[i], scale, held_out, held_out_skill, several);
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
    report_add(out, "</div>\n");
}

/* ---- Averages -------------------------------------------------------------------------------- */

static bool average_present(const report_model *model, size_t trace, report_norm norm, size_t group)
{
    for (size_t e = 0; e < model->ranked; e++)
        if (report_average_at(model, trace, norm, group, e)->features)
            return true;
    return false;
}

static void average_row(report_text *out, const report_model *model, size_t trace, report_norm norm,
                        size_t group, bool median)
{
    report_add(out, "<tr><th class=\"name\" scope=\"row\">");
    report_html(out, model->groups[group]);
    report_format(out, "</th><td class=\"name\">%s%s</td>", report_norm_name(norm),
                  median ? ", median" : "");
    for (size_t e = 0; e < model->ranked; e++) {
        const report_average *average = report_average_at(model, trace, norm, group, e);

        double value = median ? average->median : average->value;

        if (!report_entry_present(model, trace, e))
            continue;
        if (average->features)
            report_format(out, "<td title=\"%.17g\">%.3f <span class=\"role\">(%zu)</span></td>",
                          value, value, average->features);
        else
            report_add(out, "<td class=\"none\">–</td>");
    }
    report_add(out, "</tr>\n");
}

static void averages(report_text *out, const report_model *model, size_t trace)
{
    report_add(
        out,
        "<h3>Averages over features</h3>\n<p class=\"small soft\">Each score is put on one scale, "
        "then averaged over the group's features that the generator has (their number in "
        "parentheses). skill: floor 0, ceiling 1; cascadenet: 0.9 d / d_max over the generators "
        "compared; netshare: linear to 0.1 … 0.9 over them; none: as it is. cascadenet and "
        "netshare depend on which generators take part. A mean of skills is ruled by a feature "
        "whose floor and ceiling nearly meet; the median is not.</p>\n");
    report_table_open(out, "Averages over features");
    report_add(out, "<thead><tr><th class=\"name\">group</th><th class=\"name\">scale</th>");
    for (size_t e = 0; e < model->ranked; e++)
        if (report_entry_present(model, trace, e)) {
            report_add(out, "<th>");
            report_html(out, model->entries[e].label);
            report_add(out, "</th>");
        }
    report_add(out, "</tr></thead>\n<tbody>\n");
    for (size_t g = 0; g < model->group_count; g++)
        for (report_norm norm = 0; norm < REPORT_NORMS; norm++)
            if (average_present(model, trace, norm, g)) {
                average_row(out, model, trace, norm, g, false);
                if (norm == REPORT_SKILL)
                    average_row(out, model, trace, norm, g, true);
            }
    report_add(out, "</tbody>\n");
    report_table_close(out);
}

void report_html_trace(report_text *out, const report_model *model, const report_figures *figures,
                       size_t trace)
{
    const report_trace *what = &model->traces[trace];
    weir_error ignored = {0};
    size_t *order = report_alloc(model->store, model->entry_count, sizeof *order, &ignored);

    if (!order) {
        out->failed = true;
        return;
    }
    report_format(out, "<section id=\"trace-%zu\">\n<h2>Scores on ", trace);
    report_html(out, what->name);
    report_add(out, "</h2>\n");
    glance(out, model, trace);
    not_applicable(out, model, (size_t)what->main);
    all_figures(out, model, figures, trace);
    averages(out, model, trace);
    fold(out, "Every feature", folds(model));
    report_add(out,
               "<p class=\"small soft\">Intervals are of the mean over "
               "seeds, at 95 %: Student's t for 2 to 9 seeds, a BCa bootstrap (2000 resamples) "
               "from 10 on; one seed gives none. n is the size of the two samples.</p>\n");
    for (size_t f = 0; f < model->feature_count; f++)
        if (report_feature_present(model, what->main, f))
            feature_table(out, model, what, f, order);
    unfold(out);
    report_add(out, "</section>\n");
}
