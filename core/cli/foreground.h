/* A job run for a person who waits: in a child process, with progress on stderr. */
#ifndef WEIR_CLI_FOREGROUND_H
#define WEIR_CLI_FOREGROUND_H

#include <jansson.h>
#include <stdbool.h>
#include <weir/error.h>

/* Runs a spec (borrowed) in a child, which may crash without harm. Messages go to stderr as those
 * of the subcommand. Returns the exit status: 0, 1 the job failed, 2 it could not begin, 130
 * interrupted. */
int weir_foreground(const char *command, const json_t *spec);
/* Puts "option=value" texts into an object of options. */
int weir_foreground_options(const char *const *texts, size_t n, json_t *options, weir_error *error);
/* Whether this is the name of a device; says so if not. Whether there is one, the job finds out: a
 * process that has used a GPU must not fork. */
bool weir_foreground_device(const char *command, const char *device);
/* Whether something can be created in the folder of that path; the error says why not. */
int weir_foreground_writable(const char *path, weir_error *error);

/* Puts a folder in front of WEIR_PLUGIN_PATH, for this process and its children. */
void weir_foreground_plugins(const char *folder);

#endif
