/* Differences in words, which both pages and the terminal share. */
#include "report/differences.h"
#include <math.h>
#include <stdio.h>

const char *report_too_few(size_t n, char out[REPORT_NUMBER])
{
    snprintf(out, REPORT_NUMBER, "too few (n = %zu)", n);
    return out;
}

const char *report_untested(const report_agreement *one, char out[REPORT_NUMBER])
{
    if (weir_least_p_orders(one->k) > REPORT_ALPHA)
        return report_too_few(one->k, out);
    return isnan(one->rho) ? "all equal" : "too many ties";
}

const char *report_p(double p, char out[REPORT_NUMBER])
{
    if (p < 0.0001)
        snprintf(out, REPORT_NUMBER, "p < 0.0001");
    else
        snprintf(out, REPORT_NUMBER, "p = %.2g", p);
    return out;
}

const char *report_entry_label(const report_entry *entry)
{
    return *entry->label ? entry->label : entry->generator;
}

bool report_have_intervals(const report_model *model, size_t trace)
{
    const struct report_differences *what = model->differences;
    const report_pair *pairs = &what->pairs[trace * what->pair_count];

    for (size_t i = 0; i < what->pair_count; i++)
        if (pairs[i].features > pairs[i].unknown)
            return true;
    return false;
}

bool report_ranks_any(const report_model *model, const double *ranks)
{
    for (size_t e = 0; e < model->ranked; e++)
        if (!isnan(ranks[e]))
            return true;
    return false;
}

void report_verdict(const report_model *model, size_t a, size_t b, report_text *out)
{
    const report_pair *pair = report_pair_at(model, model->trace_count, a, b);
    char text[REPORT_NUMBER];

    if (isnan(pair->p))
        report_add(out, report_too_few(pair->traces, text));
    else if (pair->corrected > REPORT_ALPHA)
        report_add(out, "not distinguishable");
    else
        report_format(out, "%s is better",
                      report_entry_label(&model->entries[pair->ahead ? a : b]));
}

void report_best(const report_model *model, size_t dataset, size_t feature, report_text *out)
{
    size_t best = 0, tied = 0, apart = 0, unsure = 0, named = 0;

    for (size_t e = 0; e < model->ranked; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (!cell || !cell->ok || isnan(cell->rank))
            continue;
        unsure += !cell->method;
        tied += cell->tied;
        apart += !cell->best && !cell->tied;
        if (!cell->best)
            continue;
        report_add(out, best++ ? " and " : "Best: ");
        report_add(out, report_entry_label(&model->entries[e]));
    }
    for (size_t e = 0; e < model->ranked && tied; e++) {
        const report_cell *cell = report_cell_at(model, dataset, feature, e);

        if (!cell || !cell->tied)
            continue;
        if (!named++)
            report_format(out, "; not distinguishable from %s: ", best > 1 ? "them" : "it");
        else
            report_add(out, named == tied ? " and " : ", ");
        report_add(out, report_entry_label(&model->entries[e]));
    }
    if (!tied && apart && !unsure)
        report_add(out, ", the interval apart from all others");
    report_add(out, best ? "." : "");
}

/* ---- The first sentences of a report --------------------------------------------------------- */

/* What the test over the traces says of an entry and the one with the best mean rank. */
typedef enum standing { UNTESTED, ALIKE, BEHIND, AHEAD } standing;

static standing standing_of(const report_model *model, size_t best, size_t entry)
{
    bool first = best < entry;
    const report_pair *pair =
        report_pair_at(model, model->trace_count, first ? best : entry, first ? entry : best);

    if (isnan(pair->p))
        return UNTESTED;
    if (pair->corrected > REPORT_ALPHA)
        return ALIKE;
    return pair->ahead == first ? BEHIND : AHEAD;
}

/* "WHAT a, b" of the ranked behind the first that stand so, parted from what was said already. */
static void name_those(const report_model *model, standing which, const char *what, bool *said,
                       report_text *out)
{
    const report_line *lines = model->overall.lines;
    size_t n = 0;

    for (size_t i = 1; i < model->ranked; i++)
        if (standing_of(model, lines[0].entry, lines[i].entry) == which) {
            if (n++ == 0)
                report_format(out, "%s%s ", *said ? "; " : " is ", what);
            else
                report_add(out, ", ");
            report_add(out, report_entry_label(&model->entries[lines[i].entry]));
            *said = true;
        }
}

void report_headline(const report_model *model, report_text *out)
{
    enum { NAMED = 3 };
    const report_line *lines = model->overall.lines;
    size_t named = 0, untested = 0;
    bool said = false;

    while (named < model->ranked && named < NAMED && !isnan(lines[named].rank))
        named++;
    if (named < 2)
        return;
    for (size_t i = 0; i < named; i++) {
        report_add(out, i == 0 ? "Best mean rank: " : i == 1 ? ", then " : " and ");
        report_add(out, report_entry_label(&model->entries[lines[i].entry]));
        report_format(out, " (%.2f", lines[i].rank);
        if (lines[i].copied > lines[i].repeated)
            report_format(out, "; %.0f %% of its records are copied", 100 * lines[i].copied);
        report_add(out, ")");
    }
    for (size_t i = 1; i < model->ranked; i++)
        untested += standing_of(model, lines[0].entry, lines[i].entry) == UNTESTED;
    if (untested == model->ranked - 1) {
        if (model->trace_count == 1)
            report_add(out, ". One trace does not tell whether that holds for others.");
        else
            report_format(
                out, ". %zu traces are too few to tell pair by pair whether that holds for others.",
                model->trace_count);
        return;
    }
    report_format(out, ". Tested pair by pair over the traces, %s",
                  report_entry_label(&model->entries[lines[0].entry]));
    name_those(model, BEHIND, "better than", &said, out);
    name_those(model, ALIKE, "not distinguishable from", &said, out);
    name_those(model, AHEAD, "worse than", &said, out);
    name_those(model, UNTESTED, "not tested (too few traces) against", &said, out);
    report_add(out, ".");
}

/* ---- Sentences ------------------------------------------------------------------------------- */

/* "a, b and c" of the entries of a clique. */
static void names(report_text *out, const report_model *model, const report_clique *clique)
{
    for (size_t i = clique->first; i <= clique->last; i++) {
        report_add(out, i == clique->first ? "" : i == clique->last ? " and " : ", ");
        report_add(out, report_entry_label(&model->entries[model->differences->compared[i]]));
    }
}

static void say_cliques(const report_model *model, report_text *out)
{
    const struct report_differences *what = model->differences;
    weir_error ignored = {0};
    report_clique *cliques = report_alloc(model->store, what->k, sizeof *cliques, &ignored);
    size_t n = cliques ? report_cliques(what, cliques) : 0;

    out->failed |= !cliques;
    report_format(
        out,
        " Two of them are distinguishable where their mean places, 1 to %zu on each trace, "
        "are %.2f or more apart (Nemenyi's critical difference).",
        what->k, what->critical);
    for (size_t i = 0; i < n; i++) {
        report_add(out, i ? "; " : " Not distinguishable: ");
        names(out, model, &cliques[i]);
    }
    report_add(out, n ? "." : " All are.");
}

static void say_friedman(const report_model *model, report_text *out)
{
    const struct report_differences *what = model->differences;
    char number[REPORT_NUMBER];
    bool differ = what->friedman.p <= REPORT_ALPHA;

    if (model->trace_count < REPORT_BLOCKS) {
        report_format(out, "Whether the generators differ over the traces (Friedman's test): %s; ",
                      report_too_few(model->trace_count, number));
        report_format(out, "it is run, and a critical-difference diagram drawn, from %d traces on.",
                      REPORT_BLOCKS);
    } else if (!what->tested) {
        report_format(out,
                      "Whether the generators differ over the traces (Friedman's test): too few "
                      "(k = %zu); it needs %d generators that have a rank on every trace.",
                      what->k, REPORT_TREATMENTS);
    } else {
        report_format(
            out,
            differ ? "Over %zu traces the places of %zu generators differ by more than chance "
                     "(Friedman's test in the form of Iman and Davenport: "
                   : "Over %zu traces no difference beyond chance was found between the places of "
                     "%zu generators (Friedman's test in the form of Iman and Davenport: ",
            model->trace_count, what->k);
        if (isfinite(what->friedman.f))
            report_format(out, "F = %.3g, ", what->friedman.f);
        report_format(out, "%s).", report_p(what->friedman.p, number));
        if (differ)
            say_cliques(model, out);
        else
            report_add(out, " They are not distinguishable.");
    }
    for (size_t e = 0, named = 0; what->tested && e < model->ranked; e++) {
        bool in = false;

        for (size_t i = 0; i < what->k; i++)
            in |= what->compared[i] == e;
        if (in)
            continue;
        report_add(out, named++ ? ", " : " Left out, having no rank on some trace: ");
        report_add(out, report_entry_label(&model->entries[e]));
    }
    report_add(out, "\n");
}

/* Traces that so many pairs need. */
static size_t needed(size_t pairs)
{
    size_t n = 1;

    while (weir_least_p_signs(n) * (double)pairs > REPORT_ALPHA)
        n++;
    return n;
}

static void say_pairs(const report_model *model, report_text *out)
{
    const struct report_differences *what = model->differences;
    const report_pair *all = &what->pairs[model->trace_count * what->pair_count];
    char number[REPORT_NUMBER];
    size_t most = 0, found = 0;

    for (size_t i = 0; i < what->pair_count; i++) {
        most = all[i].traces > most ? all[i].traces : most;
        found += all[i].corrected <= REPORT_ALPHA;
    }
    report_add(out, "Pairs of generators over the traces (Wilcoxon's signed-rank test of the share "
                    "of features won less the share lost, a value a trace, Holm's correction): ");
    if (!what->family) {
        report_format(out, "%s; ", report_too_few(most, number));
        report_format(out, "%s%s at the least", most ? "one test gives " : "no test gives ",
                      report_p(weir_least_p_signs(most), number));
        if (what->pair_count > 1 && weir_least_p_signs(most) <= REPORT_ALPHA)
            report_format(out, ", times %zu for as many pairs", what->pair_count);
        report_format(out, ", and %zu %s %zu traces.\n", what->pair_count,
                      what->pair_count == 1 ? "pair needs" : "pairs need",
                      needed(what->pair_count));
        return;
    }
    report_format(out, "%zu of %zu tested %s distinguishable at 0.05", found, what->family,
                  found == 1 ? "is" : "are");
    if (what->family < what->pair_count)
        report_format(out, "; %zu with too few traces %s not tested",
                      what->pair_count - what->family,
                      what->pair_count - what->family == 1 ? "was" : "were");
    report_add(out, ".\n");
}

static void say_within(const report_model *model, report_text *out)
{
    const struct report_differences *what = model->differences;
    const report_pair *all = &what->pairs[model->trace_count * what->pair_count];
    size_t apart = 0, alike = 0, unknown = 0;

    for (size_t i = 0; i < what->pair_count; i++) {
        apart += all[i].apart[0] + all[i].apart[1];
        alike += all[i].alike;
        unknown += all[i].unknown;
    }
    if (apart + alike == 0) {
        report_add(out, "Within a trace: one seed a generator gives no interval, so that nothing "
                        "can be said of any feature.\n");
        return;
    }
    report_format(out,
                  "Within a trace: of %zu comparisons of two generators in one feature of one "
                  "trace, %zu %s intervals over seeds that are apart, %zu %s not "
                  "distinguishable",
                  apart + alike + unknown, apart, apart == 1 ? "has" : "have", alike,
                  alike == 1 ? "is" : "are");
    if (unknown)
        report_format(out, ", %zu %s an interval (one seed, or a failure)", unknown,
                      unknown == 1 ? "lacks" : "lack");
    report_add(out, ". That speaks of these traces only, and is not corrected for the number of "
                    "comparisons.\n");
}

void report_difference_sentences(const report_model *model, report_text *out)
{
    if (model->ranked < 2) {
        report_add(out,
                   "Fewer than two generators are compared: there is nothing to tell apart.\n");
        return;
    }
    say_friedman(model, out);
    say_pairs(model, out);
    say_within(model, out);
}
