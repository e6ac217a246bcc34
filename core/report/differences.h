/* What can be told apart: tests over traces, intervals within a trace, agreement of ranks. The
 * trace is the independent unit: seeds of one trace repeat the generator, not the evidence, so that
 * they are averaged before anything is tested. */
#ifndef WEIR_REPORT_DIFFERENCES_H
#define WEIR_REPORT_DIFFERENCES_H

#include "report/buffer.h"
#include "report/model.h"
#include <weir/stats.h>

#define REPORT_ALPHA 0.05
/* Fewest traces and generators of Friedman's test. */
enum { REPORT_BLOCKS = 5, REPORT_TREATMENTS = 3 };

/* Two generators, a before b among the entries, on a trace or over all. Features that apply to both
 * are compared; one that failed loses to one that did not. */
typedef struct report_pair {
    size_t traces; /* on which they are compared */
    double net;    /* mean over them of the share of features that a wins less that it loses; NaN */
    size_t features; /* compared, over the traces */
    size_t apart[2]; /* of them: the intervals do not overlap, a (0) or b (1) being the better */
    size_t alike;    /* the intervals overlap */
    size_t unknown;  /* without two intervals */
    double least;    /* smallest p that so many traces can give, uncorrected */
    bool ahead;      /* a, by the test's ranks; the sign of net, a mean, may differ */
    double p, corrected; /* Wilcoxon's, Holm's; NaN: not tested, too few traces */
} report_pair;

/* Two traces, or two groups of features: do they rank the generators alike? */
typedef struct report_agreement {
    size_t k;            /* generators that both rank */
    double rho, tau;     /* Spearman's, Kendall's; NaN: fewer than 3, or all equal */
    double rho_p, tau_p; /* NaN: not tested, too few generators or too many ties */
} report_agreement;

struct report_differences {
    double *ranks;       /* [traces][ranked]: mean rank over the features; NaN */
    double *group_ranks; /* [groups][ranked]: mean over traces of that over the group; NaN */
    report_pair *pairs;  /* [traces + 1][pair_count], the last over all traces */
    size_t pair_count;
    size_t family;                    /* pairs that were tested, for which Holm corrects */
    report_agreement *between_traces; /* [traces][traces], a < b */
    report_agreement *between_groups; /* [groups][groups], a < b */
    /* Friedman's test of the generators that have a rank on every trace. */
    size_t *compared; /* entries, best mean rank first */
    size_t k;
    bool tested;
    weir_friedman friedman;
    double *mean_ranks; /* [k], in the order of compared: means of ranks 1 … k on each trace */
    double critical;    /* Nemenyi's difference */
};

/* Entries of `compared` from first to last that cannot be told apart, as many as go together. */
typedef struct report_clique {
    size_t first, last;
} report_clique;

int report_compare(report_model *model, weir_error *error);
/* a < b, of the ranked; trace = trace_count: over all. */
const report_pair *report_pair_at(const report_model *model, size_t trace, size_t a, size_t b);
/* The largest groups of two and more, into cliques (room for k); returns how many. Where Friedman's
 * test found nothing, all are one. */
size_t report_cliques(const struct report_differences *what, report_clique *cliques);

/* ---- In words: differences_text.c ------------------------------------------------------------ */

/* Who has the best mean rank, and whether the traces tell more than that: what a reader wants
 * first. Nothing where fewer than two are ranked. */
void report_headline(const report_model *model, report_text *out);
/* Plain sentences on Friedman's test, on the pairs, on what a trace alone says; each ends with a
 * line feed. */
void report_difference_sentences(const report_model *model, report_text *out);
/* "too few (n = 3)". */
const char *report_too_few(size_t n, char out[REPORT_NUMBER]);
/* Why an agreement was not tested: "too few (n = 4)", "all equal", "too many ties". */
const char *report_untested(const report_agreement *one, char out[REPORT_NUMBER]);
/* "a is better", "not distinguishable", "too few (n = 3)": of a pair over all traces. */
void report_verdict(const report_model *model, size_t a, size_t b, report_text *out);
/* "Best: a; not distinguishable from it: b and c." of a feature on a dataset; nothing where nobody
 * is ranked. */
void report_best(const report_model *model, size_t dataset, size_t feature, report_text *out);
/* "p = 0.016", "p < 0.0001". */
const char *report_p(double p, char out[REPORT_NUMBER]);
/* The label, or the generator's name without one. */
const char *report_entry_label(const report_entry *entry);
/* Whether a row of ranks or group_ranks ranks any generator. */
bool report_ranks_any(const report_model *model, const double *ranks);
/* Whether any pair on the trace has intervals to compare (trace_count: on any). */
bool report_have_intervals(const report_model *model, size_t trace);
/* Everything as JSON, for scripts; NULL on failure. */
json_t *report_differences_json(const report_model *model, weir_error *error);

/* The parts of the pages. */
void report_differences_html(report_text *out, const report_model *model);
void report_differences_markdown(report_text *out, const report_model *model);
/* A critical-difference diagram as <svg>. */
void report_diagram(report_text *out, const report_model *model);

#endif
