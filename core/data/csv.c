/* CSV text (RFC 4180), read from a map without copying but for quotes inside quotes. */
#include "data/csv.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int weir_csv_open(weir_csv *csv, const char *path, weir_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC), status = WEIR_OK;
    struct stat info;

    memset(csv, 0, sizeof *csv);
    csv->path = path;
    csv->separator = ',';
    if (descriptor < 0 || fstat(descriptor, &info)) {
        status = weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    } else if (info.st_size > 0) {
        csv->bytes = (size_t)info.st_size;
        csv->map = mmap(NULL, csv->bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (csv->map == MAP_FAILED) {
            csv->map = NULL;
            status = weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
        } else {
            madvise(csv->map, csv->bytes, MADV_SEQUENTIAL);
        }
    }
    if (descriptor >= 0)
        close(descriptor);
    csv->at = csv->map;
    csv->end = csv->map ? csv->map + csv->bytes : NULL;
    if (csv->bytes >= 3 && csv->map && !memcmp(csv->map, "\xef\xbb\xbf", 3))
        csv->at += 3; /* a byte-order mark */
    return status;
}

void weir_csv_close(weir_csv *csv)
{
    if (csv->map)
        munmap(csv->map, csv->bytes);
    free(csv->unquoted);
    csv->map = NULL;
    csv->unquoted = NULL;
}

static int fault(const weir_csv *csv, const char *text, weir_error *error)
{
    return weir_error_set(error, WEIR_EDATA, "%s:%" PRIu64 ": %s", csv->path, csv->line, text);
}

/* Room for n bytes more behind used; the fields of the line that lie in the buffer move with it. */
static int reserve(weir_csv *csv, size_t used, size_t n, size_t fields, weir_error *error)
{
    char *grown;
    size_t size = (used + n) * 2;

    if (used + n <= csv->unquoted_size)
        return WEIR_OK;
    grown = malloc(size);
    if (!grown)
        return weir_error_memory(error, size, "a line");
    if (used)
        memcpy(grown, csv->unquoted, used);
    for (size_t i = 0; i < fields; i++) {
        if (csv->fields[i].unquoted)
            csv->fields[i].text = grown + (csv->fields[i].text - csv->unquoted);
    }
    free(csv->unquoted);
    csv->unquoted = grown;
    csv->unquoted_size = size;
    return WEIR_OK;
}

/* A field that begins with a quote; at stands behind it. */
static int quoted(weir_csv *csv, const char **at, size_t count, size_t *used, weir_error *error)
{
    weir_csv_field *field = &csv->fields[count];
    const char *from = *at, *p = from;
    bool doubled = false;

    for (;;) {
        p = memchr(p, '"', (size_t)(csv->end - p));
        if (!p)
            return fault(csv, "a quote that is never closed", error);
        if (p + 1 < csv->end && p[1] == '"') {
            doubled = true;
            p += 2;
            continue;
        }
        break;
    }
    field->text = from;
    field->n = (size_t)(p - from);
    *at = p + 1;
    if (doubled) {
        char *to;
        if (reserve(csv, *used, (size_t)(p - from), count, error))
            return WEIR_ENOMEM;
        to = csv->unquoted + *used;
        field->unquoted = true;
        field->n = 0;
        field->text = to;
        for (const char *q = from; q < p; q++) {
            to[field->n++] = *q;
            q += *q == '"';
        }
        *used += field->n;
    }
    return WEIR_OK;
}

static int cut_line(weir_csv *csv, weir_error *error)
{
    const char *at = csv->at, *end = csv->end;
    char separator = csv->separator;
    size_t count = 0, used = 0;
    uint64_t lines = 0;
    int status;

    for (;;) {
        weir_csv_field *field = &csv->fields[count];

        if (count == WEIR_CSV_FIELDS)
            return fault(csv, "more than 512 fields", error);
        field->unquoted = false;
        if (at < end && *at == '"') {
            const char *from = at;
            at++;
            if ((status = quoted(csv, &at, count, &used, error)) != 0)
                return status;
            for (; from < at; from++)
                lines += *from == '\n';
            if (at < end && *at == '\r' && (at + 1 == end || at[1] == '\n'))
                at++;
            if (at < end && *at != separator && *at != '\n')
                return fault(csv, "text behind a closing quote", error);
        } else {
            field->text = at;
            while (at < end && *at != separator && *at != '\n')
                at++;
            field->n = (size_t)(at - field->text);
            if (field->n && field->text[field->n - 1] == '\r' && (at == end || *at == '\n'))
                field->n--;
        }
        count++;
        if (at == end || *at == '\n')
            break;
        at++;
    }
    csv->count = count;
    csv->at = at == end ? end : at + 1;
    csv->line += lines;
    return 1;
}

int weir_csv_next(weir_csv *csv, weir_error *error)
{
    while (csv->at < csv->end) {
        int status;

        csv->line++;
        csv->begin = csv->at;
        status = cut_line(csv, error);
        if (status < 0 || csv->count > 1 || csv->fields[0].n)
            return status;
    }
    return 0;
}

bool weir_csv_is(const weir_csv_field *field, const char *text)
{
    return field->n == strlen(text) && !strncasecmp(field->text, text, field->n);
}

int weir_csv_fault(const weir_csv *csv, const weir_csv_field *name, const weir_csv_field *field,
                   const char *wanted, weir_error *error)
{
    return weir_error_set(error, WEIR_EDATA, "%s:%" PRIu64 ": column '%.*s': '%.*s' is not %s",
                          csv->path, csv->line, (int)(name->n < 64 ? name->n : 64), name->text,
                          (int)(field->n < 64 ? field->n : 64), field->text, wanted);
}
