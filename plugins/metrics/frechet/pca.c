/* Principal components of many wide points: Lanczos iterations with the covariance, which is never
 * written out. Golub, Van Loan, Matrix Computations, chapter 10. */
#include "frechet.h"
#include <math.h>
#include <string.h>
#include <weir/stats.h>

#define EXTRA 100      /* iterations beyond 10 an axis, at most */
#define CHECK_EVERY 16 /* iterations */
#define CLOSE 1e-11    /* residual over the largest variance at which an axis is found */

struct lanczos {
    weir_job *job;
    const float *points;
    const double *mean;
    size_t n, width, most, done;
    double *basis;    /* [most + 1][width] */
    double *diagonal; /* [most] */
    double *beside;   /* [most]: couples vector i and i + 1 */
    double *matrix;   /* [most][most] */
    double *values;   /* [most] */
    double *vectors;  /* [most][most] */
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double dot_point(const float *a, const double *b, size_t n)
{
    double sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* to = covariance from. */
static int apply_covariance(struct lanczos *l, const double *from, double *to)
{
    double offset = dot(l->mean, from, l->width), sum = 0;

    memset(to, 0, l->width * sizeof *to);
    for (size_t i = 0; i < l->n; i++) {
        const float *point = l->points + i * l->width;
        double score = dot_point(point, from, l->width) - offset;

        for (size_t j = 0; j < l->width; j++)
            to[j] += score * (double)point[j];
        sum += score;
        if (i % 1024 == 0 && weir_progress(l->job, (int64_t)l->done, (int64_t)l->most))
            return WEIR_ECANCEL;
    }
    for (size_t j = 0; j < l->width; j++)
        to[j] = (to[j] - sum * l->mean[j]) / (double)(l->n - 1);
    return WEIR_OK;
}

/* Takes out of v what it shares with the first `before` vectors, twice, since once leaves rounding.
 * Returns the length that is left. */
static double orthogonalise(const struct lanczos *l, size_t before, double *v)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < before; k++) {
            const double *base = l->basis + k * l->width;
            double shared = dot(base, v, l->width);

            for (size_t j = 0; j < l->width; j++)
                v[j] -= shared * base[j];
        }
    return sqrt(dot(v, v, l->width));
}

/* A new vector `at` out of what the covariance makes of noise, of length 1; *length is what there
 * was of it. */
static int begin(struct lanczos *l, size_t at, double *length)
{
    weir_random *random = weir_stream(l->job, "axes");
    double *v = l->basis + at * l->width, *noise = l->basis + l->most * l->width;

    for (size_t j = 0; j < l->width; j++)
        noise[j] = weir_random_normal(random);
    if (apply_covariance(l, noise, v))
        return WEIR_ECANCEL;
    *length = orthogonalise(l, at, v);
    for (size_t j = 0; j<l->width && * length> 0; j++)
        v[j] /= *length;
    return WEIR_OK;
}

/* Eigenvalues and vectors of the tridiagonal matrix of so many iterations. */
static int solve(struct lanczos *l, size_t m)
{
    memset(l->matrix, 0, m * m * sizeof *l->matrix);
    for (size_t i = 0; i < m; i++) {
        l->matrix[i * m + i] = l->diagonal[i];
        if (i + 1 < m)
            l->matrix[i * m + i + 1] = l->matrix[(i + 1) * m + i] = l->beside[i];
    }
    return weir_eigen(l->matrix, m, l->values, l->vectors, weir_job_error(l->job));
}

static bool found(const struct lanczos *l, size_t m, size_t wanted)
{
    for (size_t k = 0; k < wanted; k++)
        if (fabs(l->beside[m - 1] * l->vectors[k * m + m - 1]) > CLOSE * l->values[0])
            return false;
    return true;
}

/* Iterates until `wanted` axes are found or the points span no more; *m: iterations. */
static int iterate(struct lanczos *l, size_t wanted, size_t *m)
{
    double largest = 0, length;
    int status = begin(l, 0, &length);

    *m = 0;
    if (status || !(length > 0))
        return status;
    while (*m < l->most) {
        double *v = l->basis + *m * l->width, *next = v + l->width;

        l->done = *m;
        if (apply_covariance(l, v, next))
            return WEIR_ECANCEL;
        l->diagonal[*m] = dot(v, next, l->width);
        largest = fmax(largest, l->diagonal[*m]);
        length = orthogonalise(l, *m + 1, next);
        l->beside[*m] = length;
        for (size_t j = 0; j < l->width && length > 0; j++)
            next[j] /= length;
        if (++*m == l->most)
            break;
        if (length <= 1e-13 * largest) { /* the vectors so far span a space of their own */
            l->beside[*m - 1] = 0;
            if (begin(l, *m, &length))
                return WEIR_ECANCEL;
            if (length <= 1e-13 * largest)
                break;
        } else if (*m > wanted && *m % CHECK_EVERY == 0) {
            status = solve(l, *m);
            if (status || found(l, *m, wanted))
                return status;
        }
    }
    return solve(l, *m);
}

static int open_lanczos(struct lanczos *l)
{
    l->basis = weir_alloc(l->job, (l->most + 1) * l->width, sizeof *l->basis);
    l->diagonal = weir_alloc(l->job, 3 * l->most, sizeof *l->diagonal);
    l->matrix = weir_alloc(l->job, 2 * l->most * l->most, sizeof *l->matrix);
    if (!l->basis || !l->diagonal || !l->matrix)
        return weir_job_error(l->job)->status;
    l->beside = l->diagonal + l->most;
    l->values = l->beside + l->most;
    l->vectors = l->matrix + l->most * l->most;
    return WEIR_OK;
}

int pca_fit(weir_job *job, struct pca *pca, const float *points, size_t n, size_t width,
            size_t wanted)
{
    struct lanczos l = {.job = job, .points = points, .n = n, .width = width};
    size_t m;
    int status;

    *pca = (struct pca){.width = width, .mean = weir_alloc(job, width, sizeof *pca->mean)};
    if (!pca->mean)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < n * width; i++)
        pca->mean[i % width] += (double)points[i] / (double)n;
    wanted = wanted < width ? wanted : width;
    wanted = wanted < n ? wanted : n - 1;
    if (!wanted || n < 2)
        return WEIR_OK;
    l.mean = pca->mean;
    l.most = 10 * wanted + EXTRA;
    l.most = l.most < width ? l.most : width;
    l.most = l.most < n ? l.most : n - 1;
    status = open_lanczos(&l);
    if (!status)
        status = iterate(&l, wanted, &m);
    if (status || !m)
        return status;
    /* single precision holds no smaller variance */
    while (pca->count < wanted && pca->count < m && l.values[pca->count] > 1e-10 * l.values[0] &&
           l.values[pca->count] > 1e-15 * dot(l.mean, l.mean, width))
        pca->count++;
    pca->axes = weir_alloc(job, (pca->count ? pca->count : 1) * width, sizeof *pca->axes);
    if (!pca->axes)
        return weir_job_error(job)->status;
    for (size_t k = 0; k < pca->count; k++)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < width; j++)
                pca->axes[k * width + j] += l.vectors[k * m + i] * l.basis[i * width + j];
    return WEIR_OK;
}

int pca_apply(weir_job *job, const struct pca *pca, const float *points, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < pca->count; k++) {
            const double *axis = pca->axes + k * pca->width;

            out[i * pca->count + k] = dot_point(points + i * pca->width, axis, pca->width) -
                                      dot(pca->mean, axis, pca->width);
        }
        if (i % 256 == 0 && weir_progress(job, (int64_t)i, (int64_t)n))
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}
