/* What a run says while it goes: a bar with the time left on a terminal, plain lines elsewhere. All
 * on stderr. */
#ifndef WEIR_RUN_PROGRESS_H
#define WEIR_RUN_PROGRESS_H

#include "run/plan.h"

typedef struct weir_display weir_display;

/* quiet: only what went wrong is said. NULL: out of memory. */
weir_display *weir_display_new(bool quiet);
void weir_display_free(weir_display *display);
/* A line of its own, also where quiet is asked for. */
void weir_display_note(void *display, const char *text);
/* A job has ended, done or failed. */
void weir_display_ended(weir_display *display, const weir_plan *plan, const weir_node *node);
/* The run goes on: call it as often as you like. */
void weir_display_update(weir_display *display, const weir_plan *plan);
/* The run has ended. */
void weir_display_finish(weir_display *display, const weir_plan *plan, double seconds);

/* Seconds left by what is known of like jobs and of the running ones' progress; *all is false where
 * that leaves some job out. -1 if nothing is known. */
double weir_time_left(const weir_plan *plan, double now, bool *all);
/* "12 s", "3 min", "2 h 5 min"; "31 MB", "1.2 GB". Into text. */
const char *weir_duration_text(double seconds, char *text, size_t size);
const char *weir_bytes_text(uint64_t bytes, char *text, size_t size);

#endif
