/* The table of functions that a back end is. `device` is what open returned; memory is the
 * device's. Every function that can fail records why in error and returns its status. */
#ifndef WEIR_CORE_NN_BACKEND_H
#define WEIR_CORE_NN_BACKEND_H

#include "nn/program.h"

/* Raised when anything a back end sees changes; a libweir_cuda.so of another number is refused. */
enum { NN_BACKEND_ABI = 1 };
/* 1 when docs/benchmarks.md records a run of the CUDA tests on a GPU: before that `auto` leaves a
 * GPU alone, and `weir --version` says that the back end has never run. */
enum { NN_AUTO_TAKES_CUDA = 0 };

typedef struct nn_backend {
    int abi; /* NN_BACKEND_ABI */
    const char *name;
    /* description: "cpu, avx512, 2 threads". NULL on failure. */
    void *(*open)(const nn_settings *settings, char *description, size_t size, weir_error *error);
    void (*close)(void *device);
    /* Zeroed and aligned to 64 bytes. */
    void *(*allocate)(void *device, size_t bytes, weir_error *error);
    void (*release)(void *device, void *memory);
    int (*write)(void *device, void *to, const void *from, size_t bytes, weir_error *error);
    int (*read)(void *device, void *to, const void *from, size_t bytes, weir_error *error);
    /* Before memory is planned: adds scratch buffers, packed operands and kernels (optional). */
    int (*lower)(void *device, nn_program *program, weir_error *error);
    /* After memory is planned and bound: what run needs, in program->prepared. */
    int (*prepare)(void *device, nn_program *program, weir_error *error);
    /* Allocates nothing. */
    int (*run)(void *device, nn_program *program, int stage, weir_error *error);
    void (*discard)(void *device, nn_program *program);
} nn_backend;

extern const nn_backend nn_backend_null; /* null.c */
extern const nn_backend nn_backend_cpu;  /* cpu/backend.c */
/* The CUDA back end of libweir_cuda.so beside libweir, loaded at the first call: NULL, and why,
 * when there is none or it is of another version. Without a device its `open` fails. load.c */
const nn_backend *nn_backend_cuda(weir_error *error);

/* What the engine is and has, for people: "cpu avx512, oneDNN 2.6.3; CUDA back end: not built".
 * Opens nothing. engine.c */
const char *nn_engine_text(char *text, size_t size);

#endif
