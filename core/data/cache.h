/* The trace cache: datasets and content hashes, found by what identifies the files they come
 * from. */
#ifndef WEIR_DATA_CACHE_H
#define WEIR_DATA_CACHE_H

#include <jansson.h>
#include <weir/dataset.h>

/* The key of a dataset made from files, in their present state, by a way of reading that how
 * tells. False if the files cannot be identified or were changed this instant. */
bool weir_cache_key(const char *const *paths, size_t n, const char *how, char key[65]);
/* The dataset and its facts (a new object), mapped; NULL if there is none, or a damaged one. */
weir_dataset *weir_cache_load(const char *key, json_t **facts);
/* Keeps it; a cache that cannot be written is passed over. */
void weir_cache_store(const char *key, const weir_dataset *dataset, const json_t *facts);

/* Hex SHA-256 of bytes in memory. */
bool weir_sha256_bytes(const void *bytes, size_t n, char hex[65]);

#endif
