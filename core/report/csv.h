/* Reading small CSV files as a whole: scores, curves, artefacts. */
#ifndef WEIR_REPORT_CSV_H
#define WEIR_REPORT_CSV_H

#include <stddef.h>
#include <weir/error.h>

/* Fields may be quoted (RFC 4180). Every row has as many fields as the header. */
typedef struct report_csv {
    char *text; /* what the fields point into */
    char **fields;
    size_t *lines; /* [rows]: line numbers, for messages */
    size_t columns, rows;
    char **names; /* the header */
} report_csv;

/* Reads a file. path is what messages name it. All zero after a failure. */
int report_csv_read(report_csv *csv, const char *path, weir_error *error);
void report_csv_free(report_csv *csv);
/* Position of a column, or -1. */
int report_csv_column(const report_csv *csv, const char *name);
static inline const char *report_csv_field(const report_csv *csv, size_t row, size_t column)
{
    return csv->fields[(row + 1) * csv->columns + column]; /* row 0 follows the header */
}

/* The whole file as text that ends with 0; NULL on failure. At most `limit` bytes. */
char *report_read_file(const char *path, size_t limit, size_t *length, weir_error *error);

#endif
