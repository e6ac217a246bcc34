/* The critical-difference diagram (Demsar 2006, figure 1): mean ranks on an axis, names at both
 * sides, bars under generators that cannot be told apart. */
#include "report/differences.h"
#include <math.h>

enum { WIDTH = 760, LEFT = 200, RIGHT = 560, AXIS = 66, STEP = 20, BAR = 9 };

/* Where a mean rank lies: 1, the best, at the left. */
static double place(const struct report_differences *what, double rank)
{
    return LEFT + (RIGHT - LEFT) * (rank - 1) / ((double)what->k - 1);
}

static void text(report_text *out, double x, double y, const char *anchor)
{
    report_format(out,
                  "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"#1c1f23\" "
                  "stroke=\"none\">",
                  x, y, anchor);
}

static void line(report_text *out, double x, double y, double to_x, double to_y)
{
    report_format(out, "<path d=\"M%.1f %.1fL%.1f %.1f\"/>", x, y, to_x, to_y);
}

static void axis(report_text *out, const struct report_differences *what)
{
    double end = place(what, 1 + what->critical);

    line(out, LEFT, AXIS, RIGHT, AXIS);
    for (size_t rank = 1; rank <= what->k; rank++) {
        double x = place(what, (double)rank);

        line(out, x, AXIS - 6, x, AXIS);
        text(out, x, AXIS - 11, "middle");
        report_format(out, "%zu</text>", rank);
    }
    /* How far apart is far enough. Longer than the axis, it is said in words. */
    if (end <= RIGHT) {
        line(out, LEFT, 22, end, 22);
        line(out, LEFT, 18, LEFT, 26);
        line(out, end, 18, end, 26);
    }
    text(out, LEFT, 12, "start");
    report_format(out, "critical difference %.2f%s</text>", what->critical,
                  end <= RIGHT ? "" : ", wider than the axis");
}

/* The row of a clique's bar, from 1: under the one before where the two would touch. Cliques come
 * by their first generator, so that only neighbours can. */
static size_t row_of(const report_clique *cliques, size_t i, size_t before)
{
    return i && cliques[i].first <= cliques[i - 1].last ? before + 1 : 1;
}

static void bar(report_text *out, const struct report_differences *what,
                const report_clique *clique, size_t row)
{
    double y = AXIS + 2 + BAR * (double)row;

    report_format(out,
                  "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke-width=\"4\" "
                  "stroke-linecap=\"round\"/>",
                  place(what, what->mean_ranks[clique->first]) - 3, y,
                  place(what, what->mean_ranks[clique->last]) + 3, y);
}

static void name(report_text *out, const report_model *model, size_t at, double y, bool left)
{
    const struct report_differences *what = model->differences;
    double x = place(what, what->mean_ranks[at]), end = left ? LEFT - 12 : RIGHT + 12;

    report_format(out, "<path d=\"M%.1f %dL%.1f %.1fL%.1f %.1f\"/>", x, AXIS, x, y, end, y);
    text(out, left ? end - 5 : end + 5, y + 4, left ? "end" : "start");
    if (!left)
        report_format(out, "%.2f ", what->mean_ranks[at]);
    report_html(out, report_entry_label(&model->entries[what->compared[at]]));
    if (left)
        report_format(out, " %.2f", what->mean_ranks[at]);
    report_add(out, "</text>");
}

void report_diagram(report_text *out, const report_model *model)
{
    const struct report_differences *what = model->differences;
    weir_error ignored = {0};
    report_clique *cliques = report_alloc(model->store, what->k, sizeof *cliques, &ignored);
    size_t n = cliques ? report_cliques(what, cliques) : 0, left = (what->k + 1) / 2;
    size_t rows = 0, deepest = 1;
    double top;

    if (!cliques) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        rows = row_of(cliques, i, rows);
        deepest = rows > deepest ? rows : deepest;
    }
    top = AXIS + BAR * (double)deepest + 20;
    report_format(out,
                  "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"Critical-difference "
                  "diagram\" font-size=\"13\" font-family=\"sans-serif\"><g fill=\"none\" "
                  "stroke=\"#1c1f23\" stroke-width=\"1\">",
                  WIDTH, top + STEP * (double)left);
    axis(out, what);
    for (size_t i = 0; i < n; i++) {
        rows = row_of(cliques, i, rows);
        bar(out, what, &cliques[i], rows);
    }
    /* The better half to the left, the others to the right, the outermost on top: no line
     * crosses another. */
    for (size_t i = 0; i < what->k; i++)
        name(out, model, i, top + STEP * (double)(i < left ? i : what->k - 1 - i), i < left);
    report_add(out, "</g></svg>");
}
