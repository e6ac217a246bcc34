/* Things to look at: curves, matrices and images of the jobs, gathered (figures.c) and drawn
 * (plots.c by gnuplot, png.c). Everything lives in the store's memory. */
#ifndef WEIR_REPORT_FIGURES_H
#define WEIR_REPORT_FIGURES_H

#include "report/buffer.h"
#include "report/model.h"

/* The real data's line; lines of references. */
enum { REPORT_BLACK = -2, REPORT_GREY = -1 };

typedef struct report_curve {
    const char *name;
    int colour; /* an entry's, or one of the two above */
    double *x, *y;
    double *low, *high; /* an interval of y, or NaN; NULL: of none */
    size_t n;
} report_curve;

typedef enum report_figure_kind {
    REPORT_CDF,      /* a feature: the real sample and every generator's */
    REPORT_RATE,     /* packet rate: the real trace and one generator */
    REPORT_TRAINING, /* a curve of a fit */
    REPORT_OWN,      /* of exp:figure, on no trace */
    REPORT_FRONT,    /* mean rank against a cost: a point a generator, and the front */
    REPORT_IMAGES,   /* images that a job left, real and synthetic */
    REPORT_PIXELS,   /* their intensities: those of the real images and every generator's */
    REPORT_ARTEFACT  /* whatever else a job left: curve or matrix */
} report_figure_kind;

typedef struct report_figure {
    report_figure_kind kind;
    size_t trace;                /* SIZE_MAX: of none */
    bool reference;              /* of a canary or a ceiling */
    const char *title, *caption; /* plain text; the caption may be "" */
    const char *x_label, *y_label;
    bool log_x;
    bool apart;      /* lines are drawn a little beside each other, for their bars */
    double marks[8]; /* x of upright lines */
    size_t mark_count;
    report_curve *curves;
    size_t curve_count;
    const char *markup; /* <svg>… or <img …>, ready for the page; NULL: not drawn */
} report_figure;

typedef struct report_figures {
    report_figure *list;
    size_t count, room;
    const char *problem; /* why there are no plots, and what would help; "" */
    size_t left_out;     /* figures beyond the page's weight */
    size_t pictures;     /* bytes of images and matrices so far */
} report_figures;

/* Most points of a curve; most bytes of all figures of a page, and of its images alone. */
enum { REPORT_POINTS = 200, REPORT_WEIGHT = 3000000, REPORT_PICTURES = 1200000 };

/* Reads what the jobs left. A file that cannot be used becomes a note of the store. */
int report_collect(const report_model *model, report_figures *figures, weir_error *error);
/* Draws every figure that has curves. Without gnuplot they stay undrawn and `problem` says why. */
int report_plot(const report_model *model, report_figures *figures, weir_error *error);
/* Appends the <svg> of a document of gnuplot's; alt: what it shows, in words. */
void report_svg(report_text *out, const char *svg, const char *alt);
/* Appends a PNG of grey pixels [height][width] as an <img> whose source is in the page. bits: 8, or
 * 4 for 16 shades and half the size. */
void report_png(report_text *out, const unsigned char *pixels, size_t width, size_t height,
                int bits, const char *alt);

/* What a generator may cost, and whether an entry lies on the front of a trace: none of the
 * compared has both a rank and a cost that are no larger, and one of them smaller. NaN: unknown. */
typedef enum report_measure { REPORT_SECONDS, REPORT_MEMORY, REPORT_MODEL } report_measure;
#define REPORT_MEASURES 3
double report_measured(const report_model *model, size_t trace, size_t entry,
                       report_measure measure);
bool report_on_front(const report_model *model, size_t trace, size_t entry, report_measure measure);
/* "training time", "peak memory", "model size". */
const char *report_measure_name(report_measure measure);

/* Colour of a line, "#rrggbb", and whether it is dashed. */
const char *report_colour(int colour, bool *dashed);
/* Records a line for the report about what could not be read. */
int report_note(report_store *store, const char *text, weir_error *error);

#endif
