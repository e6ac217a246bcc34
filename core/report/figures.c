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

/* The curves of that name of every entry over each other, with the real data's, which is theirs
 * all: a new figure, or NULL where there are none. feature: as first_row takes it. */
static report_figure *overlay(report_gathering *in, report_figure_kind kind, size_t trace,
                              size_t feature, const char *name, const char *title)
{
    const report_model *model = in->model;
    report_figure *figure = NULL;

    for (size_t e = 0; e < model->entry_count && in->error->status == WEIR_OK; e++) {
        const report_entry *entry = &model->entries[e];
        const report_row *row =
            entry->role == REPORT_FLOOR
                ? NULL
                : first_row(in, (size_t)model->traces[trace].main, feature, entry, name);
        const report_job *job = row ? report_find_job(model->store, row->job) : NULL;
        report_csv csv;
        int real, synthetic;

        if (!job ||
            !report_gather_file(in, job, report_json_text(artefact(job, name), "file"), &csv))
            continue;
        real = report_csv_column(&csv, "real");
        synthetic = report_csv_column(&csv, "synthetic");
        if (real > 0 && synthetic > 0) {
            if (!figure) {
                figure = report_figure_new(in, kind, trace, title);
                if (figure) {
                    figure->caption = report_string(model->store, in->error, "seed %s", row->seed);
                    report_curve_read(in, figure, &csv, 0, (size_t)real, false, "real",
                                      REPORT_BLACK);
                }
            }
            if (figure)
                report_curve_read(in, figure, &csv, 0, (size_t)synthetic, false, entry->label,
                                  entry->colour);
        }
        report_csv_free(&csv);
    }
    return figure;
}

static void cdf(report_gathering *in, size_t trace, size_t feature)
{
    const report_feature *what = &in->model->features[feature];
    report_store *store = in->model->store;
    char *name = report_string(store, in->error, "cdf_%s", what->label);
    char *title = report_string(store, in->error, "%s%s%s", what->label, *what->title ? ", " : "",
                                what->title);
    report_figure *figure =
        name && title ? overlay(in, REPORT_CDF, trace, feature, name, title) : NULL;

    if (figure) {
        figure->x_label = what->unit;
        figure->log_x = wants_log(figure);
    }
}

/* The intensities of the pixels of images. */
static void pixels(report_gathering *in, size_t trace)
{
    report_figure *figure =
        overlay(in, REPORT_PIXELS, trace, SIZE_MAX, "pixels", "Intensities of the pixels");

    if (figure) {
        figure->x_label = "intensity";
        figure->y_label = "density";
    }
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

/* Whether the trace has images of that title: several score jobs leave the same. */
static bool gathered(const report_gathering *in, size_t trace, const char *title)
{
    for (size_t i = 0; i < in->figures->count; i++)
        if (in->figures->list[i].kind == REPORT_IMAGES && in->figures->list[i].trace == trace &&
            !strcmp(in->figures->list[i].title, title))
            return true;
    return false;
}

static bool leaves(const report_job *job, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach(job ? job->artefacts : NULL, i,
                       item) if (!strcmp(report_json_text(item, "name"), name)) return true;
    return false;
}

/* "seed 1; seeds 2, 3 are in the store": which seeds of an entry left an artefact, and which one is
 * shown. */
static const char *seeds_of(report_gathering *in, size_t trace, const report_entry *entry,
                            const char *name, const char *shown)
{
    enum { SEEDS = 12 };
    report_store *store = in->model->store;
    const char *dataset = in->model->datasets[in->model->traces[trace].main].name;
    const char *seeds[SEEDS], *text = "";
    size_t n = 0;

    for (size_t i = 0; i < store->row_count && n < SEEDS; i++) {
        const report_row *row = &store->rows[i];
        bool known = !strcmp(row->seed, shown) || strcmp(row->dataset, dataset) ||
                     strcmp(row->label, entry->label) || strcmp(row->generator, entry->generator);

        for (size_t k = 0; k < n && !known; k++)
            known = !strcmp(seeds[k], row->seed);
        if (!known && leaves(report_find_job(store, row->job), name))
            seeds[n++] = row->seed;
    }
    for (size_t k = 0; k < n && text; k++)
        text = report_string(store, in->error, "%s%s%s", text, k ? ", " : "", seeds[k]);
    text = n ? report_string(store, in->error, "seed %s; %s %s in the store", shown,
                             n > 1 ? "seeds" : "seed", text ? text : "")
             : report_string(store, in->error, "seed %s", shown);
    return text ? text : "";
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
        bool images = !strcmp(kind, "images"), curve = !strcmp(kind, "curve");
        char *title = report_string(in->model->store, in->error, "%s: %s", entry->label, name);
        report_figure *figure;
        report_csv csv;

        if (!title || !strncmp(name, "cdf_", 4) || !strcmp(name, "rate") ||
            (curve && !strcmp(name, "pixels")) || (images && gathered(in, trace, title)) ||
            !report_gather_file(in, job, report_json_text(item, "file"), &csv))
            continue;
        figure = report_figure_new(in, images ? REPORT_IMAGES : REPORT_ARTEFACT, trace, title);
        if (figure) {
            figure->reference = entry->role != REPORT_GENERATOR;
            figure->caption = images ? seeds_of(in, trace, entry, name, seed)
                                     : report_string(in->model->store, in->error, "seed %s", seed);
            if (images)
                report_images(in, figure, &csv);
            else if (!curve)
                report_matrix(in, figure, &csv);
            for (size_t c = 1; curve && c < csv.columns; c++)
                report_curve_read(in, figure, &csv, 0, c, false,
                                  report_string(in->model->store, in->error, "%s", csv.names[c]),
                                  (int)c - 1);
            figure->x_label =
                curve ? report_string(in->model->store, in->error, "%s", csv.names[0]) : "";
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
        if (error->status == WEIR_OK)
            pixels(&in, t);
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
