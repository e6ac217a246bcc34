/* The rows of scores.csv: what the jobs scored, under the names that the declarations gave. */
#ifndef WEIR_RUN_SCORES_H
#define WEIR_RUN_SCORES_H

#include "run/plan.h"

/* The columns, in order; NULL ends them. */
extern const char *const weir_score_columns[];

/* The rows of a plan's scores, sorted and without repetitions: what has run, failed jobs with a row
 * a feature. A new array of objects (value, counts and seed a number or null, the rest texts);
 * NULL: out of memory. */
json_t *weir_score_rows(const weir_plan *plan, weir_error *error);
/* The rows as CSV with a header, into the file. */
int weir_scores_write(const char *path, const json_t *rows, weir_error *error);
/* Those rows that equal every member of filter (NULL: all): numbers by value. A new array. */
json_t *weir_scores_filter(const json_t *rows, const json_t *filter, weir_error *error);

#endif
