/* Sources: the JSON by which job specs name data, so that any process can open the same dataset.
 *
 *   { "files": ["a.pcap", …], "packets": N?, "time_unit": "us"?, "allow_truncated": true?,
 *     "series": { "label": "directory", "channels": [..], "length": N, "bin": s }?   (files[0] a
 * folder) "name": "sample"?, "split": [STEP, …]? } { "data": "PATH.weir", "name": "…"?, "holds":
 * flags?, "split": [STEP, …]? }      a columnar file of a job
 *
 * The steps are splits and takes, applied in order: data/part.h. */
#ifndef WEIR_DATA_SOURCE_H
#define WEIR_DATA_SOURCE_H

#include <jansson.h>
#include <weir/dataset.h>

/* Checks form and that the files exist, reads nothing. */
int weir_source_check(const json_t *source, weir_error *error);
/* Opens it, through the cache. facts: receives a new object or NULL (may be NULL). */
weir_dataset *weir_source_open(const json_t *source, json_t **facts, weir_error *error);
/* The text that stands for the source's content in a key: the SHA-256 of each file and everything
 * else that changes the dataset, paths and name left out. A new string; NULL on failure. */
char *weir_source_identity(const json_t *source, weir_error *error);
/* Whether rows of b may be rows of a: equal files and no split that keeps them apart. */
bool weir_source_overlap(const json_t *a, const json_t *b);
/* A short name for results: `name`, else the stem of the first file, with ":train" or ":test" after
 * it for a split. Into text, cut to size. */
void weir_source_name(const json_t *source, char *text, size_t size);

#endif
