/* Summaries of repeated scores: mean, deviation, quantiles, intervals, ranks, rank correlation. */
#include "stats/bootstrap.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/random.h>
#include <weir/stats.h>

double weir_mean(const double *values, size_t n)
{
    double mean = 0;

    for (size_t i = 0; i < n; i++)
        mean += (values[i] - mean) / (double)(i + 1);
    return n ? mean : NAN;
}

double weir_deviation(const double *values, size_t n)
{
    double mean = weir_mean(values, n), squares = 0;

    if (n < 2)
        return NAN;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return sqrt(squares / (double)(n - 1));
}

double weir_quantile_sorted(const double *values, size_t n, double q)
{
    double position, whole;
    size_t at;

    if (!n)
        return NAN;
    position = q * (double)(n - 1);
    whole = floor(position);
    at = (size_t)whole;
    if (at + 1 >= n)
        return values[n - 1];
    return values[at] + (position - whole) * (values[at + 1] - values[at]);
}

weir_interval weir_t_interval(const double *values, size_t n, double level)
{
    double mean = weir_mean(values, n), half;

    if (n < 2)
        return (weir_interval){NAN, NAN};
    half = gsl_cdf_tdist_Pinv(0.5 + level / 2, (double)(n - 1)) * weir_deviation(values, n) /
           sqrt((double)n);
    return (weir_interval){mean - half, mean + half};
}

/* ---- Bootstrap ------------------------------------------------------------------------------- */

weir_interval weir_bca_bounds(const double *values, size_t n, double level, const double *means,
                              size_t resamples)
{
    double mean = weir_mean(values, n), below = 0, squares = 0, cubes = 0, bias, skew, z;
    double low, high;

    for (size_t i = 0; i < resamples; i++)
        below += means[i] < mean ? 1 : means[i] == mean ? 0.5 : 0;
    bias = gsl_cdf_ugaussian_Pinv(below / (double)resamples);
    /* The jackknife: without value i the mean moves by (mean - value) / (n - 1). */
    for (size_t i = 0; i < n; i++) {
        double influence = values[i] - mean;

        squares += influence * influence;
        cubes += influence * influence * influence;
    }
    skew = cubes / (6 * pow(squares, 1.5));
    z = gsl_cdf_ugaussian_Pinv(0.5 + level / 2);
    low = bias + (bias - z) / (1 - skew * (bias - z));
    high = bias + (bias + z) / (1 - skew * (bias + z));
    return (weir_interval){weir_quantile_sorted(means, resamples, gsl_cdf_ugaussian_P(low)),
                           weir_quantile_sorted(means, resamples, gsl_cdf_ugaussian_P(high))};
}

int weir_bca_interval(const double *values, size_t n, double level, size_t resamples, uint64_t seed,
                      weir_interval *interval, weir_error *error)
{
    weir_random random = weir_random_new(seed, "bca");
    double *means;
    bool equal = true;
    int status;

    if (n < 3 || resamples < 1000)
        return weir_error_set(error, WEIR_EDATA,
                              "a BCa interval of %zu values and %zu resamples; it needs 3 and 1000",
                              n, resamples);
    for (size_t i = 1; i < n; i++)
        equal = equal && values[i] == values[0];
    if (equal) {
        *interval = (weir_interval){values[0], values[0]};
        return WEIR_OK;
    }
    means = malloc(resamples * sizeof *means);
    if (!means)
        return weir_error_memory(error, resamples * sizeof *means, "resamples");
    for (size_t i = 0; i < resamples; i++) {
        double sum = 0;

        for (size_t k = 0; k < n; k++)
            sum += values[weir_random_below(&random, n)];
        means[i] = sum / (double)n;
    }
    status = weir_sort(means, resamples, error);
    if (!status)
        *interval = weir_bca_bounds(values, n, level, means, resamples);
    free(means);
    return status;
}

/* ---- Ranks ----------------------------------------------------------------------------------- */

struct placed {
    double value;
    size_t at;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    return (x->value > y->value) - (x->value < y->value);
}

int weir_ranks(const double *values, size_t n, double *ranks, weir_error *error)
{
    struct placed *order = malloc((n ? n : 1) * sizeof *order);

    if (!order)
        return weir_error_memory(error, n * sizeof *order, "ranks");
    for (size_t i = 0; i < n; i++)
        order[i] = (struct placed){values[i], i};
    qsort(order, n, sizeof *order, compare_placed);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && order[end].value == order[i].value; end++)
            ;
        for (size_t k = i; k < end; k++)
            ranks[order[k].at] = (double)(i + 1 + end) / 2;
    }
    free(order);
    return WEIR_OK;
}

static double pearson(const double *a, const double *b, size_t n)
{
    double mean_a = weir_mean(a, n), mean_b = weir_mean(b, n), ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

double weir_spearman(const double *a, const double *b, size_t n, weir_error *error)
{
    double *ranks = malloc((n ? 2 * n : 1) * sizeof *ranks), rho = NAN;

    if (!ranks) {
        weir_error_memory(error, 2 * n * sizeof *ranks, "ranks");
        return NAN;
    }
    if (!weir_ranks(a, n, ranks, error) && !weir_ranks(b, n, ranks + n, error))
        rho = pearson(ranks, ranks + n, n);
    free(ranks);
    return rho;
}
