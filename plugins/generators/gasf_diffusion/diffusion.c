/* Schedules of noise and the strides of the samplers (Ho et al. 2020; Nichol, Dhariwal 2021; Song
 * et al. 2021). */
#include <math.h>

#include "model.h"

#define MOST_NOISE 0.999 /* beta's bound, where little is left to lose */

static double cosine_left(double part)
{
    double c = cos((part + 0.008) / 1.008 * 1.57079632679489661923);

    return c * c;
}

void schedule(int kind, int64_t steps, double *left)
{
    double product = 1, n = (double)steps;

    for (int64_t i = 0; i < steps; i++) {
        double beta;
        if (kind == COSINE)
            beta = 1 - cosine_left((double)(i + 1) / n) / cosine_left((double)i / n);
        else /* 1e-4 to 0.02 over 1000 steps; of fewer, each does more */
            beta = 1000 / n * (1e-4 + (steps > 1 ? (0.02 - 1e-4) * (double)i / (n - 1) : 0));
        left[i] = product *= 1 - fmin(beta, MOST_NOISE);
    }
}

/* q(x' | x, clean) with a variance of v, or with what eta makes of it: from `now` to `next`. */
static struct stride stride_of(double now, double next, int sampler, int variance, double eta)
{
    double beta = 1 - now / next, posterior = beta * (1 - next) / (1 - now);
    struct stride s = {.clean = {1 / sqrt(now), sqrt(1 / now - 1)}};

    if (sampler == DDIM) {
        double v = eta * eta * posterior;
        double direction = sqrt(fmax(1 - next - v, 0) / (1 - now));
        s.toward = sqrt(next) - direction * sqrt(now);
        s.keep = direction;
        s.fresh = sqrt(v);
    } else {
        s.toward = sqrt(next) * beta / (1 - now);
        s.keep = sqrt(now / next) * (1 - next) / (1 - now);
        s.fresh = next < 1 ? sqrt(variance == SMALL ? posterior : beta) : 0;
    }
    return s;
}

void strides(const double *left, int64_t steps, int64_t n, int sampler, int variance, double eta,
             struct stride *out)
{
    for (int64_t i = 0; i < n; i++) {
        /* evenly over all levels, the noisiest and, but for a single stride, the last included */
        int64_t k = n - 1 - i;
        int64_t level =
            n > 1 ? llround((double)k * (double)(steps - 1) / (double)(n - 1)) : steps - 1;
        int64_t below =
            k > 0 ? llround((double)(k - 1) * (double)(steps - 1) / (double)(n - 1)) : -1;

        out[i] = stride_of(left[level], below < 0 ? 1 : left[below], sampler, variance, eta);
        out[i].level = level;
    }
}

void by_velocity(const double *left, int64_t n, struct stride *strides)
{
    for (int64_t i = 0; i < n; i++) {
        strides[i].clean[0] = sqrt(left[strides[i].level]);
        strides[i].clean[1] = sqrt(1 - left[strides[i].level]);
    }
}

/* a x + b noise, or a noise - b x: a and b the roots of what is left after step t, and of what is
 * not. */
static nn_node *mixed(nn_node *x, nn_node *t, nn_node *noise, const double *left, int64_t steps,
                      bool turned)
{
    nn_graph *g = nn_graph_of(x);
    const int64_t table[] = {steps, 1}, each[] = {nn_size(x, 0), 1, 1, 1};
    nn_node *level = nn_reshape(nn_gather(nn_array(g, 2, table, left), t), 4, each);
    nn_node *a = nn_sqrt(level), *b = nn_sqrt(nn_shift(nn_neg(level), 1));

    return turned ? nn_sub(nn_mul(a, noise), nn_mul(b, x)) : nn_add(nn_mul(a, x), nn_mul(b, noise));
}

nn_node *noised(nn_node *x, nn_node *t, nn_node *noise, const double *left, int64_t steps)
{
    return mixed(x, t, noise, left, steps, false);
}

nn_node *velocity(nn_node *x, nn_node *t, nn_node *noise, const double *left, int64_t steps)
{
    return mixed(x, t, noise, left, steps, true);
}
