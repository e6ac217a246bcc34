/* Growing text, escapes and number formats of the report. */
#include "report/buffer.h"
#include "text.h"
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_free(report_text *text)
{
    free(text->data);
    memset(text, 0, sizeof *text);
}

void report_end(report_text *whole, report_text *text)
{
    whole->failed |= text->failed;
    report_free(text);
}

static bool reserve(report_text *text, size_t more)
{
    size_t size = text->size ? text->size : 256;
    char *data;

    if (text->failed)
        return false;
    if (more < SIZE_MAX / 4 && text->used + more + 1 <= text->size)
        return true;
    while (size < text->used + more + 1 && size < SIZE_MAX / 4)
        size *= 2;
    data = more < SIZE_MAX / 4 ? realloc(text->data, size) : NULL;
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->size = size;
    return true;
}

void report_add_bytes(report_text *text, const char *bytes, size_t n)
{
    if (!reserve(text, n))
        return;
    memcpy(text->data + text->used, bytes, n);
    text->used += n;
    text->data[text->used] = 0;
}

void report_add(report_text *text, const char *piece)
{
    report_add_bytes(text, piece, strlen(piece));
}

void report_format(report_text *text, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0 || !reserve(text, (size_t)n)) {
        text->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->used, (size_t)n + 1, format, arguments);
    va_end(arguments);
    text->used += (size_t)n;
}

void report_html(report_text *text, const char *piece)
{
    const unsigned char *s = (const unsigned char *)(piece ? piece : "");

    while (*s) {
        size_t n = weir_text_utf8((const char *)s);

        if (n == 0)
            report_add(text, "\xef\xbf\xbd");
        else if (*s == '&')
            report_add(text, "&amp;");
        else if (*s == '<')
            report_add(text, "&lt;");
        else if (*s == '>')
            report_add(text, "&gt;");
        else if (*s == '"')
            report_add(text, "&quot;");
        else if (*s == '\'')
            report_add(text, "&#39;");
        else if ((*s >= 0x20 && *s != 0x7f && !(*s == 0xc2 && s[1] < 0xa0)) || *s == '\n' ||
                 *s == '\t')
            report_add_bytes(text, (const char *)s, n);
        s += n ? n : 1;
    }
}

void report_markdown(report_text *text, const char *piece)
{
    const unsigned char *s = (const unsigned char *)(piece ? piece : "");

    while (*s) {
        size_t n = weir_text_utf8((const char *)s);

        if (n == 0)
            report_add(text, "\xef\xbf\xbd");
        else if (*s == '&')
            report_add(text, "&amp;");
        else if (*s == '<')
            report_add(text, "&lt;");
        else if (*s == '>')
            report_add(text, "&gt;");
        else if (strchr("\\`*_[]|~", *s))
            report_format(text, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            report_add(text, " ");
        else
            report_add_bytes(text, (const char *)s, n);
        s += n ? n : 1;
    }
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Decimals that give four significant digits. */
static int decimals(double value)
{
    int magnitude = value == 0 ? 0 : (int)floor(log10(fabs(value)) + 1e-4);

    return magnitude >= 3 ? 0 : 3 - magnitude;
}

const char *report_digits(double value, char out[REPORT_NUMBER])
{
    double size = fabs(value);

    if (value == 0)
        snprintf(out, REPORT_NUMBER, "0");
    else if (size < 1e-4 || size >= 1e7)
        snprintf(out, REPORT_NUMBER, "%.3e", value);
    else
        snprintf(out, REPORT_NUMBER, "%.*f", decimals(value), value);
    return out;
}

const char *report_quantity(double value, const char *unit, double scale, char out[REPORT_NUMBER])
{
    static const struct {
        double factor;
        const char *prefix;
    } small[] = {{1e-9, "n"}, {1e-6, "µ"}, {1e-3, "m"}},
      large[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    double size = fabs(scale != 0 ? scale : value), factor = 1;
    const char *prefix = "";
    char digits[REPORT_NUMBER];
    bool bytes = !strncmp(unit, "byte", 4), seconds = !strcmp(unit, "s");

    /* "distance, base e" is a remark, not a unit that a number carries. */
    if (!*unit || strpbrk(unit, " ,"))
        return report_digits(value, out);
    /* Only times are split; bytes, packets and rates are counted upwards. */
    if (seconds && size > 0 && size < 0.99995) {
        factor = small[0].factor;
        prefix = small[0].prefix;
        for (size_t i = 0; i < 3; i++)
            if (size >= small[i].factor * 0.99995) {
                factor = small[i].factor;
                prefix = small[i].prefix;
            }
    } else if (!seconds) {
        double first = bytes ? 1e3 : 1e5;

        for (size_t i = 3; i-- > 0;)
            if (size >= large[i].factor * 0.99995 && size >= first) {
                factor = large[i].factor;
                prefix = large[i].prefix;
            }
    }
    report_digits(value / factor, digits);
    if (bytes)
        snprintf(out, REPORT_NUMBER, "%.30s %sB%s", digits, prefix,
                 strcmp(unit, "bytes/s") ? "" : "/s");
    else if (*prefix && !seconds)
        snprintf(out, REPORT_NUMBER, "%.30s %s %.40s", digits, prefix, unit);
    else
        snprintf(out, REPORT_NUMBER, "%.30s %s%.40s", digits, prefix, unit);
    return out;
}

const char *report_exact(double value, const char *unit, char out[REPORT_NUMBER])
{
    snprintf(out, REPORT_NUMBER, "%.17g%s%.40s", value, *unit ? " " : "", unit);
    return out;
}

const char *report_duration(double seconds, char out[REPORT_NUMBER])
{
    if (seconds < 120)
        return report_quantity(round(seconds * 1e4) / 1e4, "s", 0, out);
    if (seconds < 7200)
        snprintf(out, REPORT_NUMBER, "%.0f min %.0f s", floor(seconds / 60),
                 floor(fmod(seconds, 60)));
    else
        snprintf(out, REPORT_NUMBER, "%.0f h %.0f min", floor(seconds / 3600),
                 floor(fmod(seconds, 3600) / 60));
    return out;
}

const char *report_bytes(double bytes, char out[REPORT_NUMBER])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t i = 0;

    while (i < 4 && bytes >= 999.5) {
        bytes /= 1000;
        i++;
    }
    snprintf(out, REPORT_NUMBER, "%.*f %s", i == 0 || bytes >= 100 ? 0 : 1, bytes, units[i]);
    return out;
}

const char *report_count(double n, char out[REPORT_NUMBER])
{
    char digits[40];
    size_t length, used = 0;

    if (!(fabs(n) < 1e18))
        return report_digits(n, out);
    snprintf(digits, sizeof digits, "%.0f", n);
    length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-' && length > 4) {
            memcpy(out + used, "\xe2\x80\xaf", 3);
            used += 3;
        }
        out[used++] = digits[i];
    }
    out[used] = 0;
    return out;
}
