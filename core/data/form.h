/* The form of the JSON that names data: what is wrong with a member, in one line. */
#ifndef WEIR_DATA_FORM_H
#define WEIR_DATA_FORM_H

#include <jansson.h>
#include <stdbool.h>
#include <weir/error.h>

/* Records "source: 'KEY' must be WANTED"; returns WEIR_EOPTION. */
int weir_form_bad(weir_error *error, const char *key, const char *wanted);
/* Whether every key of the object is one of `known`, which ends with NULL; the error names another.
 */
bool weir_form_keys(const json_t *object, const char *const *known, weir_error *error);
/* Whether value is the text a, b or c (c may be NULL). */
bool weir_form_one_of(const json_t *value, const char *a, const char *b, const char *c);

#endif
