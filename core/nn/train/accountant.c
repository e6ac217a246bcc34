/* What training with noise costs in privacy: Renyi differential privacy of the Gaussian mechanism
 * on Poisson samples, added up over steps and mechanisms, and what it means as (epsilon, delta).
 * Mironov, Talwar, Zhang, "Renyi differential privacy of the sampled Gaussian mechanism", 2019. */
#include <math.h>
#include <weir/nn_train.h>

#define SQRT_PI 1.7724538509055160273
#define NEAR 1e-3  /* of log A */
#define LITTLE 0.1 /* noise below it: a fractional order gets what the next whole one costs */

/* log(exp(a) + exp(b)). */
static double log_add(double a, double b)
{
    double high = a > b ? a : b, low = a > b ? b : a;

    return isinf(low) && low < 0 ? high : high + log1p(exp(low - high));
}

/* log A(alpha) of a whole order: A is an expectation over the binomial distribution of exp((k^2 -
 * k) / 2 sigma^2) (eq. 6), which is 1 for k < 2; so A - 1 is summed, which keeps the digits of a
 * small A. */
static double log_moment_whole(double noise, double rate, double order)
{
    double sum = -INFINITY;

    for (double k = 2; k <= order; k++) {
        double choose = lgamma(order + 1) - lgamma(k + 1) - lgamma(order - k + 1);
        double power = (k * k - k) / (2 * noise * noise);
        double grown = power > 30 ? power + log1p(-exp(-power)) : log(expm1(power));
        double term = choose + k * log(rate) + (order - k) * log1p(-rate) + grown;
        sum = log_add(sum, term);
    }
    return sum > 30 ? sum + log1p(exp(-sum)) : log1p(exp(sum));
}

/* Of any order: the definition (eq. 5) by the trapezoidal rule. The integrand is analytic and falls
 * off at both ends, where the rule converges faster than any power of the step; unlike the paper's
 * series for fractional orders its terms are positive. An A near 1 is summed again as A - 1, less a
 * term whose expectation is 0. */
static double log_moment_integral(double noise, double rate, double order)
{
    const double step = noise / 16, first = -14 * noise, last = order + 14 * noise;
    const double scale = log(step / (noise * sqrt(2) * SQRT_PI)), wide = 2 * noise * noise;
    double moment = -INFINITY, excess = 0;

    for (double z = first; z < last; z += step) {
        double likely = log_add(log1p(-rate), log(rate) + (2 * z - 1) / wide);
        moment = log_add(moment, scale - z * z / wide + order * likely);
    }
    if (moment > NEAR)
        return moment;
    for (double z = first; z < last; z += step) {
        double ratio = rate * expm1((2 * z - 1) / wide), power = order * log1p(ratio);
        double density = exp(scale - z * z / wide);
        excess += power < 1 ? density * (expm1(power) - order * ratio)
                            : exp(scale - z * z / wide + power) - density * (1 + order * ratio);
    }
    return log1p(excess);
}

static double log_moment(double noise, double rate, double order)
{
    double above = ceil(order);

    if (order == above)
        return log_moment_whole(noise, rate, order);
    if (noise >= LITTLE)
        return log_moment_integral(noise, rate, order);
    return log_moment_whole(noise, rate, above) / (above - 1) * (order - 1);
}

double nn_privacy_rdp(double noise, double rate, double order)
{
    if (rate <= 0)
        return 0;
    if (!(noise > 0) || !(order > 1))
        return INFINITY;
    if (rate >= 1)
        return order / (2 * noise * noise);
    return log_moment(noise, rate, order) / (order - 1);
}

/* The i-th order that is tried; 0 after the last. */
static double order_at(int i)
{
    static const double large[] = {72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768, 1024};

    if (i < 99)
        return 1 + (i + 1) / 10.0;
    if (i < 99 + 54)
        return 11 + (i - 99);
    return i < 99 + 54 + 12 ? large[i - 99 - 54] : 0;
}

static double to_epsilon(double rdp, double order, double delta, nn_conversion conversion)
{
    double epsilon = conversion == NN_CONVERT_CLASSIC
                         ? rdp - log(delta) / (order - 1)
                         : rdp - (log(delta) + log(order)) / (order - 1) + log1p(-1 / order);

    return epsilon > 0 ? epsilon : 0;
}

static int check(int n, const nn_mechanism *mechanisms, double delta, weir_error *error)
{
    if (!(delta > 0 && delta < 1))
        return weir_error_set(error, WEIR_EOPTION, "delta is %g, must be between 0 and 1", delta);
    for (int i = 0; i < n; i++) {
        const nn_mechanism *m = &mechanisms[i];
        if (!(m->noise > 0) || !isfinite(m->noise))
            return weir_error_set(error, WEIR_EOPTION,
                                  "mechanism %d: its noise is %g, must be above 0", i, m->noise);
        if (!(m->rate >= 0 && m->rate <= 1))
            return weir_error_set(error, WEIR_EOPTION,
                                  "mechanism %d: its sampling rate is %g, must be within 0 … 1", i,
                                  m->rate);
        if (m->steps < 0)
            return weir_error_set(error, WEIR_EOPTION, "mechanism %d: it has %lld steps", i,
                                  (long long)m->steps);
    }
    return WEIR_OK;
}

/* With all noises times factor. */
static double least_epsilon(int n, const nn_mechanism *mechanisms, double factor, double delta,
                            nn_conversion conversion, double *best_order)
{
    double best = INFINITY, order;

    for (int at = 0; (order = order_at(at)) > 0; at++) {
        double rdp = 0, epsilon;
        for (int i = 0; i < n; i++)
            if (mechanisms[i].steps)
                rdp += (double)mechanisms[i].steps *
                       nn_privacy_rdp(factor * mechanisms[i].noise, mechanisms[i].rate, order);
        epsilon = to_epsilon(rdp, order, delta, conversion);
        if (epsilon < best) {
            best = epsilon;
            *best_order = order;
        }
    }
    return best;
}

int nn_privacy_epsilon(int n, const nn_mechanism *mechanisms, double delta,
                       nn_conversion conversion, double *epsilon, double *order, weir_error *error)
{
    double best_order = 0;
    int status = check(n, mechanisms, delta, error);

    if (status != WEIR_OK)
        return status;
    *epsilon = least_epsilon(n, mechanisms, 1, delta, conversion, &best_order);
    if (order)
        *order = best_order;
    return WEIR_OK;
}

int nn_privacy_noise(int n, const nn_mechanism *mechanisms, double delta, double epsilon,
                     nn_conversion conversion, double *factor, weir_error *error)
{
    double low = 1, high = 1, ignored;
    int status = check(n, mechanisms, delta, error);

    if (status != WEIR_OK)
        return status;
    if (!(epsilon > 0) || !isfinite(epsilon))
        return weir_error_set(error, WEIR_EOPTION, "epsilon is %g, must be above 0", epsilon);
    while (high < 1e9 && least_epsilon(n, mechanisms, high, delta, conversion, &ignored) > epsilon)
        high *= 2;
    if (high >= 1e9)
        return weir_error_set(error, WEIR_EOPTION,
                              "no noise gives epsilon %g at delta %g: the orders up to 1024 reach "
                              "%g at best",
                              epsilon, delta,
                              least_epsilon(n, mechanisms, 1e9, delta, conversion, &ignored));
    while (low > 1e-2 && least_epsilon(n, mechanisms, low, delta, conversion, &ignored) <= epsilon)
        low /= 2;
    while (high / low > 1 + 1e-7) {
        double middle = sqrt(low * high);
        if (least_epsilon(n, mechanisms, middle, delta, conversion, &ignored) > epsilon)
            low = middle;
        else
            high = middle;
    }
    *factor = high; /* the side on which the promise holds */
    return WEIR_OK;
}
