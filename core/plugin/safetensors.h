/* Named arrays in a safetensors file: 8 bytes of header length, a JSON header, the values. */
#ifndef WEIR_PLUGIN_SAFETENSORS_H
#define WEIR_PLUGIN_SAFETENSORS_H

#include <weir/table.h>

#define WEIR_TENSOR_RANK 8

typedef struct weir_tensor {
    char *name;
    weir_type type;
    int rank;
    uint64_t shape[WEIR_TENSOR_RANK];
    size_t bytes;
    void *data; /* 64-byte aligned */
} weir_tensor;

typedef struct weir_tensors {
    weir_tensor *items;
    size_t count;
} weir_tensors;

/* Copies data. name is new (the caller sees to it); type is not WEIR_CATEGORY. */
int weir_tensors_add(weir_tensors *tensors, const char *name, weir_type type, int rank,
                     const uint64_t *shape, const void *data, weir_error *error);
const weir_tensor *weir_tensors_find(const weir_tensors *tensors, const char *name);
void weir_tensors_free(weir_tensors *tensors);
/* Whole or not at all. */
int weir_tensors_write(const weir_tensors *tensors, const char *path, weir_error *error);
/* Into an empty set. Every offset is checked; types that Weir lacks are an error. */
int weir_tensors_read(weir_tensors *tensors, const char *path, weir_error *error);

#endif
