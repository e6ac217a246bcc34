/* From gnuplot's SVG to the page's: small, and without what clashes when many stand in one page. */
#include "report/figures.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_past(const char *at, const char *end)
{
    const char *found = strstr(at, end);

    return found ? found + strlen(end) : at + strlen(at);
}

/* Copies the data of a path, from behind d=' to the closing quote, which it returns: to a tenth of
 * a unit, a horizontal or vertical line by its one coordinate. Half of a page of curves is this. */
static const char *path_data(report_text *out, const char *at)
{
    double x = NAN, y = NAN;

    while (*at && *at != '\'') {
        char command = *at, *end;
        double next_x, next_y;

        if (command != 'M' && command != 'L') {
            if (!strchr(" \t\r\n", command))
                report_add_bytes(out, at, 1);
            at++;
            continue;
        }
        next_x = round(strtod(at + 1, &end) * 10) / 10;
        if (*end != ',')
            break;
        next_y = round(strtod(end + 1, &end) * 10) / 10;
        at = end;
        if (command == 'M')
            report_format(out, "M%.4g,%.4g", next_x, next_y);
        else if (next_x == x && next_y != y)
            report_format(out, "V%.4g", next_y);
        else if (next_y == y && next_x != x)
            report_format(out, "H%.4g", next_x);
        else if (next_x != x || next_y != y)
            report_format(out, "L%.4g,%.4g", next_x, next_y);
        x = next_x;
        y = next_y;
    }
    return at;
}

/* Whether a number, and nothing else, stands between the last tag and the end. */
static bool number_at_end(const report_text *out)
{
    size_t n = out->used;

    while (n > 0 && strchr("-.0123456789", out->data[n - 1]))
        n--;
    return n > 0 && n < out->used && out->data[n - 1] == '>';
}

/* Copies the <svg> element: without the parts that would clash when many stand in one page (ids,
 * symbol definitions), without gnuplot's own titles and empty groups, white space in runs of one.
 */
static void clean(report_text *out, const char *svg, const char *alt)
{
    static const char *const dropped[][2] = {
        {"<title", "</title>"}, {"<desc", "</desc>"}, {"<defs", "</defs>"}, {"<!--", "-->"}};
    const char *at = strstr(svg, "<svg");
    bool space = false, ended = false; /* the last byte ended a tag */
    bool tag = true;                   /* what looks like an attribute in a text is text */

    if (!at)
        return;
    report_add(out, "<svg role=\"img\" aria-label=\"");
    report_html(out, alt);
    report_add(out, "\"");
    for (at += 4; *at;) {
        bool drop = false;

        for (size_t i = 0; i < 4 && !drop; i++)
            if (!strncmp(at, dropped[i][0], strlen(dropped[i][0]))) {
                at = skip_past(at, dropped[i][1]);
                drop = true;
            }
        if (drop)
            continue;
        if (tag && (!strncmp(at, " id=", 4) || !strncmp(at, " xmlns", 6) ||
                    !strncmp(at, "\nxmlns", 6) || !strncmp(at, "\n xmlns", 7))) {
            const char *quote = strpbrk(at, "\"'");

            if (!quote)
                break;
            at = strchr(quote + 1, *quote);
            if (!at)
                break;
            at++;
        } else if (tag && !strncmp(at, " d='", 4)) {
            report_add(out, " d='");
            at = path_data(out, at + 4);
            space = false;
        } else if (strchr(" \t\r\n", *at)) {
            space = true;
            at++;
        } else {
            if (space && *at != '<' && !ended)
                report_add(out, " ");
            space = false;
            ended = tag && *at == '>';
            tag = *at == '<' || (tag && *at != '>');
            /* gnuplot writes micro as a u behind a number. */
            if (*at == 'u' && !strncmp(at + 1, "</text>", 7) && number_at_end(out)) {
                report_add(out, "µ");
                at++;
            } else {
                report_add_bytes(out, at++, 1);
            }
        }
    }
}

/* Empty groups come one after the other, with the same start. */
static void drop_empty_groups(report_text *svg)
{
    char *in = svg->data, *out = svg->data;

    while (in && *in) {
        if (!strncmp(in, "<g ", 3)) {
            const char *end = strchr(in, '>');

            if (end && !strncmp(end + 1, "</g>", 4)) {
                in += end + 5 - in;
                continue;
            }
        }
        *out++ = *in++;
    }
    if (in) {
        *out = 0;
        svg->used = (size_t)(out - svg->data);
    }
}

/* What the page's style says for all plots is left out (style.c), colours become hexadecimal: two
 * thirds of what gnuplot writes. Nothing grows, so it is done in place. */
static void shorten(report_text *svg)
{
    static const char *const said[] = {" fill=\"none\" color=\"black\" stroke=\"currentColor\"",
                                       " stroke-width=\"1.00\"",
                                       " stroke-linecap=\"round\" stroke-linejoin=\"round\"",
                                       " class=\"gridline\"",
                                       " font-family=\"sans-serif\"",
                                       " font-size=\"13.00\""};
    char *in = svg->data, *out = svg->data;
    int red, green, blue, length;
    bool tag = false;

    while (in && *in) {
        bool drop = false;

        tag = *in == '<' || (tag && *in != '>');
        for (size_t i = 0; tag && *in == ' ' && i < sizeof said / sizeof said[0] && !drop; i++)
            if (!strncmp(in, said[i], strlen(said[i]))) {
                in += strlen(said[i]);
                drop = true;
            }
        if (!strncmp(in, "<rect x=\"0\" y=\"0\"", 17)) { /* the background, without colour */
            in += strcspn(in, ">");
            in += *in == '>';
            drop = true;
        }
        if (drop)
            continue;
        if (tag && !strncmp(in, "rgb(", 4) &&
            sscanf(in, "rgb(%3d ,%3d ,%3d )%n", &red, &green, &blue, &length) == 3) {
            static const char digits[] = "0123456789abcdef";
            const int parts[3] = {red & 255, green & 255, blue & 255};

            in += length;
            *out++ = '#';
            for (int i = 0; i < 3; i++) {
                *out++ = digits[parts[i] >> 4];
                *out++ = digits[parts[i] & 15];
            }
            continue;
        }
        *out++ = *in++;
    }
    if (in) {
        *out = 0;
        svg->used = (size_t)(out - svg->data);
    }
}

void report_svg(report_text *out, const char *svg, const char *alt)
{
    report_text text = {0};

    clean(&text, svg, alt);
    drop_empty_groups(&text);
    shorten(&text);
    report_add(out, text.data ? text.data : "");
    report_end(out, &text);
}
