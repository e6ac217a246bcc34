/* Training of word vectors: continuous bag of words or skip-gram, with negative sampling. */
#include "data/words.h"
#include <math.h>
#include <stdlib.h>

struct training {
    const weir_words_options *opt;
    bool skip_gram;
    uint32_t words, width;
    float *vectors;      /* [words][width] of a word in a context */
    float *outputs;      /* [words][width] of a word that is asked for */
    double *keep;        /* [words] probability to stay in a sentence */
    double *drawn;       /* [words] cumulative weights of negative draws */
    uint32_t *kept;      /* [length] what is left of a sentence */
    float *mean, *error; /* [width] */
    weir_random *random;
};

static uint32_t draw_negative(struct training *t)
{
    double at = weir_random_uniform(t->random) * t->drawn[t->words - 1];
    uint32_t low = 0, high = t->words - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (t->drawn[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* log(1 + exp(x)). */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* One target and its negatives against the mean of its context; returns the loss. */
static double learn_target(struct training *t, uint32_t target, float alpha)
{
    double loss = 0;

    for (int64_t d = 0; d <= t->opt->negative; d++) {
        uint32_t word = d == 0 ? target : draw_negative(t);
        float *output = t->outputs + (size_t)word * t->width, dot = 0, chance, step;

        if (d > 0 && word == target)
            continue;
        for (uint32_t k = 0; k < t->width; k++)
            dot += t->mean[k] * output[k];
        chance = 1 / (1 + expf(-dot));
        loss += softplus(d == 0 ? -(double)dot : (double)dot);
        if (fabsf(dot) >= 6) /* as good as certain: the reference does not learn from it */
            continue;
        step = ((d == 0 ? 1.0f : 0.0f) - chance) * alpha;
        for (uint32_t k = 0; k < t->width; k++) {
            t->error[k] += step * output[k];
            output[k] += step * t->mean[k];
        }
    }
    return loss;
}

/* Word i of a sentence against the mean of words from … to but i; returns the loss. */
static double learn_context(struct training *t, uint32_t i, uint32_t from, uint32_t to, float alpha)
{
    uint32_t count = 0;
    double loss;

    for (uint32_t k = 0; k < t->width; k++)
        t->mean[k] = t->error[k] = 0;
    for (uint32_t j = from; j <= to; j++) {
        for (uint32_t k = 0; k < t->width && j != i; k++)
            t->mean[k] += t->vectors[(size_t)t->kept[j] * t->width + k];
        count += j != i;
    }
    for (uint32_t k = 0; k < t->width; k++)
        t->mean[k] /= (float)count;
    loss = learn_target(t, t->kept[i], alpha);
    for (uint32_t j = from; j <= to; j++)
        for (uint32_t k = 0; k < t->width && j != i; k++)
            t->vectors[(size_t)t->kept[j] * t->width + k] += t->error[k];
    return loss;
}

/* A sentence; adds up loss and targets. */
static void learn_sentence(struct training *t, const uint32_t *text, uint32_t length, float alpha,
                           double *loss, uint64_t *targets)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < length; i++)
        if (text[i] != UINT32_MAX &&
            (t->keep[text[i]] >= 1 || t->keep[text[i]] > weir_random_uniform(t->random)))
            t->kept[n++] = text[i];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t window = (uint32_t)(t->opt->window - (int64_t)weir_random_below(
                                                          t->random, (uint64_t)t->opt->window));
        uint32_t from = i > window ? i - window : 0;
        uint32_t to = n - 1 - i > window ? i + window : n - 1;

        for (uint32_t j = from; t->skip_gram && j <= to; j++)
            if (j != i) {
                *loss += learn_context(t, i, j, j, alpha);
                ++*targets;
            }
        if (t->skip_gram || to == from)
            continue;
        *loss += learn_context(t, i, from, to, alpha);
        ++*targets;
    }
}

static int prepare(weir_job *job, struct training *t, const struct dictionary *dictionary,
                   uint32_t length)
{
    double total = 0, sum = 0, threshold;

    t->outputs = weir_alloc(job, (size_t)t->words * t->width, sizeof *t->outputs);
    t->keep = weir_alloc(job, t->words, sizeof *t->keep);
    t->drawn = weir_alloc(job, t->words, sizeof *t->drawn);
    t->kept = weir_alloc(job, length, sizeof *t->kept);
    t->mean = weir_alloc(job, t->width, sizeof *t->mean);
    t->error = weir_alloc(job, t->width, sizeof *t->error);
    if (!t->outputs || !t->keep || !t->drawn || !t->kept || !t->mean || !t->error)
        return weir_job_error(job)->status;
    for (uint32_t w = 0; w < t->words; w++)
        total += (double)dictionary->counts[w];
    threshold = t->opt->subsample * total;
    for (uint32_t w = 0; w < t->words; w++) {
        double count = (double)dictionary->counts[w];

        t->keep[w] = threshold > 0 ? (sqrt(count / threshold) + 1) * threshold / count : 1;
        sum += pow(count, t->opt->exponent);
        t->drawn[w] = sum;
    }
    for (size_t i = 0; i < (size_t)t->words * t->width; i++)
        t->vectors[i] = (float)((weir_random_uniform(t->random) - 0.5) / t->width);
    return WEIR_OK;
}

int weir_words_train(weir_job *job, const weir_words_options *opt, bool skip_gram,
                     struct dictionary *dictionary, const uint32_t *text, size_t sentences,
                     uint32_t length, float *vectors, double *loss)
{
    struct training t = {.opt = opt,
                         .skip_gram = skip_gram,
                         .words = dictionary->words,
                         .width = dictionary->width,
                         .vectors = vectors,
                         .random = weir_stream(job, "train")};
    double all = (double)sentences * dictionary->epochs;

    if (prepare(job, &t, dictionary, length) != WEIR_OK)
        return weir_job_error(job)->status;
    for (uint32_t epoch = 0; epoch < dictionary->epochs; epoch++) {
        uint64_t targets = 0;
        double sum = 0;

        for (size_t s = 0; s < sentences; s++) {
            double done = ((double)epoch * (double)sentences + (double)s) / all;
            double alpha = opt->alpha + (opt->min_alpha - opt->alpha) * done;

            if (s % 1024 == 0 && weir_progress(job, (int64_t)(done * 1e6), 1000000) != WEIR_OK)
                return WEIR_ECANCEL;
            learn_sentence(&t, text + s * length, length, (float)alpha, &sum, &targets);
        }
        loss[epoch] = targets ? sum / (double)targets : 0;
        if (!isfinite(loss[epoch]))
            return weir_fail(job, WEIR_EDATA,
                             "training diverged in epoch %u; alpha = %g is too much", epoch + 1,
                             opt->alpha);
        weir_track(job, "loss", epoch + 1, loss[epoch]);
    }
    return WEIR_OK;
}
