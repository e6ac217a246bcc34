/* What <weir/gasf.h>'s files share: a line of the field, how it is resized by area, and the series
 * whose image is nearest to a given one. */
#ifndef WEIR_GASF_SOLVE_H
#define WEIR_GASF_SOLVE_H

#include <weir/gasf.h>

/* What target cell `to` has of source cell `from`, as a share of the target. */
struct gasf_part {
    uint32_t from, to;
    float share;
};
/* A line of n cells as one of m: parts [n + m], in order of `from`; their number. */
size_t gasf_cut(size_t n, size_t m, struct gasf_part *parts);

/* A line resized: out [m], of the parts of gasf_cut. */
void gasf_resize(const struct gasf_part *parts, size_t count, const float *line, size_t m,
                 float *out);
/* Sine and cosine of half the angle whose sine is `unit`, in [0, 1]. */
void gasf_halves(double unit, float *low, float *high);
/* A row of the field (G + 1) / 2, gamma-corrected (power: 2 gamma): that of a step of these halves,
 * beside n steps of the halves lows and highs. */
void gasf_row(float low, float high, const float *lows, const float *highs, size_t n, double power,
              float *out);

/* Room for a channel of a series; memory of gasf_solver_open, which returns NULL when there is
 * none. */
struct gasf_solver;
struct gasf_solver *gasf_solver_open(const weir_gasf *gasf);
void gasf_solver_close(struct gasf_solver *solver);

/* Changes unit [steps], a channel's values in [0, 1], so that their image comes nearer (in squares)
 * to `image` [side][side], `stride` numbers from pixel to pixel: value by value, `passes` step
 * sizes, each half the one before. The steps from `end` on stay. kind: as weir_gasf_channel's
 * direction. WEIR_ECANCEL when the job is cancelled. */
int gasf_solve(weir_job *job, struct gasf_solver *solver, const float *image, size_t stride,
               uint32_t passes, float kind, size_t end, double *unit);

#endif
