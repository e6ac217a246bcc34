/* Golden values for unit tests: JSON under tests/golden/, made by the Python script beside it. */
#ifndef WEIR_TESTS_GOLDEN_H
#define WEIR_TESTS_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* The document; ends the test where it cannot be read. */
static inline json_t *golden_load(const char *name)
{
    char path[512];
    json_error_t where;
    json_t *document;

    snprintf(path, sizeof path, "%s/tests/golden/%s", WEIR_SOURCE_DIR, name);
    document = json_load_file(path, 0, &where);
    if (!document)
        fail_msg("%s:%d: %s", path, where.line, where.text);
    return document;
}

/* A list that must be there and must not be empty, so that a loop over it tests something. */
static inline const json_t *golden_list(const json_t *document, const char *key)
{
    const json_t *list = json_object_get(document, key);

    if (!json_array_size(list))
        fail_msg("no golden values '%s'", key);
    return list;
}

static inline double golden_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_number(value))
        fail_msg("no golden number '%s'", key);
    return json_number_value(value);
}

/* A list of numbers; the caller frees it. */
static inline double *golden_doubles(const json_t *object, const char *key, size_t *n)
{
    const json_t *list = golden_list(object, key);
    double *values;

    *n = json_array_size(list);
    values = malloc(*n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < *n; i++)
        values[i] = json_number_value(json_array_get(list, i));
    return values;
}

/* Equal up to a relative error of `tolerance` (absolute for an expected 0). */
static inline void assert_near(double found, double expected, double tolerance)
{
    double scale = expected == 0 ? 1 : fabs(expected);

    if (!(fabs(found - expected) <= tolerance * scale))
        fail_msg("%.17g instead of %.17g (relative error %.2g)", found, expected,
                 fabs(found - expected) / scale);
}

#endif
