/* How generators were trained: a fit a seed, with its budget and the choice among its checkpoints.
 */
#ifndef WEIR_REPORT_FITS_H
#define WEIR_REPORT_FITS_H

#include "report/figures.h"

typedef struct report_fit {
    const report_entry *entry;
    const char *seed;
    double seconds;     /* of training */
    bool on_device;     /* they are seconds that passed, not of CPU */
    bool known;         /* it asked for the end of its stages */
    const char *budget; /* "60 s", "steps", "" */
    const char *ends;   /* steps at which stages ended, as budget = { steps = … } takes them */
    const json_t *selection; /* selection.json, or NULL */
} report_fit;

/* The fits of a trace that had a budget or a choice, by entry and seed. Into list, which lives in
 * the store; how many. */
size_t report_fits(const report_model *model, size_t trace, const report_fit **list,
                   weir_error *error);

/* Cost of a trace after its table: plots, fronts, budgets, choices. */
void report_training_html(report_text *out, const report_model *model,
                          const report_figures *figures, size_t trace);
void report_training_markdown(report_text *out, const report_model *model);

#endif
