/* Fields of declarations, which are JSON objects. All functions record what is wrong in error. */
#ifndef WEIR_RUN_FIELDS_H
#define WEIR_RUN_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <weir/error.h>

/* Refuses members that are not among the n known ones, with the nearest of these. what names the
 * object in the message. */
int weir_fields_check(const json_t *object, const char *const *known, size_t n, const char *what,
                      weir_error *error);
/* A whole number in [min, max]; *value stays as it is where there is none (or null). */
int weir_field_integer(const json_t *object, const char *name, int64_t min, int64_t max,
                       int64_t *value, weir_error *error);
/* If it is there: a number above 0. */
int weir_field_positive(const json_t *object, const char *name, weir_error *error);
/* A text that is not empty, borrowed; NULL where there is none, and then *status is an error if it
 * is needed or of another kind. */
const char *weir_field_text(const json_t *object, const char *name, bool needed, int *status,
                            weir_error *error);
/* How a declaration's jobs run: threads, device, memory, time. */
int weir_fields_run(const json_t *object, weir_error *error);
/* A new object with those of the n members that are there and not null. NULL: out of memory. */
json_t *weir_fields_pick(const json_t *object, const char *const *names, size_t n);

#endif
