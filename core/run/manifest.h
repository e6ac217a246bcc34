/* manifest.json: what ran, on what, from what. */
#ifndef WEIR_RUN_MANIFEST_H
#define WEIR_RUN_MANIFEST_H

#include "run/plan.h"

/* The manifest of a plan that begins to run (docs/formats.md). A new object; NULL on failure. */
json_t *weir_manifest_new(const weir_plan *plan, weir_error *error);
/* Completes it: the run is over. */
void weir_manifest_finish(json_t *manifest, const weir_plan *plan);

#endif
