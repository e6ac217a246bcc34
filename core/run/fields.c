/* Fields of declarations: names, kinds and ranges, checked with an error that says what would be
 * right. */
#include "run/fields.h"
#include "plugin/options.h"
#include "run/device.h"
#include <math.h>
#include <string.h>

#define MOST_THREADS 4096

int weir_fields_check(const json_t *declaration, const char *const *known, size_t n,
                      const char *what, weir_error *error)
{
    const char *key, *near;
    json_t *value;

    if (!json_is_object(declaration))
        return weir_error_set(error, WEIR_EOPTION, "%s must be a table of named fields", what);
    json_object_foreach((json_t *)(uintptr_t)declaration, key, value)
    {
        size_t i = 0;
        while (i < n && strcmp(key, known[i]) != 0)
            i++;
        if (i < n)
            continue;
        near = weir_nearest(key, known, n);
        return weir_error_set(error, WEIR_EOPTION, "unknown field '%s' of %s%s%s%s", key, what,
                              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return WEIR_OK;
}

int weir_field_integer(const json_t *from, const char *name, int64_t min, int64_t max,
                       int64_t *value, weir_error *error)
{
    const json_t *field = json_object_get(from, name);
    double real = json_number_value(field);

    if (!field || json_is_null(field))
        return WEIR_OK;
    if (!json_is_number(field) || real != floor(real) || real < (double)min || real > (double)max)
        return weir_error_set(error, WEIR_EOPTION,
                              "'%s' must be a whole number between %lld and %lld", name,
                              (long long)min, (long long)max);
    *value = json_is_integer(field) ? (int64_t)json_integer_value(field) : (int64_t)real;
    return WEIR_OK;
}

int weir_field_positive(const json_t *from, const char *name, weir_error *error)
{
    const json_t *field = json_object_get(from, name);

    if (!field || json_is_null(field))
        return WEIR_OK;
    if (!json_is_number(field) || !(json_number_value(field) > 0))
        return weir_error_set(error, WEIR_EOPTION, "'%s' must be a number above 0", name);
    return WEIR_OK;
}

const char *weir_field_text(const json_t *from, const char *name, bool needed, int *status,
                            weir_error *error)
{
    const json_t *field = json_object_get(from, name);

    if (json_is_string(field) && *json_string_value(field))
        return json_string_value(field);
    if (field || needed)
        *status = weir_error_set(error, WEIR_EOPTION, "'%s' must be a text%s", name,
                                 field ? " that is not empty" : "");
    return NULL;
}

int weir_fields_run(const json_t *declaration, weir_error *error)
{
    int status = WEIR_OK;
    int64_t threads = 1;
    const char *device = weir_field_text(declaration, "device", false, &status, error);

    if (status)
        return status;
    if ((status = weir_device_choose(device, &device, error)))
        return status;
    if ((status = weir_field_integer(declaration, "threads", 1, MOST_THREADS, &threads, error)) ||
        (status = weir_field_positive(declaration, "memory", error)))
        return status;
    return weir_field_positive(declaration, "time", error);
}

json_t *weir_fields_pick(const json_t *from, const char *const *names, size_t n)
{
    json_t *picked = json_object();

    for (size_t i = 0; picked && i < n; i++) {
        json_t *value = json_object_get(from, names[i]);
        if (value && !json_is_null(value) && json_object_set(picked, names[i], value) < 0) {
            json_decref(picked);
            return NULL;
        }
    }
    return picked;
}
