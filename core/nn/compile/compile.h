/* How a graph becomes a program, and what the parts of the compiler share.
 *
 *     nn_rewrite        the outputs, with better products                        (rewrite.c)
 *     nn_plan_values    which value is computed in which stage                   (stages.c)
 *     nn_plan_places    where each would live; copies where a view will not do   (places.c)
 *     nn_plan_tasks     which are computed together                    (levels.c, fuse.c)
 *     nn_plan_order     in which order                                           (order.c)
 *     nn_lower          buffers and kernels                      (lower.c, lower_loop.c)
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
typedef struct nn_planned {
    nn_node *node;
    nn_manner manner;
    int stage; /* that computes it; of what only rearranges leaves, that uses it; leaves: -1 */
    int inputs;
    int *input; /* values */
    int rank;   /* as the node's, except of a FILL */
    int64_t shape[NN_MAX_RANK];
    bool output;  /* to be read after its stage */
    bool stored;  /* LOOP: in memory, not only in a register of its loop */
    int assigned; /* the leaf (a value) whose memory it sets at the end of the stage, or -1 */
    nn_view view; /* where it is, over its axes; view.buffer is a storage of the plan, or -1 */
    int task;     /* that computes it, or -1 */
} nn_planned;

/* Memory that values lie in; a buffer of the program if a kernel uses it. */
typedef struct nn_storage {
    nn_node *leaf; /* whose memory it is, or NULL */
    size_t elements;
    bool kept;
    int buffer; /* of the program, or -1 so far */
} nn_storage;

/* Values that one kernel computes. */
typedef struct nn_task {
    int stage;
    bool call;   /* one member, a CALL */
    int key;     /* its place in the order of creation */
    int members; /* in order */
    int *member;
    int rank; /* of the loop's space: no axes of size 1; at least 1 */
    int64_t shape[NN_MAX_RANK];
} nn_task;

typedef struct nn_plan {
    nn_graph *graph;
    nn_program *program;
    unsigned debug; /* NN_NO_... */
    int values, value_capacity;
    nn_planned *value;
    int storages, storage_capacity;
    nn_storage *storage;
    int tasks, task_capacity;
    nn_task *task;
    int *order; /* of tasks */
    struct nn_chunk *chunks;
} nn_plan;

/* An output or an effect of a stage, groups taken apart. */
typedef struct nn_wish {
    nn_node *asked; /* by the caller */
    nn_node *node;  /* what computes it: after rewriting */
    int stage;
    int value; /* set by nn_plan_values; of assigns -1 */
} nn_wish;

/* Memory of the plan, zeroed; NULL and the sticky error when there is none. */
void *nn_plan_alloc(nn_plan *plan, size_t bytes);
/* A value of this node (its shape and inputs; NULL: to be set); -1 on failure. */
int nn_plan_value(nn_plan *plan, nn_manner manner, nn_node *node, int stage, int inputs);
int nn_plan_storage(nn_plan *plan, nn_node *leaf, size_t elements);
/* A new task, zeroed; NULL on failure. Pointers to older ones end. */
nn_task *nn_plan_task(nn_plan *plan);
void nn_plan_release(nn_plan *plan);

int nn_plan_values(nn_plan *plan, int wishes, nn_wish *wish);
int nn_plan_places(nn_plan *plan, int wishes, nn_wish *wish);
int nn_plan_tasks(nn_plan *plan);
int nn_plan_order(nn_plan *plan);
int nn_lower(nn_plan *plan);
bool nn_lower_loop(nn_plan *plan, const nn_task *task, nn_kernel *kernel);
/* The program's buffer of a storage, made at the first call; -1 on failure. */
int nn_buffer_of(nn_plan *plan, int storage);

/* ---- views over axes ---- */
/* Row order without gaps; buffer and offset stay. */
void nn_view_dense(nn_view *view, int rank, const int64_t *shape);
bool nn_view_is_dense(const nn_view *view, int rank, const int64_t *shape);
/* The same elements over other axes, where strides can say it. */
bool nn_view_reshape(const nn_view *from, int from_rank, const int64_t *from_shape, int to_rank,
                     const int64_t *to_shape, nn_view *to);
/* The shape without axes of size 1; at least one axis. */
int nn_space(int rank, const int64_t *shape, int64_t *space);
/* The coarsest axes of which both spaces of as many elements are made: how many, 0 if there are
 * none or too many. refined may be one of the two. */
int nn_space_refine(int rank, const int64_t *space, int other_rank, const int64_t *other,
                    int64_t *refined);

/* The value in whose memory or register v is found without any rearrangement, in row order: through
 * stops and reshapes. */
int nn_same_elements(const nn_plan *plan, int v);
/* Of the axes that a reduction of `over` is about, the last few, if others are between them and the
 * rest; else 0. */
unsigned nn_apart_axes(const nn_planned *over, unsigned axes);
/* Whether v is one number known now, everywhere. */
bool nn_value_constant(const nn_plan *plan, int v, double *number);

/* ---- what kernels can read and write ---- */
/* Whether a product can read (or, write: with columns next to each other) the last two axes. */
bool nn_matrix_fits(const nn_planned *value, const nn_view *view, bool write);
/* Whether a CALL can write its result to such a place, or read this input where it is. */
bool nn_call_can_write(const nn_planned *call, const nn_view *view);
bool nn_call_can_read(const nn_node *call, const nn_planned *input);

#endif
