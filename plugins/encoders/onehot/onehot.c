/* onehot: one value for each distinct value of a column; the greatest wins. */
#include <string.h>
#include <weir/sampling.h>

struct options {
    weir_list columns;
    int64_t limit;
    bool other;
};

static const weir_option options[] = {
    WEIR_LIST(struct options, columns, "", "columns to encode; empty: categories, proto and flag"),
    WEIR_INT(struct options, limit, 256, 1, 65536, "most distinct values of a column"),
    WEIR_BOOL(struct options, other, false,
              "beyond the limit the rarest values share a place instead of being an error"),
    WEIR_END};

struct state {
    weir_places *columns;
    size_t count;
    size_t width;
};

static int add_column(weir_job *job, const weir_table *table, const char *name, struct state *self)
{
    const struct options *opt = weir_options(job);
    weir_places *column = &self->columns[self->count++];

    if (weir_places_learn(job, table, name, (uint32_t)opt->limit,
                          opt->other ? WEIR_RARE_SHARED : WEIR_RARE_REFUSED, column) != WEIR_OK)
        return weir_job_error(job)->status;
    self->width += column->width;
    return weir_layout_add(job, name, column->width, WEIR_SOFTMAX);
}

static bool encoded_by_default(const char *name, weir_type type)
{
    return type == WEIR_CATEGORY || strcmp(name, "proto") == 0 || strcmp(name, "flag") == 0;
}

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *opt = weir_options(job);
    const weir_table *table = weir_dataset_table(train);
    size_t columns = weir_table_columns(table);
    struct state *self = state;
    int status = WEIR_OK;

    if (weir_table_rows(table) == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    self->columns =
        weir_alloc(job, opt->columns.count ? opt->columns.count : columns, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < opt->columns.count && status == WEIR_OK; i++) {
        status = add_column(job, table, opt->columns.items[i], self);
        if (status == WEIR_OK)
            status = weir_progress(job, (int64_t)i, (int64_t)opt->columns.count);
    }
    for (size_t i = 0; opt->columns.count == 0 && i < columns && status == WEIR_OK; i++) {
        weir_type type;
        const char *name = weir_table_column(table, i, &type, NULL);

        if (encoded_by_default(name, type))
            status = add_column(job, table, name, self);
    }
    return status;
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    int status = WEIR_OK;

    for (size_t c = 0; c < self->count && status == WEIR_OK; c++) {
        status = weir_places_encode(job, &self->columns[c], data, rows, n, out, self->width);
        out += self->columns[c].width;
    }
    return status;
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;
    int status = WEIR_OK;

    for (size_t c = 0; c < self->count && status == WEIR_OK; c++) {
        status = weir_places_decode(job, &self->columns[c], in, self->width, n, out);
        in += self->columns[c].width;
    }
    return status;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    int status = weir_put_number(to, "columns", (double)self->count);

    (void)job;
    for (size_t c = 0; c < self->count && status == WEIR_OK; c++)
        status = weir_places_save(&self->columns[c], c, to);
    return status;
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;
    double count;

    if (weir_get_number(from, "columns", &count) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 0 && count <= 65536))
        return weir_fail(job, WEIR_EDATA, "%g encoded columns", count);
    self->columns = weir_alloc(job, (size_t)count + 1, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    while (self->count < (size_t)count) {
        weir_places *column = &self->columns[self->count];

        if (weir_places_load(job, column, self->count++, from) != WEIR_OK)
            return weir_job_error(job)->status;
        self->width += column->width;
    }
    return WEIR_OK;
}

static void release(weir_job *job, void *state)
{
    struct state *self = state;

    (void)job;
    for (size_t c = 0; c < self->count; c++)
        weir_places_free(&self->columns[c]);
}

WEIR_ENCODER(onehot, .summary = "One value for each distinct value of a column; the greatest wins",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_ANY_SCHEMA, .deterministic = true,
             .unit = WEIR_PER_ROW, .fit = fit, .encode = encode, .decode = decode, .save = save,
             .load = load, .free = release);
