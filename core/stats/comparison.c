/* Comparison of many treatments: Holm's correction, Friedman's test as Iman and Davenport have it,
 * Nemenyi's critical difference. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <weir/stats.h>

struct placed {
    double p;
    size_t at;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    return (x->p > y->p) - (x->p < y->p);
}

int weir_holm(const double *p, size_t n, double *adjusted, weir_error *error)
{
    struct placed *order = malloc((n ? n : 1) * sizeof *order);
    double largest = 0;

    if (!order)
        return weir_error_memory(error, n * sizeof *order, "values of p");
    for (size_t i = 0; i < n; i++)
        order[i] = (struct placed){p[i], i};
    qsort(order, n, sizeof *order, compare_placed);
    for (size_t i = 0; i < n; i++) {
        largest = fmin(1, fmax(largest, (double)(n - i) * order[i].p));
        adjusted[order[i].at] = largest;
    }
    free(order);
    return WEIR_OK;
}

/* ---- Friedman -------------------------------------------------------------------------------- */

/* k!^(1 - n). */
static double share_of_agreement(size_t n, size_t k)
{
    return exp(-(double)(n - 1) * lgamma((double)k + 1));
}

/* Sums the ranks of each treatment and the squares of all ranks' distances from their mean. */
static int sum_ranks(const double *values, size_t n, size_t k, double *sums, double *squares,
                     weir_error *error)
{
    double *ranks = malloc(k * sizeof *ranks), mean = ((double)k + 1) / 2;
    int status = WEIR_OK;

    if (!ranks)
        return weir_error_memory(error, k * sizeof *ranks, "ranks");
    for (size_t i = 0; i < k; i++)
        sums[i] = 0;
    for (size_t block = 0; block < n && !status; block++) {
        status = weir_ranks(values + block * k, k, ranks, error);
        for (size_t i = 0; i < k && !status; i++) {
            sums[i] += ranks[i];
            *squares += (ranks[i] - mean) * (ranks[i] - mean);
        }
    }
    free(ranks);
    return status;
}

int weir_friedman_test(const double *values, size_t n, size_t k, weir_friedman *result,
                       double *ranks, weir_error *error)
{
    double blocks = (double)n, treatments = (double)k, squares = 0, between = 0, rest;
    int status;

    if (n < 2 || k < 2)
        return weir_error_set(error, WEIR_EDATA,
                              "Friedman's test of %zu treatments over %zu blocks; it needs 2 of "
                              "each",
                              k, n);
    status = sum_ranks(values, n, k, ranks, &squares, error);
    if (status)
        return status;
    if (!(squares > 0))
        return weir_error_set(error, WEIR_EDATA,
                              "Friedman's test of blocks whose values are equal");
    for (size_t i = 0; i < k; i++) {
        double away = ranks[i] - blocks * (treatments + 1) / 2;

        between += away * away;
        ranks[i] /= blocks;
    }
    result->least = share_of_agreement(n, k);
    result->chi2 = (treatments - 1) * between / squares;
    rest = blocks * (treatments - 1) - result->chi2;
    if (rest <= 1e-12 * result->chi2) {
        result->f = INFINITY;
        result->p = result->least;
        return WEIR_OK;
    }
    result->f = (blocks - 1) * result->chi2 / rest;
    result->p = gsl_cdf_fdist_Q(result->f, treatments - 1, (treatments - 1) * (blocks - 1));
    return WEIR_OK;
}

/* ---- Nemenyi --------------------------------------------------------------------------------- */

/* The chance that the range of k standard normal values exceeds q: 1 - k times the integral of
 * phi(z) (Phi(z) - Phi(z - q))^(k - 1), by Simpson's rule. */
static double range_exceeds(size_t k, double q)
{
    const int steps = 4000;
    const double from = -9, width = 18.0 / steps;
    double sum = 0;

    for (int i = 0; i <= steps; i++) {
        double z = from + width * i;
        double inside = gsl_cdf_ugaussian_P(z) - gsl_cdf_ugaussian_P(z - q);
        double weight = i == 0 || i == steps ? 1 : i % 2 ? 4 : 2;

        sum += weight * exp(-z * z / 2) * pow(fmax(inside, 0), (double)k - 1);
    }
    return fmax(0, 1 - (double)k * sum * width / 3 / sqrt(2 * M_PI));
}

static double unit_of(size_t k, size_t n)
{
    return sqrt((double)k * (double)(k + 1) / (6 * (double)n));
}

double weir_nemenyi_p(size_t k, size_t n, double difference)
{
    if (k < 2 || !n)
        return NAN;
    return range_exceeds(k, fabs(difference) / unit_of(k, n) * sqrt(2));
}

double weir_nemenyi_difference(size_t k, size_t n, double alpha)
{
    double low = 0, high = 40;

    if (k < 2 || !n || !(alpha > 0 && alpha < 1))
        return NAN;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;

        if (range_exceeds(k, middle) > alpha)
            low = middle;
        else
            high = middle;
    }
    return low / sqrt(2) * unit_of(k, n);
}
