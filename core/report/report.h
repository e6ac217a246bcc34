/* The report of a store: leaderboards, intervals, plots and failures as one HTML page and one
 * Markdown. */
#ifndef WEIR_REPORT_REPORT_H
#define WEIR_REPORT_REPORT_H

#include <jansson.h>
#include <weir/error.h>

/* Reads scores.csv, manifest.json and jobs/ of a store and writes report.html and report.md there.
 * Works without gnuplot, saying what is missing. Returns the exit status: 0; 1 if the pages cannot
 * be written, as on a full disk (what the store holds stays valid), or memory is short; 2 if the
 * store cannot be read, or nothing may be written there. */
int weir_report_write(const char *folder, weir_error *error);
/* The leaderboard as plain text for a terminal (what quickstart prints). A new string; NULL on
 * failure. */
char *weir_report_leaderboard(const char *folder, weir_error *error);

/* What can be told apart, as exp:differences() of Lua gives it (docs/lua.md). A new object; NULL on
 * failure. */
json_t *weir_report_differences(const char *folder, weir_error *error);

/* Adds to every row that has a value its `skill`, or `skill_reason`, a text that says why it has
 * none. rows: those of weir_experiment_scores, all of them, as floors and ceilings are among them;
 * folder: their store. Uses jobs/ of it, for what the metrics say of their features. */
int weir_report_skills(const char *folder, json_t *rows, weir_error *error);

#endif
