/* The neural-network engine: a model is a symbolic graph of primitive operations with static
 * shapes; its gradient is more of the same graph; a program is compiled from it and run without
 * allocation.
 *
 *     nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1});
 *     nn_node *x = nn_input(g, "x", 2, (int64_t[]){128, 8});
 *     nn_node *h = nn_tanh(nn_linear(x, 64, "net.0"));
 *     nn_node *loss = nn_mean(nn_square(nn_linear(h, 1, "net.1")));
 *     nn_node *out[] = {loss, nn_adam(loss, "net.", NULL)};
 *     nn_program *step = nn_compile(g, 1, &(nn_stage){"step", 2, out});
 *     nn_write(x, batch);
 *     nn_run(step, 0);
 *     nn_read(step, loss, &value);
 *
 * Errors are sticky: a function given something impossible records what and where in the graph and
 * returns a node that every other function takes, so that thirty lines of model need no checks.
 * nn_compile, nn_run and the like return the status. A graph belongs to one thread at a time.
 * Pages: docs/nn.md. */
#ifndef WEIR_NN_H
#define WEIR_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/error.h>

/* One number of a tensor. The double build exists for the tests of gradients only. */
#ifdef NN_DOUBLE
typedef double nn_real;
#else
typedef float nn_real;
#endif

enum { NN_MAX_RANK = 5 };

typedef struct nn_graph nn_graph; /* nodes, and the values of variables and inputs */
typedef struct nn_node nn_node;   /* a value of the graph; freed with it */
typedef struct nn_program
    nn_program; /* what nn_compile makes; freed with nn_program_free or its graph */

/* What makes the compiler do less, for tests and for the search for a mistake. */
enum {
    NN_NO_REWRITE = 1, /* products are neither gathered nor split */
    NN_NO_FUSION = 2,  /* every element-wise node is a kernel of its own */
    NN_NO_REUSE = 4,   /* every value has memory of its own */
    NN_NO_VIEWS = 8    /* slices, reshapes and concatenations are copies */
};

typedef struct nn_settings {
    uint64_t seed;      /* of noise and of initial values */
    const char *device; /* "auto" (or NULL), "cpu", "cuda", "null" (plans, computes nothing) */
    int threads;        /* 0: as many as the process has CPUs */
    bool tf32;          /* CUDA: products in TF32 */
    unsigned debug;     /* NN_NO_…; the environment's WEIR_NN_DEBUG is added (a number) */
} nn_settings;

/* settings may be NULL. NULL when out of memory; whatever else fails is sticky in the graph. */
WEIR_API nn_graph *nn_graph_new(const nn_settings *settings);
/* Frees nodes, variables, inputs and programs. NULL is ignored. */
WEIR_API void nn_graph_free(nn_graph *graph);
/* WEIR_OK, or the status of the first error of this graph. */
WEIR_API int nn_status(const nn_graph *graph);
/* The first error of this graph; its status is WEIR_OK when there is none. */
WEIR_API const weir_error *nn_error(const nn_graph *graph);
/* Where the graph runs and with what: "cpu, avx512, 2 threads". Borrowed. */
WEIR_API const char *nn_device(const nn_graph *graph);

/* ---- leaves ----
 * A name is [A-Za-z0-9_.]+, unique among the variables and inputs of the graph. */

/* A value that nn_write sets before a run. shape[0] is the slowest; rank 0 is a scalar. */
WEIR_API nn_node *nn_input(nn_graph *graph, const char *name, int rank, const int64_t *shape);

/* How a variable gets its first value. Uniform and normal draws depend on the graph's seed and the
 * variable's name alone, not on the order of building. */
typedef enum nn_init_kind { NN_CONSTANT, NN_UNIFORM, NN_NORMAL, NN_ORTHOGONAL } nn_init_kind;
typedef struct nn_init {
    nn_init_kind kind;
    double a, b; /* constant: a; uniform: a … b; normal: mean a, deviation b; orthogonal: gain a */
} nn_init;

/* A trained value. Asked for by the same name and shape again it is the same node (another shape is
 * an error), which is how a model that is built twice shares its weights. */
WEIR_API nn_node *nn_parameter(nn_graph *graph, const char *name, int rank, const int64_t *shape,
                               nn_init init);
/* A value that lasts but is not trained: running statistics, an optimiser's moments, a counter. */
WEIR_API nn_node *nn_state(nn_graph *graph, const char *name, int rank, const int64_t *shape,
                           nn_init init);
/* A scalar. */
WEIR_API nn_node *nn_scalar(nn_graph *graph, double value);
/* An array, copied from values (always double) in row order. */
WEIR_API nn_node *nn_array(nn_graph *graph, int rank, const int64_t *shape, const double *values);

/* Random numbers, drawn anew in each run of the stage that computes them: element i of draw d is a
 * Philox block of (seed, name; d, i), the same on every device (normals to 1e-6). The draws so far
 * are part of a checkpoint. name as above, unique among the noises. */
WEIR_API nn_node *nn_noise_uniform(nn_graph *graph, const char *name, int rank,
                                   const int64_t *shape); /* [0, 1) */
WEIR_API nn_node *nn_noise_normal(nn_graph *graph, const char *name, int rank,
                                  const int64_t *shape);

/* The parameter or state of this name; NULL when there is none (no error). */
WEIR_API nn_node *nn_find(nn_graph *graph, const char *name);
/* Parameters whose names begin with prefix ("" for all), in order of creation. Returns how many
 * there are; writes at most max of them. */
WEIR_API int nn_parameters(nn_graph *graph, const char *prefix, int max, nn_node **out);
/* A text that lives as long as the graph, for names in loops: nn_namef(g, "critic.%d", i). */
WEIR_API const char *nn_namef(nn_graph *graph, const char *format, ...) WEIR_PRINTF(2, 3);
/* Names a value for messages and listings; returns it. */
WEIR_API nn_node *nn_label(nn_node *node, const char *name);

WEIR_API nn_graph *nn_graph_of(const nn_node *node);
WEIR_API int nn_rank(const nn_node *node);
WEIR_API int64_t nn_size(const nn_node *node, int axis); /* axis < 0 counts from the last */
WEIR_API int64_t nn_count(const nn_node *node);          /* elements */

/* ---- element-wise ----
 * Shapes are broadcast as NumPy does: aligned at the last axis, 1 stretches. */
WEIR_API nn_node *nn_add(nn_node *a, nn_node *b);
WEIR_API nn_node *nn_sub(nn_node *a, nn_node *b);
WEIR_API nn_node *nn_mul(nn_node *a, nn_node *b);
WEIR_API nn_node *nn_div(nn_node *a, nn_node *b);
/* The larger; the gradient goes to a where they are equal. */
WEIR_API nn_node *nn_max(nn_node *a, nn_node *b);
/* a where condition is not 0, else b. No gradient to condition. */
WEIR_API nn_node *nn_select(nn_node *condition, nn_node *a, nn_node *b);
WEIR_API nn_node *nn_exp(nn_node *x);
WEIR_API nn_node *nn_expm1(nn_node *x);
WEIR_API nn_node *nn_log(nn_node *x);
WEIR_API nn_node *nn_log1p(nn_node *x);
WEIR_API nn_node *nn_sqrt(nn_node *x);
WEIR_API nn_node *nn_recip(nn_node *x);
WEIR_API nn_node *nn_tanh(nn_node *x);
WEIR_API nn_node *nn_sigmoid(nn_node *x);
WEIR_API nn_node *nn_erf(nn_node *x);
WEIR_API nn_node *nn_sin(nn_node *x);
WEIR_API nn_node *nn_cos(nn_node *x);
WEIR_API nn_node *nn_abs(nn_node *x);   /* gradient 0 at 0 */
WEIR_API nn_node *nn_step(nn_node *x);  /* 1 where x > 0, else 0; no gradient */
WEIR_API nn_node *nn_floor(nn_node *x); /* no gradient */
/* With a number. */
WEIR_API nn_node *nn_scale(nn_node *x, double factor);
WEIR_API nn_node *nn_shift(nn_node *x, double term);
/* Of the above. */
WEIR_API nn_node *nn_neg(nn_node *x);
WEIR_API nn_node *nn_square(nn_node *x);

/* ---- contractions ---- */
/* a [batch…][m][k] (or [k][m] with transpose_a) by b [batch…][k][n] (or [n][k]): [batch…][m][n].
 * Rank 2 and more; the batch axes are broadcast. */
WEIR_API nn_node *nn_matmul(nn_node *a, nn_node *b, bool transpose_a, bool transpose_b);
/* x [batch][height][width][in] by w [out][in][kh][kw]: [batch][h'][w'][out], h' = (height + 2 pad -
 * kh) / stride + 1. */
WEIR_API nn_node *nn_conv2d(nn_node *x, nn_node *w, int64_t stride, int64_t pad);
/* Its gradients, themselves operations: by the data (height, width: of x) and by the weights. */
WEIR_API nn_node *nn_conv2d_data(nn_node *dy, nn_node *w, int64_t height, int64_t width,
                                 int64_t stride, int64_t pad);
WEIR_API nn_node *nn_conv2d_weight(nn_node *x, nn_node *dy, int64_t kh, int64_t kw, int64_t stride,
                                   int64_t pad);

/* ---- reductions ----
 * axes: a bit mask, 1 << axis; the axes stay with size 1. */
WEIR_API nn_node *nn_sum(nn_node *x, unsigned axes);
/* The largest. No gradient: it is for shifting (softmax) and for choosing. */
WEIR_API nn_node *nn_peak(nn_node *x, unsigned axes);
WEIR_API nn_node *nn_mean_over(nn_node *x, unsigned axes);
/* Over all elements, to a scalar (rank 0). */
WEIR_API nn_node *nn_total(nn_node *x);
WEIR_API nn_node *nn_mean(nn_node *x);

/* ---- movement ----
 * An axis below 0 counts from the last. */
WEIR_API nn_node *nn_broadcast(nn_node *x, int rank, const int64_t *shape);
WEIR_API nn_node *nn_reshape(nn_node *x, int rank, const int64_t *shape); /* one size may be -1 */
WEIR_API nn_node *nn_permute(nn_node *x, const int *axes); /* axis i is x's axes[i] */
WEIR_API nn_node *nn_slice(nn_node *x, int axis, int64_t first, int64_t count);
/* Zeros before and after. */
WEIR_API nn_node *nn_pad(nn_node *x, int axis, int64_t before, int64_t after);
WEIR_API nn_node *nn_concat(int axis, int n, nn_node *const *parts);

/* ---- indexing ---- */
/* table [rows][width], index [n…] of whole numbers: [n…][width]. An index outside 0 … rows - 1
 * reads zeros. No gradient to index. */
WEIR_API nn_node *nn_gather(nn_node *table, nn_node *index);
/* values [n…][width] summed into the rows that index [n…] names: [rows][width]. */
WEIR_API nn_node *nn_scatter(nn_node *values, nn_node *index, int64_t rows);

/* ---- effects ---- */
/* x, a constant for every gradient. */
WEIR_API nn_node *nn_stop(nn_node *x);
/* Sets a variable at the end of the stage: the stage reads the old value throughout. An output for
 * nn_compile; it has no value of its own. Two assigns to one variable in a stage are an error. */
WEIR_API nn_node *nn_assign(nn_node *variable, nn_node *value);
/* Several effects or values as one output. */
WEIR_API nn_node *nn_group(nn_graph *graph, int n, nn_node *const *nodes);
/* What layers have to assign besides their result (running statistics), for layers whose variables
 * begin with prefix and which were built in training mode, as a group: an output for nn_compile. */
WEIR_API nn_node *nn_updates(nn_graph *graph, const char *prefix);
/* Whether layers built from now on are for training (batch statistics, dropout): true at first. */
WEIR_API void nn_training(nn_graph *graph, bool training);

/* ---- gradients ---- */
/* grad[i] = the derivative of the sum of y's elements by wrt[i] (any node), of wrt[i]'s shape;
 * zeros where y does not depend on it. Appends nodes, so that it can be applied to its own results.
 */
WEIR_API int nn_grad(nn_node *y, int n, nn_node *const *wrt, nn_node **grad);

/* ---- programs ---- */
/* A program is a sequence of stages that are run in turn: stage 0, any number of times stage 1, …
 * and from 0 again. A value that an earlier stage has computed is not computed again by a later
 * one, unless it depends on a variable that this earlier stage, or one between them, assigns; noise
 * is drawn in the first stage that needs it, and not again when what depends on it is computed
 * anew. So {fake batch} {critic step} {generator step} runs the generator forward once. Inputs,
 * variables and what only rearranges them (reshape, permute, slice, broadcast) are read when a
 * stage runs; what has been computed from an input stays when the input is written. */
typedef struct nn_stage {
    const char *name;
    int n;
    nn_node *const *outputs; /* values to read after the stage, and effects */
} nn_stage;

/* NULL on failure: see nn_error. */
WEIR_API nn_program *nn_compile(nn_graph *graph, int stages, const nn_stage *stage);
WEIR_API void nn_program_free(nn_program *program);
/* Runs one stage; allocates nothing. After stage s: s again, s + 1, or 0; anything else is an
 * error. */
WEIR_API int nn_run(nn_program *program, int stage);
/* Sets an input or a variable: nn_count(node) numbers in row order. */
WEIR_API int nn_write(nn_node *leaf, const nn_real *from);
/* Reads a variable. */
WEIR_API int nn_value(nn_node *variable, nn_real *to);
/* Reads an output of the program, as of the last run of its stage. */
WEIR_API int nn_read(nn_program *program, nn_node *output, nn_real *to);

typedef struct nn_program_facts {
    int kernels;          /* steps of all stages */
    int loops;            /* of them element-wise */
    int products;         /* of them products and convolutions */
    size_t arena;         /* bytes */
    size_t without_reuse; /* bytes that private memory for every value would need */
    double operations; /* floating-point operations of products and convolutions, all stages once */
    double seconds;    /* that compiling took */
} nn_program_facts;
WEIR_API nn_program_facts nn_program_info(const nn_program *program);
/* Operations of one stage's products and convolutions. */
WEIR_API double nn_stage_operations(const nn_program *program, int stage);
/* Lists the kernels as text, one a line, into a file; for people. */
WEIR_API int nn_program_print(const nn_program *program, const char *path);

#include <weir/nn_layers.h>
#include <weir/nn_train.h>

#endif
