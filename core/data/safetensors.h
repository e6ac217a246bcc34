/* Named arrays in a safetensors file: 8 bytes of header length, a JSON header, the values.
 * Format: https://github.com/huggingface/safetensors#format. */
#ifndef WEIR_DATA_SAFETENSORS_H
#define WEIR_DATA_SAFETENSORS_H

#include <jansson.h>
#include <stdio.h>
#include <weir/table.h>

#define WEIR_TENSOR_RANK 8
/* Bytes of a header that is read. The format allows 100 MB; a parsed header takes some forty times
 * its size, and this is room for 80 000 arrays. */
#define WEIR_TENSORS_HEADER ((uint64_t)8 << 20)

typedef struct weir_tensor {
    char *name;
    weir_type type;
    int rank;
    uint64_t shape[WEIR_TENSOR_RANK];
    size_t bytes;
    void *data;    /* 64-byte aligned; NULL before weir_tensors_fill */
    uint64_t from; /* where it lies in an open file */
} weir_tensor;

typedef struct weir_tensors {
    weir_tensor *items;
    size_t count;
    json_t *notes; /* the file's metadata, { name: text }; NULL for none */
    FILE *file;    /* between weir_tensors_open and weir_tensors_free */
} weir_tensors;

/* Copies data. name is new (the caller sees to it); type is not WEIR_CATEGORY. */
int weir_tensors_add(weir_tensors *tensors, const char *name, weir_type type, int rank,
                     const uint64_t *shape, const void *data, weir_error *error);
/* A text of the metadata, replacing one of the same name; and back: NULL when there is none. */
int weir_tensors_note(weir_tensors *tensors, const char *name, const char *text, weir_error *error);
const char *weir_tensors_noted(const weir_tensors *tensors, const char *name);
const weir_tensor *weir_tensors_find(const weir_tensors *tensors, const char *name);
void weir_tensors_free(weir_tensors *tensors);
/* Whole or not at all. Wide types come first, so that every array is aligned to its type. */
int weir_tensors_write(const weir_tensors *tensors, const char *path, weir_error *error);

/* The header into an empty set: names, types, shapes and notes, all checked, and no value. Arrays
 * that overlap, leave holes or reach beyond the file are an error, so that the values together are
 * no larger than the file; so is a type that Weir lacks. */
int weir_tensors_open(weir_tensors *tensors, const char *path, weir_error *error);
/* Then the values of one array. */
int weir_tensors_fill(weir_tensors *tensors, size_t item, weir_error *error);
/* Both, of all arrays. */
int weir_tensors_read(weir_tensors *tensors, const char *path, weir_error *error);

#endif
