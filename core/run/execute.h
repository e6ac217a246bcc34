/* One job in this process: reads its spec, does it, writes its outputs. What `weir job SPEC.json`
 * runs. */
#ifndef WEIR_RUN_EXECUTE_H
#define WEIR_RUN_EXECUTE_H

#include <jansson.h>
#include <weir/error.h>

/* spec: as docs/formats.md says. Outputs go into the folder spec.out: written whole or not at all.
 * status_fd >= 0: a pipe that gets one JSON line an event ({"phase":…}, {"done":…,"total":…},
 * {"log":…}). */
int weir_execute(const json_t *spec, int status_fd, weir_error *error);

#endif
