/* Archives on disk: writing one, reading one. */
#ifndef WEIR_PLUGIN_ARCHIVE_H
#define WEIR_PLUGIN_ARCHIVE_H

#include <jansson.h>
#include <weir/archive.h>

/* An empty archive to put into. Errors go to `error`, which must outlive it. */
weir_archive *weir_archive_new(weir_error *error);
void weir_archive_free(weir_archive *archive);
/* Writes `model.json` (head's members, then "values") and, if there are arrays,
 * `arrays.safetensors` into a folder that exists. head is borrowed. */
int weir_archive_write(const weir_archive *archive, const char *folder, const json_t *head);
/* Reads and checks both: a damaged file is an error, never a crash. The caller owns it. */
weir_archive *weir_archive_read(const char *folder, weir_error *error);
/* Everything of model.json but "values". Borrowed. */
const json_t *weir_archive_head(const weir_archive *archive);
/* Reads a JSON file; the error says file, line and column. A new value. */
json_t *weir_model_json(const char *path, weir_error *error);

#endif
