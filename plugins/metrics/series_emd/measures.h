/* What is compared of two sets of series: samples of one channel, and autocorrelation. */
#ifndef SERIES_EMD_MEASURES_H
#define SERIES_EMD_MEASURES_H

#include <weir/plugin.h>

/* Some rows of a dataset of series; only steps below a series' length count. */
struct side {
    const weir_dataset *data;
    const char *name; /* "the real data" */
    const float *values;
    const uint32_t *lengths;
    size_t steps, channels;
    uint32_t *rows; /* [n], room for all */
    size_t n;
    double *sample;      /* room for every step in use, or for one value a row */
    double *line;        /* [steps] */
    int64_t done, total; /* for weir_progress */
};

int side_open(weir_job *job, struct side *side, const weir_dataset *data, const char *name);
/* The rows of a label, NULL for all. */
void side_choose(struct side *side, const char *label);
/* Largest less least value of a channel over the rows; 0 for none. */
double side_range(const struct side *side, size_t channel);

/* Fills side->sample from the chosen rows; returns its size. */
typedef size_t sampler(struct side *side, size_t channel);
sampler sample_values, sample_steps, sample_lengths;

/* Autocorrelation of a channel at lags 0 … lags - 1: the mean product of values that many steps
 * apart, less the mean of all, over the variance of all. 0 where a lag has no pair or the channel
 * no variance. */
int autocorrelation(weir_job *job, const struct side *side, size_t channel, size_t lags,
                    double *out);

#endif
