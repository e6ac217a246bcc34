/* uniform: each column uniform over its real range. The ceiling of features of one column. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sampling.h>

struct model {
    const weir_table *names; /* no rows: the columns, and the strings of categories in use */
    weir_table *owned;       /* names, after fit; NULL after load */
    weir_range *ranges;      /* one a column of names; unused for categories */
    weir_range channels[WEIR_MAX_CHANNELS]; /* of series, over the steps in use */
    double rows;                            /* of the training set */
};

/* Adds the strings of a category column that occur, in order of first appearance. */
static int keep_strings(weir_job *job, weir_table *names, const weir_table *train, const char *name,
                        size_t n)
{
    uint32_t count = weir_category_count(train, name);
    const uint32_t *codes = weir_codes(train, name);
    bool *seen = weir_alloc(job, count ? count : 1, sizeof *seen);

    if (!seen)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < n; i++) {
        if (codes[i] >= count)
            return weir_fail(job, WEIR_EDATA, "column '%s' has code %u of %u strings", name,
                             codes[i], count);
        if (!seen[codes[i]] &&
            weir_category_add(names, name, weir_category_text(train, name, codes[i]),
                              weir_job_error(job)) == UINT32_MAX)
            return weir_job_error(job)->status;
        seen[codes[i]] = true;
    }
    return WEIR_OK;
}

/* A table without rows that has the columns of train. */
static weir_table *columns_of(weir_job *job, const weir_table *train)
{
    weir_error *error = weir_job_error(job);
    uint32_t schema = weir_table_schema(train);
    weir_table *names = schema == WEIR_SERIES
                            ? weir_table_new_series(weir_table_series(train), 0, error)
                            : weir_table_new(schema, 0, error);

    for (size_t i = 0; names && i < weir_table_columns(train); i++) {
        weir_type type;
        size_t width;
        const char *name = weir_table_column(train, i, &type, &width);
        int status = WEIR_OK;

        if (weir_table_find(names, name) < 0)
            status = weir_table_add(names, name, type, width, error);
        if (status == WEIR_OK && type == WEIR_CATEGORY)
            status = keep_strings(job, names, train, name, weir_table_rows(train) * width);
        if (status != WEIR_OK) {
            weir_table_free(names);
            return NULL;
        }
    }
    return names;
}

/* The range of a channel over the steps that series use; 0 to 0 if they use none. */
static int learn_channel(weir_job *job, const weir_table *train, size_t channel, weir_range *range)
{
    const weir_series_shape *shape = weir_table_series(train);
    const float *values = weir_f32(train, "values");
    const uint32_t *length = weir_u32(train, "length");
    bool first = true;

    *range = (weir_range){.type = WEIR_F32};
    for (size_t row = 0; row < weir_table_rows(train); row++) {
        size_t used = length[row] < shape->steps ? length[row] : shape->steps;
        weir_range one;

        if (used == 0)
            continue;
        if (weir_range_learn(&one, WEIR_F32,
                             values + row * shape->steps * shape->channels + channel, used,
                             shape->channels, weir_job_error(job)) != WEIR_OK)
            return weir_job_error(job)->status;
        range->low.f = first ? one.low.f : fmin(range->low.f, one.low.f);
        range->high.f = first ? one.high.f : fmax(range->high.f, one.high.f);
        first = false;
    }
    return WEIR_OK;
}

static int fit(weir_job *job, const weir_dataset *train, void *model)
{
    struct model *self = model;
    const weir_table *table = weir_dataset_table(train);
    const weir_series_shape *shape = weir_table_series(table);
    size_t rows = weir_table_rows(table);
    weir_error *error = weir_job_error(job);

    if (rows == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    self->rows = (double)rows;
    self->names = self->owned = columns_of(job, table);
    self->ranges =
        self->names ? weir_alloc(job, weir_table_columns(self->names), sizeof *self->ranges) : NULL;
    if (!self->ranges)
        return error->status;
    for (size_t i = 0; i < weir_table_columns(self->names); i++) {
        weir_type type;
        size_t width;
        const char *name = weir_table_column(self->names, i, &type, &width);

        if (type != WEIR_CATEGORY &&
            weir_range_learn(&self->ranges[i], type, weir_table_read(table, name, type),
                             rows * width, 1, error) != WEIR_OK) {
            weir_error_prefix(error, "column '%s': ", name);
            return error->status;
        }
        if (weir_progress(job, (int64_t)i, (int64_t)weir_table_columns(self->names)) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    for (size_t c = 0; shape && c < shape->channels; c++)
        if (learn_channel(job, table, c, &self->channels[c]) != WEIR_OK)
            return error->status;
    return WEIR_OK;
}

struct context {
    const struct model *model;
    weir_range time; /* packets and netflow */
};

/* One column of some rows; series have their values drawn apart. */
static int draw_column(weir_job *job, const struct context *context, size_t column, weir_table *out,
                       size_t at, size_t n)
{
    const struct model *self = context->model;
    const char *time = weir_time_column(weir_table_schema(self->names));
    weir_type type;
    size_t width;
    const char *name = weir_table_column(self->names, column, &type, &width);
    weir_random *random = weir_stream(job, name);
    const weir_range *range =
        time && strcmp(name, time) == 0 ? &context->time : &self->ranges[column];
    void *data = weir_table_data(out, name, type);

    for (size_t i = at * width; i < (at + n) * width; i++) {
        uint32_t code, count;

        if (type != WEIR_CATEGORY) {
            weir_range_draw(range, random, data, i);
            continue;
        }
        count = weir_category_count(self->names, name);
        code = (uint32_t)weir_random_below(random, count);
        /* out may have had other strings before. */
        if (count > 0)
            ((uint32_t *)data)[i] = weir_category_add(
                out, name, weir_category_text(self->names, name, code), weir_job_error(job));
    }
    return weir_job_error(job)->status;
}

static int draw(weir_job *job, const void *context, weir_table *out, size_t at, size_t n)
{
    const struct context *self = context;
    int status = WEIR_OK;

    for (size_t i = 0; i < weir_table_columns(self->model->names) && status == WEIR_OK; i++)
        status = draw_column(job, self, i, out, at, n);
    return status;
}

static int draw_series(weir_job *job, const void *context, weir_table *out, size_t at, size_t n)
{
    const struct context *self = context;
    const weir_table *names = self->model->names;
    const weir_series_shape *shape = weir_table_series(names);
    weir_random *random = weir_stream(job, "values");
    size_t width = (size_t)shape->steps * shape->channels;
    float *values = weir_f32_out(out, "values");

    for (size_t i = 0; i < weir_table_columns(names); i++) {
        int status = WEIR_OK;

        if (i != (size_t)weir_table_find(names, "values"))
            status = draw_column(job, self, i, out, at, n);
        if (status != WEIR_OK)
            return status;
    }
    for (size_t row = at; row < at + n; row++) {
        uint32_t *length = weir_u32_out(out, "length") + row;

        *length = *length < shape->steps ? *length : shape->steps;
        for (size_t step = 0; step < *length; step++)
            for (size_t c = 0; c < shape->channels; c++)
                weir_range_draw(&self->model->channels[c], random, values,
                                row * width + step * shape->channels + c);
        if (weir_progress(job, (int64_t)row, (int64_t)weir_table_rows(out)) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

/* The time to draw from and, at the training set's rate, the number of rows in it. */
static int time_line(weir_job *job, const struct model *self, double duration, weir_range *time,
                     double *rows)
{
    const char *column = weir_time_column(weir_table_schema(self->names));
    const weir_range *real = &self->ranges[weir_table_find(self->names, column)];
    const int64_t ends[] = {real->low.i, real->high.i};
    weir_tiling tiling;

    if (weir_tiling_init(&tiling, ends, 2, duration, weir_job_error(job)) != WEIR_OK)
        return weir_job_error(job)->status;
    *time = *real;
    time->high.i = tiling.first + tiling.length - 1;
    *rows = fmax(1, rint(self->rows * (double)tiling.length / (weir_range_span(real) + 1)));
    if (*rows > 4294967294.0)
        return weir_fail(job, WEIR_EOPTION, "%g s at the trace's rate are %.0f rows, too many",
                         duration, *rows);
    return WEIR_OK;
}

static int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    struct context context = {.model = model};
    const weir_table *names = context.model->names;
    uint32_t schema = weir_table_schema(names);
    double rows = context.model->rows;

    if (weir_request_check(request, schema, weir_job_error(job)) != WEIR_OK ||
        weir_table_match(out, names, weir_job_error(job)) != WEIR_OK)
        return weir_job_error(job)->status;
    if (schema == WEIR_SERIES)
        return weir_draw_rows(job, draw_series, &context,
                              request->series > 0 ? (size_t)request->series : (size_t)rows, out);
    if (time_line(job, context.model, request->duration, &context.time, &rows) != WEIR_OK)
        return weir_job_error(job)->status;
    if (request->flows > 0)
        return weir_draw_flows(job, draw, &context, (uint32_t)request->flows, out);
    return weir_draw_rows(job, draw, &context,
                          request->packets > 0 ? (size_t)request->packets : (size_t)rows, out);
}

static int save(weir_job *job, const void *model, weir_archive *to)
{
    const struct model *self = model;
    const weir_series_shape *shape = weir_table_series(self->names);
    int status = weir_put_table(to, "names", self->names);

    (void)job;
    if (status == WEIR_OK)
        status = weir_put_number(to, "rows", self->rows);
    for (size_t i = 0; i < weir_table_columns(self->names) && status == WEIR_OK; i++) {
        char name[32];
        weir_type type;

        weir_table_column(self->names, i, &type, NULL);
        snprintf(name, sizeof name, "range.%zu", i);
        if (type != WEIR_CATEGORY)
            status = weir_range_put(to, name, &self->ranges[i]);
    }
    for (size_t c = 0; shape && c < shape->channels && status == WEIR_OK; c++) {
        char name[32];

        snprintf(name, sizeof name, "channel.%zu", c);
        status = weir_range_put(to, name, &self->channels[c]);
    }
    return status;
}

static int load(weir_job *job, void *model, const weir_archive *from)
{
    struct model *self = model;
    const weir_series_shape *shape;
    int status = weir_get_number(from, "rows", &self->rows);

    self->names = weir_get_table(from, "names");
    if (status != WEIR_OK || !self->names)
        return weir_job_error(job)->status;
    if (weir_table_schema(self->names) == 0 || !(self->rows >= 1 && self->rows <= 4294967294.0))
        return weir_fail(job, WEIR_EDATA, "the model has no rows or no schema");
    shape = weir_table_series(self->names);
    self->ranges = weir_alloc(job, weir_table_columns(self->names), sizeof *self->ranges);
    if (!self->ranges)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < weir_table_columns(self->names) && status == WEIR_OK; i++) {
        char name[32];
        weir_type type;

        weir_table_column(self->names, i, &type, NULL);
        snprintf(name, sizeof name, "range.%zu", i);
        if (type != WEIR_CATEGORY)
            status = weir_range_get(job, from, name, type, &self->ranges[i]);
    }
    for (size_t c = 0; shape && c < shape->channels && status == WEIR_OK; c++) {
        char name[32];

        snprintf(name, sizeof name, "channel.%zu", c);
        status = weir_range_get(job, from, name, WEIR_F32, &self->channels[c]);
    }
    return status;
}

static void release(weir_job *job, void *model)
{
    struct model *self = model;

    (void)job;
    weir_table_free(self->owned);
}

WEIR_GENERATOR(uniform, .summary = "Each column uniform over its real range",
               .state_size = sizeof(struct model), .accepts = WEIR_ANY_SCHEMA,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS | WEIR_SERIES, .fit = fit,
               .sample = sample, .save = save, .load = load, .free = release);
