/* Training curves: a figure a curve, with the lines of all seeds and parts, and where stages end.
 */
#include "report/gather.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 64, LINES = 12 };

/* The figure of an entry's curve on a trace, which may be there from another seed. */
static report_figure *figure_of(report_gathering *in, size_t trace, const report_entry *entry,
                                const char *curve)
{
    char *title = report_string(in->model->store, in->error, "%s: %s", entry->label, curve);
    report_figure *figure;

    for (size_t i = 0; title && i < in->figures->count; i++) {
        figure = &in->figures->list[i];
        if (figure->kind == REPORT_TRAINING && figure->trace == trace &&
            !strcmp(figure->title, title))
            return figure;
    }
    figure = title ? report_figure_new(in, REPORT_TRAINING, trace, title) : NULL;
    if (figure)
        figure->x_label = "step";
    return figure;
}

/* Upright lines where the stages of a fit ended, but for the last. */
static void mark_stages(report_gathering *in, report_figure *figure, const report_job *job)
{
    const json_t *part = json_array_get(json_object_get(job->status, "training"), 0);
    const json_t *stages = json_object_get(part, "stages");
    const report_curve *curve = &figure->curves[figure->curve_count - 1];
    size_t n = json_array_size(stages);

    if (figure->mark_count || figure->curve_count > 1 || !curve->n)
        return;
    for (size_t i = 0; i + 1 < n && figure->mark_count < 8; i++) {
        double step = report_json_number(json_array_get(stages, i), "step", 0);

        if (step > curve->x[0] && step < curve->x[curve->n - 1])
            figure->marks[figure->mark_count++] = step;
    }
    if (figure->mark_count)
        figure->caption = report_string(in->model->store, in->error, "upright: a stage ends");
}

/* The rows of one curve of a fit, as a line of its figure. */
static void add_line(report_gathering *in, size_t trace, const report_entry *entry,
                     const report_job *job, const report_csv *csv, const size_t columns[3],
                     const char *name, const char *line, int colour)
{
    report_figure *figure = figure_of(in, trace, entry, name);
    report_csv part = *csv;

    if (!figure || figure->curve_count >= LINES)
        return;
    part.rows = 0;
    part.fields = malloc((csv->rows + 1) * csv->columns * sizeof *part.fields);
    if (!part.fields) {
        weir_error_memory(in->error, csv->rows * sizeof *part.fields, "a curve");
        return;
    }
    for (size_t i = 0; i < csv->rows; i++)
        if (!strcmp(report_csv_field(csv, i, columns[0]), name))
            memcpy(part.fields + ++part.rows * csv->columns, csv->fields + (i + 1) * csv->columns,
                   csv->columns * sizeof *part.fields);
    if (report_curve_read(in, figure, &part, columns[1], columns[2], true, line, colour) &&
        figure->curve_count)
        mark_stages(in, figure, job);
    free(part.fields);
}

/* curves.csv of a fit: curve,step,value. */
static void add_fit(report_gathering *in, size_t trace, const report_entry *entry,
                    const report_job *job, const char *seed, int colour)
{
    report_store *store = in->model->store;
    const json_t *inputs = json_object_get(job->spec, "inputs");
    double number = report_json_number(inputs, "part", 0);
    char *path = report_string(store, in->error, "%s/jobs/%s/curves.csv", store->folder, job->id);
    FILE *file = path ? fopen(path, "rb") : NULL;
    const char *names[NAMES], *line;
    size_t count = 0, columns[3];
    report_csv csv;
    int at[3];

    if (!file)
        return;
    fclose(file);
    if (!report_gather_file(in, job, "curves.csv", &csv))
        return;
    line = number > 0 ? report_string(store, in->error, "seed %s, part %.0f", seed, number + 1)
                      : report_string(store, in->error, "seed %s", seed);
    at[0] = report_csv_column(&csv, "curve");
    at[1] = report_csv_column(&csv, "step");
    at[2] = report_csv_column(&csv, "value");
    for (size_t i = 0; i < csv.rows && at[0] >= 0 && count < NAMES; i++) {
        const char *name = report_csv_field(&csv, i, (size_t)at[0]);
        bool known = false;

        for (size_t k = 0; k < count && !known; k++)
            known = !strcmp(names[k], name);
        if (!known)
            names[count++] = name;
    }
    for (size_t i = 0; i < 3; i++)
        columns[i] = at[i] < 0 ? 0 : (size_t)at[i];
    for (size_t i = 0; i < count && at[1] >= 0 && at[2] >= 0 && line; i++)
        add_line(in, trace, entry, job, &csv, columns, names[i], line, colour);
    report_csv_free(&csv);
}

void report_training_figures(report_gathering *in, size_t trace, const report_entry *entry)
{
    enum { SEEDS = 6, ROOM = 64 };
    const report_model *model = in->model;
    const char *dataset = model->datasets[model->traces[trace].main].name;
    const char *seeds[SEEDS];
    size_t count = 0;

    for (size_t i = 0; i < model->store->row_count && count < SEEDS; i++) {
        const report_row *row = &model->store->rows[i];
        const report_job *jobs[ROOM];
        bool known = strcmp(row->dataset, dataset) || strcmp(row->label, entry->label) ||
                     strcmp(row->generator, entry->generator);
        size_t n;

        for (size_t k = 0; k < count && !known; k++)
            known = !strcmp(seeds[k], row->seed);
        if (known)
            continue;
        seeds[count++] = row->seed;
        n = report_chain(model->store, row->job, jobs, ROOM);
        for (size_t k = 0; k < n; k++)
            add_fit(in, trace, entry, jobs[k], row->seed, (int)count - 1);
    }
}
