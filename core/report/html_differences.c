/* The page's part on differences: what was tested, the diagram, pairs, agreement of ranks. */
#include "report/differences.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

static const char MATRIX[] = "<div class=\"matrix\">\n";

static void number_cell(report_text *out, double value, int digits)
{
    if (isnan(value))
        report_add(out, "<td class=\"none\">–</td>");
    else
        report_format(out, "<td title=\"%.17g\">%.*f</td>", value, digits, value);
}

/* A name that may go on in the next line behind a _. */
static void narrow(report_text *out, const char *name)
{
    for (const char *end; (end = strchr(name, '_')); name = end + 1) {
        report_text part = {0};

        report_add_bytes(&part, name, (size_t)(end - name));
        report_html(out, part.data);
        report_end(out, &part);
        report_add(out, "_<wbr>");
    }
    report_html(out, name);
}

static void heads(report_text *out, const report_model *model, const size_t *order, size_t n)
{
    report_add(out, "<thead><tr><th class=\"name\"></th>");
    for (size_t i = 0; i < n; i++) {
        report_add(out, "<th>");
        narrow(out, report_entry_label(&model->entries[order[i]]));
        report_add(out, "</th>");
    }
    report_add(out, "</tr></thead>\n<tbody>\n");
}

static void name_cell(report_text *out, const char *name)
{
    report_add(out, "<tr><th class=\"name\" scope=\"row\">");
    report_html(out, name);
    report_add(out, "</th>");
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* Over all traces: the share of features that the row wins, and whether that is significant. */
static void pair_cell(report_text *out, const report_model *model, size_t row, size_t column)
{
    bool first = row < column;
    const report_pair *pair =
        report_pair_at(model, model->trace_count, first ? row : column, first ? column : row);
    double net = first ? pair->net : -pair->net;
    bool sure = pair->corrected <= REPORT_ALPHA;
    char text[REPORT_NUMBER];

    if (!pair->traces) {
        report_add(out,
                   "<td class=\"none\" title=\"no feature of a trace applies to both\">–</td>");
        return;
    }
    report_format(out, "<td%s title=\"%zu traces, %zu features in all\">%.0f %%<span>",
                  sure && pair->ahead == first ? " class=\"best\"" : "", pair->traces,
                  pair->features, 50 * (1 + net));
    if (isnan(pair->p)) /* what holds for all pairs is said once, above */
        report_add(out, model->differences->family ? report_too_few(pair->traces, text) : "");
    else if (sure)
        report_add(out, report_p(pair->corrected, text));
    else
        report_add(out, "not distinguish&shy;able");
    report_add(out, "</span></td>");
}

/* On one trace: features in which the row's interval is apart from the column's, on the better and
 * on the worse side. */
static void apart_cell(report_text *out, const report_model *model, size_t trace, size_t row,
                       size_t column)
{
    bool first = row < column;
    const report_pair *pair =
        report_pair_at(model, trace, first ? row : column, first ? column : row);
    size_t better = pair->apart[!first], worse = pair->apart[first];

    if (pair->features == pair->unknown) {
        report_add(out, "<td class=\"none\" title=\"no intervals\">–</td>");
        return;
    }
    report_format(out,
                  "<td title=\"of %zu features: %zu better, %zu worse, %zu not "
                  "distinguishable, %zu without two intervals\">",
                  pair->features, better, worse, pair->alike, pair->unknown);
    if (better + worse)
        report_format(out, "%zu : %zu", better, worse);
    report_format(out, "<span>%s</span></td>", better + worse ? "" : "not distinguish&shy;able");
}

static void pairs(report_text *out, const report_model *model, size_t trace, const size_t *order)
{
    bool all = trace == model->trace_count;

    report_add(out, MATRIX);
    report_table_open(out, all ? "Pairs over all traces" : "Pairs on a trace");
    heads(out, model, order, model->ranked);
    for (size_t i = 0; i < model->ranked; i++) {
        name_cell(out, report_entry_label(&model->entries[order[i]]));
        for (size_t j = 0; j < model->ranked; j++)
            if (i == j)
                report_add(out, "<td class=\"none\"></td>");
            else if (all)
                pair_cell(out, model, order[i], order[j]);
            else
                apart_cell(out, model, trace, order[i], order[j]);
        report_add(out, "</tr>\n");
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
    report_add(out, "</div>\n");
}

static void within(report_text *out, const report_model *model, const size_t *order)
{
    for (size_t t = 0; t < model->trace_count; t++) {
        if (!report_have_intervals(model, t))
            continue;
        report_add(out, "<details><summary>Pairs on ");
        report_html(out, model->traces[t].name);
        report_add(out, "</summary>\n<p class=\"small soft\">Features in which the 95 % intervals "
                        "over seeds are apart: those where the row is better : those where it is "
                        "worse. In the others the two are not distinguishable.</p>\n");
        pairs(out, model, t, order);
        report_add(out, "</details>\n");
    }
}

/* ---- Ranks and their agreement --------------------------------------------------------------- */

static void rank_table(report_text *out, const report_model *model, const size_t *order)
{
    const struct report_differences *what = model->differences;

    report_add(out, "<h3>Mean rank by trace and by group</h3>\n<p class=\"small soft\">Seeds are "
                    "averaged, generators ranked in each feature of a trace, ranks averaged over "
                    "the features; a group's also over the traces.</p>\n");
    report_table_open(out, "Mean rank by trace and by group");
    report_add(out, "<thead><tr><th class=\"name\">generator</th>");
    for (size_t t = 0; t < model->trace_count; t++) {
        report_add(out, "<th>");
        report_html(out, model->traces[t].name);
        report_add(out, "<span>trace</span></th>");
    }
    for (size_t g = 0; g < model->group_count; g++) {
        if (!report_ranks_any(model, what->group_ranks + g * model->ranked))
            continue;
        report_add(out, "<th>");
        report_html(out, model->groups[g]);
        report_add(out, "<span>group</span></th>");
    }
    report_add(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < model->ranked; i++) {
        name_cell(out, report_entry_label(&model->entries[order[i]]));
        for (size_t t = 0; t < model->trace_count; t++)
            number_cell(out, what->ranks[t * model->ranked + order[i]], 2);
        for (size_t g = 0; g < model->group_count; g++)
            if (report_ranks_any(model, what->group_ranks + g * model->ranked))
                number_cell(out, what->group_ranks[g * model->ranked + order[i]], 2);
        report_add(out, "</tr>\n");
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
}

/* most: generators that two can both rank; fewer are said. */
static void agreement_cell(report_text *out, const report_agreement *one, bool upper, size_t most)
{
    double value = upper ? one->rho : one->tau, p = upper ? one->rho_p : one->tau_p;
    char text[REPORT_NUMBER];

    if (isnan(value))
        report_add(out, "<td class=\"none\">–<span>");
    else
        report_format(out, "<td title=\"%.17g, k = %zu\">%.2f<span>", value, one->k, value);
    if (isnan(p))
        report_add(out, report_untested(one, text));
    else
        report_format(out, one->k < most ? "%s, k = %zu" : "%s", report_p(p, text), one->k);
    report_add(out, "</span></td>");
}

static void agreement(report_text *out, const report_model *model, bool traces)
{
    const struct report_differences *what = model->differences;
    const report_agreement *all = traces ? what->between_traces : what->between_groups;
    const double *ranks = traces ? what->ranks : what->group_ranks;
    size_t n = traces ? model->trace_count : model->group_count;

    report_format(out, "<h4>Between %s</h4>\n", traces ? "traces" : "groups of features");
    report_add(out, MATRIX);
    report_table_open(out, traces ? "Agreement between traces" : "Agreement between groups");
    report_add(out, "<thead><tr><th class=\"name\"></th>");
    for (size_t i = 0; i < n; i++) {
        if (!report_ranks_any(model, ranks + i * model->ranked))
            continue;
        report_add(out, "<th>");
        report_html(out, traces ? model->traces[i].name : model->groups[i]);
        report_add(out, "</th>");
    }
    report_add(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        if (!report_ranks_any(model, ranks + i * model->ranked))
            continue;
        name_cell(out, traces ? model->traces[i].name : model->groups[i]);
        for (size_t j = 0; j < n; j++)
            if (i == j)
                report_add(out, "<td class=\"none\"></td>");
            else if (report_ranks_any(model, ranks + j * model->ranked))
                agreement_cell(out, i < j ? &all[i * n + j] : &all[j * n + i], i < j,
                               model->ranked);
        report_add(out, "</tr>\n");
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
    report_add(out, "</div>\n");
}

static void agreements(report_text *out, const report_model *model)
{
    if (model->ranked < 3 || (model->trace_count < 2 && model->group_count < 2))
        return;
    report_format(
        out,
        "<h3>Agreement of ranks</h3>\n<p class=\"small soft\">Do two traces, or two groups, rank "
        "the generators alike? Above the diagonal Spearman's &rho;, below it Kendall's &tau;, of "
        "the mean ranks of the generators that both rank (k = %zu but where another is named): 1 "
        "is the same order, -1 the opposite. p is the chance of as strong an agreement between "
        "random orders, not corrected for the number of tests. Where the smallest possible p "
        "exceeds 0.05, nothing is tested.</p>\n",
        model->ranked);
    if (model->trace_count > 1)
        agreement(out, model, true);
    if (model->group_count > 1)
        agreement(out, model, false);
}

void report_differences_html(report_text *out, const report_model *model)
{
    weir_error ignored = {0};
    size_t *order = report_alloc(model->store, model->entry_count, sizeof *order, &ignored), n = 0;
    report_text sentences = {0};

    if (!order) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < model->entry_count; i++)
        if (model->overall.lines[i].entry < model->ranked)
            order[n++] = model->overall.lines[i].entry;
    report_add(out, "<section id=\"differences\">\n<h2>Differences</h2>\n");
    report_difference_sentences(model, &sentences);
    for (char *at = sentences.data, *end; at && (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        report_add(out, "<p>");
        report_html(out, at);
        report_add(out, "</p>\n");
    }
    report_end(out, &sentences);
    if (model->differences->tested) {
        report_add(out, "<figure class=\"wide\">");
        report_diagram(out, model);
        report_add(out, "<figcaption><b>Critical differences.</b> <span class=\"soft\">Mean over "
                        "the traces of the place on each, 1 is best; a bar joins generators that "
                        "are not distinguishable.</span></figcaption></figure>\n");
    }
    if (model->ranked > 1) {
        if (model->trace_count > 1) {
            report_add(out, "<h3>Pairs over all traces</h3>\n<p class=\"small soft\">Share of the "
                            "features that the row wins against the column, ties half, mean over "
                            "the traces");
            report_add(out,
                       model->differences->family
                           ? "; under it p after Holm's correction. <span class=\"best\">Shaded"
                             "</span>: the row is better.</p>\n"
                           : ". None is tested: too few traces, as said above.</p>\n");
            pairs(out, model, model->trace_count, order);
        }
        within(out, model, order);
        rank_table(out, model, order);
        agreements(out, model);
    }
    report_add(out, "</section>\n");
}
