/* Tables: named, typed columns in memory, and the columns that each schema has. */
#include "data/inside.h"
#include "text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const struct {
    const char *name;
    size_t size;
} types[] = {{"u8", 1},  {"u16", 2}, {"u32", 4}, {"u64", 8},
             {"i64", 8}, {"f32", 4}, {"f64", 8}, {"category", 4}};
#define TYPES (sizeof types / sizeof types[0])

/* The columns of the schemas; the optional ones may be added by name. */
static const struct {
    uint32_t schema;
    const char *name;
    weir_type type;
    bool optional;
} schema_columns[] = {
    {WEIR_PACKETS, "time", WEIR_I64, false},      {WEIR_PACKETS, "srcip", WEIR_U32, false},
    {WEIR_PACKETS, "dstip", WEIR_U32, false},     {WEIR_PACKETS, "srcport", WEIR_U16, false},
    {WEIR_PACKETS, "dstport", WEIR_U16, false},   {WEIR_PACKETS, "proto", WEIR_U8, false},
    {WEIR_PACKETS, "pkt_len", WEIR_U16, false},   {WEIR_PACKETS, "tos", WEIR_U8, true},
    {WEIR_PACKETS, "ttl", WEIR_U8, true},         {WEIR_PACKETS, "id", WEIR_U16, true},
    {WEIR_PACKETS, "flag", WEIR_U8, true},        {WEIR_PACKETS, "off", WEIR_U16, true},
    {WEIR_PACKETS, "tcp_flags", WEIR_U8, true},   {WEIR_NETFLOW, "ts", WEIR_I64, false},
    {WEIR_NETFLOW, "td", WEIR_F64, false},        {WEIR_NETFLOW, "srcip", WEIR_U32, false},
    {WEIR_NETFLOW, "dstip", WEIR_U32, false},     {WEIR_NETFLOW, "srcport", WEIR_U16, false},
    {WEIR_NETFLOW, "dstport", WEIR_U16, false},   {WEIR_NETFLOW, "proto", WEIR_U8, false},
    {WEIR_NETFLOW, "pkt", WEIR_U64, false},       {WEIR_NETFLOW, "byt", WEIR_U64, false},
    {WEIR_NETFLOW, "label", WEIR_CATEGORY, true}, {WEIR_NETFLOW, "type", WEIR_CATEGORY, true},
};
#define SCHEMA_COLUMNS (sizeof schema_columns / sizeof schema_columns[0])

size_t weir_type_size(weir_type type)
{
    return (size_t)type < TYPES ? types[type].size : 0;
}

const char *weir_type_name(weir_type type)
{
    return (size_t)type < TYPES ? types[type].name : "unknown";
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

weir_column *weir_table_at(const weir_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!strcmp(table->columns[i].name, name))
            return &table->columns[i];
    }
    return NULL;
}

/* Bytes of a column of so many rows; SIZE_MAX if there is no such number. */
static size_t column_bytes(const weir_column *column, size_t rows)
{
    size_t row = weir_type_size(column->type) * column->width;

    return rows > SIZE_MAX / 4 / row ? SIZE_MAX : rows * row;
}

static bool right_type(const weir_table *table, const char *name, weir_type type, size_t width)
{
    for (size_t i = 0; i < SCHEMA_COLUMNS; i++) {
        if (table->schema == schema_columns[i].schema && !strcmp(schema_columns[i].name, name))
            return type == schema_columns[i].type && width == 1;
    }
    return true;
}

weir_column *weir_table_add_lent(weir_table *table, const char *name, weir_type type, size_t width,
                                 void *data, weir_error *error)
{
    weir_column *column, *columns;

    if (!name[0] || strlen(name) >= sizeof column->name || (size_t)type >= TYPES || !width ||
        width > UINT32_MAX) {
        weir_error_set(
            error, WEIR_EOPTION,
            "column '%.80s': a name of 1 to 63 bytes, a type and a width of 1 or more are "
            "needed",
            name);
        return NULL;
    }
    if (weir_table_at(table, name)) {
        weir_error_set(error, WEIR_EOPTION, "the table has a column '%s' already", name);
        return NULL;
    }
    if (!right_type(table, name, type, width)) {
        weir_error_set(error, WEIR_EOPTION,
                       "column '%s': %s of width %zu is not what the schema says", name,
                       weir_type_name(type), width);
        return NULL;
    }
    columns = realloc(table->columns, (table->count + 1) * sizeof *columns);
    if (!columns) {
        weir_error_memory(error, sizeof *columns, "a column");
        return NULL;
    }
    table->columns = columns;
    column = &columns[table->count];
    memset(column, 0, sizeof *column);
    memcpy(column->name, name, strlen(name));
    column->type = type;
    column->width = width;
    column->data = data;
    table->count++;
    return column;
}

int weir_table_add(weir_table *table, const char *name, weir_type type, size_t width,
                   weir_error *error)
{
    weir_column *column = weir_table_add_lent(table, name, type, width, NULL, error);
    size_t bytes;

    if (!column)
        return error ? error->status : WEIR_EOPTION;
    bytes = column_bytes(column, table->capacity);
    column->data = bytes == SIZE_MAX ? NULL : weir_pages_new(bytes);
    if (!column->data) {
        table->count--;
        return weir_error_memory(error, bytes, name);
    }
    column->bytes = bytes ? bytes : 1;
    return WEIR_OK;
}

void weir_table_drop(weir_table *table, const char *name)
{
    weir_column *column = weir_table_at(table, name);

    if (!column)
        return;
    if (column->bytes)
        weir_pages_free(column->data, column->bytes);
    weir_dictionary_clear(&column->dictionary);
    table->count--;
    memmove(column, column + 1, (size_t)(table->columns + table->count - column) * sizeof *column);
}

weir_table *weir_table_bare(uint32_t schema, const weir_series_shape *shape, size_t rows,
                            weir_error *error)
{
    weir_table *table;

    if (schema != 0 && schema != WEIR_PACKETS && schema != WEIR_NETFLOW && schema != WEIR_SERIES) {
        weir_error_set(error, WEIR_EOPTION, "there is no schema %u", schema);
        return NULL;
    }
    table = calloc(1, sizeof *table);
    if (!table) {
        weir_error_memory(error, sizeof *table, "a table");
        return NULL;
    }
    table->schema = schema;
    table->rows = table->capacity = rows;
    if (shape)
        table->shape = *shape;
    return table;
}

weir_table *weir_table_new(uint32_t schema, size_t rows, weir_error *error)
{
    weir_table *table;

    if (schema == WEIR_SERIES) {
        weir_error_set(error, WEIR_EOPTION, "a series table needs its shape");
        return NULL;
    }
    table = weir_table_bare(schema, NULL, rows, error);
    for (size_t i = 0; table && i < SCHEMA_COLUMNS; i++) {
        if (schema_columns[i].schema == schema && !schema_columns[i].optional &&
            weir_table_add(table, schema_columns[i].name, schema_columns[i].type, 1, error)) {
            weir_table_free(table);
            return NULL;
        }
    }
    return table;
}

static bool sound_shape(const weir_series_shape *shape)
{
    if (!shape || !shape->steps || !shape->channels || shape->channels > WEIR_MAX_CHANNELS ||
        !isfinite(shape->step_seconds) || shape->step_seconds < 0)
        return false;
    for (uint32_t i = 0; i < shape->channels; i++) {
        if (!shape->names[i][0] || !memchr(shape->names[i], 0, sizeof shape->names[i]))
            return false;
        for (uint32_t j = 0; j < i; j++) {
            if (!strcmp(shape->names[i], shape->names[j]))
                return false;
        }
    }
    return true;
}

weir_table *weir_table_new_series(const weir_series_shape *shape, size_t rows, weir_error *error)
{
    weir_table *table;

    if (!sound_shape(shape)) {
        weir_error_set(error, WEIR_EOPTION,
                       "a series needs 1 or more steps, 1 to %d channels with different names, and "
                       "a step of 0 s or more",
                       WEIR_MAX_CHANNELS);
        return NULL;
    }
    table = weir_table_bare(WEIR_SERIES, shape, rows, error);
    if (table &&
        (weir_table_add(table, "values", WEIR_F32, (size_t)shape->steps * shape->channels, error) ||
         weir_table_add(table, "length", WEIR_U32, 1, error) ||
         weir_table_add(table, "label", WEIR_CATEGORY, 1, error))) {
        weir_table_free(table);
        return NULL;
    }
    return table;
}

void weir_table_free(weir_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++) {
        if (table->columns[i].bytes)
            weir_pages_free(table->columns[i].data, table->columns[i].bytes);
        weir_dictionary_clear(&table->columns[i].dictionary);
    }
    if (table->map)
        munmap(table->map, table->map_bytes);
    free(table->columns);
    free(table);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

size_t weir_table_rows(const weir_table *table)
{
    return table->rows;
}

uint32_t weir_table_schema(const weir_table *table)
{
    return table->schema;
}

const weir_series_shape *weir_table_series(const weir_table *table)
{
    return table->schema == WEIR_SERIES ? &table->shape : NULL;
}

/* Room for so many rows in every column; lent columns become owned. On failure each column has the
 * room it had or more, so nothing is lost. */
static int reserve(weir_table *table, size_t capacity, weir_error *error)
{
    for (size_t i = 0; i < table->count; i++) {
        weir_column *column = &table->columns[i];
        size_t bytes = column_bytes(column, capacity);
        void *data = NULL;

        if (bytes == column->bytes)
            continue;
        if (bytes != SIZE_MAX && column->bytes) {
            data = weir_pages_resize(column->data, column->bytes, bytes);
        } else if (bytes != SIZE_MAX) {
            data = weir_pages_new(bytes);
            if (data && column->data && table->rows)
                memcpy(data, column->data, column_bytes(column, table->rows));
        }
        if (!data)
            return weir_error_memory(error, bytes, column->name);
        column->data = data;
        column->bytes = bytes ? bytes : 1;
    }
    table->capacity = capacity;
    return WEIR_OK;
}

int weir_table_resize(weir_table *table, size_t rows, weir_error *error)
{
    size_t capacity = rows;

    if (rows > table->capacity) {
        /* Room for more than is asked, so that adding rows one by one is O(1) each; untouched pages
         * are not resident. */
        if (table->capacity && rows < table->capacity + table->capacity / 2)
            capacity = table->capacity + table->capacity / 2;
        if (reserve(table, capacity, error))
            return WEIR_ENOMEM;
    } else if (rows < table->rows) {
        size_t until_row = table->rows;

        table->rows = rows;
        if (rows < table->capacity / 16 * 15) {
            /* Gives memory back; where that fails a column merely stays larger. */
            reserve(table, rows, NULL);
            table->capacity = rows;
        }
        for (size_t i = 0; i < table->count; i++) {
            weir_column *column = &table->columns[i];
            size_t from = column_bytes(column, rows), until = column_bytes(column, until_row);
            if (column->bytes > from && until > from)
                memset((char *)column->data + from, 0,
                       (until < column->bytes ? until : column->bytes) - from);
        }
    } else if (table->map && reserve(table, table->capacity, error)) {
        return WEIR_ENOMEM;
    }
    table->rows = rows;
    return WEIR_OK;
}

weir_table *weir_table_select(const weir_table *table, const uint32_t *rows, size_t n,
                              weir_error *error)
{
    weir_table *out = weir_table_bare(table->schema, &table->shape, n, error);

    for (size_t i = 0; i < n; i++) {
        if (rows[i] >= table->rows) {
            weir_error_set(error, WEIR_EOPTION, "row %u of a table of %zu rows", rows[i],
                           table->rows);
            weir_table_free(out);
            return NULL;
        }
    }
    for (size_t i = 0; out && i < table->count; i++) {
        const weir_column *from = &table->columns[i];
        size_t row = weir_type_size(from->type) * from->width;
        bool failed = weir_table_add(out, from->name, from->type, from->width, error) != WEIR_OK;
        char *to = failed ? NULL : out->columns[i].data;

        for (uint32_t code = 0; !failed && code < from->dictionary.count; code++)
            failed = weir_dictionary_add(&out->columns[i].dictionary, from->dictionary.texts[code],
                                         error) == UINT32_MAX;
        if (failed) {
            weir_table_free(out);
            return NULL;
        }
        for (size_t j = 0; j < n; j++)
            memcpy(to + j * row, (const char *)from->data + rows[j] * row, row);
    }
    return out;
}

int weir_table_permute(weir_table *table, const uint32_t *order, weir_error *error)
{
    for (size_t i = 0; i < table->count; i++) {
        weir_column *column = &table->columns[i];
        size_t row = weir_type_size(column->type) * column->width;
        size_t bytes = column_bytes(column, table->rows);
        char *to = weir_pages_new(bytes);

        if (!to)
            return weir_error_memory(error, bytes, column->name);
        for (size_t j = 0; j < table->rows; j++)
            memcpy(to + j * row, (const char *)column->data + order[j] * row, row);
        if (column->bytes)
            weir_pages_free(column->data, column->bytes);
        column->data = to;
        column->bytes = bytes ? bytes : 1;
    }
    table->capacity = table->rows;
    return WEIR_OK;
}

/* ---- Columns --------------------------------------------------------------------------------- */

size_t weir_table_columns(const weir_table *table)
{
    return table->count;
}

const char *weir_table_column(const weir_table *table, size_t at, weir_type *type, size_t *width)
{
    if (at >= table->count)
        return NULL;
    if (type)
        *type = table->columns[at].type;
    if (width)
        *width = table->columns[at].width;
    return table->columns[at].name;
}

int weir_table_find(const weir_table *table, const char *name)
{
    const weir_column *column = weir_table_at(table, name);

    return column ? (int)(column - table->columns) : -1;
}

const void *weir_table_read(const weir_table *table, const char *name, weir_type type)
{
    const weir_column *column = weir_table_at(table, name);

    return column && column->type == type ? column->data : NULL;
}

void *weir_table_data(weir_table *table, const char *name, weir_type type)
{
    const weir_column *column = weir_table_at(table, name);

    if (!column || column->type != type)
        return NULL;
    /* A map is read-only: what is to be changed is copied out of it first. */
    if (!column->bytes && reserve(table, table->capacity, NULL))
        return NULL;
    return column->data;
}

static weir_dictionary *dictionary_of(const weir_table *table, const char *column)
{
    weir_column *found = weir_table_at(table, column);

    return found && found->type == WEIR_CATEGORY ? &found->dictionary : NULL;
}

uint32_t weir_category_count(const weir_table *table, const char *column)
{
    const weir_dictionary *dictionary = dictionary_of(table, column);

    return dictionary ? dictionary->count : 0;
}

const char *weir_category_text(const weir_table *table, const char *column, uint32_t code)
{
    const weir_dictionary *dictionary = dictionary_of(table, column);

    return dictionary && code < dictionary->count ? dictionary->texts[code] : NULL;
}

static uint32_t add_repaired(weir_dictionary *dictionary, const char *text, weir_error *error)
{
    char *copy = strdup(text);
    uint32_t code = UINT32_MAX;

    if (copy) {
        weir_text_repair(copy);
        code = weir_dictionary_add(dictionary, copy, error);
    } else {
        weir_error_memory(error, strlen(text) + 1, "a category");
    }
    free(copy);
    return code;
}

uint32_t weir_category_add(weir_table *table, const char *column, const char *text,
                           weir_error *error)
{
    weir_dictionary *dictionary = dictionary_of(table, column);

    if (!dictionary) {
        weir_error_set(error, WEIR_EOPTION, "the table has no category column '%s'", column);
        return UINT32_MAX;
    }
    for (const char *at = text; *at; at += weir_text_utf8(at))
        if (weir_text_utf8(at) == 0)
            return add_repaired(dictionary, text, error);
    return weir_dictionary_add(dictionary, text, error);
}

uint32_t weir_category_code(const weir_table *table, const char *column, const char *text)
{
    const weir_dictionary *dictionary = dictionary_of(table, column);

    return dictionary ? weir_dictionary_find(dictionary, text) : UINT32_MAX;
}

int weir_table_doubles(const weir_table *table, const char *name, double *out, weir_error *error)
{
    const weir_column *column = weir_table_at(table, name);
    size_t n;

    if (!column || column->type == WEIR_CATEGORY)
        return weir_error_set(error, WEIR_EOPTION, "the table has no numeric column '%s'", name);
    n = table->rows * column->width;
#define CONVERT(short_name, c_type, column_type)                                                   \
    if (column->type == (column_type)) {                                                           \
        const c_type *values = column->data;                                                       \
        for (size_t i = 0; i < n; i++)                                                             \
            out[i] = (double)values[i];                                                            \
    }
    WEIR_COLUMN_READERS(CONVERT)
#undef CONVERT
    return WEIR_OK;
}

int weir_table_sound(const weir_table *table, weir_error *error)
{
    for (size_t i = 0; i < table->count; i++) {
        const weir_column *column = &table->columns[i];
        const float *singles = column->type == WEIR_F32 ? column->data : NULL;
        const double *doubles = column->type == WEIR_F64 ? column->data : NULL;
        const uint32_t *codes = column->type == WEIR_CATEGORY ? column->data : NULL;
        const uint32_t *lengths = table->schema == WEIR_SERIES && column->type == WEIR_U32 &&
                                          !strcmp(column->name, "length")
                                      ? column->data
                                      : NULL;

        for (size_t j = 0; (singles || doubles || codes) && j < table->rows * column->width; j++) {
            if ((singles && !isfinite(singles[j])) || (doubles && !isfinite(doubles[j])))
                return weir_error_set(error, WEIR_EDATA,
                                      "column '%s', row %zu: not a finite number", column->name,
                                      j / column->width);
            if (codes && codes[j] >= column->dictionary.count)
                return weir_error_set(
                    error, WEIR_EDATA,
                    "column '%s', row %zu: code %u, but the column has %u strings", column->name, j,
                    codes[j], column->dictionary.count);
        }
        for (size_t j = 0; lengths && j < table->rows; j++) {
            if (lengths[j] > table->shape.steps)
                return weir_error_set(error, WEIR_EDATA,
                                      "series %zu: length %u is above its %u steps", j, lengths[j],
                                      table->shape.steps);
        }
    }
    return WEIR_OK;
}
