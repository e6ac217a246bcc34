/* Poisson samples in batches of one size. */
#include <math.h>
#include <stdlib.h>
#include <weir/nn_train.h>

#define RARE 1e-9

/* log of P(X > most) for X of n trials with probability q: an upper bound that is exact but for a
 * geometric bound of the tail's tail. */
static double log_tail(uint64_t n, double q, uint64_t most)
{
    double k = (double)most + 1, total = (double)n, term, ratio;

    if (most >= n)
        return -INFINITY;
    term = lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) + k * log(q) +
           (total - k) * log1p(-q);
    ratio = (total - k) / (k + 1) * q / (1 - q); /* of one term to the one before, falling */
    return ratio < 1 ? term - log1p(-ratio) : 0;
}

uint64_t nn_poisson_max(uint64_t n, double q)
{
    uint64_t low = (uint64_t)((double)n * q), high = n;

    if (q <= 0)
        return 0;
    if (q >= 1)
        return n;
    while (low < high) { /* the tail falls with most */
        uint64_t middle = low + (high - low) / 2;
        if (log_tail(n, q, middle) < log(RARE))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int nn_poisson_sample(weir_random *random, uint64_t n, double q, uint64_t max, uint32_t *indices,
                      nn_real *mask, uint64_t *drawn, weir_error *error)
{
    uint64_t count = 0;
    double at = -1;

    if (!(q >= 0 && q <= 1) || n > UINT32_MAX)
        return weir_error_set(error, WEIR_EOPTION,
                              "a sample of %llu records at rate %g: the rate must be within 0 … 1, "
                              "the records fewer than 2^32",
                              (unsigned long long)n, q);
    while (q > 0) {
        /* how many are passed over before the next one is a geometric number */
        at += 1 + (q < 1 ? floor(log1p(-weir_random_uniform(random)) / log1p(-q)) : 0);
        if (at >= (double)n)
            break;
        if (count == max)
            return weir_error_set(error, WEIR_EOPTION,
                                  "more than %llu of %llu records were sampled at rate %g; leaving "
                                  "some out would break the privacy promised: make room for %llu",
                                  (unsigned long long)max, (unsigned long long)n, q,
                                  (unsigned long long)nn_poisson_max(n, q));
        indices[count++] = (uint32_t)at;
    }
    for (uint64_t i = 0; i < max; i++) {
        mask[i] = i < count;
        if (i >= count)
            indices[i] = 0;
    }
    *drawn = count;
    return WEIR_OK;
}
