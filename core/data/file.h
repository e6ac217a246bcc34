/* Files that are written whole or not at all. */
#ifndef WEIR_DATA_FILE_H
#define WEIR_DATA_FILE_H

#include <stddef.h>
#include <stdio.h>
#include <weir/error.h>

typedef struct weir_file {
    FILE *stream;
    char *path, *temporary;
} weir_file;

/* Opens a temporary file beside path for writing. On failure (WEIR_EIO, with the path and why)
 * nothing is left. */
int weir_file_create(weir_file *file, const char *path, weir_error *error);
/* Flushes, syncs and renames it to path; on failure removes it, and errno says why. Either way the
 * file is closed. */
int weir_file_commit(weir_file *file, weir_error *error);
/* Closes and removes it. */
void weir_file_discard(weir_file *file);

/* The last part of a path without its extension, in text, cut to size; control characters read _.
 */
void weir_path_stem(const char *path, char *text, size_t size);
/* Whether a path ends in that extension (".csv"), case ignored. */
int weir_path_ends(const char *path, const char *extension);

#endif
