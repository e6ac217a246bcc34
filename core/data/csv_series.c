/* Series in the long form: series,label,step,CHANNEL…, one line a step. Two columns are reserved,
 * both of one value throughout: step_seconds (0 or absent: one step a packet) and steps (the length
 * that every series is padded to; absent: that of the longest). A series without steps is one line
 * whose step is empty. */
#include "data/csv.h"
#include "data/number.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STEPS 1000000u

typedef struct long_form {
    weir_csv *csv;
    size_t channels[WEIR_MAX_CHANNELS]; /* fields */
    int64_t step_seconds, steps;        /* fields, -1: none */
    size_t fields;
    weir_series_shape shape;
    weir_dictionary series;
    uint32_t longest;
    const char *body; /* behind the header */
    uint64_t header_line;
} long_form;

static weir_csv_field constant(const char *text)
{
    return (weir_csv_field){.text = text, .n = strlen(text)};
}

static int fault(const long_form *form, const char *column, size_t field, const char *wanted,
                 weir_error *error)
{
    weir_csv_field name = constant(column);

    return weir_csv_fault(form->csv, &name, &form->csv->fields[field], wanted, error);
}

static int read_header(long_form *form, weir_error *error)
{
    const weir_csv *csv = form->csv;

    form->step_seconds = form->steps = -1;
    form->fields = csv->count;
    if (csv->count < 4 || !weir_csv_is(&csv->fields[1], "label") ||
        !weir_csv_is(&csv->fields[2], "step"))
        return weir_error_set(error, WEIR_EDATA,
                              "%s:%" PRIu64 ": a series table begins with series,label,step and at "
                              "least one channel",
                              csv->path, csv->line);
    for (size_t i = 3; i < csv->count; i++) {
        const weir_csv_field *field = &csv->fields[i];
        uint32_t c = form->shape.channels;

        if (weir_csv_is(field, "step_seconds")) {
            form->step_seconds = (int64_t)i;
            continue;
        }
        if (weir_csv_is(field, "steps")) {
            form->steps = (int64_t)i;
            continue;
        }
        if (c == WEIR_MAX_CHANNELS || !field->n || field->n >= sizeof form->shape.names[0])
            return weir_error_set(error, WEIR_EDATA,
                                  "%s:%" PRIu64 ": at most %d channels with names of 1 to 31 bytes",
                                  csv->path, csv->line, WEIR_MAX_CHANNELS);
        memcpy(form->shape.names[c], field->text, field->n);
        form->channels[c] = i;
        form->shape.channels++;
    }
    return WEIR_OK;
}

/* The step of the line at hand: -1 for none. */
static int step_of(const long_form *form, int64_t *step, weir_error *error)
{
    const weir_csv_field *field = &form->csv->fields[2];
    weir_decimal decimal;
    bool exact;

    *step = -1;
    if (!field->n)
        return WEIR_OK;
    if (!weir_decimal_parse(field->text, field->n, &decimal) ||
        !weir_decimal_integer(decimal, 0, step, &exact) || !exact || *step < 0 ||
        *step >= MAX_STEPS)
        return fault(form, "step", 2, "a step, 0 to 999999", error);
    return WEIR_OK;
}

static int number_of(const long_form *form, int64_t field, const char *column, double *value,
                     weir_error *error)
{
    const weir_csv_field *text = &form->csv->fields[field];

    if (!weir_real_parse(text->text, text->n, value) || *value < 0)
        return fault(form, column, (size_t)field, "a number of 0 or more", error);
    return WEIR_OK;
}

static int text_of(const long_form *form, const char *column, size_t field, char text[256],
                   weir_error *error)
{
    return weir_field_copy(&form->csv->fields[field], text)
               ? WEIR_OK
               : fault(form, column, field, "a text of at most 255 bytes", error);
}

/* The first pass: how many series there are and how long the longest is. */
static int measure(long_form *form, weir_error *error)
{
    weir_csv *csv = form->csv;
    double steps = 0;
    char name[256];
    int64_t step;
    int status;

    while ((status = weir_csv_next(csv, error)) == 1) {
        if (csv->count != form->fields)
            return weir_error_set(error, WEIR_EDATA,
                                  "%s:%" PRIu64 ": %zu fields, but the header names %zu", csv->path,
                                  csv->line, csv->count, form->fields);
        if ((status = step_of(form, &step, error)) != 0)
            return status;
        if ((status = text_of(form, "series", 0, name, error)) != 0)
            return status;
        if (weir_dictionary_add(&form->series, name, error) == UINT32_MAX)
            return WEIR_ENOMEM;
        if (form->longest < step + 1)
            form->longest = (uint32_t)(step + 1);
        if (form->steps >= 0 &&
            (status = number_of(form, form->steps, "steps", &steps, error)) != 0)
            return status;
        if (form->step_seconds >= 0 && (status = number_of(form, form->step_seconds, "step_seconds",
                                                           &form->shape.step_seconds, error)) != 0)
            return status;
    }
    if (status < 0)
        return status;
    if (steps > MAX_STEPS || steps != floor(steps))
        return weir_error_set(error, WEIR_EDATA, "%s: column 'steps': 1 to 1000000 is right",
                              csv->path);
    form->shape.steps = steps > form->longest ? (uint32_t)steps : form->longest;
    if (!form->shape.steps)
        form->shape.steps = 1;
    return WEIR_OK;
}

typedef struct filling {
    weir_table *table;
    float *values;
    uint32_t *length, *label;
    uint32_t *lines; /* of each series so far */
} filling;

static int take_line(const long_form *form, const filling *to, weir_error *error)
{
    const weir_csv *csv = form->csv;
    size_t width = (size_t)form->shape.steps * form->shape.channels;
    char series[256], label[256];
    uint32_t row, code;
    int64_t step;
    int status;

    if ((status = step_of(form, &step, error)) != 0 ||
        (status = text_of(form, "series", 0, series, error)) != 0 ||
        (status = text_of(form, "label", 1, label, error)) != 0)
        return status;
    row = weir_dictionary_find(&form->series, series);
    code = weir_category_add(to->table, "label", label, error);
    if (code == UINT32_MAX)
        return WEIR_ENOMEM;
    if (to->lines[row]++ == 0)
        to->label[row] = code;
    else if (to->label[row] != code)
        return fault(form, "label", 1, "the label that the series has in the lines before", error);
    if (step < 0)
        return WEIR_OK;
    if (to->length[row] < step + 1)
        to->length[row] = (uint32_t)(step + 1);
    for (uint32_t c = 0; c < form->shape.channels; c++) {
        const weir_csv_field *field = &csv->fields[form->channels[c]];
        double value;
        if (!weir_real_parse(field->text, field->n, &value) || !isfinite((float)value))
            return fault(form, form->shape.names[c], form->channels[c], "a number", error);
        to->values[row * width + (size_t)step * form->shape.channels + c] = (float)value;
    }
    return WEIR_OK;
}

/* The second pass. */
static int fill(const long_form *form, weir_reading *reading, weir_error *error)
{
    weir_csv *csv = form->csv;
    uint32_t count = form->series.count;
    filling to = {.table = reading->table,
                  .values = weir_f32_out(reading->table, "values"),
                  .length = weir_u32_out(reading->table, "length"),
                  .label = weir_codes_out(reading->table, "label"),
                  .lines = calloc((size_t)count + 1, sizeof *to.lines)};
    int status = to.lines ? WEIR_OK : weir_error_memory(error, count * 4, "series");

    csv->at = form->body;
    csv->line = form->header_line;
    while (!status && (status = weir_csv_next(csv, error)) == 1)
        status = take_line(form, &to, error);
    for (uint32_t row = 0; !status && row < count; row++) {
        if (to.lines[row] != (to.length[row] ? to.length[row] : 1))
            status =
                weir_error_set(error, WEIR_EDATA,
                               "%s: series '%s': %u lines for steps 0 to %u: one is missing or "
                               "stands twice",
                               csv->path, form->series.texts[row], to.lines[row],
                               to.length[row] ? to.length[row] - 1 : 0);
    }
    free(to.lines);
    return status;
}

int weir_csv_series(weir_reading *reading, weir_csv *csv, weir_error *error)
{
    long_form *form = calloc(1, sizeof *form);
    int status;

    if (!form)
        return weir_error_memory(error, sizeof *form, "reading");
    form->csv = csv;
    json_object_set_new(reading->file, "format", json_string("series csv"));
    status = read_header(form, error);
    form->body = csv->at;
    form->header_line = csv->line;
    if (!status)
        status = measure(form, error);
    if (!status && (status = weir_reading_schema(reading, WEIR_SERIES, &form->shape, error)) != 0)
        weir_error_prefix(error, "%s: ", csv->path);
    if (!status)
        status = weir_reading_grow(reading, (size_t)form->series.count + 1, error);
    if (!status)
        status = fill(form, reading, error);
    if (!status)
        reading->rows = reading->records = form->series.count;
    weir_dictionary_clear(&form->series);
    free(form);
    return status;
}
