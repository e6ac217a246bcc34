/* What predictions are worth: accuracy, macro-F1, entropy, area under the curve. */
#include "fingerprint.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/stats.h>

int fp_measure(weir_job *job, const uint32_t *class, const uint32_t *predicted, size_t count,
               uint32_t classes, const bool *only, struct fp_measured *measured)
{
    size_t *counts = calloc(3 * (size_t)classes, sizeof *counts);
    size_t *there = counts, *right = counts + classes, *named = counts + 2 * (size_t)classes;
    size_t hits = 0, kinds = 0;

    *measured = (struct fp_measured){0};
    if (!counts)
        return weir_fail(job, WEIR_ENOMEM, "out of memory (%u classes)", classes);
    for (size_t i = 0; i < count; i++) {
        there[class[i]]++;
        right[class[i]] += class[i] == predicted[i];
        named[predicted[i]]++;
    }
    for (uint32_t c = 0; c < classes; c++) {
        if (!there[c] || (only && !only[c]))
            continue;
        kinds++;
        measured->n += there[c];
        hits += right[c];
        measured->f1 += 2 * (double)right[c] / (double)(there[c] + named[c]);
    }
    free(counts);
    if (!kinds)
        return weir_fail(job, WEIR_EBUG, "an accuracy of no series");
    measured->accuracy = (double)hits / (double)measured->n;
    measured->f1 /= (double)kinds;
    return WEIR_OK;
}

double fp_entropy(const double *p, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum -= p[i] > 0 ? p[i] * log(p[i]) : 0;
    return sum > 0 ? sum : 0; /* not -0 */
}

double fp_auc(weir_job *job, const double *low, size_t n_low, const double *high, size_t n_high)
{
    size_t n = n_low + n_high;
    double *values = malloc(2 * n * sizeof *values), *ranks = values + n, sum = 0;

    if (!values) {
        weir_fail(job, WEIR_ENOMEM, "out of memory (%zu values)", n);
        return NAN;
    }
    memcpy(values, high, n_high * sizeof *values);
    memcpy(values + n_high, low, n_low * sizeof *values);
    if (weir_ranks(values, n, ranks, weir_job_error(job)) == WEIR_OK)
        for (size_t i = 0; i < n_high; i++)
            sum += ranks[i];
    else
        sum = NAN;
    free(values);
    return (sum - (double)n_high * ((double)n_high + 1) / 2) / ((double)n_high * (double)n_low);
}
