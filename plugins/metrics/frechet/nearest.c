/* How near synthetic images are to real ones, by the measure of how near real ones are to each
 * other. */
#include "frechet.h"
#include <math.h>
#include <weir/stats.h>

#define BLOCK 64 /* pixels between two looks at the distance so far */

/* Squared distance, or some number above `best` where it is no less. */
static double apart(const float *a, const float *b, size_t pixels, double best)
{
    double sum = 0;

    for (size_t at = 0; at < pixels && sum < best; at += BLOCK) {
        size_t end = at + BLOCK < pixels ? at + BLOCK : pixels;
        float part = 0;

#pragma omp simd reduction(+ : part)
        for (size_t i = at; i < end; i++)
            part += (a[i] - b[i]) * (a[i] - b[i]);
        sum += (double)part;
    }
    return sum;
}

/* The root mean square difference of pixels between an image and the nearest of side's, but for
 * the one at `except`. */
static double nearest(const struct side *side, const float *image, size_t except)
{
    double best = INFINITY;

    for (size_t i = 0; i < side->n; i++)
        if (i != except) {
            double found = apart(image, side->images + i * side->pixels, side->pixels, best);

            best = found < best ? found : best;
        }
    return sqrt(best / (double)side->pixels);
}

/* Distances of n of from's images, drawn, to the nearest of side's, ascending. */
static int measure(weir_job *job, const struct side *from, const struct side *side,
                   const char *stream, size_t n, double *out, size_t done)
{
    uint32_t *rows = weir_alloc(job, from->n, sizeof *rows);

    if (!rows)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < from->n; i++)
        rows[i] = (uint32_t)i;
    draw_rows(job, stream, rows, from->n, n);
    for (size_t i = 0; i < n; i++) {
        if (weir_progress(job, (int64_t)(done + i), (int64_t)(done + n)))
            return WEIR_ECANCEL;
        out[i] =
            nearest(side, from->images + rows[i] * from->pixels, from == side ? rows[i] : SIZE_MAX);
    }
    return weir_sort(out, n, weir_job_error(job));
}

/* Share of ascending distances below half a grey level of 256. */
static double share_of_copies(const double *distances, size_t n)
{
    size_t copies = 0;

    while (copies < n && distances[copies] < 1.0 / 512)
        copies++;
    return (double)copies / (double)n;
}

int score_neighbours(weir_job *job, const struct side *real, const struct side *synthetic)
{
    static const char *const labels[] = {"NN", "COPIES", "COPIES_REAL"};
    size_t most = (size_t)((const struct options *)weir_options(job))->queries;
    size_t n_real = real->n < most ? real->n : most;
    size_t n_synthetic = synthetic->n < most ? synthetic->n : most;
    double *distances, *others, middle, middle_real;
    int status = WEIR_OK;

    if (real->n < 2) {
        for (size_t i = 0; i < 3 && !status; i++)
            if (weir_wanted(job, labels[i]))
                status =
                    weir_score_na(job, labels[i], "%s has one series; two are needed", real->name);
        return status;
    }
    distances = weir_alloc(job, n_real + n_synthetic, sizeof *distances);
    if (!distances)
        return weir_job_error(job)->status;
    others = distances + n_real;
    status = measure(job, real, real, "real queries", n_real, distances, 0);
    if (!status)
        status = measure(job, synthetic, real, "synthetic queries", n_synthetic, others, n_real);
    if (status)
        return status;
    middle_real = weir_quantile_sorted(distances, n_real, 0.5);
    middle = weir_quantile_sorted(others, n_synthetic, 0.5);
    if (weir_wanted(job, "NN"))
        status = middle_real > 0
                     ? weir_score(job, "NN", middle / middle_real, real->n, n_synthetic)
                     : weir_score_na(job, "NN", "half of the real series have one equal to them");
    if (!status && weir_wanted(job, "COPIES"))
        status =
            weir_score(job, "COPIES", share_of_copies(others, n_synthetic), real->n, n_synthetic);
    if (!status && weir_wanted(job, "COPIES_REAL"))
        status =
            weir_score(job, "COPIES_REAL", share_of_copies(distances, n_real), real->n, n_real);
    return status;
}
