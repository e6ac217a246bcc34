/* The store: a folder of finished jobs, found again by what they were made of. Everything in it is
 * written whole or not at all, so that any process may be killed at any moment. */
#ifndef WEIR_RUN_STORE_H
#define WEIR_RUN_STORE_H

#include "files.h"
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <weir/error.h>

/* The key of a job: SHA-256, hex, of canonical JSON (sorted, compact) of its content. */
int weir_job_key(const json_t *content, char key[65], weir_error *error);
#define WEIR_ID_LENGTH 24 /* a job's ID is the beginning of its key */

typedef struct weir_store weir_store;

/* Opens the store at folder, which is made if it is not there, and takes its lock. Where another
 * run holds it, says so once through notice (may be NULL) and waits until *stop is not 0
 * (WEIR_ECANCEL). read_only: takes no lock and makes nothing, for looking up. The caller owns it.
 */
weir_store *weir_store_open(const char *folder, bool read_only,
                            void (*notice)(void *context, const char *text), void *context,
                            const volatile sig_atomic_t *stop, weir_error *error);
void weir_store_close(weir_store *store);
/* Absolute. Borrowed. */
const char *weir_store_folder(const weir_store *store);
/* Forgets every job and everything made of them. */
int weir_store_clear(weir_store *store, weir_error *error);

/* The path of a file in the folder of the job with that key; name NULL: the folder. */
void weir_store_path(const weir_store *store, const char *key, const char *name,
                     char path[WEIR_PATH]);

/* A finished job: its status.json and what it says about its output (synthetic.json of a sample,
 * scores.json of a score; an empty object for a fit). Both new; false where it is not finished, not
 * whole or of another key. */
bool weir_store_find(const weir_store *store, const char *key, const char *job, json_t **status,
                     json_t **output);
/* Makes the folder of a job ready to run: ends processes that an earlier run left there, removes
 * what is unfinished (a checkpoint stays), writes spec.json with `attempt` counted. Returns the
 * lock of the folder, a descriptor that the job's process inherits, or -1. WEIR_EDATA: the folder
 * belongs to another key with the same ID. */
int weir_store_begin(weir_store *store, const char *key, json_t *spec, weir_error *error);

#endif
