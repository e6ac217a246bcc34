/* The parts of the page, and what they and the Markdown page share (view.c). */
#ifndef WEIR_REPORT_HTML_H
#define WEIR_REPORT_HTML_H

#include "report/figures.h"

/* The whole page, appended to out. */
void report_html_page(report_text *out, const report_model *model, const report_figures *figures);
/* What exp:figure left, drawn and as numbers; nothing where there is none. own_figures.c */
void report_own_html(report_text *out, const report_figures *figures);
void report_own_markdown(report_text *out, const report_figures *figures);
bool report_own_any(const report_figures *figures);
/* One trace: scores at a glance, curves, a table a feature, averages. html_scores.c */
void report_html_trace(report_text *out, const report_model *model, const report_figures *figures,
                       size_t trace);
/* Costs, failures, how it was run, what could not be read. html_run.c */
void report_html_run(report_text *out, const report_model *model, const report_figures *figures);
/* One figure that was drawn, with its caption and the names of its lines. */
void report_figure_html(report_text *out, const report_figure *figure);
/* The figures of a kind that were drawn, side by side; nothing where there are none. */
void report_figure_grid(report_text *out, const report_figures *figures, report_figure_kind kind,
                        size_t trace);
extern const char *const report_style[]; /* pieces; NULL ends them */
/* The whole Markdown page, appended to out. */
void report_markdown_page(report_text *out, const report_model *model,
                          const report_figures *figures);

/* The line under a Markdown table's head: the first `left` columns to the left, others right. */
void report_markdown_rule(report_text *out, size_t left, size_t columns);

/* Pieces of HTML: a table in a box of its own that scrolls; a heading cell; a name with its line's
 * colour; a number with its exact value as title. */
void report_table_open(report_text *out, const char *label);
void report_table_close(report_text *out);
void report_entry_html(report_text *out, const report_entry *entry, bool line);
void report_number_cell(report_text *out, double value, const char *unit, double scale,
                        const char *class);

/* ---- Shared by both pages: view.c ------------------------------------------------------------ */

/* A prefix for all scores of a feature on a dataset, as report_quantity takes it; 0: each its own.
 */
double report_feature_scale(const report_model *model, size_t dataset, size_t feature);
/* The entries of a feature in the order of its table: compared ones from best to worst, then those
 * without a value, then the references. Returns how many; order has room for all entries. */
size_t report_feature_order(const report_model *model, size_t dataset, size_t feature,
                            size_t *order);
/* Whether any entry has a value there, or failed to have one. */
bool report_feature_present(const report_model *model, int dataset, size_t feature);
/* Why a feature has no value for anybody; NULL if it has one, or nobody was asked. */
const char *report_feature_absent(const report_model *model, size_t dataset, size_t feature);
/* Whether any entry of a board has a skill in a group. */
bool report_group_shown(const report_model *model, const report_board *board, size_t group);
/* The share of records that two real halves of a board's traces have in common; NaN: not scored. */
double report_repeated(const report_model *model, const report_board *board);
/* Whether an entry has a row on a trace; trace_count: on any. */
bool report_entry_present(const report_model *model, size_t trace, size_t entry);
/* Which floor the skill of a feature stands on: "flow-disjoint", "by time", or "" for none. */
const char *report_floor_split(const report_model *model, size_t dataset, size_t feature);
/* "ceiling", "floor", "canary" or "". */
const char *report_role_name(const report_entry *entry);
/* "1.235 ms" or "n/a", "failed", "–". */
const char *report_cell_text(const report_cell *cell, const char *unit, double scale,
                             char out[REPORT_NUMBER]);
/* "24 108" or "24 000–24 600"; "–" for none. */
const char *report_range(const double range[2], char out[REPORT_NUMBER]);
/* "1.02 – 1.31 ms": the interval of a cell that has one. */
void report_interval(const report_cell *cell, const char *unit, double scale, report_text *out);
/* How seeds became an interval: "t", "BCa", "one seed". */
const char *report_method_name(const report_cell *cell);
/* The manifest's input of a trace, or NULL. */
const json_t *report_input(const report_model *model, const report_trace *trace);
/* The numbers to show of it: those of the paper's Table 1 where the manifest has them. */
json_t *report_facts(const report_model *model, const report_trace *trace);
/* What a trace's rows are: "packets", "records", "series". */
const char *report_rows_name(const report_model *model, const report_trace *trace);
/* A fact's name in words: "packets_per_flow" -> "packets per flow". A fact is a number; its text.
 */
void report_fact(const char *key, const json_t *value, report_text *name, report_text *text);
/* "fit of broken, seed 2, on sample", "score of emd for markov, seed 1, on sample:test": what a job
 * was. store: where it stands, NULL for a job without one. */
void report_job_name(const report_store *store, const report_job *job, report_text *name);
/* Why it failed, in one line. */
const char *report_job_reason(const report_job *job);
/* "3 generators on 2 traces …" in one sentence, plain text. */
void report_summary(const report_model *model, report_text *text);
/* The sentences that say how to read the numbers, plain text; NULL ends the list. */
const char *const *report_reading(void);

#endif
