/* Files and folders that are written whole or not at all, and removed whole. */
#ifndef WEIR_FILES_H
#define WEIR_FILES_H

#include <jansson.h>
#include <weir/error.h>

#define WEIR_PATH 4096 /* bytes of a path, with its end */

/* Writes a file whole or not at all: temporary name, fsync, rename. */
int weir_file_write(const char *path, const char *bytes, size_t n, weir_error *error);
/* The same of JSON, indented, reals with 17 digits. */
int weir_json_write(const char *path, const json_t *value, weir_error *error);
/* A new value; NULL if the file is absent or damaged. */
json_t *weir_json_read(const char *path);
/* Creates a folder and those above it. */
int weir_folder_make(const char *path, weir_error *error);
/* A second folder with the same files, linked where the file system can, else copied; files that
 * are only ever replaced whole may be shared. What was at `to` is removed. */
int weir_folder_link(const char *from, const char *to, weir_error *error);
/* Removes what is at the path, folders with all they hold; nothing there is no error. */
int weir_folder_remove(const char *path, weir_error *error);

#endif
