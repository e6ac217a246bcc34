/* CSV from tables, and the choice of a writer by a path's extension. */
#include "data/file.h"
#include "data/inside.h"
#include "data/number.h"
#include "data/writers.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_text(FILE *stream, const char *text)
{
    if (text[0] && !strpbrk(text, ",\"\r\n") && text[0] != ' ' && text[strlen(text) - 1] != ' ') {
        fputs_unlocked(text, stream);
        return;
    }
    if (!text[0])
        return;
    putc_unlocked('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            putc_unlocked('"', stream);
        putc_unlocked(*text, stream);
    }
    putc_unlocked('"', stream);
}

static void put_unsigned(FILE *stream, uint64_t value)
{
    char text[24], *at = text + sizeof text;

    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    fwrite_unlocked(at, 1, (size_t)(text + sizeof text - at), stream);
}

static void put_signed(FILE *stream, int64_t value)
{
    if (value < 0)
        putc_unlocked('-', stream);
    put_unsigned(stream, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_real(FILE *stream, double value, int digits)
{
    char text[40];

    weir_real_text(value, digits, text);
    fputs_unlocked(text, stream);
}

static void put_value(FILE *stream, const weir_column *column, size_t at)
{
    static const char *const flags[] = {"0", "MF", "DF", "MF+DF"};
    uint8_t byte;

    switch (column->type) {
    case WEIR_U8:
        byte = ((const uint8_t *)column->data)[at];
        if (byte < 4 && !strcmp(column->name, "flag"))
            fputs_unlocked(flags[byte], stream);
        else
            put_unsigned(stream, byte);
        break;
    case WEIR_U16:
        put_unsigned(stream, ((const uint16_t *)column->data)[at]);
        break;
    case WEIR_U32:
        put_unsigned(stream, ((const uint32_t *)column->data)[at]);
        break;
    case WEIR_U64:
        put_unsigned(stream, ((const uint64_t *)column->data)[at]);
        break;
    case WEIR_I64:
        put_signed(stream, ((const int64_t *)column->data)[at]);
        break;
    case WEIR_F32:
        put_real(stream, (double)((const float *)column->data)[at], 9);
        break;
    case WEIR_F64:
        put_real(stream, ((const double *)column->data)[at], 17);
        break;
    case WEIR_CATEGORY:
        put_text(stream, column->dictionary.texts[((const uint32_t *)column->data)[at]]);
        break;
    }
}

/* The name of a column in the file: times say their unit. */
static void put_name(FILE *stream, const weir_table *table, const weir_column *column, size_t k)
{
    put_text(stream, column->name);
    if ((table->schema == WEIR_PACKETS && !strcmp(column->name, "time")) ||
        (table->schema == WEIR_NETFLOW && !strcmp(column->name, "ts")))
        fputs_unlocked("_ns", stream);
    if (column->width > 1)
        fprintf(stream, "_%zu", k);
}

int weir_table_write_csv(const weir_table *table, const char *path, weir_error *error)
{
    weir_file file;
    int status = weir_file_create(&file, path, error);

    if (status)
        return status;
    for (size_t i = 0; i < table->count; i++) {
        for (size_t k = 0; k < table->columns[i].width; k++) {
            if (i || k)
                putc_unlocked(',', file.stream);
            put_name(file.stream, table, &table->columns[i], k);
        }
    }
    putc_unlocked('\n', file.stream);
    for (size_t row = 0; row < table->rows && !ferror(file.stream); row++) {
        for (size_t i = 0; i < table->count; i++) {
            for (size_t k = 0; k < table->columns[i].width; k++) {
                if (i || k)
                    putc_unlocked(',', file.stream);
                put_value(file.stream, &table->columns[i], row * table->columns[i].width + k);
            }
        }
        putc_unlocked('\n', file.stream);
    }
    return weir_file_commit(&file, error);
}

/* One line of a series; step: its length or more for a series without steps. */
static void put_step(FILE *stream, const weir_table *table, size_t row, uint32_t step, bool padded)
{
    const weir_series_shape *shape = &table->shape;
    const float *values = weir_f32(table, "values");
    const char *label = weir_category_text(table, "label", weir_codes(table, "label")[row]);
    bool empty = weir_u32(table, "length")[row] == 0;

    put_unsigned(stream, row);
    putc_unlocked(',', stream);
    put_text(stream, label ? label : "");
    putc_unlocked(',', stream);
    if (!empty)
        put_unsigned(stream, step);
    for (uint32_t c = 0; c < shape->channels; c++) {
        putc_unlocked(',', stream);
        if (!empty)
            put_real(stream, (double)values[(row * shape->steps + step) * shape->channels + c], 9);
    }
    if (shape->step_seconds > 0) {
        putc_unlocked(',', stream);
        put_real(stream, shape->step_seconds, 17);
    }
    if (padded) {
        putc_unlocked(',', stream);
        put_unsigned(stream, shape->steps);
    }
    putc_unlocked('\n', stream);
}

static int write_series(const weir_table *table, const char *path, weir_error *error)
{
    const uint32_t *length = weir_u32(table, "length");
    bool padded = true; /* no series is as long as the shape */
    weir_file file;
    int status = weir_file_create(&file, path, error);

    if (status)
        return status;
    for (size_t row = 0; row < table->rows; row++)
        padded &= length[row] < table->shape.steps;
    fputs("series,label,step", file.stream);
    for (uint32_t c = 0; c < table->shape.channels; c++) {
        putc(',', file.stream);
        put_text(file.stream, table->shape.names[c]);
    }
    fputs(table->shape.step_seconds > 0 ? ",step_seconds" : "", file.stream);
    fputs(padded ? ",steps\n" : "\n", file.stream);
    for (size_t row = 0; row < table->rows && !ferror(file.stream); row++) {
        for (uint32_t step = 0; step < (length[row] ? length[row] : 1); step++)
            put_step(file.stream, table, row, step, padded);
    }
    return weir_file_commit(&file, error);
}

int weir_dataset_write_noted(const weir_dataset *dataset, const char *path, json_t **notes,
                             weir_error *error)
{
    bool ng = weir_path_ends(path, ".pcapng");
    weir_counters counters = {0};
    int status;

    if (notes)
        *notes = NULL;
    if (weir_path_ends(path, ".csv")) {
        status = dataset->table->schema == WEIR_SERIES
                     ? write_series(dataset->table, path, error)
                     : weir_table_write_csv(dataset->table, path, error);
    } else if (!ng && !weir_path_ends(path, ".pcap")) {
        return weir_error_set(error, WEIR_EOPTION,
                              "%s: the extension names no format: .pcap, .pcapng or .csv is right",
                              path);
    } else if (dataset->table->schema != WEIR_PACKETS) {
        return weir_error_set(error, WEIR_EDATA,
                              "%s: %s cannot be written as a capture; .csv is right", path,
                              dataset->table->schema == WEIR_SERIES ? "series" : "flow records");
    } else {
        status = weir_write_capture(dataset, path, ng, &counters, error);
    }
    if (!status && notes)
        *notes = weir_counters_json(&counters);
    return status;
}

int weir_dataset_write(const weir_dataset *dataset, const char *path, weir_error *error)
{
    return weir_dataset_write_noted(dataset, path, NULL, error);
}
