/* bits: unsigned integer columns as their bits, most significant first. */
#include <stdio.h>
#include <string.h>
#include <weir/sampling.h>

struct options {
    weir_list columns;
    int output;
};

enum { OUTPUT_SIGMOID, OUTPUT_SOFTMAX };

static const weir_option options[] = {
    WEIR_LIST(struct options, columns, "srcip,dstip", "unsigned integer columns to encode"),
    WEIR_CHOICE(struct options, output, "sigmoid|softmax",
                "a bit is one value, or a pair of which the greater wins"),
    WEIR_END};

struct column {
    const char *name;
    weir_type type;
    uint32_t bits;
};

struct state {
    struct column *columns;
    size_t count;
    uint32_t values; /* a bit: 1, or 2 for pairs */
    uint32_t width;  /* of the encoding */
};

/* Bits of a column: those of its type, fewer where the schema allows only those. */
static uint32_t bits_of(const char *name, weir_type type)
{
    if (strcmp(name, "flag") == 0)
        return 2;
    if (strcmp(name, "off") == 0)
        return 13;
    return (uint32_t)(8 * weir_type_size(type));
}

static int add_layout(weir_job *job, const struct column *column, uint32_t values)
{
    int status = WEIR_OK;

    if (values == 1)
        return weir_layout_add(job, column->name, column->bits, WEIR_SIGMOID);
    for (uint32_t bit = 0; bit < column->bits && status == WEIR_OK; bit++) {
        char name[64];

        snprintf(name, sizeof name, "%.50s.%u", column->name, bit);
        status = weir_layout_add(job, name, 2, WEIR_SOFTMAX);
    }
    return status;
}

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *opt = weir_options(job);
    struct state *self = state;

    if (opt->columns.count == 0)
        return weir_fail(job, WEIR_EOPTION, "option 'columns' names no column");
    if (weir_dataset_rows(train) == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    self->values = opt->output == OUTPUT_SOFTMAX ? 2 : 1;
    self->columns = weir_alloc(job, opt->columns.count, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < opt->columns.count; i++) {
        struct column *column = &self->columns[i];
        size_t length = strlen(opt->columns.items[i]) + 1;
        char *copy = weir_alloc(job, length, 1);

        if (!copy)
            return weir_job_error(job)->status;
        column->name = memcpy(copy, opt->columns.items[i], length);
        if (weir_column_type(job, weir_dataset_table(train), column->name, &column->type) !=
            WEIR_OK)
            return weir_job_error(job)->status;
        if (column->type > WEIR_U64)
            return weir_fail(job, WEIR_EOPTION,
                             "column '%s' is %s; bits encodes u8 to u64 (use minmax or onehot)",
                             column->name, weir_type_name(column->type));
        column->bits = bits_of(column->name, column->type);
        self->width += column->bits * self->values;
        self->count++;
        if (add_layout(job, column, self->values) != WEIR_OK)
            return weir_job_error(job)->status;
    }
    return WEIR_OK;
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    uint32_t at = 0;

    for (size_t c = 0; c < self->count; c++) {
        const struct column *column = &self->columns[c];
        const void *values = weir_column_in(job, data, column->name, column->type);

        if (!values)
            return weir_job_error(job)->status;
        for (size_t i = 0; i < n; i++) {
            uint64_t value = weir_integer_get(column->type, values, rows[i]);
            float *to = out + i * self->width + at;

            for (uint32_t bit = 0; bit < column->bits; bit++) {
                float one = (float)(value >> (column->bits - 1 - bit) & 1);

                if (self->values == 2) {
                    to[2 * bit] = 1 - one;
                    to[2 * bit + 1] = one;
                } else {
                    to[bit] = one;
                }
            }
            if (i % 65536 == 65535 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
                return WEIR_ECANCEL;
        }
        at += column->bits * self->values;
    }
    return WEIR_OK;
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;
    uint32_t at = 0;

    for (size_t c = 0; c < self->count; c++) {
        const struct column *column = &self->columns[c];
        void *values = weir_column_out(job, out, column->name, column->type, n);

        if (!values)
            return weir_job_error(job)->status;
        for (size_t i = 0; i < n; i++) {
            const float *from = in + i * self->width + at;
            uint64_t value = 0;

            for (uint32_t bit = 0; bit < column->bits; bit++)
                value = value << 1 |
                        (self->values == 2 ? from[2 * bit + 1] > from[2 * bit] : from[bit] > 0.5f);
            weir_integer_put(column->type, values, i, value);
            if (i % 65536 == 65535 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
                return WEIR_ECANCEL;
        }
        at += column->bits * self->values;
    }
    return WEIR_OK;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    int status = weir_put_number(to, "columns", (double)self->count);

    (void)job;
    if (status == WEIR_OK)
        status = weir_put_number(to, "values", self->values);
    for (size_t c = 0; c < self->count && status == WEIR_OK; c++) {
        char name[32];

        snprintf(name, sizeof name, "name.%zu", c);
        status = weir_put_text(to, name, self->columns[c].name);
        snprintf(name, sizeof name, "type.%zu", c);
        if (status == WEIR_OK)
            status = weir_put_number(to, name, (double)self->columns[c].type);
    }
    return status;
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;
    double count, values, type;

    if (weir_get_number(from, "columns", &count) != WEIR_OK ||
        weir_get_number(from, "values", &values) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 1 && count <= 65536) || (values != 1 && values != 2))
        return weir_fail(job, WEIR_EDATA, "%g columns of %g values a bit", count, values);
    self->columns = weir_alloc(job, (size_t)count, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    self->count = (size_t)count;
    self->values = (uint32_t)values;
    for (size_t c = 0; c < self->count; c++) {
        struct column *column = &self->columns[c];
        char name[32];

        snprintf(name, sizeof name, "name.%zu", c);
        column->name = weir_get_text(from, name);
        snprintf(name, sizeof name, "type.%zu", c);
        if (!column->name || weir_get_number(from, name, &type) != WEIR_OK)
            return weir_job_error(job)->status;
        if (!(type >= WEIR_U8 && type <= WEIR_U64))
            return weir_fail(job, WEIR_EDATA, "'%s' is %g, no unsigned type", name, type);
        column->type = (weir_type)type;
        column->bits = bits_of(column->name, column->type);
        self->width += column->bits * self->values;
    }
    return WEIR_OK;
}

WEIR_ENCODER(bits, .summary = "Unsigned integer columns as their bits, most significant first",
             .reference = "Ring et al., Flow-based network traffic generation using generative "
                          "adversarial networks, Computers & Security, 2019",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
             .deterministic = true, .unit = WEIR_PER_ROW, .fit = fit, .encode = encode,
             .decode = decode, .save = save, .load = load);
