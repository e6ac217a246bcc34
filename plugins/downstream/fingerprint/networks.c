/* The classifiers that are networks, and ensembles of them. */
#include "fingerprint.h"
#include <stdio.h>
#include <stdlib.h>
#include <weir/classifier.h>

#define BLOCK 256 /* series predicted at a time */

/* Adds the classes' probabilities for the unseen series to sum [unseen][classes]. */
static int add_probabilities(weir_job *job, weir_classifier *network, size_t pixels,
                             uint32_t classes, const struct fp_unseen *unseen, double *sum)
{
    float *block = malloc((size_t)BLOCK * classes * sizeof *block);
    int status = WEIR_OK;

    if (!block)
        return weir_fail(job, WEIR_ENOMEM, "out of memory (predictions)");
    for (size_t at = 0; at < unseen->count && !status; at += BLOCK) {
        size_t n = unseen->count - at < BLOCK ? unseen->count - at : BLOCK;

        status = weir_classifier_predict(job, network, unseen->x + at * pixels, n, block);
        for (size_t i = 0; i < n * classes && !status; i++)
            sum[at * classes + i] += (double)block[i];
    }
    free(block);
    return status;
}

static int add_network(weir_job *job, weir_classifier_kind kind, const char *stream,
                       const struct fp_data *data, const struct fp_train *train,
                       const struct fp_unseen *unseen, double *sum)
{
    const struct fp_options *o = weir_options(job);
    weir_examples examples = {.count = train->count,
                              .height = data->height,
                              .width = data->width,
                              .channels = data->channels,
                              .classes = train->classes,
                              .x = train->x,
                              .label = train->label};
    weir_classifier_settings settings = weir_classifier_defaults(kind, &examples);
    size_t pixels = (size_t)data->height * data->width * data->channels;
    weir_classifier *network;
    int status;

    if (o->steps)
        settings.steps = o->steps;
    settings.before = train->before * settings.steps;
    settings.all = train->all * settings.steps;
    network = weir_classifier_fit(job, stream, &settings, &examples);
    if (!network)
        return weir_job_error(job)->status ? (int)weir_job_error(job)->status : WEIR_ECANCEL;
    status = add_probabilities(job, network, pixels, train->classes, unseen, sum);
    weir_classifier_free(network);
    return status;
}

int fp_network(weir_job *job, bool cnn, const char *stream, const struct fp_data *data,
               const struct fp_train *train, const struct fp_unseen *unseen, uint32_t *out)
{
    double *sum = calloc(unseen->count * train->classes, sizeof *sum);
    int status;

    if (!sum)
        return weir_fail(job, WEIR_ENOMEM, "out of memory (%zu predictions)", unseen->count);
    status = add_network(job, cnn ? WEIR_CNN : WEIR_MLP, stream, data, train, unseen, sum);
    for (size_t i = 0; i < unseen->count && !status; i++) {
        const double *p = sum + i * train->classes;

        out[i] = 0;
        for (uint32_t c = 1; c < train->classes; c++)
            if (p[c] > p[out[i]])
                out[i] = c;
    }
    free(sum);
    return status;
}

int fp_ensemble(weir_job *job, const char *stream, const struct fp_data *data,
                const struct fp_train *train, const struct fp_unseen *unseen, double *entropy)
{
    const struct fp_options *o = weir_options(job);
    double *sum = calloc(unseen->count * train->classes, sizeof *sum);
    struct fp_train own = *train;
    int status = WEIR_OK;
    char name[96];

    if (!sum)
        return weir_fail(job, WEIR_ENOMEM, "out of memory (%zu predictions)", unseen->count);
    for (int64_t member = 0; member < o->members && !status; member++) {
        snprintf(name, sizeof name, "%s/%d", stream, (int)member);
        own.before = train->before + member;
        status = add_network(job, WEIR_CNN, name, data, &own, unseen, sum);
    }
    for (size_t i = 0; i < unseen->count * train->classes; i++)
        sum[i] /= (double)o->members;
    for (size_t i = 0; i < unseen->count && !status; i++)
        entropy[i] = fp_entropy(sum + i * train->classes, train->classes);
    free(sum);
    return status;
}
