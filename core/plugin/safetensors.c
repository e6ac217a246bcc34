/* Safetensors: https://github.com/huggingface/safetensors#format. Values lie one after another,
 * without holes, in the order of the header; all numbers are little-endian, as the machine's. */
#include "plugin/safetensors.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const type_names[] = {
    [WEIR_U8] = "U8",   [WEIR_U16] = "U16", [WEIR_U32] = "U32", [WEIR_U64] = "U64",
    [WEIR_I64] = "I64", [WEIR_F32] = "F32", [WEIR_F64] = "F64"};
#define TYPES (sizeof type_names / sizeof type_names[0])
#define MAX_HEADER 100000000u /* the format's own limit */

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
    memcpy(item->shape, shape, (size_t)rank * sizeof *shape);
    item->name = strdup(name);
    item->data = aligned_alloc(64, bytes / 64 * 64 + 64);
    if (!item->name || !item->data) {
        free(item->name);
        free(item->data);
        weir_error_memory(error, bytes, name);
        return NULL;
    }
    tensors->count++;
    return item;
}

int weir_tensors_add(weir_tensors *tensors, const char *name, weir_type type, int rank,
                     const uint64_t *shape, const void *data, weir_error *error)
{
    weir_tensor *item = append(tensors, name, type, rank, shape, error);

    if (!item)
        return WEIR_ENOMEM;
    if (item->bytes)
        memcpy(item->data, data, item->bytes);
    return WEIR_OK;
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
    *tensors = (weir_tensors){0};
}

/* ---- Writing ----------------------------------------------------------------------------------*/

/* The header, padded with spaces to 8 bytes; its length. NULL if memory is short. */
static char *header_of(const weir_tensors *tensors, uint64_t *length)
{
    json_t *header = json_object();
    uint64_t at = 0;
    char *text, *padded;

    for (size_t i = 0; header && i < tensors->count; i++) {
        const weir_tensor *item = &tensors->items[i];
        json_t *shape = json_array();
        for (int j = 0; j < item->rank; j++)
            json_array_append_new(shape, json_integer((json_int_t)item->shape[j]));
        if (json_object_set_new(header, item->name,
                                json_pack("{s:s,s:o,s:[I,I]}", "dtype", type_names[item->type],
                                          "shape", shape, "data_offsets", (json_int_t)at,
                                          (json_int_t)(at + item->bytes)))) {
            json_decref(header);
            return NULL;
        }
        at += item->bytes;
    }
    text = header ? json_dumps(header, JSON_COMPACT) : NULL;
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
    char temporary[PATH_MAX];
    uint64_t length = 0;
    char *header = header_of(tensors, &length);
    FILE *file;
    bool good;

    if (!header)
        return weir_error_memory(error, length, path);
    snprintf(temporary, sizeof temporary, "%s.tmp-%ld", path, (long)getpid());
    file = fopen(temporary, "wb");
    good = file && fwrite(&length, 8, 1, file) == 1 && fwrite(header, length, 1, file) == 1;
    for (size_t i = 0; good && i < tensors->count; i++)
        good = !tensors->items[i].bytes ||
               fwrite(tensors->items[i].data, tensors->items[i].bytes, 1, file) == 1;
    good = good && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file && fclose(file))
        good = false;
    free(header);
    if (good && rename(temporary, path) == 0)
        return WEIR_OK;
    weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
    unlink(temporary);
    return WEIR_EIO;
}

/* ---- Reading ----------------------------------------------------------------------------------*/

static bool read_entry(const json_t *entry, weir_type *type, int *rank, uint64_t *shape,
                       uint64_t *from, uint64_t *to)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *sizes = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    json_t *size;
    size_t i;

    for (i = 0; dtype && i < TYPES && strcmp(dtype, type_names[i]) != 0; i++)
        ;
    if (!dtype || i == TYPES || json_array_size(sizes) > WEIR_TENSOR_RANK ||
        !json_is_array(sizes) || json_array_size(offsets) != 2)
        return false;
    *type = (weir_type)i;
    *rank = (int)json_array_size(sizes);
    json_array_foreach(sizes, i, size)
    {
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return false;
        shape[i] = (uint64_t)json_integer_value(size);
    }
    if (!json_is_integer(json_array_get(offsets, 0)) ||
        !json_is_integer(json_array_get(offsets, 1)) ||
        json_integer_value(json_array_get(offsets, 0)) < 0 ||
        json_integer_value(json_array_get(offsets, 1)) <
            json_integer_value(json_array_get(offsets, 0)))
        return false;
    *from = (uint64_t)json_integer_value(json_array_get(offsets, 0));
    *to = (uint64_t)json_integer_value(json_array_get(offsets, 1));
    return true;
}

static int read_values(weir_tensors *tensors, FILE *file, const json_t *header, uint64_t start,
                       uint64_t size, weir_error *error)
{
    const char *name;
    json_t *entry;

    json_object_foreach((json_t *)(uintptr_t)header, name, entry)
    {
        uint64_t shape[WEIR_TENSOR_RANK], from, to;
        weir_tensor *item;
        weir_type type;
        size_t bytes;
        int rank;
        if (!strcmp(name, "__metadata__"))
            continue;
        if (!read_entry(entry, &type, &rank, shape, &from, &to) ||
            !byte_count(type, rank, shape, &bytes) || to - from != bytes || to > size)
            return weir_error_set(error, WEIR_EDATA, "array '%.100s' is damaged", name);
        item = append(tensors, name, type, rank, shape, error);
        if (!item)
            return WEIR_ENOMEM;
        if (bytes && (fseeko(file, (off_t)(start + from), SEEK_SET) ||
                      fread(item->data, bytes, 1, file) != 1))
            return weir_error_set(error, WEIR_EIO, "array '%.100s' cannot be read", name);
    }
    return WEIR_OK;
}

int weir_tensors_read(weir_tensors *tensors, const char *path, weir_error *error)
{
    FILE *file = fopen(path, "rb");
    json_t *header = NULL;
    weir_error local = {0};
    struct stat info;
    uint64_t length = 0;
    char *text = NULL;

    if (!file || fstat(fileno(file), &info))
        weir_error_set(&local, WEIR_EIO, "%s", strerror(errno));
    else if (fread(&length, 8, 1, file) != 1 || length > MAX_HEADER ||
             length > (uint64_t)info.st_size - 8)
        weir_error_set(&local, WEIR_EDATA, "it is not a safetensors file");
    else if (!(text = malloc(length + 1)) || (length && fread(text, length, 1, file) != 1))
        weir_error_set(&local, WEIR_EIO, "its header cannot be read");
    else if (header = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL),
             !json_is_object(header)) /* a macro that names its argument twice */
        weir_error_set(&local, WEIR_EDATA, "its header is not a JSON object");
    else
        read_values(tensors, file, header, 8 + length, (uint64_t)info.st_size - 8 - length, &local);
    free(text);
    json_decref(header);
    if (file)
        fclose(file);
    if (local.status == WEIR_OK)
        return WEIR_OK;
    weir_tensors_free(tensors);
    return weir_error_set(error, local.status, "%s: %s", path, local.text);
}
