/* marginals: every column, time included, drawn independently with replacement. The ceiling of
 * features of time and flows. */
#include <string.h>
#include <weir/sampling.h>

struct context {
    const weir_table *train;
    weir_tiling tiling;
};

/* Each column has a stream of its own, so that an optional column more or less changes no other. */
static int draw(weir_job *job, const void *context, weir_table *out, size_t at, size_t n)
{
    const struct context *self = context;
    const weir_table *train = self->train;
    const char *time = weir_time_column(weir_table_schema(train));
    int64_t *times = weir_i64_out(out, time);
    uint32_t rows[WEIR_DRAW_BLOCK];

    for (size_t column = 0; column < weir_table_columns(train); column++) {
        const char *name = weir_table_column(train, column, NULL, NULL);
        weir_random *random = weir_stream(job, name);
        int status = WEIR_OK;

        if (strcmp(name, time) == 0) {
            for (size_t i = 0; i < n; i++)
                times[at + i] =
                    weir_tiling_time(&self->tiling, weir_random_below(random, self->tiling.count));
            continue;
        }
        for (size_t i = 0; i < n; i++)
            rows[i] = (uint32_t)weir_random_below(random, weir_table_rows(train));
        status = weir_table_copy(out, at, train, name, rows, n, weir_job_error(job));
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Series: each value by step and channel, among the training series that reach that step. */
static int draw_series(weir_job *job, const weir_table *train, size_t n, weir_table *out)
{
    weir_error *error = weir_job_error(job);
    const weir_series_shape *shape = weir_table_series(train);
    size_t rows = weir_table_rows(train), width = (size_t)shape->steps * shape->channels;
    const float *from = weir_f32(train, "values");
    const uint32_t *lengths = weir_u32(train, "length");
    weir_random *value = weir_stream(job, "values"), *length = weir_stream(job, "length"),
                *label = weir_stream(job, "label");
    size_t *reach = weir_alloc(job, shape->steps + (size_t)1, sizeof *reach); /* series that long */
    uint32_t *order = weir_alloc(job, rows, sizeof *order); /* by length, descending */
    float *to;

    if (!reach || !order || weir_table_resize(out, n, error) != WEIR_OK)
        return error->status;
    for (size_t i = 0; i < rows; i++)
        reach[lengths[i] < shape->steps ? lengths[i] : shape->steps]++;
    for (size_t step = shape->steps; step-- > 0;)
        reach[step] += reach[step + 1];
    /* A counting sort: series of length L go before place reach[L]. */
    for (size_t i = rows; i-- > 0;)
        order[--reach[lengths[i] < shape->steps ? lengths[i] : shape->steps]] = (uint32_t)i;
    /* reach[L] is now the number of series longer than L: those with a value at step L. */
    to = weir_f32_out(out, "values");
    for (size_t row = 0; row < n; row++) {
        uint32_t steps = lengths[weir_random_below(length, rows)];
        uint32_t labelled = (uint32_t)weir_random_below(label, rows);

        steps = steps < shape->steps ? steps : shape->steps;
        weir_u32_out(out, "length")[row] = steps;
        if (weir_table_copy(out, row, train, "label", &labelled, 1, error) != WEIR_OK)
            return error->status;
        for (size_t step = 0; step < steps; step++)
            for (size_t channel = 0; channel < shape->channels; channel++) {
                size_t source = order[weir_random_below(value, reach[step])];
                size_t place = step * shape->channels + channel;

                to[row * width + place] = from[source * width + place];
            }
        if (weir_progress(job, (int64_t)row, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return error->status;
}

static int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    struct context context = {.train = ((const weir_kept *)model)->train};
    const weir_table *train = context.train;
    const char *time = weir_time_column(weir_table_schema(train));
    weir_error *error = weir_job_error(job);

    if (weir_request_check(request, weir_table_schema(train), error) != WEIR_OK ||
        weir_table_match(out, train, error) != WEIR_OK)
        return error->status;
    if (!time)
        return draw_series(job, train,
                           request->series > 0 ? (size_t)request->series : weir_table_rows(train),
                           out);
    if (weir_tiling_init(&context.tiling, weir_i64(train, time), weir_table_rows(train),
                         request->duration, error) != WEIR_OK)
        return error->status;
    if (request->flows > 0)
        return weir_draw_flows(job, draw, &context, (uint32_t)request->flows, out);
    return weir_draw_rows(
        job, draw, &context,
        request->packets > 0 ? (size_t)request->packets : (size_t)context.tiling.count, out);
}

WEIR_GENERATOR(marginals,
               .summary = "Every column, time included, drawn independently with replacement",
               .state_size = sizeof(weir_kept), .accepts = WEIR_ANY_SCHEMA,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS | WEIR_SERIES,
               .fit = weir_kept_fit, .sample = sample, .save = weir_kept_save,
               .load = weir_kept_load, .free = weir_kept_free);
