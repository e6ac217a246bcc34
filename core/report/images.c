/* Images and matrices that jobs left: grey pictures in the page, the groups of a label side by
 * side. */
#include "report/gather.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A matrix is drawn with at most SIDE pixels a side, an image with at most TILE. A grid shows at
 * most LABELS labels, in tables of COLUMN beside each other, and of each group at most IMAGES
 * images, as many of each label as that allows, but at most ACROSS. */
enum {
    SIDE = 256,
    TILE = 48,
    LABELS = 30,
    COLUMN = 15,
    IMAGES = 30,
    ACROSS = 3,
    GROUPS = 4,
    GAP = 2
};

/* A picture in the making, 8-bit grey, white at first. */
typedef struct canvas {
    unsigned char *pixels; /* [height][width] */
    size_t width, height;
} canvas;

static bool canvas_new(report_text *out, canvas *c, size_t width, size_t height)
{
    *c = (canvas){malloc(width * height + 1), width, height};
    if (c->pixels)
        memset(c->pixels, 255, width * height);
    out->failed |= !c->pixels;
    return c->pixels;
}

/* Lowest and highest of the finite values. */
static void range_of(const double *values, size_t n, double range[2])
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            range[0] = fmin(range[0], values[i]);
            range[1] = fmax(range[1], values[i]);
        }
}

/* Values [rows][columns] to grey, dark for high, from x on: larger ones are cut down to `across` by
 * `down` pixels by leaving rows and columns out. */
static void paint(canvas *c, size_t left, size_t across, size_t down, const double *values,
                  size_t rows, size_t columns, const double range[2])
{
    for (size_t y = 0; y < down; y++)
        for (size_t x = 0; x < across; x++) {
            double value = values[y * rows / down * columns + x * columns / across];

            if (isfinite(value) && range[1] > range[0])
                c->pixels[y * c->width + left + x] =
                    (unsigned char)(255 - lround(255 * (value - range[0]) / (range[1] - range[0])));
        }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static double value_at(const report_csv *csv, size_t row, size_t column)
{
    const char *text = report_csv_field(csv, row, column);
    char *end;
    double value = strtod(text, &end);

    return end == text || *end ? NAN : value;
}

/* What was drawn becomes the figure's, unless the page has enough of it. */
static void finish(report_gathering *in, report_figure *figure, report_text *out)
{
    if (out->failed)
        weir_error_memory(in->error, out->size, "a picture");
    else if (in->figures->pictures + out->used > REPORT_PICTURES)
        in->figures->left_out++;
    else if (out->used)
        figure->markup = report_string(in->model->store, in->error, "%s", out->data);
    if (figure->markup)
        in->figures->pictures += out->used;
    report_free(out);
}

void report_matrix(report_gathering *in, report_figure *figure, const report_csv *csv)
{
    size_t n = csv->rows * csv->columns;
    double *values = malloc((n + 1) * sizeof *values), range[2] = {HUGE_VAL, -HUGE_VAL};
    report_text out = {0};
    canvas c = {0};

    out.failed = !values;
    for (size_t i = 0; values && i < n; i++)
        values[i] = value_at(csv, i / csv->columns, i % csv->columns);
    if (values && n && canvas_new(&out, &c, least(csv->columns, SIDE), least(csv->rows, SIDE))) {
        range_of(values, n, range);
        paint(&c, 0, c.width, c.height, values, csv->rows, csv->columns, range);
        report_png(&out, c.pixels, c.width, c.height, 8, figure->title);
    }
    free(values);
    free(c.pixels);
    finish(in, figure, &out);
}

/* ---- Grids ----------------------------------------------------------------------------------- */

/* images.csv as read. */
typedef struct images {
    const report_csv *csv;
    int label, group, height, width; /* columns; group -1: none */
    size_t first;                    /* column of v0 */
    double *values;                  /* of one image */
    double range[2];                 /* of all: one scale of grey, so that images compare */
    const char *labels[LABELS], *groups[GROUPS];
    size_t label_count, group_count;
    bool more; /* labels than are shown */
} images;

static const char *text_at(const images *of, size_t row, int column)
{
    return column < 0 ? "" : report_csv_field(of->csv, row, (size_t)column);
}

/* An image's values; false where the row is none. */
static bool read_image(const images *of, size_t row, size_t *height, size_t *width)
{
    double h = value_at(of->csv, row, (size_t)of->height);
    double w = value_at(of->csv, row, (size_t)of->width);

    if (!(h >= 1 && w >= 1 && h * w <= (double)(of->csv->columns - of->first)))
        return false;
    *height = (size_t)h;
    *width = (size_t)w;
    for (size_t i = 0; i < *height * *width; i++)
        of->values[i] = value_at(of->csv, row, of->first + i);
    return true;
}

/* Adds a text to a list of at most `room` different ones; false if it is new and there is no room.
 */
static bool know(const char **list, size_t *count, size_t room, const char *text)
{
    for (size_t i = 0; i < *count; i++)
        if (!strcmp(list[i], text))
            return true;
    if (*count >= room)
        return false;
    list[(*count)++] = text;
    return true;
}

/* The images of a label and a group beside each other, as one picture. */
static void strip(report_text *out, const images *of, const char *label, const char *group)
{
    size_t rows[ACROSS], n = 0, height, width, left = 0;
    size_t across = least(ACROSS, IMAGES / of->label_count);
    canvas c = {0};
    report_text alt = {0};

    for (size_t i = 0; i < of->csv->rows && n < across; i++)
        if (!strcmp(text_at(of, i, of->label), label) &&
            !strcmp(text_at(of, i, of->group), group) && read_image(of, i, &height, &width)) {
            c.width += least(width, TILE) + (n ? GAP : 0);
            c.height = least(height, TILE) > c.height ? least(height, TILE) : c.height;
            rows[n++] = i;
        }
    if (!n) {
        report_add(out, "–");
        return;
    }
    if (!canvas_new(out, &c, c.width, c.height))
        return;
    for (size_t i = 0; i < n && read_image(of, rows[i], &height, &width); i++) {
        paint(&c, left, least(width, TILE), least(height, TILE), of->values, height, width,
              of->range);
        left += least(width, TILE) + GAP;
    }
    report_format(&alt, "%s%s%s", label, *group ? ", " : "", group);
    report_png(out, c.pixels, c.width, c.height, 4, alt.data ? alt.data : "");
    report_end(out, &alt);
    free(c.pixels);
}

/* The rows of a grid from a label on. */
static void grid_column(report_text *out, const images *of, size_t from)
{
    report_add(out, "<table class=\"images\">\n");
    if (of->group >= 0) {
        report_add(out, "<thead><tr><th></th>");
        for (size_t g = 0; g < of->group_count; g++) {
            report_add(out, "<th>");
            report_html(out, of->groups[g]);
            report_add(out, "</th>");
        }
        report_add(out, "</tr></thead>\n");
    }
    report_add(out, "<tbody>\n");
    for (size_t l = from; l < of->label_count && l < from + COLUMN; l++) {
        report_add(out, "<tr><th class=\"name\" scope=\"row\">");
        report_html(out, of->labels[l]);
        report_add(out, "</th>");
        for (size_t g = 0; g < of->group_count; g++) {
            report_add(out, "<td>");
            strip(out, of, of->labels[l], of->groups[g]);
            report_add(out, "</td>");
        }
        report_add(out, "</tr>\n");
    }
    report_add(out, "</tbody></table>\n");
}

void report_images(report_gathering *in, report_figure *figure, const report_csv *csv)
{
    images of = {.csv = csv,
                 .label = report_csv_column(csv, "label"),
                 .group = report_csv_column(csv, "group"),
                 .height = report_csv_column(csv, "height"),
                 .width = report_csv_column(csv, "width"),
                 .range = {HUGE_VAL, -HUGE_VAL}};
    int first = report_csv_column(csv, "v0");
    report_text out = {0};
    size_t height, width;

    if (of.label < 0 || of.height < 0 || of.width < 0 || first < 0) {
        report_note(
            in->model->store,
            report_string(in->model->store, in->error,
                          "images of %s lack a column: label, height, width, v0, … are needed",
                          figure->title),
            in->error);
        return;
    }
    of.first = (size_t)first;
    of.values = malloc(csv->columns * sizeof *of.values);
    if (!of.values) {
        weir_error_memory(in->error, csv->columns * sizeof *of.values, "a picture");
        return;
    }
    for (size_t i = 0; i < csv->rows; i++) {
        const char *label = text_at(&of, i, of.label);

        if (!read_image(&of, i, &height, &width))
            continue;
        range_of(of.values, height * width, of.range);
        know(of.groups, &of.group_count, GROUPS, text_at(&of, i, of.group));
        of.more |= !know(of.labels, &of.label_count, LABELS, label);
    }
    if (of.label_count)
        report_add(&out, "<div class=\"grids\">\n");
    for (size_t l = 0; l < of.label_count; l += COLUMN)
        grid_column(&out, &of, l);
    if (of.label_count)
        report_add(&out, "</div>\n");
    if (of.more)
        figure->caption = report_string(in->model->store, in->error, "%s; the first %d labels",
                                        figure->caption, LABELS);
    free(of.values);
    finish(in, figure, &out);
}
