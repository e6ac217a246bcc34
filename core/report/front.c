/* What a generator gives for what it costs: mean rank against training time, memory and size, with
 * the Pareto front. */
#include "report/gather.h"
#include <math.h>
#include <stdlib.h>

double report_measured(const report_model *model, size_t trace, size_t entry,
                       report_measure measure)
{
    const report_cost *cost = &model->costs[trace * model->entry_count + entry];
    double value = measure == REPORT_SECONDS  ? cost->training
                   : measure == REPORT_MEMORY ? cost->peak_memory
                                              : cost->model_bytes;

    return cost->runs && value > 0 ? value : NAN;
}

const char *report_measure_name(report_measure measure)
{
    static const char *const names[] = {"training time", "peak memory", "model size"};

    return names[measure];
}

static double rank_of(const report_model *model, size_t trace, size_t entry)
{
    for (size_t i = 0; i < model->entry_count; i++)
        if (model->boards[trace].lines[i].entry == entry)
            return entry < model->ranked ? model->boards[trace].lines[i].rank : NAN;
    return NAN;
}

bool report_on_front(const report_model *model, size_t trace, size_t entry, report_measure measure)
{
    double cost = report_measured(model, trace, entry, measure);
    double rank = rank_of(model, trace, entry);

    for (size_t e = 0; e < model->ranked; e++) {
        double other = report_measured(model, trace, e, measure);
        double others_rank = rank_of(model, trace, e);

        if (other <= cost && others_rank <= rank && (other < cost || others_rank < rank))
            return false;
    }
    return !isnan(cost) && !isnan(rank);
}

typedef struct point {
    double x, y;
} point;

static int compare(const void *a, const void *b)
{
    double x = ((const point *)a)->x, y = ((const point *)b)->x;

    return (x > y) - (x < y);
}

/* The front as a line of its own, in front of the points. */
static bool add_front(report_gathering *in, report_figure *figure, size_t trace,
                      report_measure measure)
{
    const report_model *model = in->model;
    point *points = calloc(model->ranked + 1, sizeof *points);
    report_curve *curve = report_curve_new(in, figure, "front", REPORT_GREY);
    size_t n = 0;

    for (size_t e = 0; e < model->ranked && points; e++)
        if (report_on_front(model, trace, e, measure))
            points[n++] =
                (point){report_measured(model, trace, e, measure), rank_of(model, trace, e)};
    if (!points)
        weir_error_memory(in->error, model->ranked * sizeof *points, "a plot");
    if (points && curve) {
        qsort(points, n, sizeof *points, compare);
        for (size_t i = 0; i < n && curve->n < REPORT_POINTS; i++) {
            curve->x[curve->n] = points[i].x;
            curve->y[curve->n++] = points[i].y;
        }
    }
    free(points);
    return points && curve;
}

void report_front_figures(report_gathering *in, size_t trace)
{
    static const char *const units[] = {"s", "bytes", "bytes"};
    const report_model *model = in->model;

    for (report_measure m = 0; m < REPORT_MEASURES; m++) {
        report_figure *figure;
        double low = HUGE_VAL, high = 0;
        size_t known = 0;

        for (size_t e = 0; e < model->ranked; e++) {
            double x = report_measured(model, trace, e, m);

            known += !isnan(x) && !isnan(rank_of(model, trace, e));
            low = fmin(low, x);
            high = fmax(high, x);
        }
        if (known < 2) /* one point compares nothing */
            continue;
        figure = report_figure_new(
            in, REPORT_FRONT, trace,
            report_string(model->store, in->error, "mean rank against %s", report_measure_name(m)));
        if (!figure || !add_front(in, figure, trace, m))
            return;
        figure->x_label = units[m];
        figure->y_label = "mean rank";
        figure->log_x = high / low > 10;
        for (size_t e = 0; e < model->ranked; e++) {
            double x = report_measured(model, trace, e, m), y = rank_of(model, trace, e);
            report_curve *curve;

            if (isnan(x) || isnan(y))
                continue;
            curve = report_curve_new(in, figure, model->entries[e].label, model->entries[e].colour);
            if (!curve)
                return;
            curve->x[0] = x;
            curve->y[0] = y;
            curve->n = 1;
        }
    }
}
