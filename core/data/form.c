/* The form of the JSON that names data: what is wrong with a member, in one line. */
#include "data/form.h"
#include <stdint.h>
#include <string.h>

int weir_form_bad(weir_error *error, const char *key, const char *wanted)
{
    return weir_error_set(error, WEIR_EOPTION, "source: '%s' must be %s", key, wanted);
}

bool weir_form_keys(const json_t *object, const char *const *known, weir_error *error)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key))
            i++;
        if (!known[i]) {
            weir_error_set(error, WEIR_EOPTION, "source: unknown key '%s'", key);
            return false;
        }
    }
    return true;
}

bool weir_form_one_of(const json_t *value, const char *a, const char *b, const char *c)
{
    const char *text = json_string_value(value);

    return text && (!strcmp(text, a) || !strcmp(text, b) || (c && !strcmp(text, c)));
}
