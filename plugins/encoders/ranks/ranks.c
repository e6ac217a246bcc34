/* ranks: columns by the share of training rows that are below. */
#include <string.h>
#include <weir/sampling.h>

struct options {
    weir_list columns;
    int64_t pieces;
};

static const weir_option options[] = {
    WEIR_LIST(struct options, columns, "srcip,dstip,srcport,dstport,proto", "columns to encode"),
    WEIR_INT(struct options, pieces, 65536, 2, 1048576, "of a column's distribution, about"),
    WEIR_END};

struct state {
    size_t count;
    weir_margin *columns;
};

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *opt = weir_options(job);
    struct state *self = state;
    int status = WEIR_OK;

    if (opt->columns.count == 0)
        return weir_fail(job, WEIR_EOPTION, "option 'columns' names no column");
    self->columns = weir_alloc(job, opt->columns.count, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    for (size_t c = 0; c < opt->columns.count && status == WEIR_OK; c++) {
        const char *name = opt->columns.items[c];

        for (size_t i = 0; i < c; i++)
            if (strcmp(opt->columns.items[i], name) == 0)
                return weir_fail(job, WEIR_EOPTION, "column '%s' is named twice", name);
        status = weir_margin_learn(job, weir_dataset_table(train), name, (uint32_t)opt->pieces,
                                   &self->columns[self->count++]);
        if (status == WEIR_OK)
            status = weir_layout_add(job, name, 1, WEIR_SIGMOID);
        if (status == WEIR_OK)
            status = weir_progress(job, (int64_t)c + 1, (int64_t)opt->columns.count);
    }
    return status;
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    int status = WEIR_OK;

    for (size_t c = 0; c < self->count && status == WEIR_OK; c++)
        status = weir_margin_encode(job, &self->columns[c], data, rows, n, out + c, self->count);
    return status == WEIR_OK ? weir_progress(job, (int64_t)n, (int64_t)n) : status;
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;
    int status = WEIR_OK;

    for (size_t c = 0; c < self->count && status == WEIR_OK; c++)
        status = weir_margin_decode(job, &self->columns[c], in + c, self->count, n, out);
    return status == WEIR_OK ? weir_progress(job, (int64_t)n, (int64_t)n) : status;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    int status = weir_put_number(to, "columns", (double)self->count);

    (void)job;
    for (size_t c = 0; c < self->count && status == WEIR_OK; c++)
        status = weir_margin_save(&self->columns[c], c, to);
    return status;
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;
    double count;

    if (weir_get_number(from, "columns", &count) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 1 && count <= 1000))
        return weir_fail(job, WEIR_EDATA, "%g columns", count);
    self->columns = weir_alloc(job, (size_t)count, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    for (; self->count < (size_t)count; self->count++)
        if (weir_margin_load(job, &self->columns[self->count], self->count, from) != WEIR_OK)
            return weir_job_error(job)->status;
    return WEIR_OK;
}

WEIR_ENCODER(ranks, .summary = "Columns by the share of training rows that are below",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
             .deterministic = true, .unit = WEIR_PER_ROW, .fit = fit, .encode = encode,
             .decode = decode, .save = save, .load = load);
