/* Facts of the machine: for the manifest, and for sharing it out among jobs. */
#ifndef WEIR_RUN_HOST_H
#define WEIR_RUN_HOST_H

#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* { name, system, cpu, cores, memory, gpu }: what is not known is null. A new object. */
json_t *weir_host_describe(void);
/* Bytes of memory that this process may use: of the machine, or of its control group if that is
 * less. */
uint64_t weir_host_memory(void);
/* The CPUs this process may run on, and how many of them at a time (a control group's quota). */
int weir_host_cpus(cpu_set_t *allowed);
/* `git describe` of the work tree that holds the file; NULL where there is none, or no git. A new
 * string. */
char *weir_host_git(const char *file);
/* Now, as RFC 3339 in UTC: "2026-11-20T12:00:00Z". */
#define WEIR_TIME_TEXT 32
const char *weir_time_text(char text[WEIR_TIME_TEXT]);

#endif
