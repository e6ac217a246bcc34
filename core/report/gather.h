/* Gathering figures: what the files that make them share. */
#ifndef WEIR_REPORT_GATHER_H
#define WEIR_REPORT_GATHER_H

#include "report/csv.h"
#include "report/figures.h"

typedef struct report_gathering {
    const report_model *model;
    report_figures *figures;
    weir_error *error;
} report_gathering;

/* A new figure, without curves; NULL with the error recorded. Moved when the next one is added. */
report_figure *report_figure_new(report_gathering *in, report_figure_kind kind, size_t trace,
                                 const char *title);
/* Appends an empty curve with room for REPORT_POINTS; NULL with the error recorded. */
report_curve *report_curve_new(report_gathering *in, report_figure *figure, const char *name,
                               int colour);
/* Appends a line of two columns, thinned. mean: to means of runs of points, so that a rate keeps
 * its sum; else by leaving points out. Rows that are no finite numbers are left out. */
bool report_curve_read(report_gathering *in, report_figure *figure, const report_csv *csv,
                       size_t x_column, size_t y_column, bool mean, const char *name, int colour);
/* A job's file as CSV, by its name inside the job's folder; false with a note if it is unusable. */
bool report_gather_file(report_gathering *in, const report_job *job, const char *name,
                        report_csv *csv);

/* The training curves of an entry on a trace: a figure a curve, a line a seed and part. training.c
 */
void report_training_figures(report_gathering *in, size_t trace, const report_entry *entry);
/* Draws a matrix, or images: the groups of a label side by side. images.c */
void report_matrix(report_gathering *in, report_figure *figure, const report_csv *csv);
void report_images(report_gathering *in, report_figure *figure, const report_csv *csv);
/* Those of the script: figures.json. own_figures.c */
void report_own_figures(report_gathering *in);
/* Rank against what it took, with the front. front.c */
void report_front_figures(report_gathering *in, size_t trace);

#endif
