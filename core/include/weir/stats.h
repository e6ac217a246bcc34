/* Distributions, distances and statistics: what metrics are made of. Plain functions on doubles.
 * All inputs must be finite unless a comment says otherwise; none is changed or kept. */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/error.h>

/* Sorts n values ascending, in place, in O(n) for large n (radix). */
WEIR_API int weir_sort(double *values, size_t n, weir_error *error);

/* Earth mover's distance (Wasserstein-1) of two samples: integral of |F_a - F_b|. n_a, n_b >= 1.
 * The unit is that of the values. (specs D.0.1; scipy.stats.wasserstein_distance.) NaN on failure.
 */
WEIR_API double weir_emd(const double *a, size_t n_a, const double *b, size_t n_b,
                         weir_error *error);
/* The same of two samples sorted ascending: no memory, cannot fail. */
WEIR_API double weir_emd_sorted(const double *a, size_t n_a, const double *b, size_t n_b);
/* The same of two histograms over the same integer support 0 … n-1 (counts of each value). */
WEIR_API double weir_emd_counts(const uint64_t *a, const uint64_t *b, size_t n);

/* Jensen-Shannon divergence of two weightings over one support, normalised to sum 1 each; base e:
 * in [0, ln 2]; base 2: in [0, 1]. The distance is its square root. Both sums must be > 0. */
WEIR_API double weir_jsd(const double *p, const double *q, size_t n, double base);
/* The same of two samples of codes (addresses, ports …), over the union of their supports. NaN on
 * failure. */
WEIR_API double weir_jsd_codes(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b,
                               double base, weir_error *error);
/* Rank-frequency JSD: counts sorted descending, identity ignored (specs D.8.1). NaN on failure. */
WEIR_API double weir_jsd_ranks(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b,
                               double base, weir_error *error);

/* Hurst exponent by rescaled range with the Anis-Lloyd-Peters correction, n >= 16 values, least
 * squares (specs D.1.1; nolds.hurst_rs with fit="poly"). NaN for a constant series. */
WEIR_API double weir_hurst_rs(const double *series, size_t n);

/* Mean; sample standard deviation (n - 1). */
WEIR_API double weir_mean(const double *values, size_t n);
WEIR_API double weir_deviation(const double *values, size_t n);
/* Quantile q in [0, 1] of ascending values, linear interpolation (NumPy's default). */
WEIR_API double weir_quantile_sorted(const double *values, size_t n, double q);

typedef struct weir_interval {
    double low, high;
} weir_interval;
/* Two-sided t interval of the mean, n >= 2; level such as 0.95. */
WEIR_API weir_interval weir_t_interval(const double *values, size_t n, double level);
/* Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987), n >= 3, resamples >=
 * 1000. Values all equal give an interval of no width. */
WEIR_API int weir_bca_interval(const double *values, size_t n, double level, size_t resamples,
                               uint64_t seed, weir_interval *interval, weir_error *error);

/* Average ranks 1 … n (ties share their mean), ascending. */
WEIR_API int weir_ranks(const double *values, size_t n, double *ranks, weir_error *error);
/* Spearman's rho (Pearson of average ranks); NaN if a side is constant or on failure. */
WEIR_API double weir_spearman(const double *a, const double *b, size_t n, weir_error *error);

#endif
