/* Element-wise loops on the CPU. A loop's space is walked in blocks small enough for the
 * first-level cache; in a block each step is one call of a vector routine on whole registers. The
 * plan (plan.c) says in which order the axes are walked, which two of them a block spans, where
 * each register lies and how the work is divided; it is made once, and running it (loop.c) only
 * moves pointers.
 *
 * Reductions: a block's values are summed first, blocks are added up with Kahan's compensation,
 * parts of different threads last and in their order: the error does not grow with the length, and
 * the bytes depend on the number of parts, never on timing. A sum is written to its place once,
 * when it is complete. */
#ifndef WEIR_CORE_NN_CPU_LOOP_H
#define WEIR_CORE_NN_CPU_LOOP_H

#include "nn/cpu/vector.h"

/* Where a register is during a block. */
typedef enum nn_place {
    NN_PLACE_MEMORY, /* in its tensor, whose part is dense */
    NN_PLACE_SLOT,   /* in the thread's work memory */
    NN_PLACE_NUMBER, /* one number for the whole block, in its tensor */
    NN_PLACE_ONCE    /* one number for the whole loop, or a step of such: in `numbers` */
} nn_place;

typedef struct nn_plan_read {
    const nn_real *memory;
    int64_t stride[NN_MAX_RANK]; /* by the plan's axes */
    nn_place place;
    int slot;
} nn_plan_read;

typedef struct nn_plan_step {
    nn_step_function *call;
    int to, a, b, c; /* registers */
    int slot;        /* of `to`; -1: in a result's memory, or a number */
} nn_plan_step;

typedef struct nn_plan_result {
    nn_real *memory;
    int64_t stride[NN_MAX_RANK];
    int value;
    nn_combine combine;
    bool direct; /* the step writes into memory */
    int fill;    /* the value is a number: the slot where it is repeated, or -1 */
    bool keep_rows, keep_columns, whole; /* whole: complete after one block */
    bool divided;                        /* over threads: parts are added at the end */
    int64_t kept;                        /* values of the result */
    int64_t at[NN_MAX_RANK];             /* strides in the sums */
    int64_t sums;                        /* where they begin in the scratch memory */
} nn_plan_result;

typedef struct nn_loop_plan {
    const nn_vector *vector;
    int rank; /* axes in the order in which they are walked, the last fastest */
    int64_t size[NN_MAX_RANK], tile[NN_MAX_RANK];
    int rows, columns; /* the axes that a block spans; rows may be -1 */
    bool turned;       /* a tensor lies along the rows */
    int split, parts;  /* the axis divided, into how many parts */
    int64_t grain;     /* parts begin at multiples of it */
    int64_t block;     /* elements of a slot */
    int registers, reads, constants, slots, results;
    int once, each, steps; /* steps for the loop, for a block on numbers, on whole blocks */
    nn_plan_read *read;
    nn_real *constant;
    nn_plan_step *step; /* [once + each + steps] */
    nn_plan_result *result;
    nn_real *scratch;
    int64_t scratch_elements;
    size_t work; /* bytes that a thread needs */
} nn_loop_plan;

/* join.c: how many operands a step has. */
int nn_step_operands(int op);
/* Joins pairs of steps where the one is for the other alone. step, at: [loop->steps], what is left
 * and its registers; uses: zeroed, [registers]. Returns how many are left. */
int nn_join_steps(const nn_loop *loop, nn_instruction *step, int *at, int *uses);

/* A plan, in one piece of memory (free it with free). NULL when out of memory. */
nn_loop_plan *nn_loop_plan_new(const nn_loop *loop, const nn_vector *vector, int threads);
/* Sets the addresses: memory is planned. */
void nn_loop_plan_bind(nn_loop_plan *plan, const nn_program *program, const nn_kernel *kernel);
/* work[i]: plan->work bytes for part i, aligned to 64. */
void nn_loop_run(const nn_loop_plan *plan, void *const *work);

#endif
