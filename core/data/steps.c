/* Steps of time: which step of a trace a row lies in, and where in it. */
#include <weir/sampling.h>

int weir_steps_of(weir_job *job, const weir_dataset *data, double width, uint32_t count,
                  weir_steps *steps)
{
    const char *column = weir_time_column(weir_dataset_schema(data));
    int64_t last;

    *steps = (weir_steps){.width = width, .count = count > 0 ? count : 1};
    if (!column)
        return weir_fail(job, WEIR_EDATA, "series have no times to cut into steps");
    if (!weir_dataset_span(data, &steps->first, &last))
        return weir_fail(job, WEIR_EDATA, "the data has no rows");
    steps->times = weir_i64(weir_dataset_table(data), column);
    if (width <= 0)
        steps->width = (double)((uint64_t)last - (uint64_t)steps->first) / steps->count;
    if (!(steps->width > 0))
        steps->width = 1;
    return WEIR_OK;
}

uint32_t weir_step_of(const weir_steps *steps, uint32_t row, double *position)
{
    double at = (double)((uint64_t)steps->times[row] - (uint64_t)steps->first) / steps->width;
    uint32_t step = at < steps->count ? (uint32_t)at : steps->count - 1;

    if (position)
        *position = at - step < 1 ? at - step : 1;
    return step;
}

uint32_t weir_step_run(const weir_steps *steps, const uint32_t *rows, uint32_t n, uint32_t *step)
{
    uint32_t length = 1;

    *step = weir_step_of(steps, rows[0], NULL);
    while (length < n && weir_step_of(steps, rows[length], NULL) == *step)
        length++;
    return length;
}

double weir_step_spread(double median, double half, uint32_t i, uint32_t n)
{
    double low = median - half > 0 ? median - half : 0;
    double high = median + half < 1 ? median + half : 1;

    return n < 2 ? median : low + (high - low) * i / (n - 1);
}
