/* The error record: the first error wins, later ones only add context in front. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weir/error.h>

#include "text.h"

const char *weir_status_name(int status)
{
    switch (status) {
#define NAME(name, value, text)                                                                    \
    case (value):                                                                                  \
        return "WEIR_" #name;
        WEIR_STATUS_MAP(NAME)
#undef NAME
    default:
        return "WEIR_EBUG";
    }
}

const char *weir_status_text(int status)
{
    switch (status) {
#define TEXT(name, value, text)                                                                    \
    case (value):                                                                                  \
        return text;
        WEIR_STATUS_MAP(TEXT)
#undef TEXT
    default:
        return "an unknown status";
    }
}

int weir_error_set(weir_error *error, weir_status status, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return status;
    if (error->status != WEIR_OK)
        return error->status;
    error->status = status;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    weir_text_repair(error->text);
    return status;
}

void weir_error_prefix(weir_error *error, const char *format, ...)
{
    char text[sizeof error->text];
    va_list arguments;
    size_t used;

    if (!error || error->status == WEIR_OK)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s", error->text);
    memcpy(error->text, text, sizeof text);
    weir_text_repair(error->text);
}

int weir_error_memory(weir_error *error, unsigned long long bytes, const char *what)
{
    return weir_error_set(error, WEIR_ENOMEM, "out of memory (%llu bytes for %s)", bytes, what);
}
