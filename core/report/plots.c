/* Plots by gnuplot, as SVG in the page: one script, one process, in a folder of its own. */
#include "report/csv.h"
#include "report/figures.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* s that gnuplot may take: some 40 times what the largest page needs. */
enum {
    TIME_LIMIT = 60,
    WIDTH = 320,
    HEIGHT = 215,
    FRONT_WIDTH = 460,
    FRONT_HEIGHT = 300,
    OWN_WIDTH = 600,
    OWN_HEIGHT = 330
};

/* Okabe and Ito's colours, which are told apart with every kind of colour vision; black is the real
 * data's, and their yellow is too light for a line on white. */
const char *report_colour(int colour, bool *dashed)
{
    static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73",
                                          "#cc79a7", "#e69f00", "#56b4e9"};
    enum { COLOURS = sizeof colours / sizeof colours[0] };

    *dashed = colour == REPORT_GREY || colour >= COLOURS;
    if (colour == REPORT_BLACK)
        return "#000000";
    return colour < 0 ? "#8a8a8a" : colours[colour % COLOURS];
}

/* ---- The script ------------------------------------------------------------------------------ */

/* A string in single quotes, in which gnuplot replaces nothing; control characters become spaces.
 */
static void quoted(report_text *script, const char *text)
{
    report_add(script, "'");
    for (; *text; text++) {
        if (*text == '\'')
            report_add(script, "'");
        report_add_bytes(script, (unsigned char)*text < 0x20 ? " " : text, 1);
    }
    report_add(script, "'");
}

/* A power of 1000 that brings `largest` to 1 … 1000, and its prefix: the axis of a unit is labelled
 * in it. Pure numbers and steps keep theirs. */
static double axis_scale(double largest, const char *unit, const char **prefix)
{
    static const char *const prefixes[] = {"n", "µ", "m", "", "k", "M", "G"};
    int power = 0;

    if (*unit && strcmp(unit, "step") && largest > 0)
        power = (int)floor(log10(largest) / 3 + 1e-9);
    if (strcmp(unit, "s") && power < 0)
        power = 0;
    if (!strcmp(unit, "s") && power > 0)
        power = 0;
    power = power < -3 ? -3 : power > 3 ? 3 : power;
    *prefix = prefixes[power + 3];
    return pow(1000, power);
}

static void axis_label(report_text *script, const char *axis, const char *prefix, const char *unit)
{
    char label[REPORT_NUMBER];

    /* "kB/s", "k packets/s", "ms". */
    if (!strncmp(unit, "byte", 4) && *prefix)
        snprintf(label, sizeof label, "%sB%s", prefix, strcmp(unit, "bytes/s") ? "" : "/s");
    else
        snprintf(label, sizeof label, "%s%s%.60s", prefix, *prefix && strcmp(unit, "s") ? " " : "",
                 unit);
    report_format(script, "set %slabel ", axis);
    quoted(script, label);
    report_add(script, !strcmp(axis, "x") ? " offset 0,0.5\n" : " offset 0.5,0\n");
}

/* Marks at 1, 2 or 5 times a power of ten, at most seven of them. */
static void tics(report_text *script, const char *axis, double low, double high)
{
    double rough = (high - low) / 6, power, step;

    if (!(rough > 0) || !isfinite(rough)) {
        report_format(script, "set %stics autofreq\n", axis);
        return;
    }
    power = pow(10, floor(log10(rough)));
    step = rough / power;
    step = power * (step <= 1 ? 1 : step <= 2 ? 2 : step <= 5 ? 5 : 10);
    report_format(script, "set %stics %.9g\n", axis, step);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* A training's first steps may be a hundred times what follows, and then hide it: the range of all
 * but one in fifty values at either end, where that is less than a third of the whole. */
static void crop(const report_figure *figure, double *bottom, double *top)
{
    size_t n = 0, room = 0;
    double *values, low, high;

    for (size_t c = 0; c < figure->curve_count; c++)
        room += figure->curves[c].n;
    values = malloc((room + 1) * sizeof *values);
    if (!values || room < 20) {
        free(values);
        return;
    }
    for (size_t c = 0; c < figure->curve_count; c++)
        for (size_t i = 0; i < figure->curves[c].n; i++)
            values[n++] = figure->curves[c].y[i];
    qsort(values, n, sizeof *values, compare_numbers);
    low = values[n / 50];
    high = values[n - 1 - n / 50];
    if (high > low && high - low < (*top - *bottom) / 3) {
        *bottom = fmax(*bottom, low - 0.2 * (high - low));
        *top = fmin(*top, high + 0.2 * (high - low));
    }
    free(values);
}

/* Which of the points from 1 on is next from the top, after `last` (0: the first); equal ones in
 * their order. */
static size_t next_down(const report_figure *figure, size_t last)
{
    const report_curve *curves = figure->curves;
    size_t next = 0;

    for (size_t c = 1; c < figure->curve_count; c++) {
        double y = curves[c].y[0];
        bool after = !last || y < curves[last].y[0] || (y <= curves[last].y[0] && c > last);

        if (c != last && after && (!next || y > curves[next].y[0]))
            next = c;
    }
    return next;
}

/* Points and their names beside them; those at the right have it to their left. Names that would
 * lie over each other move down, or up from the lower edge, with a thin line from the point. */
static void name_points(report_text *script, const report_figure *figure, double across, double up,
                        const double x_range[2], const double y_range[2])
{
    size_t left = figure->curve_count - 1;
    double line = fmin(0.06, 0.96 / (double)(left + 1)), place = 1 + line;

    for (size_t c = next_down(figure, 0); c; c = next_down(figure, c)) {
        double x = figure->curves[c].x[0], y = figure->curves[c].y[0];
        double height = (y - y_range[0]) / (y_range[1] - y_range[0]);
        bool dashed, right = figure->log_x ? x * x > x_range[0] * x_range[1]
                                           : x > (x_range[0] + x_range[1]) / 2;
        const char *colour = report_colour(figure->curves[c].colour, &dashed);

        place = fmax(fmin(height, place - line), 0.02 + line * (double)--left);
        /* a circle of its own: gnuplot's points refer to definitions, which pages cannot share */
        report_format(script,
                      "set object circle at first %.9g,first %.9g size graph 0.012 fillcolor rgb "
                      "'%s' fillstyle solid border lc rgb '%s' lw 1.5 front\n",
                      x / across, y / up, dashed ? "#ffffff" : colour, colour);
        if (fabs(place - height) > line / 3)
            report_format(script,
                          "set arrow from first %.9g,first %.9g to first %.9g,graph %.9g nohead lc "
                          "rgb '#aaaaaa' lw 0.7\n",
                          x / across, y / up, x / across, place);
        report_add(script, "set label ");
        quoted(script, figure->curves[c].name);
        report_format(script,
                      " at first %.9g,graph %.9g %s offset %s,0 font ',11' tc rgb '%s' front\n",
                      x / across, place, right ? "right" : "left", right ? "-0.8" : "0.8", colour);
    }
}

static void write_plot(report_text *script, const report_figure *figure)
{
    bool cdf = figure->kind == REPORT_CDF;
    double low = HUGE_VAL, high = -HUGE_VAL, bottom = HUGE_VAL, top = -HUGE_VAL;
    double across = 1, up = 1;
    const char *x_prefix = "", *y_prefix = "";

    for (size_t c = 0; c < figure->curve_count; c++)
        for (size_t i = 0; i < figure->curves[c].n; i++) {
            double x = figure->curves[c].x[i];

            if (figure->log_x && !(x > 0))
                continue;
            low = fmin(low, x);
            high = fmax(high, x);
            bottom = fmin(bottom, figure->curves[c].y[i]);
            top = fmax(top, figure->curves[c].y[i]);
        }
    /* One value of x is no range, and gnuplot warns of it. */
    if (!(high > low)) {
        low = isfinite(low) ? low - 0.5 * fabs(low) - 0.5 : 0;
        high = isfinite(high) ? high + 0.5 * fabs(high) + 0.5 : 1;
    }
    if (figure->kind == REPORT_TRAINING)
        crop(figure, &bottom, &top);
    if (figure->kind == REPORT_FRONT) { /* room around the points */
        double x = figure->log_x ? pow(high / low, 0.1) : 0.1 * (high - low);
        low = figure->log_x ? low / x : low - x;
        high = figure->log_x ? high * x : high + x;
        bottom -= 0.1 * (top - bottom) + 0.1;
        top += 0.1 * (top - bottom) + 0.1;
    }
    if (!figure->log_x)
        across = axis_scale(fmax(fabs(low), fabs(high)), figure->x_label, &x_prefix);
    if (!cdf && figure->kind != REPORT_FRONT)
        up = axis_scale(fmax(fabs(bottom), fabs(top)), figure->y_label, &y_prefix);
    for (size_t c = 0; c < figure->curve_count; c++) {
        const report_curve *curve = &figure->curves[c];

        report_format(script, "$c%zu << END\n", c);
        for (size_t i = 0; i < curve->n; i++)
            if (!figure->log_x || curve->x[i] > 0)
                report_format(script, "%.9g %.9g\n", curve->x[i] / across, curve->y[i] / up);
        report_add(script, "END\n");
    }
    report_format(script, "set xrange [%.9g:%.9g]\n", low / across, high / across);
    /* On a logarithmic axis each number has its own prefix. */
    if (figure->log_x)
        report_format(script, "set logscale x\nset format x '%%.0s%%c'\nset xtics %.9g,%s\n",
                      pow(10, floor(log10(low))),
                      high / low > 1e10  ? "1000"
                      : high / low > 1e5 ? "100"
                                         : "10");
    else {
        report_add(script, "unset logscale x\nset format x '%g'\n");
        tics(script, "x", low / across, high / across);
    }
    if (cdf) {
        report_add(script, "set yrange [0:1]\nset ytics 0.25\n");
    } else if ((figure->kind == REPORT_TRAINING || figure->kind == REPORT_FRONT) && top > bottom) {
        report_format(script, "set yrange [%.9g:%.9g]\n", bottom / up, top / up);
        tics(script, "y", bottom / up, top / up);
    } else {
        report_format(script, "set yrange [%s:*]\n", figure->kind == REPORT_RATE ? "0" : "*");
        tics(script, "y", figure->kind == REPORT_RATE ? 0 : bottom / up, top / up);
    }
    report_format(script, "set lmargin %d\n",
                  *figure->y_label || figure->kind == REPORT_TRAINING ? 8 : 6);
    axis_label(script, "x", x_prefix, figure->x_label);
    axis_label(script, "y", y_prefix, figure->y_label);
    for (size_t i = 0; i < figure->mark_count; i++)
        report_format(script,
                      "set arrow from first %.9g,graph 0 to first %.9g,graph 1 nohead lc rgb "
                      "'#8a8a8a' lw 1\n",
                      figure->marks[i] / across, figure->marks[i] / across);
    if (figure->kind == REPORT_FRONT)
        name_points(script, figure, across, up, (const double[]){low, high},
                    (const double[]){bottom, top});
    report_add(script, "plot ");
    for (size_t c = 0; c < figure->curve_count; c++) {
        bool dashed;
        const char *colour = report_colour(figure->curves[c].colour, &dashed);

        if (figure->kind == REPORT_FRONT && c) /* its points are drawn already */
            break;
        report_format(script, "%s$c%zu using 1:2 with %s lw %s dt %s lc rgb '%s' notitle",
                      c ? ", " : "", c, cdf || figure->kind == REPORT_FRONT ? "steps" : "lines",
                      figure->curves[c].colour == REPORT_BLACK && cdf ? "2.6" : "1.6",
                      dashed && figure->kind != REPORT_RATE ? "(6,4)" : "solid", colour);
    }
    report_add(script, "\nunset label\nunset arrow\nunset object\n");
}

/* Marks of a logarithmic axis at values that occur, as long as they lie apart. */
static void own_tics(report_text *script, const report_figure *figure, double low, double high)
{
    double last = 0;
    bool first = true;

    report_add(script, "set xtics (");
    for (;;) {
        double next = HUGE_VAL;

        for (size_t c = 0; c < figure->curve_count; c++)
            for (size_t i = 0; i < figure->curves[c].n; i++)
                if (first || figure->curves[c].x[i] > last * pow(high / low, 0.06))
                    next = fmin(next, figure->curves[c].x[i]);
        if (!isfinite(next))
            break;
        report_format(script, "%s'%.6g' %.9g", first ? "" : ",", next, next);
        last = next;
        first = false;
    }
    report_add(script, ")\n");
}

/* Where a point of a line is drawn: lines with bars stand a little beside each other. */
static double beside(const report_figure *figure, size_t line, double x, double low, double high)
{
    enum { STEP = 150 }; /* of the axis */
    double by = ((double)line - ((double)figure->curve_count - 1) / 2) / STEP;

    if (!figure->apart || !(high > low))
        return x;
    return figure->log_x ? x * pow(high / low, by) : x + by * (high - low);
}

/* A figure of the script: lines through points, with intervals as bars. */
static void write_own(report_text *script, const report_figure *figure)
{
    enum { MARKED = 300 };
    double low = HUGE_VAL, high = -HUGE_VAL, bottom = HUGE_VAL, top = -HUGE_VAL, room;
    size_t points = 0;

    for (size_t c = 0; c < figure->curve_count; c++)
        for (size_t i = 0; i < figure->curves[c].n; i++, points++) {
            const report_curve *curve = &figure->curves[c];

            low = fmin(low, curve->x[i]);
            high = fmax(high, curve->x[i]);
            bottom = fmin(bottom, fmin(curve->y[i], curve->low[i])); /* fmin passes over NaN */
            top = fmax(top, fmax(curve->y[i], curve->high[i]));
        }
    for (size_t c = 0; c < figure->curve_count; c++) {
        const report_curve *curve = &figure->curves[c];
        bool dashed;

        report_format(script, "$c%zu << END\n", c);
        for (size_t i = 0; i < curve->n; i++)
            report_format(script, "%.9g %.9g %.9g %.9g\n",
                          beside(figure, c, curve->x[i], low, high), curve->y[i],
                          isnan(curve->low[i]) ? curve->y[i] : curve->low[i],
                          isnan(curve->high[i]) ? curve->y[i] : curve->high[i]);
        report_add(script, "END\n");
        /* circles, as of the front; more than these would hide the lines */
        for (size_t i = 0; i < curve->n && points <= MARKED; i++)
            report_format(
                script,
                "set object circle at first %.9g,first %.9g size graph 0.006 fillcolor rgb "
                "'%s' fillstyle solid noborder front\n",
                beside(figure, c, curve->x[i], low, high), curve->y[i],
                report_colour(curve->colour, &dashed));
    }
    if (figure->log_x) {
        double factor = high > low ? pow(high / low, 0.05) : 2;

        report_format(script, "set logscale x\nset xrange [%.9g:%.9g]\n", low / factor,
                      high * factor);
        own_tics(script, figure, low, high);
    } else {
        double margin = high > low ? 0.05 * (high - low) : 0.5 * fabs(high) + 0.5;

        report_format(script, "unset logscale x\nset xrange [%.9g:%.9g]\nset format x '%s'\n",
                      low - margin, high + margin,
                      fmax(fabs(low), fabs(high)) < 1e5 ? "%g" : "%.1s%c");
        tics(script, "x", low - margin, high + margin);
    }
    room = top > bottom ? 0.05 * (top - bottom) : 0.5 * fabs(top) + 0.5;
    report_format(script, "set yrange [%.9g:%.9g]\n", bottom - room, top + room);
    tics(script, "y", bottom - room, top + room);
    report_add(script, "set lmargin 9\nset xlabel ");
    quoted(script, figure->x_label);
    report_add(script, " offset 0,0.3\nset ylabel ");
    quoted(script, figure->y_label);
    report_add(script, " offset 0.5,0\nplot ");
    for (size_t c = 0; c < figure->curve_count; c++) {
        bool dashed;
        const char *colour = report_colour(figure->curves[c].colour, &dashed);

        report_format(script,
                      "%s$c%zu using 1:2 with lines lw 2 dt %s lc rgb '%s' notitle, $c%zu using "
                      "1:3:(0):($4-$3) with vectors nohead lw 1.2 dt solid lc rgb '%s' notitle",
                      c ? ", " : "", c, dashed ? "(6,4)" : "solid", colour, c, colour);
    }
    report_add(script, "\nunset object\n");
}

/* ---- The process ----------------------------------------------------------------------------- */

static int write_text(const char *path, const report_text *text)
{
    FILE *file = fopen(path, "wb");
    bool good;

    if (!file)
        return -1;
    good = fwrite(text->data, 1, text->used, file) == text->used;
    return fclose(file) == 0 && good ? 0 : -1;
}

/* Runs gnuplot on `script` in folder, its output into `messages` there. Returns its wait status;
 * -1 if it ran out of time; -2 if it could not be started. */
static int run_gnuplot(const char *folder)
{
    struct timespec pause = {0, 5000000}, start, now;
    int status;
    pid_t child = fork();

    if (child < 0)
        return -2;
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out;

        /* A group of its own, so that ending it ends what it started. */
        setpgid(0, 0);
        if (chdir(folder) != 0)
            _exit(126);
        out = open("messages", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
            _exit(126);
        /* Neither a user's start-up file nor a display changes the plots. */
        setenv("LC_ALL", "C", 1);
        unsetenv("GNUTERM");
        execlp("gnuplot", "gnuplot", "-d", "script", (char *)NULL);
        _exit(errno == ENOENT ? 127 : 126);
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);

        if (ended == child)
            return status;
        if (ended < 0 && errno != EINTR)
            return -2;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec >= TIME_LIMIT) {
            kill(-child, SIGKILL);
            kill(child, SIGKILL);
            while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
            return -1;
        }
        nanosleep(&pause, NULL);
    }
}

/* ---- What it drew ------------------------------------------------------------------------------
 */

static int take_plots(const report_model *model, report_figures *figures, const char *folder,
                      weir_error *error)
{
    size_t weight = 0;

    for (size_t i = 0; i < figures->count; i++) {
        report_figure *figure = &figures->list[i];
        char *path = report_string(model->store, error, "%s/p%zu.svg", folder, i), *svg;
        report_text text = {0};

        if (!path)
            return (int)error->status;
        if (figure->markup)
            weight += strlen(figure->markup);
        if (figure->markup || !figure->curve_count)
            continue;
        svg = report_read_file(path, 10000000, NULL, NULL);
        if (!svg)
            continue;
        report_svg(&text, svg, figure->title);
        free(svg);
        if (text.failed)
            weir_error_memory(error, text.size, "a plot");
        else if (text.used && weight + text.used > REPORT_WEIGHT)
            figures->left_out++;
        else if (text.used) {
            weight += text.used;
            figure->markup = report_string(model->store, error, "%s", text.data);
        }
        report_free(&text);
        if (error->status != WEIR_OK)
            return (int)error->status;
    }
    return WEIR_OK;
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(path);
}

/* What a wait status means to a reader; "" where all is well. */
static const char *problem_of(const report_model *model, int status, const char *folder,
                              weir_error *error)
{
    char *path, *messages, *line;

    if (WIFEXITED(status) && status >= 0 && WEXITSTATUS(status) == 0)
        return "";
    if (status == -1)
        return report_string(model->store, error,
                             "gnuplot took longer than %d seconds and was ended", TIME_LIMIT);
    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return report_string(model->store, error,
                             "gnuplot was not found, so the plots are missing. Install it (Debian: "
                             "apt install gnuplot-nox) and run: weir report %s",
                             model->store->folder);
    path = report_string(model->store, error, "%s/messages", folder);
    messages = path ? report_read_file(path, 100000, NULL, NULL) : NULL;
    line = messages;
    while (line && (*line == '\n' || *line == ' ' || *line == '^'))
        line++;
    if (line)
        line[strcspn(line, "\n")] = 0;
    path = report_string(model->store, error, "gnuplot failed%s%s", line && *line ? ": " : "",
                         line ? line : "");
    free(messages);
    return path;
}

int report_plot(const report_model *model, report_figures *figures, weir_error *error)
{
    const char *temporary = getenv("TMPDIR");
    report_text script = {0};
    char *folder = report_string(model->store, error, "%s/weir-report-XXXXXX",
                                 temporary && *temporary ? temporary : "/tmp");
    char *path;
    size_t plots = 0;

    if (!folder)
        return (int)error->status;
    report_add(&script, "set border 3 lc rgb '#555555'\nset tics nomirror out scale 0.5\n"
                        "set grid lc rgb '#e3e3e3' lt 1 lw 0.7\nset key off\n"
                        "set format y '%g'\nset rmargin 2\nset tmargin 0.7\n");
    for (size_t i = 0; i < figures->count; i++)
        if (!figures->list[i].markup && figures->list[i].curve_count) {
            bool own = figures->list[i].kind == REPORT_OWN;
            bool front = figures->list[i].kind == REPORT_FRONT;

            report_format(&script,
                          "set terminal svg size %d,%d dynamic rounded noenhanced font "
                          "'sans-serif,13'\nset output 'p%zu.svg'\n",
                          own     ? OWN_WIDTH
                          : front ? FRONT_WIDTH
                                  : WIDTH,
                          own     ? OWN_HEIGHT
                          : front ? FRONT_HEIGHT
                                  : HEIGHT,
                          i);
            if (own)
                write_own(&script, &figures->list[i]);
            else
                write_plot(&script, &figures->list[i]);
            plots++;
        }
    if (script.failed)
        weir_error_memory(error, script.size, "the plots");
    if (plots == 0 || script.failed) {
        report_free(&script);
        return error->status;
    }
    if (!mkdtemp(folder)) {
        figures->problem = report_string(model->store, error,
                                         "no plots: the temporary folder %s could not be made: %s",
                                         folder, strerror(errno));
        report_free(&script);
        return error->status;
    }
    path = report_string(model->store, error, "%s/script", folder);
    if (path && write_text(path, &script) != 0)
        figures->problem =
            report_string(model->store, error, "no plots: %s: %s", path, strerror(errno));
    else if (path)
        figures->problem = problem_of(model, run_gnuplot(folder), folder, error);
    if (path && figures->problem && error->status == WEIR_OK)
        take_plots(model, figures, folder, error);
    report_free(&script);
    remove_folder(folder);
    return error->status;
}
