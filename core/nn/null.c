/* The back end that plans and computes nothing: leaves have memory of the host, kernels are not
 * run. For tests of planning and for counting operations. */
#include "nn/backend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char device; /* its address stands for the device: there is no state */

static void *open_null(const nn_settings *settings, char *description, size_t size,
                       weir_error *error)
{
    (void)settings, (void)error;
    snprintf(description, size, "null");
    return &device;
}

static void close_null(void *opened)
{
    (void)opened;
}

static void *allocate(void *opened, size_t bytes, weir_error *error)
{
    (void)opened;
    size_t whole = bytes > SIZE_MAX - 64 ? 0 : (bytes + 63) / 64 * 64;
    void *memory = whole ? aligned_alloc(64, whole) : NULL;
    if (!memory) {
        weir_error_memory(error, bytes, "values of a program");
        return NULL;
    }
    return memset(memory, 0, whole);
}

static void release(void *opened, void *memory)
{
    (void)opened;
    free(memory);
}

static int copy(void *opened, void *to, const void *from, size_t bytes, weir_error *error)
{
    (void)opened, (void)error;
    memcpy(to, from, bytes);
    return WEIR_OK;
}

static int prepare(void *opened, nn_program *program, weir_error *error)
{
    (void)opened, (void)program, (void)error;
    return WEIR_OK;
}

static int run(void *opened, nn_program *program, int stage, weir_error *error)
{
    (void)opened, (void)program, (void)stage, (void)error;
    return WEIR_OK;
}

static void discard(void *opened, nn_program *program)
{
    (void)opened, (void)program;
}

const nn_backend nn_backend_null = {.abi = NN_BACKEND_ABI,
                                    .name = "null",
                                    .open = open_null,
                                    .close = close_null,
                                    .allocate = allocate,
                                    .release = release,
                                    .write = copy,
                                    .read = copy,
                                    .prepare = prepare,
                                    .run = run,
                                    .discard = discard};
