/* Safetensors: values lie one after another, without holes; all numbers are little-endian, as the
 * machine's. A file from outside is checked whole before memory is taken at its word. */
#include "data/safetensors.h"
#include "data/file.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const type_names[] = {
    [WEIR_U8] = "U8",   [WEIR_U16] = "U16", [WEIR_U32] = "U32", [WEIR_U64] = "U64",
    [WEIR_I64] = "I64", [WEIR_F32] = "F32", [WEIR_F64] = "F64"};
#define TYPES (sizeof type_names / sizeof type_names[0])
#define METADATA "__metadata__"

static bool byte_count(weir_type type, int rank, const uint64_t *shape, size_t *bytes)
{
    *bytes = weir_type_size(type);
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(*bytes, shape[i], bytes))
            return false;
    return *bytes <= SIZE_MAX / 2;
}

static weir_tensor *append(weir_tensors *tensors, const char *name, weir_type type, int rank,
                           const uint64_t *shape, weir_error *error)
{
    weir_tensor *items = realloc(tensors->items, (tensors->count + 1) * sizeof *items), *item;
    size_t bytes = 0;

    if (items)
        tensors->items = items;
    if (!items || !byte_count(type, rank, shape, &bytes)) {
        weir_error_memory(error, bytes, name);
        return NULL;
    }
    item = &items[tensors->count];
    *item = (weir_tensor){.type = type, .rank = rank, .bytes = bytes};
    if (rank)
        memcpy(item->shape, shape, (size_t)rank * sizeof *shape);
    item->name = strdup(name);
    if (!item->name) {
        weir_error_memory(error, strlen(name), "a name");
        return NULL;
    }
    tensors->count++;
    return item;
}

static int allocate(weir_tensor *item, weir_error *error)
{
    item->data = aligned_alloc(64, item->bytes / 64 * 64 + 64);
    return item->data ? WEIR_OK : weir_error_memory(error, item->bytes, item->name);
}

int weir_tensors_add(weir_tensors *tensors, const char *name, weir_type type, int rank,
                     const uint64_t *shape, const void *data, weir_error *error)
{
    weir_tensor *item = append(tensors, name, type, rank, shape, error);

    if (!item)
        return WEIR_ENOMEM;
    if (allocate(item, error) != WEIR_OK) {
        free(item->name);
        tensors->count--;
        return WEIR_ENOMEM;
    }
    if (item->bytes)
        memcpy(item->data, data, item->bytes);
    return WEIR_OK;
}

int weir_tensors_note(weir_tensors *tensors, const char *name, const char *text, weir_error *error)
{
    if (!tensors->notes)
        tensors->notes = json_object();
    if (!tensors->notes || json_object_set_new(tensors->notes, name, json_string(text)))
        return weir_error_memory(error, strlen(text), name);
    return WEIR_OK;
}

const char *weir_tensors_noted(const weir_tensors *tensors, const char *name)
{
    return json_string_value(json_object_get(tensors->notes, name));
}

const weir_tensor *weir_tensors_find(const weir_tensors *tensors, const char *name)
{
    for (size_t i = 0; i < tensors->count; i++)
        if (!strcmp(tensors->items[i].name, name))
            return &tensors->items[i];
    return NULL;
}

void weir_tensors_free(weir_tensors *tensors)
{
    for (size_t i = 0; i < tensors->count; i++) {
        free(tensors->items[i].name);
        free(tensors->items[i].data);
    }
    free(tensors->items);
    json_decref(tensors->notes);
    if (tensors->file)
        fclose(tensors->file);
    *tensors = (weir_tensors){0};
}

/* ---- Writing ----------------------------------------------------------------------------------*/

static json_t *describe(const weir_tensor *item, uint64_t at)
{
    json_t *shape = json_array();

    for (int i = 0; shape && i < item->rank; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)item->shape[i]))) {
            json_decref(shape);
            shape = NULL;
        }
    return json_pack("{s:s,s:o,s:[I,I]}", "dtype", type_names[item->type], "shape", shape,
                     "data_offsets", (json_int_t)at, (json_int_t)(at + item->bytes));
}

/* The header, padded with spaces to 8 bytes; its length. NULL if memory is short or a name is not
 * UTF-8. */
static char *header_of(const weir_tensors *tensors, uint64_t *length)
{
    json_t *header = json_object();
    uint64_t at = 0;
    char *text, *padded;
    bool good = header && (!tensors->notes || !json_object_set(header, METADATA, tensors->notes));

    for (size_t size = 8; size; size /= 2)
        for (size_t i = 0; good && i < tensors->count; i++) {
            const weir_tensor *item = &tensors->items[i];
            if (weir_type_size(item->type) != size)
                continue;
            good = !json_object_set_new(header, item->name, describe(item, at));
            at += item->bytes;
        }
    text = good ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text)
        return NULL;
    *length = (strlen(text) + 7) / 8 * 8;
    padded = malloc(*length + 1);
    if (padded) {
        memset(padded, ' ', *length);
        memcpy(padded, text, strlen(text));
    }
    free(text);
    return padded;
}

int weir_tensors_write(const weir_tensors *tensors, const char *path, weir_error *error)
{
    uint64_t length = 0;
    char *header = header_of(tensors, &length);
    weir_file file;

    if (!header)
        return weir_error_memory(error, length, path);
    if (weir_file_create(&file, path, error)) {
        free(header);
        return error ? (int)error->status : WEIR_EIO;
    }
    fwrite(&length, 8, 1, file.stream); /* what goes wrong is seen when the file is committed */
    fwrite(header, 1, length, file.stream);
    free(header);
    for (size_t size = 8; size; size /= 2)
        for (size_t i = 0; i < tensors->count; i++)
            if (weir_type_size(tensors->items[i].type) == size)
                fwrite(tensors->items[i].data, 1, tensors->items[i].bytes, file.stream);
    return weir_file_commit(&file, error);
}

/* ---- Reading ----------------------------------------------------------------------------------*/

static int damaged(weir_error *error, const char *name, const char *what)
{
    return weir_error_set(error, WEIR_EDATA, "array '%.100s': %s", name, what);
}

static int read_type(const json_t *entry, const char *name, weir_type *type, weir_error *error)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));

    for (size_t i = 0; dtype && i < TYPES; i++)
        if (!strcmp(dtype, type_names[i])) {
            *type = (weir_type)i;
            return WEIR_OK;
        }
    if (!dtype)
        return damaged(error, name, "it has no dtype");
    return weir_error_set(error, WEIR_EDATA,
                          "array '%.100s' is of type %.20s, must be one of U8, U16, U32, U64, I64, "
                          "F32, F64",
                          name, dtype);
}

static int read_shape(const json_t *entry, const char *name, int *rank, uint64_t *shape,
                      weir_error *error)
{
    const json_t *sizes = json_object_get(entry, "shape");
    json_t *size;
    size_t i;

    if (!json_is_array(sizes))
        return damaged(error, name, "its shape is not an array");
    if (json_array_size(sizes) > WEIR_TENSOR_RANK)
        return damaged(error, name, "it has more than 8 dimensions");
    *rank = (int)json_array_size(sizes);
    json_array_foreach(sizes, i, size)
    {
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return damaged(error, name, "a size of its shape is not a whole number, 0 or more");
        shape[i] = (uint64_t)json_integer_value(size);
    }
    return WEIR_OK;
}

static int read_place(const json_t *entry, const char *name, uint64_t size, uint64_t *from,
                      uint64_t *to, weir_error *error)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);

    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return damaged(error, name, "its data_offsets are not two positions in order");
    *from = (uint64_t)json_integer_value(first);
    *to = (uint64_t)json_integer_value(last);
    if (*to > size)
        return weir_error_set(error, WEIR_EDATA,
                              "array '%.100s' ends at byte %llu of the values, the file holds %llu",
                              name, (unsigned long long)*to, (unsigned long long)size);
    return WEIR_OK;
}

static int read_entry(weir_tensors *tensors, const char *name, const json_t *entry, uint64_t start,
                      uint64_t size, weir_error *error)
{
    uint64_t shape[WEIR_TENSOR_RANK], from = 0, to = 0;
    weir_tensor *item;
    weir_type type = WEIR_F32;
    size_t bytes;
    int rank = 0;

    if (read_type(entry, name, &type, error) || read_shape(entry, name, &rank, shape, error) ||
        read_place(entry, name, size, &from, &to, error))
        return WEIR_EDATA;
    if (!byte_count(type, rank, shape, &bytes) || to - from != bytes)
        return damaged(error, name, "its shape and its data_offsets do not agree");
    item = append(tensors, name, type, rank, shape, error);
    if (!item)
        return WEIR_ENOMEM;
    item->from = start + from;
    return WEIR_OK;
}

static int read_notes(weir_tensors *tensors, json_t *notes, weir_error *error)
{
    const char *name;
    json_t *text;

    if (!json_is_object(notes))
        return weir_error_set(error, WEIR_EDATA, "its " METADATA " is not an object");
    json_object_foreach(notes, name, text)
    {
        if (!json_is_string(text))
            return weir_error_set(error, WEIR_EDATA, "'%.100s' of its " METADATA " is not a text",
                                  name);
    }
    tensors->notes = json_incref(notes);
    return WEIR_OK;
}

static int by_place(const void *left, const void *right)
{
    const weir_tensor *const *a = left, *const *b = right;

    if ((*a)->from != (*b)->from)
        return (*a)->from < (*b)->from ? -1 : 1;
    return ((*a)->bytes > (*b)->bytes) - ((*a)->bytes < (*b)->bytes);
}

/* The values are read from `start` to the file's end, each byte by one array. */
static int check_places(const weir_tensors *tensors, uint64_t start, uint64_t end,
                        weir_error *error)
{
    const weir_tensor **order = malloc((tensors->count + 1) * sizeof *order);
    int status = WEIR_OK;

    if (!order)
        return weir_error_memory(error, tensors->count * sizeof *order, "a header");
    for (size_t i = 0; i < tensors->count; i++)
        order[i] = &tensors->items[i];
    qsort(order, tensors->count, sizeof(const weir_tensor *), by_place);
    for (size_t i = 0; i < tensors->count && status == WEIR_OK; i++) {
        if (order[i]->from < start)
            status = damaged(error, order[i]->name, "it overlaps another array");
        else if (order[i]->from > start)
            status = damaged(error, order[i]->name, "there is a hole before its values");
        start += order[i]->bytes;
    }
    if (status == WEIR_OK && start != end)
        status = weir_error_set(error, WEIR_EDATA, "%llu bytes at its end belong to no array",
                                (unsigned long long)(end - start));
    free(order);
    return status;
}

static int read_header(weir_tensors *tensors, const json_t *header, uint64_t start, uint64_t end,
                       weir_error *error)
{
    const char *name;
    json_t *entry;
    int status = WEIR_OK;

    json_object_foreach((json_t *)(uintptr_t)header, name, entry)
    {
        status = !strcmp(name, METADATA)
                     ? read_notes(tensors, entry, error)
                     : read_entry(tensors, name, entry, start, end - start, error);
        if (status != WEIR_OK)
            return status;
    }
    return check_places(tensors, start, end, error);
}

/* The header of an open file of `size` bytes as JSON; the place behind it. */
static json_t *parse_header(FILE *file, uint64_t size, uint64_t *start, weir_error *error)
{
    uint64_t length = 0;
    json_error_t fault;
    json_t *header;
    char *text;

    if (size < 8 || fread(&length, 8, 1, file) != 1 || length > size - 8) {
        weir_error_set(error, WEIR_EDATA, "it is not a safetensors file, or cut short");
        return NULL;
    }
    if (length > WEIR_TENSORS_HEADER) {
        weir_error_set(error, WEIR_EDATA, "its header has %llu bytes, more than %llu",
                       (unsigned long long)length, (unsigned long long)WEIR_TENSORS_HEADER);
        return NULL;
    }
    text = malloc(length + 1);
    if (!text || (length && fread(text, length, 1, file) != 1)) {
        weir_error_set(error, text ? WEIR_EIO : WEIR_ENOMEM, "its header cannot be read");
        free(text);
        return NULL;
    }
    header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
    free(text);
    if (!header)
        weir_error_set(error, WEIR_EDATA, "its header is not JSON: %s", fault.text);
    else if (!json_is_object(header))
        weir_error_set(error, WEIR_EDATA, "its header is not a JSON object");
    if (header && !json_is_object(header)) {
        json_decref(header);
        header = NULL;
    }
    *start = 8 + length;
    return header;
}

int weir_tensors_open(weir_tensors *tensors, const char *path, weir_error *error)
{
    weir_error local = {0};
    json_t *header = NULL;
    struct stat info;
    uint64_t start = 0;

    tensors->file = fopen(path, "rbe");
    if (!tensors->file || fstat(fileno(tensors->file), &info))
        weir_error_set(&local, WEIR_EIO, "%s", strerror(errno));
    else if (!S_ISREG(info.st_mode))
        weir_error_set(&local, WEIR_EIO, "it is not a file");
    else
        header = parse_header(tensors->file, (uint64_t)info.st_size, &start, &local);
    if (header)
        read_header(tensors, header, start, (uint64_t)info.st_size, &local);
    json_decref(header);
    if (local.status == WEIR_OK)
        return WEIR_OK;
    weir_tensors_free(tensors);
    return weir_error_set(error, local.status, "%s: %s", path, local.text);
}

int weir_tensors_fill(weir_tensors *tensors, size_t at, weir_error *error)
{
    weir_tensor *item = &tensors->items[at];

    if (!item->data && allocate(item, error) != WEIR_OK)
        return WEIR_ENOMEM;
    if (item->bytes && (fseeko(tensors->file, (off_t)item->from, SEEK_SET) ||
                        fread(item->data, item->bytes, 1, tensors->file) != 1))
        return weir_error_set(error, WEIR_EIO, "array '%.100s' cannot be read", item->name);
    return WEIR_OK;
}

int weir_tensors_read(weir_tensors *tensors, const char *path, weir_error *error)
{
    weir_error local = {0};

    if (weir_tensors_open(tensors, path, error) != WEIR_OK)
        return error ? (int)error->status : WEIR_EDATA;
    for (size_t i = 0; i < tensors->count && local.status == WEIR_OK; i++)
        weir_tensors_fill(tensors, i, &local);
    if (local.status == WEIR_OK) {
        fclose(tensors->file);
        tensors->file = NULL;
        return WEIR_OK;
    }
    weir_tensors_free(tensors);
    return weir_error_set(error, local.status, "%s: %s", path, local.text);
}
