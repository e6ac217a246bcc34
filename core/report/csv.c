/* Reading small CSV files as a whole. */
#include "report/csv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *report_read_file(const char *path, size_t limit, size_t *length, weir_error *error)
{
    FILE *file = fopen(path, "rb");
    size_t used = 0, size = 4096;
    char *data, *grown;

    if (!file) {
        weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    data = malloc(size);
    while (data) {
        used += fread(data + used, 1, size - used - 1, file);
        if (ferror(file)) {
            weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
            break;
        }
        if (used + 1 < size) {
            data[used] = 0;
            if (length)
                *length = used;
            fclose(file);
            return data;
        }
        if (used >= limit) {
            weir_error_set(error, WEIR_EDATA, "%s: larger than %zu bytes", path, limit);
            break;
        }
        size *= 2;
        grown = realloc(data, size);
        if (!grown)
            break;
        data = grown;
    }
    weir_error_memory(error, size, path);
    free(data);
    fclose(file);
    return NULL;
}

void report_csv_free(report_csv *csv)
{
    free(csv->text);
    free(csv->fields);
    free(csv->lines);
    memset(csv, 0, sizeof *csv);
}

/* Ends the field at *at in place, unquoting it; *at moves to the next one. Returns what ended it:
 * ',', '\n' or 0; -1 for a quote that is never closed or is followed by text. */
static int next_field(char **at, char **field, size_t *line)
{
    char *in = *at, *out = *at;
    int end;

    *field = out;
    if (*in == '"') {
        for (in++; *in && !(*in == '"' && in[1] != '"'); in++) {
            if (*in == '"')
                in++;
            if (*in == '\n')
                ++*line;
            *out++ = *in;
        }
        if (*in++ != '"')
            return -1;
    } else {
        while (*in && *in != ',' && *in != '\n' && !(*in == '\r' && in[1] == '\n'))
            *out++ = *in++;
    }
    if (*in == '\r' && in[1] == '\n')
        in++;
    end = *in;
    if (end != ',' && end != '\n' && end != 0)
        return -1;
    *at = end ? in + 1 : in;
    *out = 0;
    return end;
}

int report_csv_read(report_csv *csv, const char *path, weir_error *error)
{
    size_t length, line = 1, used = 0, fields = 0, lines = 0;
    char *at;

    memset(csv, 0, sizeof *csv);
    csv->text = report_read_file(path, (size_t)1 << 30, &length, error);
    if (!csv->text)
        return error ? (int)error->status : WEIR_EIO;
    if (strlen(csv->text) != length) {
        weir_error_set(error, WEIR_EDATA, "%s: is no CSV (it contains a zero byte)", path);
        goto failed;
    }
    fields = lines = 2;
    for (size_t i = 0; i < length; i++) {
        fields += csv->text[i] == ',' || csv->text[i] == '\n';
        lines += csv->text[i] == '\n';
    }
    csv->fields = calloc(fields, sizeof *csv->fields);
    csv->lines = calloc(lines, sizeof *csv->lines);
    if (!csv->fields || !csv->lines) {
        weir_error_memory(error, fields * sizeof *csv->fields, path);
        goto failed;
    }
    for (at = csv->text; *at;) {
        size_t first = used, start = line;
        int end;

        do {
            end = next_field(&at, &csv->fields[used++], &line);
        } while (end == ',');
        if (end < 0) {
            weir_error_set(error, WEIR_EDATA, "%s:%zu: a quoted field is not closed properly", path,
                           start);
            goto failed;
        }
        if (csv->columns == 0) {
            csv->columns = used;
        } else if (used - first == 1 && !*csv->fields[first]) {
            used = first; /* an empty line */
        } else if (used - first != csv->columns) {
            weir_error_set(error, WEIR_EDATA, "%s:%zu: %zu fields; the header has %zu", path, start,
                           used - first, csv->columns);
            goto failed;
        } else {
            csv->lines[csv->rows++] = start;
        }
        line++;
    }
    if (csv->columns == 0) {
        weir_error_set(error, WEIR_EDATA, "%s: is empty; its first line should name the columns",
                       path);
        goto failed;
    }
    csv->names = csv->fields;
    return WEIR_OK;
failed:
    report_csv_free(csv);
    return error ? (int)error->status : WEIR_EDATA;
}

int report_csv_column(const report_csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->columns; i++)
        if (!strcmp(csv->names[i], name))
            return (int)i;
    return -1;
}
