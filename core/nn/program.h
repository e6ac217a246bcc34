/* A compiled program: kernels in the order they run, the buffers they read and write, and the
 * memory these have. Made by core/nn/compile/, run by a back end (backend.h). */
#ifndef WEIR_CORE_NN_PROGRAM_H
#define WEIR_CORE_NN_PROGRAM_H

#include "nn/graph.h"

/* Memory of one or more values. */
typedef struct nn_buffer {
    nn_node *leaf;   /* whose memory it is; NULL: in the arena */
    size_t elements; /* nn_real; of NOISE leaves one uint64_t */
    int first, last; /* the kernels that first write and last use it */
    size_t offset;   /* bytes into the arena, a multiple of 64 */
    bool kept;       /* read from outside (an output) or by a later stage: not reused before that */
} nn_buffer;

/* Where a loop finds a tensor: element (i0, i1, …) is at offset + sum i * stride, in elements.
 * Stride 0 is a broadcast axis (or, of a write, a reduced one). */
typedef struct nn_view {
    int buffer;
    int64_t offset;
    int64_t stride[NN_MAX_RANK];
} nn_view;

/* One operation of a loop's program on registers. Registers are numbered: the reads, then the
 * constants, then the steps in order. */
typedef struct nn_instruction {
    nn_op op; /* element-wise */
    int a, b, c;
} nn_instruction;

typedef enum nn_combine { NN_STORE, NN_COMBINE_SUM, NN_COMBINE_PEAK } nn_combine;

typedef struct nn_result {
    nn_view view;
    int value; /* a register */
    nn_combine combine;
} nn_result;

/* Element-wise work over an index space: every read is loaded at each point, the steps are
 * computed, every result stored or combined over the axes where its view has stride 0 (and the
 * space more than one element). shape[0] is the slowest. Neighbouring axes are merged where all
 * views allow it. A result may lie exactly on a read (same view): in place. */
typedef struct nn_loop {
    int rank; /* >= 1 */
    int64_t shape[NN_MAX_RANK];
    int reads, constants, steps, results;
    nn_view *read;
    nn_real *constant;
    nn_instruction *step;
    nn_result *result;
} nn_loop;

/* A matrix in a buffer: `row` elements between rows, columns next to each other. transposed: stored
 * as [k][m] (a) or [n][k] (b). */
typedef struct nn_matrix {
    int buffer; /* -1: none (bias) */
    int64_t offset, row, batch[3];
    bool transposed;
} nn_matrix;

/* c = a b (+ c if accumulate) (+ bias, one a column), for each index of batch. */
typedef struct nn_product {
    int64_t batch[3], m, n, k;
    nn_matrix a, b, c, bias;
    bool accumulate;
    int packed; /* >= 0: the buffer that holds b as the back end packs it, instead of b */
} nn_product;

/* A convolution or a gradient of one: op says which. x, w, y are dense. */
typedef struct nn_convolution {
    nn_op op; /* CONV: y from x, w; CONV_DATA: x from y, w; CONV_WEIGHT: w from x, y */
    int64_t batch, height, width, in, out, kh, kw, out_height, out_width, stride, pad;
    nn_view x, w, y;
} nn_convolution;

/* op GATHER: result[i][:] = table[index[i]][:]; SCATTER: result[index[i]][:] += values[i][:] from
 * zero. index is dense; rows of `source` (table or values) and of result are `width` elements, next
 * to each other. */
typedef struct nn_lookup {
    nn_op op;
    int64_t count, rows, width; /* indices, rows of the table */
    nn_view source, index, result;
    int64_t source_row, result_row;
} nn_lookup;

typedef struct nn_draw {
    nn_noise_kind kind;
    uint64_t key;
    int64_t count;
    int counter;    /* the buffer of the leaf: draws so far, raised by one */
    nn_view result; /* dense */
} nn_draw;

typedef enum nn_kind {
    NN_KERNEL_LOOP,
    NN_KERNEL_PRODUCT,
    NN_KERNEL_CONVOLUTION,
    NN_KERNEL_LOOKUP,
    NN_KERNEL_DRAW,
    NN_KERNEL_PACK /* a back end's own preparation of an operand: made by its `lower` */
} nn_kind;

typedef struct nn_kernel {
    nn_kind kind;
    int stage;
    const char *name; /* of a node that it computes, for messages; may be NULL */
    int scratch;      /* a buffer for the back end's use within this kernel, or -1 */
    union {
        nn_loop loop;
        nn_product product;
        nn_convolution convolution;
        nn_lookup lookup;
        nn_draw draw;
        struct {
            nn_product product; /* whose b is packed */
            int to;             /* the buffer filled */
        } pack;
    };
} nn_kernel;

struct nn_program {
    nn_graph *graph;
    nn_program *next;
    int stages;
    int *start; /* [stages + 1]: a stage's kernels are start[s] … start[s + 1] - 1 */
    const char **stage_name;
    int kernels;
    nn_kernel *kernel;
    int buffers;
    nn_buffer *buffer;
    int outputs; /* values that nn_read can be asked for */
    struct nn_output {
        nn_node *node;
        int stage;
        nn_view view; /* over the node's own axes */
    } * output;
    void *arena;
    void *prepared; /* the back end's */
    int last_stage; /* run; -1 before */
    int reached;    /* the highest stage run so far; -1 before */
    nn_program_facts facts;
    struct nn_chunk *chunks; /* memory of all of the above */
};

/* Calls back with every buffer that a kernel uses. */
typedef void nn_buffer_visitor(int buffer, bool written, void *context);
void nn_kernel_buffers(const nn_kernel *kernel, nn_buffer_visitor *visit, void *context);
/* The first element of a buffer; memory is planned. */
void *nn_buffer_memory(const nn_program *program, int buffer);

#endif
