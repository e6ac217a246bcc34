/* The files of `weir new`: core/cli/templates/NAME.in, built into the library. */
#ifndef WEIR_CLI_TEMPLATES_H
#define WEIR_CLI_TEMPLATES_H

#include <stddef.h>

/* The text of a file by its name without `.in`, not terminated; NULL if there is none. */
const char *weir_template(const char *name, size_t *size);

#endif
