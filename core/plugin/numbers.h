/* Numbers in text, read to the end and without the locale. */
#ifndef WEIR_PLUGIN_NUMBERS_H
#define WEIR_PLUGIN_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* A finite decimal real: "-1.5e3". False if the text is anything else. */
bool weir_number_real(const char *text, double *value);
/* A decimal integer; "1e6" is one too. False if the text is anything else or out of int64's range.
 */
bool weir_number_int(const char *text, int64_t *value);

#endif
