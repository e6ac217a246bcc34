/* What the jobs left to look at, gathered: which curves belong into one figure. */
#include "report/figures.h"
#include "report/gather.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

report_figure *report_figure_new(report_gathering *in, report_figure_kind kind, size_t trace,
                                 const char *title)
{
    report_figures *figures = in->figures;
    report_figure *figure;

    if (figures->count == figures->room) {
        size_t room = figures->room ? 2 * figures->room : 16;
        report_figure *grown = report_alloc(in->model->store, room, sizeof *grown, in->error);

        if (!grown)
            return NULL;
        if (figures->count)
            memcpy(grown, figures->list, figures->count * sizeof *grown);
        figures->list = grown;
        figures->room = room;
    }
    figure = &figures->list[figures->count++];
    *figure = (report_figure){.kind = kind,
                              .trace = trace,
                              .title = title ? title : "",
                              .caption = "",
                              .x_label = "",
                              .y_label = ""};
    return figure;
}

/* A job's file as CSV, by its name inside the job's folder; false with a note if it is unusable. */
bool report_gather_file(report_gathering *in, const report_job *job, const char *name,
                        report_csv *csv)
{
    weir_error problem = {0};
    char *path = report_string(in->model->store, in->error, "%s/jobs/%s/%s",
                               in->model->store->folder, job->id, name);

    if (!path)
        return false;
    if (*name == '/' || strstr(name, ".."))
        weir_error_set(&problem, WEIR_EDATA, "%s: an artefact lies in its job's folder", path);
    else if (report_csv_read(csv, path, &problem) == WEIR_OK)
        return true;
    report_note(in->model->store, problem.text, in->error);
    return false;
}

/* The artefact of that name and kind, or NULL. */
static const json_t *artefact(const report_job *job, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(job ? job->artefacts : NULL, i,
                       entry) if (!strcmp(report_json_text(entry, "name"), name) &&
                                  !strcmp(report_json_text(entry, "kind"), "curve")) return entry;
    return NULL;
}

report_curve *report_curve_new(report_gathering *in, report_figure *figure, const char *name,
                               int colour)
{
    report_store *store = in->model->store;
    report_curve *grown, *curve;

    /* Room is doubled at powers of two. */
    if ((figure->curve_count & (figure->curve_count - 1)) == 0) {
        grown = report_alloc(store, figure->curve_count ? 2 * figure->curve_count : 1,
                             sizeof *grown, in->error);
        if (!grown)
            return NULL;
        if (figure->curve_count)
            memcpy(grown, figure->curves, figure->curve_count * sizeof *grown);
        figure->curves = grown;
    }
    curve = &figure->curves[figure->curve_count];
    *curve = (report_curve){.name = name, .colour = colour};
    curve->x = report_alloc(store, REPORT_POINTS, sizeof *curve->x, in->error);
    curve->y = report_alloc(store, REPORT_POINTS, sizeof *curve->y, in->error);
    if (!curve->x || !curve->y)
        return NULL;
    figure->curve_count++;
    return curve;
}

bool report_curve_read(report_gathering *in, report_figure *figure, const report_csv *csv,
                       size_t x_column, size_t y_column, bool mean, const char *name, int colour)
{
    report_curve *curve = report_curve_new(in, figure, name, colour);
    double *x = malloc((csv->rows + 1) * sizeof *x), *y = malloc((csv->rows + 1) * sizeof *y);
    size_t n = 0, step;
    char *end;

    if (!curve || !x || !y) {
        weir_error_memory(in->error, csv->rows * sizeof *x, "a curve");
        free(x);
        free(y);
        return false;
    }
    for (size_t i = 0; i < csv->rows; i++) {
        const char *text = report_csv_field(csv, i, x_column);

        x[n] = strtod(text, &end);
        if (end == text || *end || !isfinite(x[n]))
            continue;
        text = report_csv_field(csv, i, y_column);
        y[n] = strtod(text, &end);
        n += end != text && !*end && isfinite(y[n]);
    }
    step = mean ? (n + REPORT_POINTS - 1) / REPORT_POINTS : 1;
    if (mean && step > 0) {
        for (size_t i = 0; i < n; i += step) {
            double sum = 0;
            size_t run = n - i < step ? n - i : step;

            for (size_t j = i; j < i + run; j++)
                sum += y[j];
            curve->x[curve->n] = x[i];
            curve->y[curve->n++] = sum / (double)run;
        }
    } else {
        size_t points = n < REPORT_POINTS ? n : REPORT_POINTS;

        for (size_t i = 0; i < points; i++) {
            size_t at = n <= REPORT_POINTS ? i : i * (n - 1) / (points - 1);

            curve->x[curve->n] = x[at];
            curve->y[curve->n++] = y[at];
        }
    }
    free(x);
    free(y);
    figure->curve_count -= curve->n == 0;
    return true;
}

/* Whether the positive x, without the lowest half per cent, span more than two and a half decades.
 */
static bool wants_log(const report_figure *figure)
{
    double low = HUGE_VAL, high = 0;

    for (size_t c = 0; c < figure->curve_count; c++)
        for (size_t i = 0; i < figure->curves[c].n; i++) {
            double x = figure->curves[c].x[i], y = figure->curves[c].y[i];

            if (x > 0 && y > 0.005)
                low = fmin(low, x);
            high = fmax(high, x);
        }
    return high / low > 300;
}

static double seed_number(const char *seed)
{
    return strtod(seed, NULL);
}

/* The row of an entry on a dataset with the lowest seed whose job satisfies: it left the curve
 * `name` (any row where name is NULL). feature SIZE_MAX: of any feature. */
static const report_row *first_row(const report_gathering *in, size_t dataset, size_t feature,
                                   const report_entry *entry, const char *name)
{
    const report_store *store = in->model->store;
    const report_feature *what = feature == SIZE_MAX ? NULL : &in->model->features[feature];
    const report_row *found = NULL;

    for (size_t i = 0; i < store->row_count; i++) {
        const report_row *row = &store->rows[i];

        if (strcmp(row->label, entry->label) || strcmp(row->generator, entry->generator) ||
            strcmp(row->dataset, in->model->datasets[dataset].name))
            continue;
        if (what && (strcmp(row->feature, what->label) || strcmp(row->plugin, what->plugin) ||
                     strcmp(row->variant, what->variant)))
            continue;
        if (found && seed_number(row->seed) >= seed_number(found->seed))
            continue;
        if (!name || artefact(report_find_job(store, row->job), name))
            found = row;
    }
    return found;
}

/* "seed 1" of the curves, and what else the reader must know. */
static void cdf(report_gathering *in, size_t trace, size_t feature)
{
    const report_model *model = in->model;
    const report_feature *what = &model->features[feature];
    size_t dataset = (size_t)model->traces[trace].main;
    char *name = report_string(model->store, in->error, "cdf_%s", what->label);
    report_figure *figure = NULL;

    for (size_t e = 0; name && e < model->entry_count && in->error->status == WEIR_OK; e++) {
        const report_entry *entry = &model->entries[e];
        const report_row *row =
            entry->role == REPORT_FLOOR ? NULL : first_row(in, dataset, feature, entry, name);
        const report_job *job = row ? report_find_job(model->store, row->job) : NULL;
        report_csv csv;
        int x, real, synthetic;

        if (!job ||
            !report_gather_file(in, job, report_json_text(artefact(job, name), "file"), &csv))
            continue;
        x = report_csv_column(&csv, "x");
        real = report_csv_column(&csv, "real");
        synthetic = report_csv_column(&csv, "synthetic");
        if (x >= 0 && real >= 0 && synthetic >= 0) {
            if (!figure) {
                figure =
                    report_figure_new(in, REPORT_CDF, trace,
                                      report_string(model->store, in->error, "%s%s%s", what->label,
                                                    *what->title ? ", " : "", what->title));
                if (figure) {
                    figure->x_label = what->unit;
                    figure->caption = report_string(model->store, in->error, "seed %s", row->seed);
                    report_curve_read(in, figure, &csv, (size_t)x, (size_t)real, false, "real",
                                      REPORT_BLACK);
                }
            }
            if (figure)
                report_curve_read(in, figure, &csv, (size_t)x, (size_t)synthetic, false,
                                  entry->label, entry->colour);
        }
        report_csv_free(&csv);
    }
    if (figure)
        figure->log_x = wants_log(figure);
}

static void rate(report_gathering *in, size_t trace, const report_entry *entry)
{
    const report_row *row =
        first_row(in, (size_t)in->model->traces[trace].main, SIZE_MAX, entry, "rate");
    const report_job *job = row ? report_find_job(in->model->store, row->job) : NULL;
    report_figure *figure;
    report_csv csv;
    int x, real, synthetic;

    if (!job || !report_gather_file(in, job, report_json_text(artefact(job, "rate"), "file"), &csv))
        return;
    x = report_csv_column(&csv, "time");
    real = report_csv_column(&csv, "real");
    synthetic = report_csv_column(&csv, "synthetic");
    figure = x >= 0 && real >= 0 && synthetic >= 0
                 ? report_figure_new(in, REPORT_RATE, trace, entry->label)
                 : NULL;
    if (figure) {
        figure->x_label = "s";
        figure->y_label = "packets/s";
        figure->caption = report_string(in->model->store, in->error, "seed %s", row->seed);
        report_curve_read(in, figure, &csv, (size_t)x, (size_t)real, true, "real", REPORT_GREY);
        report_curve_read(in, figure, &csv, (size_t)x, (size_t)synthetic, true, entry->label,
                          entry->colour < 0 ? REPORT_BLACK : entry->colour);
    }
    report_csv_free(&csv);
}

/* ---- Pictures -------------------------------------------------------------------------------- */

enum { SIDE = 256, IMAGES = 24 };

/* Values to grey, dark for high; larger pictures are cut down by leaving rows and columns out. */
static void picture(report_text *out, const double *values, size_t width, size_t height,
                    const char *alt)
{
    size_t across = width < SIDE ? width : SIDE, down = height < SIDE ? height : SIDE;
    unsigned char *pixels = malloc(across * down + 1);
    double low = HUGE_VAL, high = -HUGE_VAL;

    for (size_t i = 0; i < width * height; i++)
        if (isfinite(values[i])) {
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
    if (!pixels) {
        out->failed = true;
        return;
    }
    for (size_t y = 0; y < down; y++)
        for (size_t x = 0; x < across; x++) {
            double value = values[y * height / down * width + x * width / across];

            pixels[y * across + x] =
                isfinite(value) && high > low
                    ? (unsigned char)(255 - lround(255 * (value - low) / (high - low)))
                    : 255;
        }
    report_png(out, pixels, across, down, alt);
    free(pixels);
}

static double value_at(const report_csv *csv, size_t row, size_t column)
{
    const char *text = report_csv_field(csv, row, column);
    char *end;
    double value = strtod(text, &end);

    return end == text || *end ? NAN : value;
}

/* images: label,height,width,v0,…; matrix: its rows. */
static void pictures(report_gathering *in, report_figure *figure, const report_csv *csv,
                     bool images)
{
    report_text out = {0};
    double *values = malloc((csv->columns * (images ? 1 : csv->rows) + 1) * sizeof *values);
    size_t shown = csv->rows < IMAGES ? csv->rows : IMAGES;

    if (!values) {
        weir_error_memory(in->error, csv->columns * sizeof *values, "a picture");
        return;
    }
    if (!images) {
        for (size_t i = 0; i < csv->rows * csv->columns; i++)
            values[i] = value_at(csv, i / csv->columns, i % csv->columns);
        if (csv->rows)
            picture(&out, values, csv->columns, csv->rows, figure->title);
    }
    for (size_t i = 0; images && i < shown; i++) {
        double height = csv->columns > 3 ? value_at(csv, i, 1) : NAN;
        double width = csv->columns > 3 ? value_at(csv, i, 2) : NAN;

        if (!(height >= 1 && width >= 1 && height * width <= (double)(csv->columns - 3)))
            continue;
        for (size_t v = 0; v < (size_t)(height * width); v++)
            values[v] = value_at(csv, i, v + 3);
        report_add(&out, "<span class=\"tile\">");
        picture(&out, values, (size_t)width, (size_t)height, report_csv_field(csv, i, 0));
        report_html(&out, report_csv_field(csv, i, 0));
        report_add(&out, "</span>");
    }
    if (out.failed)
        weir_error_memory(in->error, out.size, "a picture");
    else if (out.used)
        figure->markup = report_string(in->model->store, in->error, "%s", out.data);
    if (images && shown < csv->rows)
        figure->caption = report_string(in->model->store, in->error, "%s; %zu of %zu images",
                                        figure->caption, shown, csv->rows);
    report_free(&out);
    free(values);
}

/* Every artefact of a job that has no place of its own. */
static void others(report_gathering *in, size_t trace, const report_entry *entry,
                   const report_job *job, const char *seed)
{
    const json_t *item;
    size_t i;

    json_array_foreach(job->artefacts, i, item)
    {
        const char *name = report_json_text(item, "name"), *kind = report_json_text(item, "kind");
        report_figure *figure;
        report_csv csv;

        if (!strncmp(name, "cdf_", 4) || !strcmp(name, "rate") ||
            !report_gather_file(in, job, report_json_text(item, "file"), &csv))
            continue;
        figure = report_figure_new(
            in, REPORT_ARTEFACT, trace,
            report_string(in->model->store, in->error, "%s: %s", entry->label, name));
        if (figure) {
            figure->caption = report_string(in->model->store, in->error, "seed %s", seed);
            if (strcmp(kind, "curve"))
                pictures(in, figure, &csv, !strcmp(kind, "images"));
            for (size_t c = 1; !strcmp(kind, "curve") && c < csv.columns; c++)
                report_curve_read(in, figure, &csv, 0, c, false,
                                  report_string(in->model->store, in->error, "%s", csv.names[c]),
                                  (int)c - 1);
            figure->x_label = strcmp(kind, "curve")
                                  ? ""
                                  : report_string(in->model->store, in->error, "%s", csv.names[0]);
        }
        report_csv_free(&csv);
    }
}

/* The jobs of an entry's first seed: its fit and sample, and its scores. */
static void first_jobs(report_gathering *in, size_t trace, const report_entry *entry)
{
    enum { ROOM = 64 };
    const report_store *store = in->model->store;
    size_t dataset = (size_t)in->model->traces[trace].main, n, done = 0;
    const report_row *first = first_row(in, dataset, SIZE_MAX, entry, NULL);
    const report_job *jobs[ROOM], *scored[ROOM];

    if (!first)
        return;
    report_training_figures(in, trace, entry);
    n = report_chain(store, first->job, jobs, ROOM);
    for (size_t i = 0; i < n; i++) {
        others(in, trace, entry, jobs[i], first->seed);
    }
    for (size_t i = 0; i < store->row_count && done < ROOM; i++) {
        const report_row *row = &store->rows[i];
        const report_job *job = report_find_job(store, row->job);
        bool known = !job;

        for (size_t j = 0; j < done; j++)
            known |= scored[j] == job;
        if (known || strcmp(row->label, entry->label) || strcmp(row->generator, entry->generator) ||
            strcmp(row->seed, first->seed) ||
            strcmp(row->dataset, in->model->datasets[dataset].name))
            continue;
        scored[done++] = job;
        others(in, trace, entry, job, first->seed);
    }
}

int report_collect(const report_model *model, report_figures *figures, weir_error *error)
{
    report_gathering in = {model, figures, error};

    memset(figures, 0, sizeof *figures);
    figures->problem = "";
    report_own_figures(&in);
    for (size_t t = 0; t < model->trace_count; t++) {
        for (size_t f = 0; f < model->feature_count; f++)
            if (model->features[f].counted && error->status == WEIR_OK)
                cdf(&in, t, f);
        for (size_t e = 0; e < model->entry_count; e++)
            if (model->entries[e].role != REPORT_FLOOR && error->status == WEIR_OK)
                rate(&in, t, &model->entries[e]);
        for (size_t e = 0; e < model->entry_count; e++)
            if (model->entries[e].role != REPORT_FLOOR && error->status == WEIR_OK)
                first_jobs(&in, t, &model->entries[e]);
        if (error->status == WEIR_OK)
            report_front_figures(&in, t);
    }
    return error->status;
}
