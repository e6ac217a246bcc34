/* The engine's graph from inside: nodes, what each primitive means, and how nodes are made. */
#ifndef WEIR_CORE_NN_GRAPH_H
#define WEIR_CORE_NN_GRAPH_H

#include <weir/nn.h>

#ifdef NN_DOUBLE
#define NN_C(x) (x)
#else
#define NN_C(x) (x##f)
#endif

/* X(name, inputs (-1: many), class, text). What the fields of `at` and `value` mean:
 * CONSTANT  value for a scalar; values[] for an array (rank >= 1)
 * NOISE     at[0]: nn_noise_kind; key: of the stream
 * MATMUL    at[0], at[1]: transpose a, b. Inputs have one rank, equal batch axes
 * CONV      x, w; at[0]: stride, at[1]: pad
 * CONV_DATA dy, w -> dx; CONV_WEIGHT x, dy -> dw; at as CONV (sizes are the result's shape)
 * SUM, PEAK at[0]: mask of axes
 * PERMUTE   at[i]: source axis of axis i
 * SLICE     at[i]: first element on axis i
 * PAD       at[i]: zeros before on axis i
 * CONCAT    at[0]: axis
 * ASSIGN    variable, value; GROUP: any. They have no value (rank 0)
 * Element-wise operations take inputs of exactly their shape: BROADCAST is a node of its own (to
 * the same rank or a higher one, aligned at the last axis). */
#define NN_OPS(X)                                                                                  \
    X(POISON, 0, LEAF, "poison")                                                                   \
    X(INPUT, 0, LEAF, "input")                                                                     \
    X(VARIABLE, 0, LEAF, "variable")                                                               \
    X(CONSTANT, 0, LEAF, "constant")                                                               \
    X(NOISE, 0, LEAF, "noise")                                                                     \
    X(EXP, 1, UNARY, "exp")                                                                        \
    X(EXPM1, 1, UNARY, "expm1")                                                                    \
    X(LOG, 1, UNARY, "log")                                                                        \
    X(LOG1P, 1, UNARY, "log1p")                                                                    \
    X(SQRT, 1, UNARY, "sqrt")                                                                      \
    X(RECIP, 1, UNARY, "recip")                                                                    \
    X(TANH, 1, UNARY, "tanh")                                                                      \
    X(SIGMOID, 1, UNARY, "sigmoid")                                                                \
    X(ERF, 1, UNARY, "erf")                                                                        \
    X(SIN, 1, UNARY, "sin")                                                                        \
    X(COS, 1, UNARY, "cos")                                                                        \
    X(ABS, 1, UNARY, "abs")                                                                        \
    X(STEP, 1, UNARY, "step")                                                                      \
    X(FLOOR, 1, UNARY, "floor")                                                                    \
    X(ADD, 2, BINARY, "add")                                                                       \
    X(SUB, 2, BINARY, "sub")                                                                       \
    X(MUL, 2, BINARY, "mul")                                                                       \
    X(DIV, 2, BINARY, "div")                                                                       \
    X(MAX, 2, BINARY, "max")                                                                       \
    X(SELECT, 3, TERNARY, "select")                                                                \
    X(MATMUL, 2, CONTRACTION, "matmul")                                                            \
    X(CONV, 2, CONTRACTION, "conv2d")                                                              \
    X(CONV_DATA, 2, CONTRACTION, "conv2d_data")                                                    \
    X(CONV_WEIGHT, 2, CONTRACTION, "conv2d_weight")                                                \
    X(SUM, 1, REDUCTION, "sum")                                                                    \
    X(PEAK, 1, REDUCTION, "peak")                                                                  \
    X(BROADCAST, 1, MOVEMENT, "broadcast")                                                         \
    X(RESHAPE, 1, MOVEMENT, "reshape")                                                             \
    X(PERMUTE, 1, MOVEMENT, "permute")                                                             \
    X(SLICE, 1, MOVEMENT, "slice")                                                                 \
    X(PAD, 1, MOVEMENT, "pad")                                                                     \
    X(CONCAT, -1, MOVEMENT, "concat")                                                              \
    X(GATHER, 2, INDEXING, "gather")                                                               \
    X(SCATTER, 2, INDEXING, "scatter")                                                             \
    X(STOP, 1, EFFECT, "stop")                                                                     \
    X(ASSIGN, 2, EFFECT, "assign")                                                                 \
    X(GROUP, -1, EFFECT, "group")

typedef enum nn_op {
#define NN_OP_ENUM(name, inputs, class, text) NN_OP_##name,
    NN_OPS(NN_OP_ENUM)
#undef NN_OP_ENUM
        NN_OP_COUNT
} nn_op;

typedef enum nn_class {
    NN_LEAF_CLASS,
    NN_UNARY_CLASS,
    NN_BINARY_CLASS,
    NN_TERNARY_CLASS,
    NN_CONTRACTION_CLASS,
    NN_REDUCTION_CLASS,
    NN_MOVEMENT_CLASS,
    NN_INDEXING_CLASS,
    NN_EFFECT_CLASS
} nn_class;

typedef enum nn_noise_kind { NN_NOISE_UNIFORM, NN_NOISE_NORMAL } nn_noise_kind;
typedef enum nn_role { NN_ROLE_NONE, NN_ROLE_PARAMETER, NN_ROLE_STATE } nn_role;

struct nn_node {
    nn_graph *graph;
    int id; /* place in graph->nodes, which is a topological order */
    nn_op op;
    int rank;
    int64_t shape[NN_MAX_RANK];
    int inputs;
    nn_node **input;
    int64_t at[NN_MAX_RANK];
    double value;         /* CONSTANT of rank 0 */
    const double *values; /* CONSTANT of rank >= 1: nn_count numbers */
    const char *name;     /* leaves; else a label or NULL */
    /* Leaves only: */
    nn_role role; /* VARIABLE */
    nn_init init; /* VARIABLE */
    uint64_t key; /* NOISE: seed and name, mixed */
    void *memory; /* INPUT, VARIABLE, CONSTANT array: nn_count numbers on the device; NOISE: one
                   * uint64_t, the draws so far. NULL until nn_leaf_memory is called */
};

struct nn_backend;

struct nn_graph {
    nn_settings settings;
    weir_error error;
    nn_node **nodes;
    int count, capacity;
    int *shared; /* open-addressed table of node ids, for equal nodes; -1: empty */
    int shared_size;
    nn_node *poison;
    bool training;
    nn_node **updates; /* assigns that layers have made; see nn_updates */
    int update_count, update_capacity;
    const struct nn_backend *backend; /* set when first needed */
    void *device;
    char description[160];
    nn_program *programs;    /* a list */
    struct nn_chunk *chunks; /* memory of nodes, names, small arrays */
};

/* Memory that is freed all at once: zeroed; NULL when there is none. */
void *nn_chunk_alloc(struct nn_chunk **chunks, size_t bytes);
void nn_chunk_free(struct nn_chunk *chunks);
/* Memory that lives as long as the graph, zeroed. NULL (and the sticky error) when there is none.
 */
void *nn_graph_alloc(nn_graph *graph, size_t bytes);
const char *nn_graph_text(nn_graph *graph, const char *text);

/* Records the first error and returns the poison node: "op(name): message". */
nn_node *nn_fail(nn_graph *graph, weir_status status, const char *format, ...) WEIR_PRINTF(3, 4);
/* "[2][3]" of a node, into text. */
const char *nn_shape_text(const nn_node *node, char text[160]);
/* The node's name, if it has one, and shape: "critic.0.weight [167][512]". */
const char *nn_describe(const nn_node *node, char text[320]);
const char *nn_op_name(nn_op op);
nn_class nn_op_class(nn_op op);
/* Whether op is element-wise. */
bool nn_is_elementwise(nn_op op);

/* Whether an operation can be built on these: all there, of one graph, no poison and no effect. If
 * not, *instead is what it returns (poison, or NULL where there is no graph), the error recorded.
 */
bool nn_usable(const char *operation, int n, nn_node *const *operand, nn_node **instead);
/* Whether a shape is possible: the rank, sizes above 0, not too many elements. Else the error is
 * recorded. */
bool nn_shape_check(nn_graph *graph, const char *operation, int rank, const int64_t *shape);
bool nn_same_shape(const nn_node *a, const nn_node *b);

/* The node of this description: the equal one that exists, a simpler equivalent (simplify.c), or a
 * new one. Checks nothing: the public functions have. Only fields that describe the operation are
 * read. input is copied. */
nn_node *nn_node_make(const nn_node *description);
/* The same for what is made most often: element-wise of operands of one shape (b NULL: unary), and
 * x in another shape (at NULL: zeros). */
nn_node *nn_make(nn_op op, nn_node *a, nn_node *b);
nn_node *nn_make_moved(nn_op op, nn_node *x, int rank, const int64_t *shape, const int64_t *at);
/* A rule of algebra that applies to a description: the simpler node, or NULL. simplify.c, and
 * for SUM and movement simplify_movement.c */
nn_node *nn_simplify(const nn_node *description);
nn_node *nn_simplify_movement(const nn_node *description);
/* The value of an operation on constants as a constant, or NULL. fold.c */
nn_node *nn_fold(const nn_node *description);
/* Evaluates element-wise op on numbers, in double: for folding, and the tests' reference. fold.c */
double nn_evaluate(nn_op op, double a, double b, double c);
/* Whether the node is a constant (scalar, or a broadcast of one), and which. */
bool nn_is_constant(const nn_node *node, double *value);
/* A constant of value, broadcast to the shape of like. */
nn_node *nn_constant_like(const nn_node *like, double value);

/* The memory of a leaf on the graph's device, allocated and set to its first value at the first
 * call. NULL and the sticky error on failure. leaves.c */
void *nn_leaf_memory(nn_node *leaf);
/* Opens the graph's device if that has not happened. leaves.c */
int nn_graph_open(nn_graph *graph);

/* An assign that a layer makes besides its result, for nn_updates, in place of an earlier one to
 * the same variable; NULL and poison are ignored. */
void nn_update_add(nn_node *assign);

/* Whether the value of a node has a derivative by its input i. grad_rules.c */
bool nn_differentiable(const nn_node *node, int i);
/* The gradient rule of one node: dy is the gradient by its value; out[i] receives that by input i,
 * where wanted[i], or NULL for none. grad_rules.c */
void nn_grad_rule(nn_node *node, nn_node *dy, const bool *wanted, nn_node **out);

#endif
