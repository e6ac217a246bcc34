/* Encoding columns: finding them, and scaling them to [0, 1], linearly or by log(1 + x). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weir/sampling.h>

/* Rows between two looks at the progress. */
#define BLOCK 65536u

int weir_column_type(weir_job *job, const weir_table *table, const char *name, weir_type *type)
{
    int found = weir_table_find(table, name);
    size_t width, used = 0;
    char known[512] = "";

    if (found >= 0) {
        weir_table_column(table, (size_t)found, type, &width);
        if (width != 1)
            return weir_fail(job, WEIR_EOPTION, "column '%s' has %zu values a row, must have one",
                             name, width);
        return WEIR_OK;
    }
    for (size_t i = 0; i < weir_table_columns(table) && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 weir_table_column(table, i, NULL, NULL));
    return weir_fail(job, WEIR_EOPTION, "the training set has no column '%s' (it has: %s)", name,
                     known);
}

void *weir_column_out(weir_job *job, weir_table *out, const char *name, weir_type type, size_t n)
{
    weir_error *error = weir_job_error(job);
    weir_type other;
    size_t width;
    int found = weir_table_find(out, name);

    if (weir_table_rows(out) < n) {
        weir_fail(job, WEIR_EBUG, "%zu rows to decode into a table of %zu", n,
                  weir_table_rows(out));
        return NULL;
    }
    if (found < 0 && weir_table_add(out, name, type, 1, error) != WEIR_OK)
        return NULL;
    weir_table_column(out, (size_t)weir_table_find(out, name), &other, &width);
    if (other != type || width != 1) {
        weir_fail(job, WEIR_EDATA, "column '%s' is %s, was %s in training", name,
                  weir_type_name(other), weir_type_name(type));
        return NULL;
    }
    return weir_table_data(out, name, type);
}

const void *weir_column_in(weir_job *job, const weir_dataset *data, const char *name,
                           weir_type type)
{
    const void *values = weir_table_read(weir_dataset_table(data), name, type);

    if (!values)
        weir_fail(job, WEIR_EDATA, "the data has no column '%s' of type %s", name,
                  weir_type_name(type));
    return values;
}

static bool scaled_by_default(const char *name, weir_type type, size_t width)
{
    static const char *const not_amounts[] = {"srcip", "dstip", "srcport", "dstport", "proto"};

    for (size_t i = 0; i < sizeof not_amounts / sizeof *not_amounts; i++)
        if (strcmp(name, not_amounts[i]) == 0)
            return false;
    return type != WEIR_CATEGORY && width == 1;
}

int weir_scaled_learn(weir_job *job, const weir_table *table, const char *name,
                      struct weir_scaled *column)
{
    size_t length = strlen(name) + 1;
    weir_type type;
    char *copy;

    if (weir_column_type(job, table, name, &type) != WEIR_OK)
        return weir_job_error(job)->status;
    if (type == WEIR_CATEGORY)
        return weir_fail(job, WEIR_EOPTION,
                         "column '%s' is a category: it has no order to scale by (use onehot)",
                         name);
    copy = weir_alloc(job, length, 1);
    if (!copy)
        return weir_job_error(job)->status;
    column->name = memcpy(copy, name, length);
    if (weir_range_learn(&column->range, type, weir_table_read(table, name, type),
                         weir_table_rows(table), 1, weir_job_error(job)) != WEIR_OK)
        weir_error_prefix(weir_job_error(job), "column '%s': ", name);
    return weir_job_error(job)->status;
}

static int add_column(weir_job *job, const weir_table *table, const char *name, weir_scale *scale)
{
    if (weir_scaled_learn(job, table, name, &scale->columns[scale->count]) != WEIR_OK)
        return weir_job_error(job)->status;
    scale->count++;
    return weir_layout_add(job, name, 1, WEIR_SIGMOID);
}

int weir_scale_fit(weir_job *job, const weir_dataset *train, weir_list names, weir_scale *scale)
{
    const weir_table *table = weir_dataset_table(train);
    size_t columns = weir_table_columns(table);
    int status = WEIR_OK;

    if (weir_table_rows(table) == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    scale->columns = weir_alloc(job, names.count ? names.count : columns, sizeof *scale->columns);
    if (!scale->columns)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < names.count && status == WEIR_OK; i++)
        status = add_column(job, table, names.items[i], scale);
    for (size_t i = 0; names.count == 0 && i < columns && status == WEIR_OK; i++) {
        weir_type type;
        size_t width;
        const char *name = weir_table_column(table, i, &type, &width);

        if (scaled_by_default(name, type, width))
            status = add_column(job, table, name, scale);
    }
    if (status == WEIR_OK && scale->count == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no column to scale");
    return status;
}

/* What the logarithm adds to an offset from the least value. */
static double base(const weir_range *range)
{
    switch (range->type) {
    case WEIR_I64:
        return 0;
    case WEIR_F32:
    case WEIR_F64:
        return range->low.f > 0 ? range->low.f : 0;
    default:
        return (double)range->low.u;
    }
}

int weir_scaled_encode(weir_job *job, const struct weir_scaled *column, bool logarithmic,
                       const weir_dataset *data, const uint32_t *rows, size_t n, float *out,
                       size_t stride)
{
    const weir_range *range = &column->range;
    const void *values = weir_column_in(job, data, column->name, range->type);
    double span = weir_range_span(range), from = base(range);
    double low = log1p(from), width = log1p(from + span) - low;

    if (!values)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < n; i++) {
        double offset = weir_range_offset(range, values, rows[i]), value = 0;

        if (logarithmic)
            value = width > 0 ? (log1p(from + offset) - low) / width : 0;
        else
            value = span > 0 ? offset / span : 0;
        out[i * stride] = (float)(value < 1 ? value : 1);
        if (i % BLOCK == BLOCK - 1 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

int weir_scaled_decode(weir_job *job, const struct weir_scaled *column, bool logarithmic,
                       const float *in, size_t stride, size_t n, weir_table *out)
{
    const weir_range *range = &column->range;
    void *values = weir_column_out(job, out, column->name, range->type, n);
    double span = weir_range_span(range), from = base(range);
    double low = log1p(from), width = log1p(from + span) - low;

    if (!values)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < n; i++) {
        double value = (double)in[i * stride];

        value = value > 0 ? fmin(value, 1) : 0;
        if (!logarithmic)
            value *= span;
        else if (value < 1)
            value = expm1(low + value * width) - from;
        else
            value = span;
        weir_range_set(range, values, i, value);
        if (i % BLOCK == BLOCK - 1 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

int weir_scaled_save(const struct weir_scaled *column, size_t number, weir_archive *to)
{
    char name[32];
    int status;

    snprintf(name, sizeof name, "name.%zu", number);
    status = weir_put_text(to, name, column->name);
    snprintf(name, sizeof name, "type.%zu", number);
    if (status == WEIR_OK)
        status = weir_put_number(to, name, (double)column->range.type);
    snprintf(name, sizeof name, "range.%zu", number);
    return status == WEIR_OK ? weir_range_put(to, name, &column->range) : status;
}

int weir_scaled_load(weir_job *job, struct weir_scaled *column, size_t number,
                     const weir_archive *from)
{
    double type;
    char name[32];

    snprintf(name, sizeof name, "name.%zu", number);
    column->name = weir_get_text(from, name);
    snprintf(name, sizeof name, "type.%zu", number);
    if (!column->name || weir_get_number(from, name, &type) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(type >= WEIR_U8 && type < WEIR_CATEGORY))
        return weir_fail(job, WEIR_EDATA, "'%s' is %g, no numeric type", name, type);
    snprintf(name, sizeof name, "range.%zu", number);
    return weir_range_get(job, from, name, (weir_type)type, &column->range);
}

int weir_scale_encode(weir_job *job, const weir_scale *scale, const weir_dataset *data,
                      const uint32_t *rows, size_t n, float *out)
{
    int status = WEIR_OK;

    for (size_t c = 0; c < scale->count && status == WEIR_OK; c++)
        status = weir_scaled_encode(job, &scale->columns[c], scale->logarithmic, data, rows, n,
                                    out + c, scale->count);
    return status;
}

int weir_scale_decode(weir_job *job, const weir_scale *scale, const float *in, size_t n,
                      weir_table *out)
{
    int status = WEIR_OK;

    for (size_t c = 0; c < scale->count && status == WEIR_OK; c++)
        status = weir_scaled_decode(job, &scale->columns[c], scale->logarithmic, in + c,
                                    scale->count, n, out);
    return status;
}

int weir_scale_save(weir_job *job, const weir_scale *scale, weir_archive *to)
{
    int status = weir_put_number(to, "columns", (double)scale->count);

    (void)job;
    for (size_t c = 0; c < scale->count && status == WEIR_OK; c++)
        status = weir_scaled_save(&scale->columns[c], c, to);
    return status;
}

int weir_scale_load(weir_job *job, weir_scale *scale, const weir_archive *from)
{
    double count;

    if (weir_get_number(from, "columns", &count) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 1 && count <= 65536))
        return weir_fail(job, WEIR_EDATA, "%g scaled columns", count);
    scale->columns = weir_alloc(job, (size_t)count, sizeof *scale->columns);
    if (!scale->columns)
        return weir_job_error(job)->status;
    scale->count = (size_t)count;
    for (size_t c = 0; c < scale->count; c++)
        if (weir_scaled_load(job, &scale->columns[c], c, from) != WEIR_OK)
            return weir_job_error(job)->status;
    return WEIR_OK;
}
