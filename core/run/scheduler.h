/* The scheduler: runs a plan's jobs side by side until all are done, failed, or the run is stopped.
 */
#ifndef WEIR_RUN_SCHEDULER_H
#define WEIR_RUN_SCHEDULER_H

#include "run/plan.h"
#include "run/progress.h"

/* How often the user asked to stop (SIGINT, SIGTERM, SIGHUP) since weir_stop_catch. */
extern volatile sig_atomic_t weir_stop_count;
/* Takes those signals over, and gives them back. */
void weir_stop_catch(void);
void weir_stop_release(void);

/* Gives every node whose needs are done its key, and marks as done those that the store has, as
 * failed those whose needs failed. What remains ready is to be run. */
int weir_settle(weir_plan *plan, const weir_store *store, weir_error *error);
/* Runs what is ready until nothing is. Jobs that fail are in the plan, with their reasons.
 * WEIR_ECANCEL: stopped by the user; what was done stays done. */
int weir_schedule(weir_plan *plan, weir_store *store, weir_display *display, weir_error *error);

#endif
