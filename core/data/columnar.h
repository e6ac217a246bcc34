/* The columnar file with a note beside the data: what the trace cache keeps its facts in. */
#ifndef WEIR_DATA_COLUMNAR_H
#define WEIR_DATA_COLUMNAR_H

#include "data/write.h"

/* As weir_columnar_write and weir_columnar_map; note: a text kept with the data (NULL: none), given
 * back as a new string (note may be NULL). */
int weir_columnar_save(const weir_dataset *dataset, const char *note, const char *path,
                       weir_error *error);
weir_dataset *weir_columnar_load(const char *path, char **note, weir_error *error);

#endif
