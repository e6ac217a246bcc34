/* Columns as one value for each distinct value of training, and the count of values that have
 * none. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sampling.h>

void weir_tally_tell(weir_job *job, weir_tally *tally, const char *who, const char *what)
{
    if (tally->strange == 0 || tally->strange < 2 * tally->told)
        return;
    tally->told = tally->strange;
    weir_log(job, "%s: %" PRIu64 " of %" PRIu64 " values so far %s", who, tally->strange,
             tally->values, what);
}

/* A value, and how many rows have it. */
struct counted {
    uint64_t value, rows;
};

static int by_number(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int ascending(const void *a, const void *b)
{
    return by_number(*(const uint64_t *)a, *(const uint64_t *)b);
}

static int by_value(const void *a, const void *b)
{
    return by_number(((const struct counted *)a)->value, ((const struct counted *)b)->value);
}

static int commonest_first(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;

    return x->rows != y->rows ? by_number(y->rows, x->rows) : by_number(x->value, y->value);
}

/* The distinct values of a column, commonest first; the caller frees them. */
static struct counted *count_values(weir_job *job, const weir_table *table,
                                    const weir_places *places, size_t *distinct)
{
    size_t rows = weir_table_rows(table), used = 0;
    const void *data = weir_table_read(table, places->name, places->type);
    uint64_t *values = malloc(rows * sizeof *values);
    struct counted *counted = malloc(rows * sizeof *counted);

    if (!values || !counted) {
        weir_error_memory(weir_job_error(job), rows * (sizeof *values + sizeof *counted),
                          "distinct values");
        free(values);
        free(counted);
        return NULL;
    }
    for (size_t i = 0; i < rows; i++)
        values[i] = weir_integer_get(places->type, data, i);
    qsort(values, rows, sizeof *values, ascending);
    for (size_t i = 0; i < rows; i++) {
        if (i == 0 || values[i] != values[i - 1])
            counted[used++] = (struct counted){.value = values[i]};
        counted[used - 1].rows++;
    }
    free(values);
    qsort(counted, used, sizeof *counted, commonest_first);
    *distinct = used;
    return counted;
}

/* The strings of a category column, in a table without rows. */
static int keep_names(weir_job *job, const weir_table *table, weir_places *places)
{
    weir_error *error = weir_job_error(job);

    places->names = places->owned = weir_table_new(0, 0, error);
    if (places->owned)
        weir_table_add(places->owned, places->name, WEIR_CATEGORY, 1, error);
    for (uint32_t code = 0; code < weir_category_count(table, places->name); code++)
        if (error->status == WEIR_OK)
            weir_category_add(places->owned, places->name,
                              weir_category_text(table, places->name, code), error);
    return error->status;
}

static int keep_values(weir_job *job, struct counted *counted, size_t distinct, uint32_t limit,
                       weir_places *places)
{
    uint32_t alone;
    uint64_t *values, *rows;

    places->width = distinct < limit ? (uint32_t)distinct : limit;
    alone = places->width - places->shared;
    for (size_t i = places->width; places->shared && i < distinct; i++)
        counted[alone].rows += counted[i].rows;
    qsort(counted, alone, sizeof *counted, by_value);
    values = weir_alloc(job, places->width, sizeof *values);
    rows = weir_alloc(job, places->width, sizeof *rows);
    if (!values || !rows)
        return weir_job_error(job)->status;
    for (uint32_t i = 0; i < places->width; i++) {
        values[i] = counted[i].value;
        rows[i] = counted[i].rows;
    }
    places->values = values;
    places->rows = rows;
    return WEIR_OK;
}

int weir_places_learn(weir_job *job, const weir_table *table, const char *name, uint32_t limit,
                      weir_rare rare, weir_places *places)
{
    size_t length = strlen(name) + 1, distinct = 0;
    struct counted *counted;
    char *copy;
    int status;

    if (weir_column_type(job, table, name, &places->type) != WEIR_OK)
        return weir_job_error(job)->status;
    if (places->type == WEIR_F32 || places->type == WEIR_F64)
        return weir_fail(job, WEIR_EOPTION,
                         "column '%s' is %s; only integers and categories have places", name,
                         weir_type_name(places->type));
    copy = weir_alloc(job, length, 1);
    places->tally = weir_alloc(job, 1, sizeof *places->tally);
    if (!copy || !places->tally)
        return weir_job_error(job)->status;
    places->name = memcpy(copy, name, length);
    places->nearest = rare == WEIR_RARE_NEAREST;
    counted = count_values(job, table, places, &distinct);
    if (!counted)
        return weir_job_error(job)->status;
    places->shared = rare == WEIR_RARE_SHARED && distinct > limit;
    if (rare == WEIR_RARE_REFUSED && distinct > limit)
        status = weir_fail(job, WEIR_EOPTION,
                           "column '%s' has %zu distinct values, more than limit = %u; raise "
                           "limit, or set other = true",
                           name, distinct, limit);
    else
        status = keep_values(job, counted, distinct, limit, places);
    free(counted);
    if (status == WEIR_OK && places->type == WEIR_CATEGORY)
        status = keep_names(job, table, places);
    return status;
}

static uint32_t different_bits(uint64_t a, uint64_t b)
{
    uint32_t count = 0;

    for (uint64_t bits = a ^ b; bits; bits &= bits - 1)
        count++;
    return count;
}

static uint32_t nearest_place(const weir_places *places, uint64_t value)
{
    uint32_t best = 0, least = UINT32_MAX;

    for (uint32_t k = 0; k < places->width; k++) {
        uint32_t off = places->type == WEIR_CATEGORY ? 0 : different_bits(value, places->values[k]);

        if (off < least || (off == least && places->rows[k] > places->rows[best])) {
            least = off;
            best = k;
        }
    }
    return best;
}

/* The place of a value; UINT32_MAX for one that has none. */
static uint32_t place_of(const weir_places *places, uint64_t value)
{
    uint32_t alone = places->width - places->shared;
    const uint64_t *found = bsearch(&value, places->values, alone, sizeof value, ascending);

    if (found)
        return (uint32_t)(found - places->values);
    return places->shared ? alone : UINT32_MAX;
}

static int refuse(weir_job *job, const weir_places *places, const char *text, uint64_t value)
{
    if (text)
        return weir_fail(job, WEIR_EDATA, "column '%s' has '%s', which is not in the training set",
                         places->name, text);
    return weir_fail(job, WEIR_EDATA,
                     "column '%s' has %" PRId64 ", which is not in the training set", places->name,
                     (int64_t)value);
}

/* For categories: the place of each code that the data has, found by its string. The caller frees
 * them. */
static uint32_t *places_of_codes(weir_job *job, const weir_places *places, const weir_table *data)
{
    uint32_t count = weir_category_count(data, places->name);
    uint32_t *of = malloc((count ? count : 1) * sizeof *of);

    if (!of)
        weir_error_memory(weir_job_error(job), count * sizeof *of, "category codes");
    for (uint32_t code = 0; of && code < count; code++) {
        const char *text = weir_category_text(data, places->name, code);

        of[code] = place_of(places, weir_category_code(places->names, places->name, text));
    }
    return of;
}

int weir_places_encode(weir_job *job, const weir_places *places, const weir_dataset *data,
                       const uint32_t *rows, size_t n, float *out, size_t stride)
{
    const weir_table *table = weir_dataset_table(data);
    const void *values = weir_column_in(job, data, places->name, places->type);
    bool category = places->type == WEIR_CATEGORY;
    uint32_t *of = values && category ? places_of_codes(job, places, table) : NULL;
    uint32_t codes = category ? weir_category_count(table, places->name) : 0;
    int status = weir_job_error(job)->status;

    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        uint64_t value = weir_integer_get(places->type, values, rows[i]);
        uint32_t place = UINT32_MAX;

        if (!category)
            place = place_of(places, value);
        else if (value < codes)
            place = of[value];
        places->tally->values++;
        if (place == UINT32_MAX && places->nearest) {
            places->tally->strange++;
            place = nearest_place(places, value);
        }
        for (uint32_t k = 0; k < places->width; k++)
            out[i * stride + k] = k == place;
        if (place == UINT32_MAX)
            status = refuse(
                job, places,
                category ? weir_category_text(table, places->name, (uint32_t)value) : NULL, value);
        else if (i % 4096 == 4095)
            status = weir_progress(job, (int64_t)i, (int64_t)n);
    }
    free(of);
    weir_tally_tell(job, places->tally, places->name,
                    "have no place of their own; each takes the nearest one's");
    return status;
}

int weir_places_decode(weir_job *job, const weir_places *places, const float *in, size_t stride,
                       size_t n, weir_table *out)
{
    void *values = weir_column_out(job, out, places->name, places->type, n);

    for (size_t i = 0; values && i < n; i++) {
        const float *from = in + i * stride;
        uint32_t best = 0;
        uint64_t value;

        for (uint32_t k = 1; k < places->width; k++)
            if (from[k] > from[best])
                best = k;
        value = places->values[best];
        if (places->type == WEIR_CATEGORY)
            value = weir_category_add(
                out, places->name, weir_category_text(places->names, places->name, (uint32_t)value),
                weir_job_error(job));
        weir_integer_put(places->type, values, i, value);
        if (i % 4096 == 4095 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return weir_job_error(job)->status;
}

int weir_places_save(const weir_places *places, size_t number, weir_archive *to)
{
    const uint64_t shape[1] = {places->width};
    char name[32];
    int status;

    snprintf(name, sizeof name, "name.%zu", number);
    status = weir_put_text(to, name, places->name);
    snprintf(name, sizeof name, "type.%zu", number);
    if (status == WEIR_OK)
        status = weir_put_number(to, name, (double)places->type);
    snprintf(name, sizeof name, "shared.%zu", number);
    if (status == WEIR_OK)
        status = weir_put_number(to, name, places->shared);
    snprintf(name, sizeof name, "nearest.%zu", number);
    if (status == WEIR_OK)
        status = weir_put_number(to, name, places->nearest);
    snprintf(name, sizeof name, "values.%zu", number);
    if (status == WEIR_OK)
        status = weir_put_array(to, name, WEIR_U64, 1, shape, places->values);
    snprintf(name, sizeof name, "rows.%zu", number);
    if (status == WEIR_OK)
        status = weir_put_array(to, name, WEIR_U64, 1, shape, places->rows);
    snprintf(name, sizeof name, "names.%zu", number);
    if (status == WEIR_OK && places->names)
        status = weir_put_table(to, name, places->names);
    return status;
}

static int load_names(weir_job *job, weir_places *places, size_t number, const weir_archive *from)
{
    uint32_t codes;
    char name[32];

    snprintf(name, sizeof name, "names.%zu", number);
    places->names = weir_get_table(from, name);
    if (!places->names)
        return weir_job_error(job)->status;
    codes = weir_category_count(places->names, places->name);
    for (uint32_t k = 0; k < places->width; k++)
        if (places->values[k] >= codes)
            return weir_fail(job, WEIR_EDATA, "column '%s' has code %" PRIu64 " of %u strings",
                             places->name, places->values[k], codes);
    return WEIR_OK;
}

int weir_places_load(weir_job *job, weir_places *places, size_t number, const weir_archive *from)
{
    uint64_t shape[1] = {0};
    double type, shared, nearest;
    char name[32];

    places->tally = weir_alloc(job, 1, sizeof *places->tally);
    snprintf(name, sizeof name, "name.%zu", number);
    places->name = weir_get_text(from, name);
    snprintf(name, sizeof name, "type.%zu", number);
    if (!places->tally || !places->name || weir_get_number(from, name, &type) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(type >= WEIR_U8 && type <= WEIR_CATEGORY) || type == WEIR_F32 || type == WEIR_F64)
        return weir_fail(job, WEIR_EDATA, "'%s' is %g, no type of integers", name, type);
    places->type = (weir_type)type;
    snprintf(name, sizeof name, "shared.%zu", number);
    if (weir_get_number(from, name, &shared) != WEIR_OK)
        return weir_job_error(job)->status;
    snprintf(name, sizeof name, "nearest.%zu", number);
    if (weir_get_number(from, name, &nearest) != WEIR_OK)
        return weir_job_error(job)->status;
    snprintf(name, sizeof name, "values.%zu", number);
    places->values = weir_get_array(from, name, WEIR_U64, 1, shape);
    snprintf(name, sizeof name, "rows.%zu", number);
    places->rows = places->values ? weir_get_array(from, name, WEIR_U64, 1, shape) : NULL;
    if (!places->rows)
        return weir_job_error(job)->status;
    places->shared = shared != 0;
    places->nearest = nearest != 0;
    if (shape[0] < 1 || shape[0] > 65536)
        return weir_fail(job, WEIR_EDATA, "column '%s' has %" PRIu64 " places", places->name,
                         shape[0]);
    places->width = (uint32_t)shape[0];
    for (uint32_t k = 1; k < places->width - places->shared; k++)
        if (places->values[k] <= places->values[k - 1])
            return weir_fail(job, WEIR_EDATA, "place %u of column '%s' is out of order", k,
                             places->name);
    return places->type == WEIR_CATEGORY ? load_names(job, places, number, from) : WEIR_OK;
}

void weir_places_free(weir_places *places)
{
    weir_table_free(places->owned);
    places->owned = NULL;
}
