/* onehot: one value for each distinct value of a column; the greatest wins. */
#include <stdio.h>
#include <stdlib.h>
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

struct column {
    const char *name;
    weir_type type;
    uint32_t known;         /* places that stand for one value each */
    bool other;             /* one more place for all other values */
    const uint64_t *values; /* [known + other] ascending but for the last, which stands for the
                               others; categories: codes of names */
};

struct state {
    struct column *columns;
    size_t count;
    uint32_t width;
    const weir_table *names; /* no rows: the category columns, as they were in training */
    weir_table *owned;       /* names, after fit */
};

struct tally {
    uint64_t value, rows;
};

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int commonest_first(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;

    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* The distinct values of a column, commonest first. */
static struct tally *count_values(weir_job *job, const weir_table *table,
                                  const struct column *column, size_t *distinct)
{
    size_t rows = weir_table_rows(table), used = 0;
    const void *data = weir_table_read(table, column->name, column->type);
    uint64_t *values = malloc(rows * sizeof *values);
    struct tally *tally = malloc(rows * sizeof *tally);

    if (!values || !tally) {
        weir_error_memory(weir_job_error(job), rows * (sizeof *values + sizeof *tally),
                          "distinct values");
        free(values);
        free(tally);
        return NULL;
    }
    for (size_t i = 0; i < rows; i++)
        values[i] = weir_integer_get(column->type, data, i);
    qsort(values, rows, sizeof *values, ascending);
    for (size_t i = 0; i < rows; i++) {
        if (i == 0 || values[i] != values[i - 1])
            tally[used++] = (struct tally){.value = values[i]};
        tally[used - 1].rows++;
    }
    free(values);
    qsort(tally, used, sizeof *tally, commonest_first);
    *distinct = used;
    return tally;
}

static int add_column(weir_job *job, const weir_table *table, const char *name, struct state *self)
{
    const struct options *opt = weir_options(job);
    struct column *column = &self->columns[self->count];
    size_t length = strlen(name) + 1, distinct = 0, places;
    char *copy = weir_alloc(job, length, 1);
    struct tally *tally;
    uint64_t *values;

    if (!copy || weir_column_type(job, table, name, &column->type) != WEIR_OK)
        return weir_job_error(job)->status;
    column->name = memcpy(copy, name, length);
    if (column->type == WEIR_F32 || column->type == WEIR_F64)
        return weir_fail(job, WEIR_EOPTION,
                         "column '%s' is %s; onehot encodes integers and categories", name,
                         weir_type_name(column->type));
    tally = count_values(job, table, column, &distinct);
    if (!tally)
        return weir_job_error(job)->status;
    column->other = distinct > (size_t)opt->limit;
    if (column->other && !opt->other) {
        free(tally);
        return weir_fail(
            job, WEIR_EOPTION,
            "column '%s' has %zu distinct values, more than limit = %lld; raise limit, "
            "or set other = true",
            name, distinct, (long long)opt->limit);
    }
    places = column->other ? (size_t)opt->limit : distinct;
    column->known = (uint32_t)(column->other ? places - 1 : places);
    values = weir_alloc(job, places, sizeof *values);
    for (size_t i = 0; values && i < places; i++)
        values[i] = tally[i].value;
    free(tally);
    if (!values)
        return weir_job_error(job)->status;
    qsort(values, column->known, sizeof *values, ascending);
    column->values = values;
    self->width += (uint32_t)places;
    self->count++;
    return weir_layout_add(job, name, (uint32_t)places, WEIR_SOFTMAX);
}

static bool encoded_by_default(const char *name, weir_type type)
{
    return type == WEIR_CATEGORY || strcmp(name, "proto") == 0 || strcmp(name, "flag") == 0;
}

/* A table of the category columns and their strings, without rows. */
static int keep_names(weir_job *job, const weir_table *table, struct state *self)
{
    weir_error *error = weir_job_error(job);

    self->names = self->owned = weir_table_new(0, 0, error);
    for (size_t c = 0; error->status == WEIR_OK && c < self->count; c++) {
        const char *name = self->columns[c].name;

        if (self->columns[c].type != WEIR_CATEGORY)
            continue;
        if (weir_table_add(self->owned, name, WEIR_CATEGORY, 1, error) != WEIR_OK)
            return error->status;
        for (uint32_t code = 0; code < weir_category_count(table, name); code++)
            weir_category_add(self->owned, name, weir_category_text(table, name, code), error);
    }
    return error->status;
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
    return status == WEIR_OK ? keep_names(job, table, self) : status;
}

/* The place of a value, or UINT32_MAX for one that was not in training. */
static uint32_t place_of(const struct column *column, uint64_t value)
{
    const uint64_t *found = bsearch(&value, column->values, column->known, sizeof value, ascending);

    if (found)
        return (uint32_t)(found - column->values);
    return column->other ? column->known : UINT32_MAX;
}

static int unknown(weir_job *job, const struct column *column, const char *text, uint64_t value)
{
    if (text)
        return weir_fail(job, WEIR_EDATA, "column '%s' has '%s', which is not in the training set",
                         column->name, text);
    return weir_fail(job, WEIR_EDATA, "column '%s' has %lld, which is not in the training set",
                     column->name, (long long)value);
}

/* For categories: the place of each code that the data has, found by its string. */
static uint32_t *places_of_codes(weir_job *job, const struct state *self,
                                 const struct column *column, const weir_table *data)
{
    uint32_t count = weir_category_count(data, column->name);
    uint32_t *places = malloc((count ? count : 1) * sizeof *places);

    if (!places)
        weir_error_memory(weir_job_error(job), count * sizeof *places, "category codes");
    for (uint32_t code = 0; places && code < count; code++) {
        const char *text = weir_category_text(data, column->name, code);

        places[code] = place_of(column, weir_category_code(self->names, column->name, text));
    }
    return places;
}

static int encode_column(weir_job *job, const struct state *self, const struct column *column,
                         const weir_dataset *data, const uint32_t *rows, size_t n, float *out)
{
    const weir_table *table = weir_dataset_table(data);
    const void *values = weir_column_in(job, data, column->name, column->type);
    uint32_t *places = NULL, codes = 0;
    int status = WEIR_OK;

    if (!values)
        return weir_job_error(job)->status;
    if (column->type == WEIR_CATEGORY) {
        codes = weir_category_count(table, column->name);
        places = places_of_codes(job, self, column, table);
        if (!places)
            return weir_job_error(job)->status;
    }
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        uint64_t value = weir_integer_get(column->type, values, rows[i]);
        uint32_t place = UINT32_MAX;

        if (!places)
            place = place_of(column, value);
        else if (value < codes)
            place = places[value];
        for (uint32_t k = 0; k < column->known + column->other; k++)
            out[i * self->width + k] = k == place;
        if (place == UINT32_MAX)
            status = unknown(
                job, column,
                places ? weir_category_text(table, column->name, (uint32_t)value) : NULL, value);
        else if (i % 4096 == 4095)
            status = weir_progress(job, (int64_t)i, (int64_t)n);
    }
    free(places);
    return status;
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    int status = WEIR_OK;

    for (size_t c = 0; c < self->count && status == WEIR_OK; c++) {
        status = encode_column(job, self, &self->columns[c], data, rows, n, out);
        out += self->columns[c].known + self->columns[c].other;
    }
    return status;
}

static int decode_column(weir_job *job, const struct state *self, const struct column *column,
                         const float *in, size_t n, weir_table *out)
{
    void *values = weir_column_out(job, out, column->name, column->type, n);
    uint32_t width = column->known + column->other;

    for (size_t i = 0; values && i < n; i++) {
        const float *from = in + i * self->width;
        uint32_t best = 0;
        uint64_t value;

        for (uint32_t k = 1; k < width; k++)
            if (from[k] > from[best])
                best = k;
        value = column->values[best];
        if (column->type == WEIR_CATEGORY)
            value = weir_category_add(
                out, column->name, weir_category_text(self->names, column->name, (uint32_t)value),
                weir_job_error(job));
        weir_integer_put(column->type, values, i, value);
        if (i % 4096 == 4095 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return weir_job_error(job)->status;
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;
    int status = WEIR_OK;

    for (size_t c = 0; c < self->count && status == WEIR_OK; c++) {
        status = decode_column(job, self, &self->columns[c], in, n, out);
        in += self->columns[c].known + self->columns[c].other;
    }
    return status;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    int status = weir_put_number(to, "columns", (double)self->count);

    (void)job;
    if (status == WEIR_OK)
        status = weir_put_table(to, "names", self->names);
    for (size_t c = 0; c < self->count && status == WEIR_OK; c++) {
        const struct column *column = &self->columns[c];
        uint64_t shape[1] = {column->known + (uint64_t)column->other};
        char name[32];

        snprintf(name, sizeof name, "name.%zu", c);
        status = weir_put_text(to, name, column->name);
        snprintf(name, sizeof name, "type.%zu", c);
        if (status == WEIR_OK)
            status = weir_put_number(to, name, (double)column->type);
        snprintf(name, sizeof name, "other.%zu", c);
        if (status == WEIR_OK)
            status = weir_put_number(to, name, column->other);
        snprintf(name, sizeof name, "values.%zu", c);
        if (status == WEIR_OK)
            status = weir_put_array(to, name, WEIR_U64, 1, shape, column->values);
    }
    return status;
}

static int load_column(weir_job *job, struct state *self, size_t c, const weir_archive *from)
{
    struct column *column = &self->columns[c];
    uint64_t shape[1] = {0}, most;
    double type, other;
    char name[32];

    snprintf(name, sizeof name, "name.%zu", c);
    column->name = weir_get_text(from, name);
    snprintf(name, sizeof name, "type.%zu", c);
    if (!column->name || weir_get_number(from, name, &type) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(type >= WEIR_U8 && type <= WEIR_CATEGORY) || type == WEIR_F32 || type == WEIR_F64)
        return weir_fail(job, WEIR_EDATA, "'%s' is %g, no type of integers", name, type);
    column->type = (weir_type)type;
    snprintf(name, sizeof name, "other.%zu", c);
    if (weir_get_number(from, name, &other) != WEIR_OK)
        return weir_job_error(job)->status;
    snprintf(name, sizeof name, "values.%zu", c);
    column->values = weir_get_array(from, name, WEIR_U64, 1, shape);
    if (!column->values)
        return weir_job_error(job)->status;
    column->other = other != 0;
    if (shape[0] < 1 || shape[0] > 65536)
        return weir_fail(job, WEIR_EDATA, "'%s' has %llu values", name,
                         (unsigned long long)shape[0]);
    column->known = (uint32_t)shape[0] - column->other;
    self->width += (uint32_t)shape[0];
    if (column->type != WEIR_CATEGORY)
        return WEIR_OK;
    most = weir_category_count(self->names, column->name);
    for (size_t i = 0; i < shape[0]; i++)
        if (column->values[i] >= most)
            return weir_fail(job, WEIR_EDATA, "'%s' has code %llu of %llu strings", name,
                             (unsigned long long)column->values[i], (unsigned long long)most);
    return WEIR_OK;
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;
    double count;

    self->names = weir_get_table(from, "names");
    if (!self->names || weir_get_number(from, "columns", &count) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 0 && count <= 65536))
        return weir_fail(job, WEIR_EDATA, "%g encoded columns", count);
    self->columns = weir_alloc(job, (size_t)count + 1, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    self->count = (size_t)count;
    for (size_t c = 0; c < self->count; c++)
        if (load_column(job, self, c, from) != WEIR_OK)
            return weir_job_error(job)->status;
    return WEIR_OK;
}

static void release(weir_job *job, void *state)
{
    struct state *self = state;

    (void)job;
    weir_table_free(self->owned);
}

WEIR_ENCODER(onehot, .summary = "One value for each distinct value of a column; the greatest wins",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_ANY_SCHEMA, .deterministic = true,
             .unit = WEIR_PER_ROW, .fit = fit, .encode = encode, .decode = decode, .save = save,
             .load = load, .free = release);
