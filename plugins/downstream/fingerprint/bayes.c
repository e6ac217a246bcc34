/* Gaussian naive Bayes: every place of the input normal within a class, and independent. Zhang, The
 * optimality of naive Bayes, FLAIRS 2004. */
#include "fingerprint.h"
#include <math.h>
#include <stdlib.h>

#define LOG_2_PI 1.8378770664093454836

/* Means and variances of the classes' places, about a place's own mean. */
static void learn(const struct fp_train *train, size_t places, size_t *n, double *mean,
                  double *variance)
{
    for (size_t i = 0; i < train->count; i++) {
        double *to = mean + train->label[i] * places;

        n[train->label[i]]++;
        for (size_t k = 0; k < places; k++)
            to[k] += (double)train->flat[i * places + k];
    }
    for (size_t c = 0; c < train->classes; c++)
        for (size_t k = 0; k < places; k++)
            mean[c * places + k] /= (double)n[c];
    for (size_t i = 0; i < train->count; i++) {
        const double *from = mean + train->label[i] * places;
        double *to = variance + train->label[i] * places;

        for (size_t k = 0; k < places; k++) {
            double off = (double)train->flat[i * places + k] - from[k];

            to[k] += off * off;
        }
    }
    for (size_t c = 0; c < train->classes; c++)
        for (size_t k = 0; k < places; k++)
            variance[c * places + k] /= (double)n[c];
}

/* The largest variance of a place over all series. */
static double largest_variance(const struct fp_train *train, size_t places)
{
    double largest = 0;

    for (size_t k = 0; k < places; k++) {
        double mean = 0, sum = 0;

        for (size_t i = 0; i < train->count; i++)
            mean += (double)train->flat[i * places + k];
        mean /= (double)train->count;
        for (size_t i = 0; i < train->count; i++) {
            double off = (double)train->flat[i * places + k] - mean;

            sum += off * off;
        }
        largest = fmax(largest, sum / (double)train->count);
    }
    return largest;
}

static double log_joint(const float *x, size_t places, const double *mean, const double *variance,
                        double constant)
{
    double sum = 0;

    for (size_t k = 0; k < places; k++) {
        double off = (double)x[k] - mean[k];

        sum += off * off / variance[k];
    }
    return constant - sum / 2;
}

int fp_bayes(weir_job *job, double smoothing, size_t places, const struct fp_train *train,
             const struct fp_unseen *unseen, double *joint, uint32_t *out)
{
    size_t each = (size_t)train->classes * places;
    double *mean = calloc(2 * each + train->classes, sizeof *mean), added;
    double *variance = mean + each, *constant = mean + 2 * each;
    size_t *n = calloc(train->classes, sizeof *n);
    int status = WEIR_OK;

    if (!mean || !n) {
        free(mean);
        free(n);
        return weir_fail(job, WEIR_ENOMEM, "out of memory (naive Bayes of %zu numbers)", 2 * each);
    }
    learn(train, places, n, mean, variance);
    /* Where nothing varies at all only the shares of the classes are left to decide. */
    added = smoothing * largest_variance(train, places);
    added = added > 0 ? added : 1;
    for (size_t c = 0; c < train->classes; c++) {
        constant[c] = log((double)n[c] / (double)train->count);
        for (size_t k = 0; k < places; k++) {
            variance[c * places + k] += added;
            constant[c] -= (LOG_2_PI + log(variance[c * places + k])) / 2;
        }
    }
    for (size_t i = 0; i < unseen->count && !status; i++) {
        double best = -INFINITY;

        status =
            fp_progress(job, train, (int64_t)i, (int64_t)unseen->count) ? WEIR_ECANCEL : WEIR_OK;
        out[i] = 0;
        for (uint32_t c = 0; c < train->classes && !status; c++) {
            double value = log_joint(unseen->flat + i * places, places, mean + c * places,
                                     variance + c * places, constant[c]);

            if (joint)
                joint[i * train->classes + c] = value;
            if (value > best) {
                best = value;
                out[i] = c;
            }
        }
    }
    free(mean);
    free(n);
    return status;
}
