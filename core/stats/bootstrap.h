/* The part of a BCa interval that has no randomness, so that it can be compared with SciPy's. */
#ifndef WEIR_STATS_BOOTSTRAP_H
#define WEIR_STATS_BOOTSTRAP_H

#include <weir/stats.h>

/* The interval of the mean of n values (not all equal) out of the means of its resamples, sorted
 * ascending. Source: Efron 1987; Efron and Tibshirani 1993, 14.3. */
weir_interval weir_bca_bounds(const double *values, size_t n, double level, const double *means,
                              size_t resamples);

#endif
