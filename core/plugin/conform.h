/* The conformance checks: what every plugin must do, whoever wrote it. */
#ifndef WEIR_PLUGIN_CONFORM_H
#define WEIR_PLUGIN_CONFORM_H

#include "plugin/registry.h"

/* One result: the check's name, and why it failed (NULL: it did not). */
typedef void weir_conform_report(void *context, const char *check, const char *reason);

/* Puts a loaded plugin through all checks of its kind, each in a process of its own that is ended
 * after limit seconds. Returns how many failed; -1 when they could not be run (error says why). */
int weir_conform(weir_registry *registry, const weir_loaded *loaded, double limit,
                 weir_conform_report *report, void *context, weir_error *error);

#endif
