/* How a graph becomes a program, and what the parts of the compiler share.
 *
 *     nn_rewrite        the outputs, with better products                        (rewrite.c)
 *     nn_plan_values    which value is computed in which stage                   (stages.c)
 *     nn_plan_places    where each would live; copies where a view will not do   (views.c)
 *     nn_plan_tasks     which are computed together                              (fuse.c)
 *     nn_plan_order     in which order                                           (order.c)
 *     nn_lower          buffers and kernels                                      (lower.c)
 *     backend->lower    packed operands, scratch                                 (the back end)
 *     nn_plan_memory    offsets into the arena                                   (memory.c)
 *     nn_bind_memory    the arena                                                (memory.c)
 *
 * What nn_plan_memory finds: kernels in their order, stage after stage, and buffers with `leaf`,
 * `elements` and `kept` set (kept: an output, which shares its memory with nothing). It sets first,
 * last, offset and the facts of the arena. Liveness follows from the kernels alone: a buffer lives
 * from the first kernel that writes it (a part of it may be enough) to its last use, and, where
 * that is in a later stage than the write, to the end of that stage, since a stage may be run again
 * and again. A loop's result may take over the place of a read whose buffer ends there if both
 * views are equal. Buffers with a leaf have the leaf's memory. */
#ifndef WEIR_CORE_NN_COMPILE_H
#define WEIR_CORE_NN_COMPILE_H

#include "nn/backend.h"

/* ---- memory of a program ---- */
/* Lives as long as the program, zeroed; NULL (and the graph's sticky error) when there is none. */
void *nn_program_alloc(nn_program *program, size_t bytes);
/* Frees all of it, the program too. */
void nn_program_release(nn_program *program);
/* A new buffer of the arena: its number, or -1 (and the sticky error). For a back end's lower. */
int nn_program_buffer(nn_program *program, size_t elements);

/* Graph to graph: better products. outputs, of which stage[i] asks for the i-th (in the order of
 * the stages), are replaced in place. */
int nn_rewrite(nn_graph *graph, int n, nn_node **outputs, const int *stage);
int nn_plan_memory(nn_program *program);
/* Allocates what has been planned, and the memory of leaves. */
int nn_bind_memory(nn_program *program);

/* ---- the plan ---- */
/* What a value is to the compiler. */
typedef enum nn_manner {
    NN_LEAF_VALUE, /* the memory of an input, a variable or an array; a number */
    NN_VIEW_VALUE, /* another look at input 0 */
    NN_JOIN_VALUE, /* its inputs lie next to each other in it: a concatenation, a padding */
    NN_LOOP_VALUE, /* computed by a loop: element-wise, a reduction */
    NN_COPY_VALUE, /* the same as input 0, computed by a loop */
    NN_FILL_VALUE, /* zeros, stored by a loop */
    NN_CALL_VALUE  /* computed by a kernel of its own: products, lookups, draws */
} nn_manner;

/* A node as one stage computes it. Values are numbered in an order in which inputs come first. */
typedef struct nn_value {
    nn_node *node;
    nn_manner manner;
    int stage;  /* that computes it; of leaves and of what only rearranges them, that uses it */
    int rank;   /* as the node's, except for a FILL */
    int inputs; /* values */
    int *input;
    int64_t shape[NN_MAX_RANK];
    bool output;  /* to be read after its stage */
    bool crosses; /* used by a later stage */
    bool stored;  /* LOOP, COPY, FILL: in memory, not only in a register of its loop */
    int assigned; /* the leaf whose memory it goes to at the end of the stage, or -1 */
    int home; /* the value whose storage it is in (itself, a JOIN, a leaf), or -1: not in memory */
    nn_view view; /* of its own axes; view.buffer is set when kernels are made */
    int task;     /* that computes it, or -1 */
} nn_value;

/* Values that one kernel computes. */
typedef struct nn_task {
    int stage;
    int members; /* in order */
    int *member;
    int rank; /* of the loop's space, without axes of size 1 */
    int64_t shape[NN_MAX_RANK];
} nn_task;

typedef struct nn_plan {
    nn_graph *graph;
    nn_program *program;
    unsigned debug; /* NN_NO_… */
    int values, value_capacity;
    nn_value *value;
    int tasks;
    nn_task *task;
    int *order; /* of tasks */
    struct nn_chunk *chunks;
} nn_plan;

#endif
