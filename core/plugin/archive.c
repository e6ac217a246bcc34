/* Archives: numbers, texts and tables' descriptions in model.json, arrays in arrays.safetensors. */
#include "plugin/archive.h"
#include "data/safetensors.h"
#include "files.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct weir_archive {
    weir_error *error;
    json_t *head;   /* model.json without "values" */
    json_t *values; /* name -> number, text, { array }, { table } */
    weir_tensors tensors;
    struct kept {
        char *name;
        weir_table *table;
    } * tables; /* built from their columns on first use */
    size_t table_count;
};

static weir_archive *archive_new(weir_error *error)
{
    weir_archive *archive = calloc(1, sizeof *archive);

    if (!archive) {
        weir_error_memory(error, sizeof *archive, "an archive");
        return NULL;
    }
    archive->error = error;
    return archive;
}

weir_archive *weir_archive_new(weir_error *error)
{
    weir_archive *archive = archive_new(error);

    if (archive && !(archive->values = json_object())) {
        weir_error_memory(error, 0, "an archive");
        weir_archive_free(archive);
        return NULL;
    }
    return archive;
}

void weir_archive_free(weir_archive *archive)
{
    if (!archive)
        return;
    for (size_t i = 0; i < archive->table_count; i++) {
        free(archive->tables[i].name);
        weir_table_free(archive->tables[i].table);
    }
    free(archive->tables);
    weir_tensors_free(&archive->tensors);
    json_decref(archive->head);
    json_decref(archive->values);
    free(archive);
}

const json_t *weir_archive_head(const weir_archive *archive)
{
    return archive->head;
}

/* ---- Putting ----------------------------------------------------------------------------------*/

static int put(weir_archive *archive, const char *name, json_t *value)
{
    int status = WEIR_OK;

    if (!name[0] || strlen(name) > 100 ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")])
        status = weir_error_set(archive->error, WEIR_EBUG,
                                "'%.100s' is no name in a model: A-Z, a-z, 0-9, '_' and '.', 100 "
                                "at most",
                                name);
    else if (json_object_get(archive->values, name))
        status =
            weir_error_set(archive->error, WEIR_EBUG, "'%s' is put into the model twice", name);
    else if (!value)
        status = weir_error_set(archive->error, WEIR_EDATA,
                                "'%s' cannot be put into the model: it is not UTF-8, or memory "
                                "is short",
                                name);
    else if (json_object_set(archive->values, name, value))
        status = weir_error_memory(archive->error, 0, "a model");
    json_decref(value);
    return status;
}

int weir_put_number(weir_archive *archive, const char *name, double value)
{
    if (!isfinite(value))
        return weir_error_set(archive->error, WEIR_EDIVERGE,
                              "'%s' cannot be put into the model: it is not finite", name);
    return put(archive, name, json_real(value));
}

int weir_put_text(weir_archive *archive, const char *name, const char *text)
{
    return put(archive, name, json_string(text));
}

int weir_put_array(weir_archive *archive, const char *name, weir_type type, int rank,
                   const uint64_t *shape, const void *data)
{
    json_t *mark;

    if ((unsigned)type >= WEIR_CATEGORY || rank < 1 || rank > WEIR_TENSOR_RANK)
        return weir_error_set(archive->error, WEIR_EBUG,
                              "array '%s' has a type or a rank that cannot be stored", name);
    mark = json_pack("{s:s}", "array", weir_type_name(type));
    if (put(archive, name, mark) != WEIR_OK)
        return archive->error->status;
    return weir_tensors_add(&archive->tensors, name, type, rank, shape, data, archive->error);
}

static json_t *describe_column(const weir_table *table, size_t at, weir_type *type, size_t *width,
                               const char **column)
{
    json_t *item, *texts;

    *column = weir_table_column(table, at, type, width);
    item = json_pack("{s:s,s:s,s:I}", "name", *column, "type", weir_type_name(*type), "width",
                     (json_int_t)*width);
    if (!item || *type != WEIR_CATEGORY)
        return item;
    texts = json_array();
    for (uint32_t i = 0; texts && i < weir_category_count(table, *column); i++)
        if (json_array_append_new(texts, json_string(weir_category_text(table, *column, i)))) {
            json_decref(texts);
            texts = NULL;
        }
    if (!texts || json_object_set_new(item, "texts", texts)) {
        json_decref(item);
        return NULL;
    }
    return item;
}

static json_t *describe_shape(const weir_table *table)
{
    const weir_series_shape *shape = weir_table_series(table);
    json_t *names;

    if (!shape)
        return json_null();
    names = json_array();
    for (uint32_t i = 0; names && i < shape->channels; i++)
        json_array_append_new(names, json_string(shape->names[i]));
    return json_pack("{s:I,s:f,s:o}", "steps", (json_int_t)shape->steps, "step_seconds",
                     shape->step_seconds, "names", names);
}

int weir_put_table(weir_archive *archive, const char *name, const weir_table *table)
{
    json_t *columns = json_array(), *mark;
    char full[200];

    mark = json_pack(
        "{s:{s:I,s:I,s:o,s:O}}", "table", "schema", (json_int_t)weir_table_schema(table), "rows",
        (json_int_t)weir_table_rows(table), "series", describe_shape(table), "columns", columns);
    if (put(archive, name, mark) != WEIR_OK) {
        json_decref(columns);
        return archive->error->status;
    }
    for (size_t i = 0; i < weir_table_columns(table); i++) {
        const char *column;
        weir_type type;
        size_t width;
        json_t *item = describe_column(table, i, &type, &width, &column);
        uint64_t shape[2] = {weir_table_rows(table), 0};
        shape[1] = width;
        if (!item || json_array_append_new(columns, item)) {
            weir_error_memory(archive->error, 0, "a table");
            break;
        }
        snprintf(full, sizeof full, "%s/%s", name, column);
        if (weir_tensors_add(&archive->tensors, full, type == WEIR_CATEGORY ? WEIR_U32 : type, 2,
                             shape, weir_table_read(table, column, type),
                             archive->error) != WEIR_OK)
            break;
    }
    json_decref(columns);
    return archive->error->status;
}

/* ---- Files ------------------------------------------------------------------------------------*/

int weir_archive_write(const weir_archive *archive, const char *folder, const json_t *head)
{
    json_t *all = head ? json_copy((json_t *)(uintptr_t)head) : json_object();
    char path[PATH_MAX];

    if (archive->error->status != WEIR_OK || !all ||
        json_object_set(all, "values", archive->values)) {
        json_decref(all);
        return weir_error_memory(archive->error, 0, "a model");
    }
    snprintf(path, sizeof path, "%s/arrays.safetensors", folder);
    if (archive->tensors.count)
        weir_tensors_write(&archive->tensors, path, archive->error);
    snprintf(path, sizeof path, "%s/model.json", folder);
    if (archive->error->status == WEIR_OK)
        weir_json_write(path, all, archive->error);
    json_decref(all);
    return archive->error->status;
}

json_t *weir_model_json(const char *path, weir_error *error)
{
    FILE *file = fopen(path, "rb");
    json_error_t fault;
    json_t *json;

    if (!file) {
        weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    json = json_loadf(file, JSON_REJECT_DUPLICATES, &fault);
    fclose(file);
    if (!json)
        weir_error_set(error, WEIR_EDATA, "%s:%d:%d: %s", path, fault.line, fault.column,
                       fault.text);
    return json;
}

weir_archive *weir_archive_read(const char *folder, weir_error *error)
{
    weir_archive *archive = archive_new(error);
    weir_error local = {0};
    char path[PATH_MAX];

    if (!archive)
        return NULL;
    snprintf(path, sizeof path, "%s/model.json", folder);
    archive->head = weir_model_json(path, &local);
    if (archive->head) {
        archive->values = json_incref(json_object_get(archive->head, "values"));
        if (!json_is_object(archive->values))
            weir_error_set(&local, WEIR_EDATA, "%s: it has no object \"values\"", path);
        else
            json_object_del(archive->head, "values");
    }
    snprintf(path, sizeof path, "%s/arrays.safetensors", folder);
    if (local.status == WEIR_OK && access(path, F_OK) == 0)
        weir_tensors_read(&archive->tensors, path, &local);
    if (local.status == WEIR_OK)
        return archive;
    weir_error_set(error, local.status, "%s", local.text);
    weir_archive_free(archive);
    return NULL;
}

/* ---- Getting ----------------------------------------------------------------------------------*/

static json_t *get(const weir_archive *archive, const char *name, const char *what)
{
    json_t *value = json_object_get(archive->values, name);

    if (!value)
        weir_error_set(archive->error, WEIR_EDATA, "the model has no %s '%s'", what, name);
    return value;
}

static int wrong(const weir_archive *archive, const char *name, const char *what)
{
    return weir_error_set(archive->error, WEIR_EDATA, "'%s' of the model is not %s", name, what);
}

int weir_get_number(const weir_archive *archive, const char *name, double *value)
{
    json_t *found = get(archive, name, "number");

    if (!found)
        return archive->error->status;
    if (!json_is_number(found))
        return wrong(archive, name, "a number");
    *value = json_number_value(found);
    return WEIR_OK;
}

const char *weir_get_text(const weir_archive *archive, const char *name)
{
    json_t *found = get(archive, name, "text");

    if (found && !json_is_string(found))
        wrong(archive, name, "a text");
    return json_string_value(found);
}

const void *weir_get_array(const weir_archive *archive, const char *name, weir_type type, int rank,
                           uint64_t *shape)
{
    const weir_tensor *tensor = weir_tensors_find(&archive->tensors, name);

    if (!get(archive, name, "array"))
        return NULL;
    if (!tensor || tensor->type != type || tensor->rank != rank) {
        weir_error_set(archive->error, WEIR_EDATA,
                       "'%s' of the model is not an array of %s with %d dimensions", name,
                       weir_type_name(type), rank);
        return NULL;
    }
    for (int i = 0; i < rank; i++) {
        if (shape[i] && shape[i] != tensor->shape[i]) {
            weir_error_set(archive->error, WEIR_EDATA,
                           "dimension %d of array '%s' of the model is %llu, must be %llu", i, name,
                           (unsigned long long)tensor->shape[i], (unsigned long long)shape[i]);
            return NULL;
        }
    }
    memcpy(shape, tensor->shape, (size_t)rank * sizeof *shape);
    return tensor->data;
}

static bool read_type(const json_t *item, weir_type *type)
{
    const char *name = json_string_value(json_object_get(item, "type"));

    for (int i = WEIR_U8; name && i <= WEIR_CATEGORY; i++)
        if (!strcmp(name, weir_type_name((weir_type)i))) {
            *type = (weir_type)i;
            return true;
        }
    return false;
}

static weir_table *table_of(const json_t *mark, weir_error *error)
{
    uint32_t schema = (uint32_t)json_integer_value(json_object_get(mark, "schema"));
    json_int_t rows = json_integer_value(json_object_get(mark, "rows"));
    const json_t *series = json_object_get(mark, "series");
    const json_t *names = json_object_get(series, "names");
    json_int_t steps = json_integer_value(json_object_get(series, "steps"));
    weir_series_shape shape = {0};

    if (rows < 0 || rows > UINT32_MAX || steps < 0 || steps > UINT32_MAX) {
        weir_error_set(error, WEIR_EDATA, "its size is out of range");
        return NULL;
    }
    if (schema != WEIR_SERIES)
        return weir_table_new(schema, (size_t)rows, error);
    shape.steps = (uint32_t)steps;
    shape.channels = (uint32_t)json_array_size(names);
    shape.step_seconds = json_number_value(json_object_get(series, "step_seconds"));
    if (shape.channels > WEIR_MAX_CHANNELS || (uint64_t)steps * (uint64_t)rows > (1ULL << 40)) {
        weir_error_set(error, WEIR_EDATA, "its size is out of range");
        return NULL;
    }
    for (uint32_t i = 0; i < shape.channels; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        snprintf(shape.names[i], sizeof shape.names[i], "%s", name ? name : "");
    }
    return weir_table_new_series(&shape, (size_t)rows, error);
}

static int fill_codes(weir_table *table, const char *column, const json_t *texts, size_t n,
                      const uint32_t *codes, weir_error *error)
{
    uint32_t *out;
    json_t *text;
    size_t i;

    json_array_foreach(texts, i, text)
    {
        if (!json_is_string(text) ||
            weir_category_add(table, column, json_string_value(text), error) != i)
            return weir_error_set(error, WEIR_EDATA, "the texts of column '%s' are damaged",
                                  column);
    }
    out = weir_codes_out(table, column);
    for (i = 0; out && i < n; i++) {
        if (codes[i] >= json_array_size(texts))
            return weir_error_set(error, WEIR_EDATA, "a code of column '%s' has no text", column);
        out[i] = codes[i];
    }
    return WEIR_OK;
}

static int fill_column(const weir_archive *archive, const char *name, const json_t *item,
                       weir_table *table, weir_error *error)
{
    const char *column = json_string_value(json_object_get(item, "name"));
    json_int_t width = json_integer_value(json_object_get(item, "width"));
    size_t rows = weir_table_rows(table), present_width = 0;
    const weir_tensor *tensor;
    weir_type type, present_type;
    char full[200];
    int at;

    if (!column || !read_type(item, &type) || width < 1 || width > 1 << 24)
        return weir_error_set(error, WEIR_EDATA, "the description of a column is damaged");
    snprintf(full, sizeof full, "%s/%s", name, column);
    tensor = weir_tensors_find(&archive->tensors, full);
    if (!tensor || tensor->rank != 2 || tensor->shape[0] != rows ||
        tensor->shape[1] != (uint64_t)width ||
        tensor->type != (type == WEIR_CATEGORY ? WEIR_U32 : type))
        return weir_error_set(error, WEIR_EDATA, "column '%s' is missing or damaged", column);
    at = weir_table_find(table, column);
    if (at < 0 && weir_table_add(table, column, type, (size_t)width, error) != WEIR_OK)
        return WEIR_EDATA;
    if (at >= 0) {
        weir_table_column(table, (size_t)at, &present_type, &present_width);
        if (present_type != type || present_width != (size_t)width)
            return weir_error_set(error, WEIR_EDATA, "column '%s' has another type or width",
                                  column);
    }
    if (type == WEIR_CATEGORY)
        return fill_codes(table, column, json_object_get(item, "texts"), rows * (size_t)width,
                          tensor->data, error);
    if (rows)
        memcpy(weir_table_data(table, column, type), tensor->data,
               rows * (size_t)width * weir_type_size(type));
    return WEIR_OK;
}

/* Whether the arrays are there that the description speaks of: before memory is taken at its word.
 */
static bool has_arrays(const weir_archive *archive, const char *name, const json_t *mark)
{
    uint64_t rows = (uint64_t)json_integer_value(json_object_get(mark, "rows"));
    const json_t *columns = json_object_get(mark, "columns");
    const json_t *series = json_object_get(mark, "series");
    uint64_t values = (uint64_t)json_integer_value(json_object_get(series, "steps")) *
                      json_array_size(json_object_get(series, "names"));
    bool lacks_values = json_integer_value(json_object_get(mark, "schema")) == WEIR_SERIES;
    json_t *item;
    size_t i;

    if (rows && !json_array_size(columns))
        return false;
    json_array_foreach(columns, i, item)
    {
        const char *column = json_string_value(json_object_get(item, "name"));
        const weir_tensor *tensor;
        char full[200];
        snprintf(full, sizeof full, "%s/%s", name, column ? column : "");
        tensor = weir_tensors_find(&archive->tensors, full);
        if (!tensor || tensor->rank != 2 || tensor->shape[0] != rows ||
            (rows && !tensor->shape[1]) ||
            (!strcmp(full + strlen(name), "/values") && values && tensor->shape[1] != values))
            return false;
        lacks_values = lacks_values && strcmp(full + strlen(name), "/values") != 0;
    }
    return !lacks_values;
}

static weir_table *build_table(const weir_archive *archive, const char *name, const json_t *mark,
                               weir_error *error)
{
    weir_table *table;
    json_t *item;
    size_t i;

    if (!has_arrays(archive, name, mark)) {
        weir_error_set(error, WEIR_EDATA, "its columns are missing or damaged");
        return NULL;
    }
    table = table_of(mark, error);
    if (!table)
        return NULL;
    json_array_foreach(json_object_get(mark, "columns"), i, item)
    {
        if (fill_column(archive, name, item, table, error) != WEIR_OK) {
            weir_table_free(table);
            return NULL;
        }
    }
    return table;
}

const weir_table *weir_get_table(const weir_archive *lent, const char *name)
{
    weir_archive *archive = (weir_archive *)(uintptr_t)lent;
    json_t *mark = get(archive, name, "table");
    weir_error local = {0};
    struct kept *tables;
    weir_table *table;

    for (size_t i = 0; i < archive->table_count; i++)
        if (!strcmp(archive->tables[i].name, name))
            return archive->tables[i].table;
    if (!mark)
        return NULL;
    mark = json_object_get(mark, "table");
    if (!mark) {
        wrong(archive, name, "a table");
        return NULL;
    }
    table = build_table(archive, name, mark, &local);
    if (!table) {
        weir_error_set(archive->error, WEIR_EDATA, "table '%s' of the model: %s", name, local.text);
        return NULL;
    }
    tables = realloc(archive->tables, (archive->table_count + 1) * sizeof *tables);
    if (tables)
        archive->tables = tables;
    if (!tables || !(tables[archive->table_count].name = strdup(name))) {
        weir_table_free(table);
        weir_error_memory(archive->error, 0, "a table");
        return NULL;
    }
    tables[archive->table_count++].table = table;
    return table;
}
