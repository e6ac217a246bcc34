/* Distributions, distances and statistics: what metrics are made of. Plain functions on doubles.
 * All inputs must be finite unless a comment says otherwise; none is changed or kept. */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/table.h>

/* Sorts n values ascending, in place, in O(n) for large n (radix). */
WEIR_API int weir_sort(double *values, size_t n, weir_error *error);

/* Earth mover's distance (Wasserstein-1) of two samples: integral of |F_a - F_b|. n_a, n_b >= 1.
 * The unit is that of the values. (specs D.0.1; scipy.stats.wasserstein_distance.) NaN on failure.
 */
WEIR_API double weir_emd(const double *a, size_t n_a, const double *b, size_t n_b,
                         weir_error *error);
/* The same of two samples sorted ascending: no memory, cannot fail. */
WEIR_API double weir_emd_sorted(const double *a, size_t n_a, const double *b, size_t n_b);

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

/* Hurst exponent by rescaled range with the Anis-Lloyd-Peters correction and least squares over at
 * most 15 block sizes around the square root of the length (specs D.1.1; nolds.hurst_rs with
 * fit="poly"). Blocks of equal values are left out. NaN where fewer than two block sizes are left,
 * as for a constant series. */
#define WEIR_HURST_SIZES 15
/* What depends on the length alone; made once for many series. */
typedef struct weir_hurst_plan {
    size_t n;                          /* values of a series */
    size_t count;                      /* block sizes, 0 where n < 16 */
    size_t sizes[WEIR_HURST_SIZES];    /* ascending */
    double logs[WEIR_HURST_SIZES];     /* ln of the size */
    double expected[WEIR_HURST_SIZES]; /* ln of the expected R/S of white noise */
} weir_hurst_plan;
WEIR_API weir_hurst_plan weir_hurst_prepare(size_t n);
WEIR_API double weir_hurst_rs(const double *series, size_t n);
/* The same of a series that is zero but for integers values[i] at positions at[i], ascending and
 * below plan->n: in O(occupied) a block size, and without rounding before the division. */
WEIR_API double weir_hurst_counts(const weir_hurst_plan *plan, const uint32_t *at,
                                  const double *values, size_t occupied);

/* Mean; sample standard deviation (n - 1). */
WEIR_API double weir_mean(const double *values, size_t n);
WEIR_API double weir_deviation(const double *values, size_t n);
/* Quantile q in [0, 1] of ascending values, linear interpolation (NumPy's default). */
WEIR_API double weir_quantile_sorted(const double *values, size_t n, double q);

/* Eigenvalues of a symmetric matrix [n][n], descending, and with them (NULL: none) orthonormal
 * eigenvectors, vectors[k] that of values[k]. The lower triangle is read. n is 1 or more. Fails
 * with WEIR_EDIVERGE for a number that is not finite. */
WEIR_API int weir_eigen(const double *matrix, size_t n, double *values, double *vectors,
                        weir_error *error);
/* Fréchet distance of the normal distributions fitted to two samples of points, a[n_a][width] and
 * b[n_b][width], of 2 points or more: |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), with
 * covariances over n - 1 (Dowson, Landau 1982). A distance below 1e-12 of what it is the
 * difference of is 0. Time grows with width^3; a covariance may be singular (n <= width), but then
 * the distance says little. NaN on failure: WEIR_EDATA for too few points, WEIR_EDIVERGE for points
 * that are not finite or too large to be squared. */
WEIR_API double weir_frechet(const double *a, size_t n_a, const double *b, size_t n_b, size_t width,
                             weir_error *error);

typedef struct weir_interval {
    double low, high;
} weir_interval;
/* Two-sided t interval of the mean, n >= 2; level such as 0.95. */
WEIR_API weir_interval weir_t_interval(const double *values, size_t n, double level);
/* Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987), n >= 3, resamples >=
 * 1000. Values all equal give an interval of no width. */
WEIR_API int weir_bca_interval(const double *values, size_t n, double level, size_t resamples,
                               uint64_t seed, weir_interval *interval, weir_error *error);

/* The distribution functions of two samples sorted ascending, n >= 1 each, as a curve to look at: a
 * free table x, real, synthetic (share of the sample <= x), x being the quantiles of both, at most
 * points + 2 rows. The caller owns it; NULL on failure. */
WEIR_API weir_table *weir_cdf_table(const double *real, size_t n_real, const double *synthetic,
                                    size_t n_synthetic, size_t points, weir_error *error);

/* Average ranks 1 … n (ties share their mean), ascending. */
WEIR_API int weir_ranks(const double *values, size_t n, double *ranks, weir_error *error);
/* Spearman's rho (Pearson of average ranks); NaN if a side is constant or on failure. */
WEIR_API double weir_spearman(const double *a, const double *b, size_t n, weir_error *error);

/* ---- Tests of ranks (specs D.15), for the comparison of generators --------------------------- */

/* What a test found. `least` is the smallest p that it could have given for data of this size and
 * these ties: where it is above the level, no outcome would have been significant. */
typedef struct weir_outcome {
    double statistic;
    double p; /* two-sided */
    double least;
    bool exact; /* p is that of all orders or signs, not of a sample of them or of a limit */
} weir_outcome;

#define WEIR_EXACT_ORDERS 9 /* values up to which all n! orders are tried */
/* Spearman's rho, n >= 3; p: the share of orders of b with a |rho| as large. Beyond
 * WEIR_EXACT_ORDERS values it is (hits + 1) / (resamples + 1) over random orders of that seed.
 * WEIR_EDATA where a side is constant. */
WEIR_API int weir_spearman_test(const double *a, const double *b, size_t n, size_t resamples,
                                uint64_t seed, weir_outcome *outcome, weir_error *error);
/* Kendall's tau-b, n >= 3, in O(n^2). p: exact up to WEIR_EXACT_ORDERS values, and up to 50 without
 * ties; else of the normal limit with ties (Kendall 1970). WEIR_EDATA where a side is constant. */
WEIR_API int weir_kendall_test(const double *a, const double *b, size_t n, weir_outcome *outcome,
                               weir_error *error);
/* Wilcoxon's signed-rank test of n differences of pairs, n >= 1. Zeros are left out; if nothing is
 * left, p and least are 1. The statistic is the smaller sum of ranks. p: over all signs up to 50
 * differences, ties included; else of the normal limit, without a correction for continuity. */
WEIR_API int weir_wilcoxon_test(const double *differences, size_t n, weir_outcome *outcome,
                                weir_error *error);
/* The smallest p, before there is data without ties: of n pairs of values in some order (Spearman,
 * Kendall), of n differences (Wilcoxon). */
WEIR_API double weir_least_p_orders(size_t n);
WEIR_API double weir_least_p_signs(size_t n);

/* Holm's step-down correction of n values of p: adjusted[i] may be compared with the level itself.
 * The two may be one array. */
WEIR_API int weir_holm(const double *p, size_t n, double *adjusted, weir_error *error);

/* Friedman's test of values[block * k + treatment] (k generators scored on n data sets or seeds, n
 * and k >= 2), in the form of Iman and Davenport. ranks[k]: mean rank of each treatment, the
 * smallest value having rank 1. */
typedef struct weir_friedman {
    double chi2; /* Friedman's, with ties */
    double f;    /* Iman and Davenport's, of k - 1 and (k - 1)(n - 1) degrees of freedom; infinite
                    where all blocks agree */
    double p;    /* of f; where all blocks agree, k!^(1 - n), the share of such orders */
    double least;
} weir_friedman;
/* WEIR_EDATA where every block is constant. */
WEIR_API int weir_friedman_test(const double *values, size_t n, size_t k, weir_friedman *result,
                                double *ranks, weir_error *error);
/* Nemenyi's critical difference of two mean ranks among k treatments over n blocks (Demsar 2006):
 * q sqrt(k (k + 1) / 6n), q being the studentised range's quantile for infinitely many degrees of
 * freedom over sqrt(2). And the p of a difference. */
WEIR_API double weir_nemenyi_difference(size_t k, size_t n, double alpha);
WEIR_API double weir_nemenyi_p(size_t k, size_t n, double difference);

#endif
