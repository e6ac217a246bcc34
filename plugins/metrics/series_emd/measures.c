/* Samples of values, of changes and of lengths; autocorrelation. */
#include "measures.h"

#define ROWS_BETWEEN 256 /* calls of weir_progress */

static size_t length_of(const struct side *side, uint32_t row)
{
    return side->lengths[row] < side->steps ? side->lengths[row] : side->steps;
}

static const float *series_of(const struct side *side, uint32_t row, size_t channel)
{
    return side->values + (size_t)row * side->steps * side->channels + channel;
}

int side_open(weir_job *job, struct side *side, const weir_dataset *data, const char *name)
{
    const weir_table *table = weir_dataset_table(data);
    const weir_series_shape *shape = weir_table_series(table);
    size_t rows = weir_table_rows(table), room = rows;

    *side = (struct side){.data = data,
                          .name = name,
                          .values = weir_f32(table, "values"),
                          .lengths = weir_u32(table, "length"),
                          .steps = shape->steps,
                          .channels = shape->channels};
    for (size_t i = 0, used = 0; i < rows; i++) {
        used += length_of(side, (uint32_t)i);
        room = used > room ? used : room;
    }
    side->rows = weir_alloc(job, rows ? rows : 1, sizeof *side->rows);
    side->sample = weir_alloc(job, room ? room : 1, sizeof *side->sample);
    side->line = weir_alloc(job, side->steps, sizeof *side->line);
    side_choose(side, NULL);
    return weir_job_error(job)->status;
}

void side_choose(struct side *side, const char *label)
{
    if (!side->rows)
        return;
    if (label) {
        side->n = weir_dataset_labelled(side->data, label, side->rows);
        return;
    }
    side->n = weir_dataset_rows(side->data);
    for (size_t i = 0; i < side->n; i++)
        side->rows[i] = (uint32_t)i;
}

double side_range(const struct side *side, size_t channel)
{
    double least = 0, largest = 0;
    bool any = false;

    for (size_t i = 0; i < side->n; i++) {
        const float *series = series_of(side, side->rows[i], channel);

        for (size_t t = 0; t < length_of(side, side->rows[i]); t++) {
            double value = series[t * side->channels];

            least = any && least < value ? least : value;
            largest = any && largest > value ? largest : value;
            any = true;
        }
    }
    return largest - least;
}

size_t sample_values(struct side *side, size_t channel)
{
    size_t n = 0;

    for (size_t i = 0; i < side->n; i++) {
        const float *series = series_of(side, side->rows[i], channel);

        for (size_t t = 0; t < length_of(side, side->rows[i]); t++)
            side->sample[n++] = series[t * side->channels];
    }
    return n;
}

size_t sample_steps(struct side *side, size_t channel)
{
    size_t n = 0;

    for (size_t i = 0; i < side->n; i++) {
        const float *series = series_of(side, side->rows[i], channel);

        for (size_t t = 1; t < length_of(side, side->rows[i]); t++)
            side->sample[n++] =
                (double)series[t * side->channels] - (double)series[(t - 1) * side->channels];
    }
    return n;
}

size_t sample_lengths(struct side *side, size_t channel)
{
    (void)channel;
    for (size_t i = 0; i < side->n; i++)
        side->sample[i] = (double)length_of(side, side->rows[i]);
    return side->n;
}

int autocorrelation(weir_job *job, const struct side *side, size_t channel, size_t lags,
                    double *out)
{
    double mean = 0, variance = 0, *line = side->line;
    size_t values = 0;

    for (size_t lag = 0; lag < lags; lag++)
        out[lag] = 0;
    for (size_t i = 0; i < side->n; i++) {
        const float *series = series_of(side, side->rows[i], channel);

        for (size_t t = 0; t < length_of(side, side->rows[i]); t++, values++)
            mean += series[t * side->channels];
    }
    mean /= values ? (double)values : 1;
    for (size_t i = 0; i < side->n; i++) {
        const float *series = series_of(side, side->rows[i], channel);
        size_t length = length_of(side, side->rows[i]);

        for (size_t t = 0; t < length; t++)
            line[t] = series[t * side->channels] - mean;
        for (size_t lag = 0; lag < lags; lag++)
            for (size_t t = lag; t < length; t++)
                out[lag] += line[t] * line[t - lag];
        if (i % ROWS_BETWEEN == 0 && weir_progress(job, side->done, side->total) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    /* of a constant, only what rounding of the mean left */
    variance = values ? out[0] / (double)values : 0;
    if (variance < 1e-24 * mean * mean)
        variance = 0;
    for (size_t lag = 0; lag < lags; lag++) {
        size_t pairs = 0;

        for (size_t i = 0; i < side->n; i++)
            pairs +=
                length_of(side, side->rows[i]) > lag ? length_of(side, side->rows[i]) - lag : 0;
        out[lag] = pairs && variance > 0 ? out[lag] / (double)pairs / variance : 0;
    }
    return WEIR_OK;
}
