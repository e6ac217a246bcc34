/* The inputs of a plan: what each source is, and what stands for it in a key. */
#ifndef WEIR_RUN_INPUTS_H
#define WEIR_RUN_INPUTS_H

#include "run/plan.h"

/* The text that stands for a source in a key, as a JSON string. Borrowed from the plan. */
const json_t *weir_plan_identity(weir_plan *plan, const json_t *source, weir_error *error);
/* What the source is without its split, as the manifest says it: { name, identity, files, schema,
 * schema_flag, rows, columns, facts }. Opens the trace unless an earlier manifest knows it.
 * Borrowed from the plan. */
const json_t *weir_plan_input(weir_plan *plan, const json_t *source, weir_error *error);
/* Refuses a source whose splits fail or leave no rows: labels that are not there, too little data.
 * Large traces are not opened for it, but for a split by label. */
int weir_plan_split(weir_plan *plan, const json_t *source, weir_error *error);

/* Refuses a source that splits series by time, which every job on it would; input: its entry. */
int weir_plan_check_split(const json_t *source, const json_t *input, weir_error *error);

#endif
