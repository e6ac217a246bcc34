/* The figures that a script made (exp:figure): read from the store, and as numbers. */
#include "report/gather.h"
#include "report/html.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINES = 24 };

static double finite_number(const json_t *object, const char *key)
{
    double number = report_json_number(object, key, NAN);

    return isfinite(number) ? number : NAN;
}

static bool has_interval(const report_curve *curve, size_t i)
{
    return !isnan(curve->low[i]) && !isnan(curve->high[i]);
}

/* A line's points, which are in order of x; false where they are none. */
static bool read_line(report_gathering *in, report_figure *figure, const json_t *line, int colour)
{
    const json_t *points = json_object_get(line, "points"), *point;
    char *name = report_string(in->model->store, in->error, "%s", report_json_text(line, "label"));
    report_curve *curve = name ? report_curve_new(in, figure, name, colour) : NULL;
    size_t i;

    if (!curve)
        return false;
    curve->low = report_alloc(in->model->store, REPORT_POINTS, sizeof *curve->low, in->error);
    curve->high = report_alloc(in->model->store, REPORT_POINTS, sizeof *curve->high, in->error);
    json_array_foreach(points, i, point)
    {
        double x = finite_number(point, "x"), y = finite_number(point, "y");
        bool usable =
            !isnan(x) && !isnan(y) && (!figure->log_x || x > 0) && (i == 0 || x > curve->x[i - 1]);

        if (!usable || curve->n >= REPORT_POINTS || !curve->low || !curve->high)
            return false;
        curve->x[curve->n] = x;
        curve->y[curve->n] = y;
        curve->low[curve->n] = finite_number(point, "low");
        curve->high[curve->n] = finite_number(point, "high");
        figure->apart |= colour > 0 && has_interval(curve, curve->n);
        curve->n++;
    }
    return curve->n > 0;
}

static void read_figure(report_gathering *in, const json_t *document)
{
    report_store *store = in->model->store;
    const json_t *lines = json_object_get(document, "lines"), *line;
    const char *name = report_json_text(document, "name");
    report_figure *figure = report_figure_new(
        in, REPORT_OWN, SIZE_MAX,
        report_string(store, in->error, "%s", report_json_text(document, "title")));
    bool usable = json_array_size(lines) > 0 && json_array_size(lines) <= LINES;
    size_t i;

    if (!figure)
        return;
    figure->x_label = report_string(store, in->error, "%s", report_json_text(document, "x"));
    figure->y_label = report_string(store, in->error, "%s", report_json_text(document, "y"));
    figure->log_x = json_is_true(json_object_get(document, "log_x"));
    json_array_foreach(lines, i, line) usable =
        usable && read_line(in, figure, line, (int)figure->curve_count);
    if (figure->apart)
        figure->caption = "lines stand a little beside each other, so that bars can be seen";
    if (usable && in->error->status == WEIR_OK)
        return;
    in->figures->count--;
    report_note(store,
                report_string(store, in->error,
                              "%s/figures.json: the figure '%s' is not as exp:figure writes it",
                              store->folder, name),
                in->error);
}

void report_own_figures(report_gathering *in)
{
    report_store *store = in->model->store;
    char *path = report_string(store, in->error, "%s/figures.json", store->folder);
    json_error_t where;
    struct stat info;
    json_t *list, *document;
    size_t i;

    if (!path || stat(path, &info) != 0)
        return;
    list = json_load_file(path, 0, &where);
    if (!json_is_array(list))
        report_note(store,
                    report_string(store, in->error, "%s:%d: %s", path, list ? 1 : where.line,
                                  list ? "is not a JSON array" : where.text),
                    in->error);
    json_array_foreach(list, i, document) if (in->error->status == WEIR_OK)
        read_figure(in, document);
    json_decref(list);
}

/* ---- As numbers ------------------------------------------------------------------------------ */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Every x of a figure once, in order; NULL with out failed. */
static double *all_x(report_text *out, const report_figure *figure, size_t *count)
{
    size_t n = 0, kept = 0;
    double *x = malloc((figure->curve_count * REPORT_POINTS + 1) * sizeof *x);

    out->failed |= !x;
    for (size_t c = 0; x && c < figure->curve_count; c++)
        for (size_t i = 0; i < figure->curves[c].n; i++)
            x[n++] = figure->curves[c].x[i];
    if (x)
        qsort(x, n, sizeof *x, compare_numbers);
    for (size_t i = 0; x && i < n; i++)
        if (i == 0 || x[i] > x[kept - 1])
            x[kept++] = x[i];
    *count = kept;
    return x;
}

/* The place of x in a curve, or SIZE_MAX. */
static size_t point_at(const report_curve *curve, double x)
{
    for (size_t i = 0; i < curve->n; i++)
        if (curve->x[i] >= x && curve->x[i] <= x)
            return i;
    return SIZE_MAX;
}

static void numbers_html(report_text *out, const report_figure *figure)
{
    char text[REPORT_NUMBER];
    size_t n;
    double *x = all_x(out, figure, &n);

    report_table_open(out, figure->title);
    report_add(out, "<thead><tr><th>");
    report_html(out, *figure->x_label ? figure->x_label : "x");
    report_add(out, "</th>");
    for (size_t c = 0; c < figure->curve_count; c++) {
        report_add(out, "<th>");
        report_html(out, figure->curves[c].name);
        report_add(out, "</th>");
    }
    report_add(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; x && i < n; i++) {
        report_format(out, "<tr><td title=\"%.17g\">%.6g</td>", x[i], x[i]);
        for (size_t c = 0; c < figure->curve_count; c++) {
            const report_curve *curve = &figure->curves[c];
            size_t at = point_at(curve, x[i]);

            if (at == SIZE_MAX) {
                report_add(out, "<td class=\"none\">–</td>");
                continue;
            }
            report_format(out, "<td title=\"%.17g\">%s", curve->y[at],
                          report_digits(curve->y[at], text));
            if (has_interval(curve, at)) {
                report_format(out, "<span class=\"range\">%s", report_digits(curve->low[at], text));
                report_format(out, " – %s</span>", report_digits(curve->high[at], text));
            }
            report_add(out, "</td>");
        }
        report_add(out, "</tr>\n");
    }
    report_add(out, "</tbody>\n");
    report_table_close(out);
    free(x);
}

bool report_own_any(const report_figures *figures)
{
    for (size_t i = 0; i < figures->count; i++)
        if (figures->list[i].kind == REPORT_OWN)
            return true;
    return false;
}

void report_own_html(report_text *out, const report_figures *figures)
{
    if (!report_own_any(figures))
        return;
    report_add(out,
               "<section id=\"figures\">\n<h2>Figures of the experiment</h2>\n<p class=\"small "
               "soft\">Made by the script. Bars, and the ranges in the tables, are the "
               "intervals that it gave.</p>\n");
    for (size_t i = 0; i < figures->count; i++) {
        const report_figure *figure = &figures->list[i];

        if (figure->kind != REPORT_OWN)
            continue;
        report_add(out, "<div class=\"own\">\n");
        if (figure->markup) {
            report_figure_html(out, figure);
        } else {
            report_add(out, "<h3>");
            report_html(out, figure->title);
            report_add(out, "</h3>\n<p class=\"small soft\">");
            report_html(out, figure->y_label);
            report_add(out, *figure->y_label ? " by " : "By ");
            report_html(out, *figure->x_label ? figure->x_label : "x");
            report_add(out, "</p>\n");
        }
        numbers_html(out, figure);
        report_add(out, "</div>\n");
    }
    report_add(out, "</section>\n");
}

void report_own_markdown(report_text *out, const report_figures *figures)
{
    char text[REPORT_NUMBER];

    if (report_own_any(figures))
        report_add(out, "## Figures of the experiment\n\n");
    for (size_t f = 0; f < figures->count; f++) {
        const report_figure *figure = &figures->list[f];
        size_t n;
        double *x;

        if (figure->kind != REPORT_OWN)
            continue;
        x = all_x(out, figure, &n);
        report_add(out, "### ");
        report_markdown(out, figure->title);
        report_add(out, "\n\n| ");
        report_markdown(out, *figure->x_label ? figure->x_label : "x");
        report_add(out, " |");
        for (size_t c = 0; c < figure->curve_count; c++) {
            report_add(out, " ");
            report_markdown(out, figure->curves[c].name);
            report_add(out, *figure->y_label ? ": " : "");
            report_markdown(out, figure->y_label);
            report_add(out, " |");
        }
        report_add(out, "\n|---:|");
        for (size_t c = 0; c < figure->curve_count; c++)
            report_add(out, "---:|");
        for (size_t i = 0; x && i < n; i++) {
            report_format(out, "\n| %.6g |", x[i]);
            for (size_t c = 0; c < figure->curve_count; c++) {
                const report_curve *curve = &figure->curves[c];
                size_t at = point_at(curve, x[i]);

                report_format(out, " %s", at == SIZE_MAX ? "–" : report_digits(curve->y[at], text));
                if (at != SIZE_MAX && has_interval(curve, at)) {
                    report_format(out, " (%s", report_digits(curve->low[at], text));
                    report_format(out, " – %s)", report_digits(curve->high[at], text));
                }
                report_add(out, " |");
            }
        }
        report_add(out, "\n\n");
        free(x);
    }
}
