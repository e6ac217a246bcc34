/* The CPU's back end from inside: the device, and what a program's kernels have become. */
#ifndef WEIR_CORE_NN_CPU_CPU_H
#define WEIR_CORE_NN_CPU_CPU_H

#include "nn/backend.h"
#include "nn/cpu/conv.h"
#include "nn/cpu/isa.h"
#include "nn/cpu/loop.h"
#include "nn/cpu/product.h"
#include <time.h>

typedef struct nn_cpu {
    int threads;
    nn_isa isa;
    const nn_vector *vector;
    bool bound; /* helpers are bound to CPUs; the caller is to `first` while a run lasts */
    size_t first;
    /* The environment's WEIR_NN_PROFILE is not empty and not 0; "cpu": what is counted is the
     * calling thread's processor time, for one thread on a machine that others use as well. */
    bool profile;
    clockid_t clock;
} nn_cpu;

/* A kernel ready to run; which field, its kind says. */
typedef struct nn_ready {
    nn_loop_plan *loop;
    nn_product_plan *product;
    nn_conv_plan *conv;
    const nn_real *a, *b, *packed, *bias;
    nn_real *c, *scratch; /* c: what is written */
    nn_real *x, *w, *y;   /* of a convolution */
    uint64_t *counter;
    int threads; /* of lookups and draws */
} nn_ready;

typedef struct nn_prepared {
    int kernels;
    nn_ready *ready;
    bool divided;            /* some kernel uses several threads */
    void **work;             /* [threads] for loops */
    double *seconds, *least; /* [kernels] with profile: together, of one call; and how often */
    int64_t *calls;
} nn_prepared;

/* lower.c: packed operands and scratch memory. */
int nn_cpu_lower(void *device, nn_program *program, weir_error *error);

/* lookup.c */
void nn_lookup_run(const nn_lookup *lookup, const nn_real *source, const nn_real *index,
                   nn_real *result, int threads);
/* Threads worth having for this many elements moved. */
int nn_lookup_threads(const nn_lookup *lookup, int threads);

/* draw.c: threads worth having. */
int nn_draw_threads(const nn_draw *draw, int threads);
/* Fills result with the next draw, and counts it. */
void nn_draw_run(const nn_draw *draw, const nn_vector *vector, uint64_t *counter, nn_real *result,
                 int threads);

/* profile.c: the kernels of a program by the time that they took, to stderr. */
void nn_profile_print(const nn_program *program, const nn_prepared *prepared);

#endif
