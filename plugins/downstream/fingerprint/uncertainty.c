/* How unsure an ensemble that knows the legitimate classes only is of legitimate and of anomalous
 * series. Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep
 * ensembles, NeurIPS 2017. */
#include "fingerprint.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The legitimate rows of first … end as a training set of its own classes; memory from malloc. */
static int gather(weir_job *job, const struct fp_data *data, const bool *legitimate, size_t first,
                  size_t end, struct fp_train *train, float **x, uint32_t **label)
{
    size_t pixels = (size_t)data->height * data->width * data->channels, n = 0;
    uint32_t *own = malloc(data->classes * sizeof *own);

    for (size_t i = first; i < end; i++)
        n += legitimate[data->class[i]];
    *x = malloc((n + 1) * pixels * sizeof **x);
    *label = malloc((n + 1) * sizeof **label);
    if (!own || !*x || !*label) {
        free(own);
        return weir_fail(job, WEIR_ENOMEM, "out of memory (%zu images)", n);
    }
    memset(own, 0xff, data->classes * sizeof *own);
    for (size_t i = first; i < end; i++) {
        uint32_t class = data->class[i];

        if (!legitimate[class])
            continue;
        if (own[class] == UINT32_MAX)
            own[class] = train->classes++;
        memcpy(*x + train->count * pixels, data->x + i * pixels, pixels * sizeof **x);
        (*label)[train->count++] = own[class];
    }
    train->x = *x;
    train->label = *label;
    free(own);
    return WEIR_OK;
}

/* Means and area of the entropies of the test series. */
static int summarise(weir_job *job, const struct fp_data *data, const bool *legitimate,
                     const double *entropy, struct fp_unsure *unsure)
{
    size_t first = data->begin[FP_TEST], n = fp_rows(data, FP_TEST), low = 0, high = n;
    double *sorted = malloc(n * sizeof *sorted);

    if (!sorted)
        return weir_fail(job, WEIR_ENOMEM, "out of memory (%zu entropies)", n);
    for (size_t i = 0; i < n; i++) {
        if (legitimate[data->class[first + i]]) {
            unsure->legitimate += entropy[i] / (double)unsure->n_legitimate;
            sorted[low++] = entropy[i];
        } else {
            unsure->anomalous += entropy[i] / (double)unsure->n_anomalous;
            sorted[--high] = entropy[i];
        }
    }
    unsure->auc = fp_auc(job, sorted, low, sorted + high, n - high);
    free(sorted);
    return weir_job_error(job)->status;
}

int fp_uncertainty(weir_job *job, const char *stream, const struct fp_data *data,
                   const bool *legitimate, size_t first, size_t end, int64_t before, int64_t all,
                   struct fp_unsure *unsure)
{
    size_t test = data->begin[FP_TEST], n = fp_rows(data, FP_TEST);
    size_t pixels = (size_t)data->height * data->width * data->channels;
    struct fp_unseen unseen = {.count = n, .x = data->x + test * pixels};
    struct fp_train train = {.before = before, .all = all};
    double *entropy = malloc(n * sizeof *entropy);
    uint32_t *label = NULL;
    float *x = NULL;
    int status;

    *unsure = (struct fp_unsure){0};
    for (size_t i = test; i < data->begin[FP_PARTS]; i++)
        unsure->n_legitimate += legitimate[data->class[i]];
    unsure->n_anomalous = n - unsure->n_legitimate;
    status = entropy ? gather(job, data, legitimate, first, end, &train, &x, &label)
                     : weir_fail(job, WEIR_ENOMEM, "out of memory (%zu entropies)", n);
    unsure->trained = train.count;
    if (!status && !unsure->n_anomalous)
        snprintf(unsure->reason, sizeof unsure->reason, "every test series is legitimate");
    else if (!status && train.classes < 2)
        snprintf(unsure->reason, sizeof unsure->reason,
                 "the series to learn from have %u of the legitimate classes; 2 are needed",
                 train.classes);
    else if (!status)
        status = fp_ensemble(job, stream, data, &train, &unseen, entropy);
    if (!status && !unsure->reason[0])
        status = summarise(job, data, legitimate, entropy, unsure);
    free(entropy);
    free(label);
    free(x);
    return status;
}
