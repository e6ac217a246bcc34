/* Images of series: Gramian angular summation fields, and back along the diagonal. Every channel of
 * a series is a channel of the image. What the encoder gasf and all that looks at images share;
 * plugins/encoders/gasf/README.md derives it. Wang, Oates, Encoding time series as images for
 * visual inspection and classification using tiled convolutional neural networks, AAAI 2015;
 * NetDiffus (Sivaroopan et al., 2023). */
#ifndef WEIR_GASF_H
#define WEIR_GASF_H

#include <weir/plugin.h>

typedef struct weir_gasf_channel {
    float largest;   /* in training: what 1 stands for */
    float least;     /* the smallest above 0 in training; 0 where there is none */
    float direction; /* above 0: holds -1, 0 and 1 only; 2: 0 also before a series' end */
} weir_gasf_channel;

typedef struct weir_gasf {
    /* Set before weir_gasf_learn: pixels of a side (2 or more), and the gamma correction: a pixel
     * is amplitude * ((G + 1) / 2)^gamma (both above 0, amplitude at most 1 for pixels in [0, 1]).
     */
    uint32_t side;
    double gamma, amplitude;
    uint32_t passes; /* of weir_gasf_decode over a series; 0: by the diagonal alone */
    /* Learnt. */
    uint32_t steps, channels;
    weir_gasf_channel channel[WEIR_MAX_CHANNELS]; /* [channels] */
} weir_gasf;

/* Learns the ranges of a dataset of series. Fails with WEIR_EDATA for one without rows and for
 * negative values in a channel that is no direction (all 1, -1 or 0), with WEIR_EOPTION for
 * settings out of their range. */
WEIR_API int weir_gasf_learn(weir_job *job, weir_gasf *gasf, const weir_dataset *train);
/* Images of the rows[n] of data: out [n][side][side][channels], in [0, amplitude]. Values above the
 * largest of training are taken as the largest. Fails with WEIR_EDATA for series of another shape
 * and for a value that no image can hold (as above), with WEIR_ECANCEL when the job is cancelled.
 */
WEIR_API int weir_gasf_encode(weir_job *job, const weir_gasf *gasf, const weir_dataset *data,
                              const uint32_t *rows, size_t n, float *out);
/* The series of images in [n][side][side][channels], any finite values, into the columns `values`
 * and `length` (up to the last value that is not 0) of rows 0 … n - 1 of out; a table that is no
 * series gets the columns it lacks. With passes above 0, and where pixels are means of several
 * steps, the diagonal is only the start: values are moved one by one, by a quarter of a pixel at
 * first and half as much in each pass, where that brings the series' own image nearer (in squares)
 * to the one given; and a `length` from 1 to steps that out holds already is a known one, behind
 * which all is 0. Fails with WEIR_ECANCEL when the job is cancelled. */
WEIR_API int weir_gasf_decode(weir_job *job, const weir_gasf *gasf, const float *in, size_t n,
                              weir_table *out);

#endif
