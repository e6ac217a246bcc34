/* Symmetric eigenproblems, and the distance of two normal distributions. */
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/stats.h>

int weir_eigen(const double *matrix, size_t n, double *values, double *vectors, weir_error *error)
{
    double *copy = n ? malloc(2 * n * n * sizeof *copy) : NULL;
    gsl_eigen_symmv_workspace *room;
    gsl_matrix_view in, out;
    gsl_vector_view found;
    int status;

    gsl_set_error_handler_off(); /* it would end the process */
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(matrix[i])) {
            free(copy);
            return weir_error_set(error, WEIR_EDIVERGE, "a matrix of %zu is not finite", n);
        }
    room = copy ? gsl_eigen_symmv_alloc(n) : NULL;
    if (!room) {
        free(copy);
        return weir_error_memory(error, 2 * n * n * sizeof *copy, "a matrix");
    }
    memcpy(copy, matrix, n * n * sizeof *copy);
    in = gsl_matrix_view_array(copy, n, n);
    out = gsl_matrix_view_array(copy + n * n, n, n);
    found = gsl_vector_view_array(values, n);
    status = gsl_eigen_symmv(&in.matrix, &found.vector, &out.matrix, room);
    if (!status)
        status = gsl_eigen_symmv_sort(&found.vector, &out.matrix, GSL_EIGEN_SORT_VAL_DESC);
    for (size_t k = 0; k < n && vectors; k++)
        for (size_t i = 0; i < n; i++)
            vectors[k * n + i] = copy[n * n + i * n + k];
    gsl_eigen_symmv_free(room);
    free(copy);
    return status ? weir_error_set(error, WEIR_EDIVERGE, "eigenvalues of a matrix of %zu: %s", n,
                                   gsl_strerror(status))
                  : WEIR_OK;
}

/* mean[width] and covariance[width][width] over n - 1; line[width]: room. */
static void fit(const double *points, size_t n, size_t width, double *mean, double *covariance,
                double *line)
{
    memset(mean, 0, width * sizeof *mean);
    memset(covariance, 0, width * width * sizeof *covariance);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++)
            mean[j] += points[i * width + j] / (double)n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < width; j++)
            line[j] = points[i * width + j] - mean[j];
        for (size_t j = 0; j < width; j++)
            for (size_t k = 0; k <= j; k++)
                covariance[j * width + k] += line[j] * line[k];
    }
    for (size_t j = 0; j < width; j++)
        for (size_t k = 0; k <= j; k++) {
            covariance[j * width + k] /= (double)(n - 1);
            covariance[k * width + j] = covariance[j * width + k];
        }
}

/* The symmetric root of a covariance, in place; values[width], vectors[width][width]: room. What
 * rounding has made negative counts as 0. */
static int take_root(double *matrix, size_t width, double *values, double *vectors,
                     weir_error *error)
{
    int status = weir_eigen(matrix, width, values, vectors, error);

    if (status)
        return status;
    memset(matrix, 0, width * width * sizeof *matrix);
    for (size_t k = 0; k < width; k++) {
        double root = sqrt(fmax(0, values[k]));

        for (size_t i = 0; i < width; i++)
            for (size_t j = 0; j < width; j++)
                matrix[i * width + j] += root * vectors[k * width + i] * vectors[k * width + j];
    }
    return WEIR_OK;
}

/* out = left right. */
static void multiply(const double *left, const double *right, size_t width, double *out)
{
    memset(out, 0, width * width * sizeof *out);
    for (size_t i = 0; i < width; i++)
        for (size_t k = 0; k < width; k++)
            for (size_t j = 0; j < width; j++)
                out[i * width + j] += left[i * width + k] * right[k * width + j];
}

/* tr((S_a S_b)^(1/2)), the sum of the roots of the eigenvalues of R_a S_b R_a, R being the roots of
 * the covariances. Those are the singular values of R_a R_b, which rounding disturbs by 1e-16 of
 * the largest, where the root of an eigenvalue near 0 would be off by 1e-8 of it. Writes over a
 * and b.
 */
static int trace_of_root(double *a, double *b, size_t width, double *values, double *room,
                         double *trace, weir_error *error)
{
    gsl_vector *line = (gsl_set_error_handler_off(), gsl_vector_alloc(width));
    gsl_matrix_view product = gsl_matrix_view_array(room, width, width),
                    other = gsl_matrix_view_array(a, width, width);
    gsl_vector_view found = gsl_vector_view_array(values, width);
    int status = line ? take_root(a, width, values, room, error)
                      : weir_error_memory(error, width * sizeof *a, "a vector");

    if (!status)
        status = take_root(b, width, values, room, error);
    if (!status) {
        multiply(a, b, width, room);
        if (gsl_linalg_SV_decomp(&product.matrix, &other.matrix, &found.vector, line))
            status =
                weir_error_set(error, WEIR_EDIVERGE, "singular values of a matrix of %zu", width);
    }
    gsl_vector_free(line);
    *trace = 0;
    for (size_t k = 0; k < width && !status; k++)
        *trace += values[k];
    return status;
}

double weir_frechet(const double *a, size_t n_a, const double *b, size_t n_b, size_t width,
                    weir_error *error)
{
    size_t square = width * width;
    double *memory, *mean_a, *mean_b, *values, *cov_a, *cov_b, *room;
    double traces = 0, apart = 0, root, result;
    int status;

    if (n_a < 2 || n_b < 2 || !width) {
        weir_error_set(error, WEIR_EDATA,
                       "the distance of normal distributions fitted to %zu and %zu points of %zu "
                       "numbers; 2 points of 1 are needed",
                       n_a, n_b, width);
        return NAN;
    }
    memory = malloc((3 * width + 3 * square) * sizeof *memory);
    if (!memory) {
        weir_error_memory(error, (3 * width + 3 * square) * sizeof *memory, "covariances");
        return NAN;
    }
    mean_a = memory, mean_b = mean_a + width, values = mean_b + width;
    cov_a = values + width, cov_b = cov_a + square, room = cov_b + square;
    fit(a, n_a, width, mean_a, cov_a, values);
    fit(b, n_b, width, mean_b, cov_b, values);
    for (size_t i = 0; i < width; i++) {
        traces += cov_a[i * width + i] + cov_b[i * width + i];
        apart += (mean_a[i] - mean_b[i]) * (mean_a[i] - mean_b[i]);
    }
    status = trace_of_root(cov_a, cov_b, width, values, room, &root, error);
    free(memory);
    if (status)
        return NAN;
    result = apart + traces - 2 * root;
    if (!isfinite(result)) {
        weir_error_set(error, WEIR_EDIVERGE, "points are too large for a distance");
        return NAN;
    }
    return result > 1e-12 * (apart + traces) ? result : 0;
}
