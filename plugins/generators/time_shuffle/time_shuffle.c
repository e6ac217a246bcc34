/* time_shuffle: the training rows with their times permuted. A canary: what is blind to it does not
 * look at time. */
#include <string.h>
#include <weir/sampling.h>

/* Fisher-Yates over times[n]. */
static int shuffle_times(weir_job *job, int64_t *times, size_t n)
{
    weir_random *random = weir_stream(job, "times");

    for (size_t i = n; i > 1; i--) {
        size_t other = (size_t)weir_random_below(random, i);
        int64_t time = times[i - 1];

        times[i - 1] = times[other];
        times[other] = time;
        if (i % 65536 == 0 && weir_progress(job, (int64_t)(n - i), (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

/* The steps of each series, all channels of a step together, within its length. */
static int shuffle_steps(weir_job *job, weir_table *out)
{
    weir_random *random = weir_stream(job, "times");
    const weir_series_shape *shape = weir_table_series(out);
    size_t rows = weir_table_rows(out), channels = shape->channels;
    float *values = weir_f32_out(out, "values"), step[WEIR_MAX_CHANNELS];
    const uint32_t *length = weir_u32(out, "length");

    for (size_t row = 0; row < rows; row++) {
        float *series = values + row * shape->steps * channels;
        uint32_t used = length[row] < shape->steps ? length[row] : shape->steps;

        for (size_t i = used; i > 1; i--) {
            float *a = series + (i - 1) * channels;
            float *b = series + (size_t)weir_random_below(random, i) * channels;

            memcpy(step, a, channels * sizeof *step);
            memmove(a, b, channels * sizeof *step);
            memcpy(b, step, channels * sizeof *step);
        }
        if (weir_progress(job, (int64_t)row, (int64_t)rows) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

static int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    const weir_kept *self = model;
    const char *column = weir_time_column(weir_table_schema(self->train));
    int status = weir_repeat(job, self->train, request, out);

    if (status != WEIR_OK)
        return status;
    if (!column)
        return shuffle_steps(job, out);
    return shuffle_times(job, weir_i64_out(out, column), weir_table_rows(out));
}

WEIR_GENERATOR(time_shuffle,
               .summary = "The training rows with their times permuted (a canary, not a generator)",
               .state_size = sizeof(weir_kept), .accepts = WEIR_ANY_SCHEMA,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS | WEIR_SERIES,
               .fit = weir_kept_fit, .sample = sample, .save = weir_kept_save,
               .load = weir_kept_load, .free = weir_kept_free);
