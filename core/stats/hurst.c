/* Hurst exponent by rescaled range: the sizes of blocks, the expectation of white noise, the fit.
 * Sources: Hurst 1951; Anis and Lloyd 1976, Peters 1994 (the correction); the choice of block sizes
 * is that of nolds, so that the numbers can be compared. */
#include <math.h>
#include <weir/stats.h>

/* ln of the expected R/S of n independent normal values. */
static double expected_rs(size_t n)
{
    const double pi = 3.14159265358979323846;
    double size = (double)n, sum = 0, middle;

    for (size_t i = 1; i < n; i++)
        sum += sqrt((size - (double)i) / (double)i);
    if (n <= 340)
        middle = exp(lgamma((size - 1) / 2) - lgamma(size / 2)) / sqrt(pi);
    else
        middle = 1 / sqrt(size * pi / 2);
    return log((size - 0.5) / size * middle * sum);
}

weir_hurst_plan weir_hurst_prepare(size_t n)
{
    weir_hurst_plan plan = {.n = n};
    double start = 0.375 * log((double)n), span = 0.25 * log((double)n);

    if (n < 16)
        return plan;
    for (size_t k = 0; k < WEIR_HURST_SIZES; k++) {
        size_t size = (size_t)nearbyint(exp(start + (double)k / WEIR_HURST_SIZES * span));

        if (plan.count && plan.sizes[plan.count - 1] == size)
            continue;
        plan.sizes[plan.count] = size;
        plan.logs[plan.count] = log((double)size);
        plan.expected[plan.count] = expected_rs(size);
        plan.count++;
    }
    return plan;
}

/* Slope of the least squares line through n points, plus one half; NaN for fewer than two. */
static double fit(const double *x, const double *y, size_t n)
{
    double mean_x = 0, mean_y = 0, products = 0, squares = 0;

    if (n < 2)
        return NAN;
    for (size_t i = 0; i < n; i++) {
        mean_x += x[i] / (double)n;
        mean_y += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        products += (x[i] - mean_x) * (y[i] - mean_y);
        squares += (x[i] - mean_x) * (x[i] - mean_x);
    }
    return products / squares + 0.5;
}

/* R/S of one block; 0 if all its values are equal. */
static double rescaled_range(const double *values, size_t n)
{
    double mean = 0, sum = 0, squares = 0, high = 0, low = 0;
    bool constant = true;

    for (size_t i = 0; i < n; i++) {
        mean += values[i];
        constant = constant && values[i] == values[0];
    }
    if (constant)
        return 0;
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double deviation = values[i] - mean;

        sum += deviation;
        squares += deviation * deviation;
        high = sum > high ? sum : high;
        low = sum < low ? sum : low;
    }
    return (high - low) / sqrt(squares / (double)(n - 1));
}

double weir_hurst_rs(const double *series, size_t n)
{
    weir_hurst_plan plan = weir_hurst_prepare(n);
    double x[WEIR_HURST_SIZES], y[WEIR_HURST_SIZES];
    size_t points = 0;

    for (size_t k = 0; k < plan.count; k++) {
        size_t size = plan.sizes[k], blocks = 0;
        double sum = 0;

        for (size_t at = 0; at + size <= n; at += size) {
            double ratio = rescaled_range(series + at, size);

            sum += ratio;
            blocks += ratio > 0;
        }
        if (!blocks)
            continue;
        x[points] = plan.logs[k];
        y[points++] = log(sum / (double)blocks) - plan.expected[k];
    }
    return fit(x, y, points);
}

double weir_hurst_counts(const weir_hurst_plan *plan, const uint32_t *at, const double *values,
                         size_t occupied)
{
    double x[WEIR_HURST_SIZES], y[WEIR_HURST_SIZES];
    size_t points = 0;

    for (size_t k = 0; k < plan->count; k++) {
        size_t size = plan->sizes[k], end = plan->n / size * size, blocks = 0;
        double n = (double)size, ratios = 0;

        for (size_t i = 0; i < occupied && at[i] < end;) {
            size_t first = at[i] / size * size, next = i;
            double sum = 0, squares = 0, so_far = 0, high = 0, low = 0, spread;

            for (; next < occupied && at[next] < first + size; next++) {
                sum += values[next];
                squares += values[next] * values[next];
            }
            /* n times the cumulated deviation from the mean. It is linear where the series is zero,
             * so its extremes lie just before and at the occupied positions, or at the end, where
             * it is zero. */
            for (; i < next; i++) {
                double position = (double)(at[i] - first);
                double before = n * so_far - position * sum, after = before + n * values[i] - sum;

                so_far += values[i];
                high = before > high ? before : high;
                high = after > high ? after : high;
                low = before < low ? before : low;
                low = after < low ? after : low;
            }
            spread = n * squares - sum * sum;
            if (spread > 0) {
                ratios += (high - low) / n / sqrt(spread / (n * (n - 1)));
                blocks++;
            }
        }
        if (!blocks)
            continue;
        x[points] = plan->logs[k];
        y[points++] = log(ratios / (double)blocks) - plan->expected[k];
    }
    return fit(x, y, points);
}
