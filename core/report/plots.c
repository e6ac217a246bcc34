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
enum { TIME_LIMIT = 60, WIDTH = 320, HEIGHT = 215 };

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

/* Points and their names, beside them; those at the right edge to their left. */
static void name_points(report_text *script, const report_figure *figure, double across, double up,
                        double low, double high)
{
    for (size_t c = 1; c < figure->curve_count; c++) {
        double x = figure->curves[c].x[0];
        bool dashed, right = figure->log_x ? x * x > low * high : x > (low + high) / 2;

        /* a circle of its own: gnuplot's points refer to definitions, which pages cannot share */
        report_format(script,
                      "set object circle at first %.9g,first %.9g size graph 0.016 fillcolor rgb "
                      "'%s' fillstyle solid noborder front\n",
                      x / across, figure->curves[c].y[0] / up,
                      report_colour(figure->curves[c].colour, &dashed));
        report_add(script, "set label ");
        quoted(script, figure->curves[c].name);
        report_format(script, " at %.9g,%.9g %s offset %s,0.4 font ',11' front\n", x / across,
                      figure->curves[c].y[0] / up, right ? "right" : "left",
                      right ? "-0.6" : "0.6");
    }
}

static void write_plot(report_text *script, const report_figure *figure, size_t number)
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
    report_format(script, "set output 'p%zu.svg'\nset xrange [%.9g:%.9g]\n", number, low / across,
                  high / across);
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
        name_points(script, figure, across, up, low, high);
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

/* ---- From gnuplot's SVG to the page's -------------------------------------------------------- */

static const char *skip_past(const char *at, const char *end)
{
    const char *found = strstr(at, end);

    return found ? found + strlen(end) : at + strlen(at);
}

/* Copies the data of a path, from behind d=' to the closing quote, which it returns: to a tenth of
 * a unit, a horizontal or vertical line by its one coordinate. Half of a page of curves is this. */
static const char *path_data(report_text *out, const char *at)
{
    double x = NAN, y = NAN;

    while (*at && *at != '\'') {
        char command = *at, *end;
        double next_x, next_y;

        if (command != 'M' && command != 'L') {
            if (!strchr(" \t\r\n", command))
                report_add_bytes(out, at, 1);
            at++;
            continue;
        }
        next_x = round(strtod(at + 1, &end) * 10) / 10;
        if (*end != ',')
            break;
        next_y = round(strtod(end + 1, &end) * 10) / 10;
        at = end;
        if (command == 'M')
            report_format(out, "M%.4g,%.4g", next_x, next_y);
        else if (next_x == x && next_y != y)
            report_format(out, "V%.4g", next_y);
        else if (next_y == y && next_x != x)
            report_format(out, "H%.4g", next_x);
        else if (next_x != x || next_y != y)
            report_format(out, "L%.4g,%.4g", next_x, next_y);
        x = next_x;
        y = next_y;
    }
    return at;
}

/* Copies the <svg> element: without the parts that would clash when many stand in one page (ids,
 * symbol definitions), without gnuplot's own titles and empty groups, white space in runs of one.
 */
static void clean(report_text *out, const char *svg, const char *alt)
{
    static const char *const dropped[][2] = {
        {"<title", "</title>"}, {"<desc", "</desc>"}, {"<defs", "</defs>"}, {"<!--", "-->"}};
    const char *at = strstr(svg, "<svg");
    bool space = false;

    if (!at)
        return;
    report_add(out, "<svg role=\"img\" aria-label=\"");
    report_html(out, alt);
    report_add(out, "\"");
    for (at += 4; *at;) {
        bool drop = false;

        for (size_t i = 0; i < 4 && !drop; i++)
            if (!strncmp(at, dropped[i][0], strlen(dropped[i][0]))) {
                at = skip_past(at, dropped[i][1]);
                drop = true;
            }
        if (drop)
            continue;
        if (!strncmp(at, " id=", 4) || !strncmp(at, " xmlns", 6) || !strncmp(at, "\nxmlns", 6) ||
            !strncmp(at, "\n xmlns", 7)) {
            const char *quote = strpbrk(at, "\"'");

            if (!quote)
                break;
            at = strchr(quote + 1, *quote);
            if (!at)
                break;
            at++;
        } else if (!strncmp(at, " d='", 4)) {
            report_add(out, " d='");
            at = path_data(out, at + 4);
            space = false;
        } else if (strchr(" \t\r\n", *at)) {
            space = true;
            at++;
        } else {
            if (space && *at != '<' && out->data && out->data[out->used - 1] != '>')
                report_add(out, " ");
            space = false;
            /* gnuplot writes micro as a u, which is the last letter of a number only. */
            if (*at == 'u' && !strncmp(at + 1, "</text>", 7) && out->used &&
                strchr("0123456789", out->data[out->used - 1])) {
                report_add(out, "µ");
                at++;
            } else {
                report_add_bytes(out, at++, 1);
            }
        }
    }
}

/* Empty groups come one after the other, with the same start. */
static void drop_empty_groups(report_text *svg)
{
    char *in = svg->data, *out = svg->data;

    while (in && *in) {
        if (!strncmp(in, "<g ", 3)) {
            const char *end = strchr(in, '>');

            if (end && !strncmp(end + 1, "</g>", 4)) {
                in += end + 5 - in;
                continue;
            }
        }
        *out++ = *in++;
    }
    if (in) {
        *out = 0;
        svg->used = (size_t)(out - svg->data);
    }
}

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
        clean(&text, svg, figure->title);
        drop_empty_groups(&text);
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
    report_format(&script,
                  "set terminal svg size %d,%d dynamic rounded noenhanced font 'sans-serif,13'\n"
                  "set border 3 lc rgb '#555555'\nset tics nomirror out scale 0.5\n"
                  "set grid lc rgb '#e3e3e3' lt 1 lw 0.7\nset key off\n"
                  "set format y '%%g'\nset rmargin 2\nset tmargin 0.7\n",
                  WIDTH, HEIGHT);
    for (size_t i = 0; i < figures->count; i++)
        if (!figures->list[i].markup && figures->list[i].curve_count) {
            write_plot(&script, &figures->list[i], i);
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
