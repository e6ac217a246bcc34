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

/* Folders and files, whole or not at all. */
/* Writes text to path: temporary name, fsync, rename. */
int weir_file_write(const char *path, const char *text, size_t length, weir_error *error);
/* The same for a JSON document: 17 digits, one line end. */
int weir_json_write(const char *path, const json_t *json, weir_error *error);
/* Reads one; the error says file, line and column. */
json_t *weir_json_read(const char *path, weir_error *error);
/* Removes a folder with all that is in it; nothing if there is none. */
void weir_folder_remove(const char *path);
/* Makes the new folder `from` stand at `to`; an older one is replaced. */
int weir_folder_replace(const char *from, const char *to, weir_error *error);
/* mkdir; fine if it exists. */
int weir_folder_make(const char *path, weir_error *error);

#endif
