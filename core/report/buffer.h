/* Growing text that remembers a failed allocation, with the escapes and the number formats that
 * the pages share. */
#ifndef WEIR_REPORT_BUFFER_H
#define WEIR_REPORT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/error.h>

/* All zero is an empty text. After a failed allocation nothing more is added. */
typedef struct report_text {
    char *data; /* ends with 0; NULL while empty */
    size_t used, size;
    bool failed;
} report_text;

void report_free(report_text *text);
/* Frees a text that was made for a larger one, which takes over its failure. */
void report_end(report_text *whole, report_text *text);
void report_add(report_text *text, const char *piece);
void report_add_bytes(report_text *text, const char *bytes, size_t n);
void report_format(report_text *text, const char *format, ...) WEIR_PRINTF(2, 3);
/* Escaped for HTML text and quoted attributes; bytes that are not UTF-8 become U+FFFD, control
 * characters other than line feed and tab are left out. NULL counts as "". */
void report_html(report_text *text, const char *piece);
/* Escaped for a cell of a Markdown table; line ends become spaces. NULL counts as "". */
void report_markdown(report_text *text, const char *piece);

/* Longest text that the formats below make, with its end. */
enum { REPORT_NUMBER = 96 };
/* Four significant digits, trailing zeros kept: "0.1235", "12.35", "12346", "1.235e-07". */
const char *report_digits(double value, char out[REPORT_NUMBER]);
/* The same with an SI prefix and the unit: "1.235 ms", "12.35 kB", "3.100 k packets"; without it
 * for a unit of several words. scale: the prefix is that of this value (0: of the value itself), so
 * that a table may share one. */
const char *report_quantity(double value, const char *unit, double scale, char out[REPORT_NUMBER]);
/* All 17 digits and the unit: what a title attribute says. */
const char *report_exact(double value, const char *unit, char out[REPORT_NUMBER]);
/* "1.2 s", "3 min 20 s", "2 h 5 min". */
const char *report_duration(double seconds, char out[REPORT_NUMBER]);
/* "31.5 MB"; powers of 1000. */
const char *report_bytes(double bytes, char out[REPORT_NUMBER]);
/* "1 234 567" with thin spaces (U+202F). */
const char *report_count(double n, char out[REPORT_NUMBER]);

#endif
