/* Archives: what a model or an encoder's state is saved into. On disk a folder: `model.json` for
 * numbers and texts, `*.safetensors` for arrays, so that Python reads them with one line. */
#ifndef WEIR_ARCHIVE_H
#define WEIR_ARCHIVE_H

#include <weir/table.h>

typedef struct weir_archive weir_archive;

/* Put: name is [A-Za-z0-9_.]+, 100 bytes at most, and new. data is copied before the call returns.
 * Category columns and tables keep their strings. */
WEIR_API int weir_put_number(weir_archive *archive, const char *name, double value);
WEIR_API int weir_put_text(weir_archive *archive, const char *name, const char *text);
/* An array of rank dimensions, shape[0] the slowest; type is not WEIR_CATEGORY. */
WEIR_API int weir_put_array(weir_archive *archive, const char *name, weir_type type, int rank,
                            const uint64_t *shape, const void *data);
/* All columns of a table, with its schema. */
WEIR_API int weir_put_table(weir_archive *archive, const char *name, const weir_table *table);

/* Get: an absent name, another type or another shape is an error recorded in the job that loads,
 * and the callback returns weir_job_error(job)->status. What is returned is borrowed for the
 * instance's life. */
WEIR_API int weir_get_number(const weir_archive *archive, const char *name, double *value);
/* NULL on failure. */
WEIR_API const char *weir_get_text(const weir_archive *archive, const char *name);
/* NULL on failure. shape[i] is compared where it is not 0 and filled in where it is. 64-byte
 * aligned. */
WEIR_API const void *weir_get_array(const weir_archive *archive, const char *name, weir_type type,
                                    int rank, uint64_t *shape);
WEIR_API const weir_table *weir_get_table(const weir_archive *archive, const char *name);

#endif
