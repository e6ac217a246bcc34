/* What the passes of nn_rewrite share: a pass walks the reachable graph from leaves to outputs and
 * says for each node what it becomes. */
#ifndef WEIR_CORE_NN_REWRITE_H
#define WEIR_CORE_NN_REWRITE_H

#include "nn/graph.h"

/* Columns that products must have in common for a product of their own: below, the sum costs more
 * than it saves. */
enum { NN_FEWEST_SHARED = 64 };

typedef struct nn_rewriting {
    nn_graph *graph;
    int count;        /* nodes when the pass began; the arrays below are by node id */
    nn_node **now;    /* what a node has become, once the pass has been there; else NULL */
    int *uses;        /* by reachable nodes and as output; 0: not reachable */
    int *user;        /* the node that uses it last, or -1 */
    uint64_t *stages; /* that need it: a mask (bit 63: 63 and all later ones) */
    void *own;        /* of the pass */
} nn_rewriting;

/* What the node becomes, made of what its inputs became; NULL: itself on these. */
typedef nn_node *nn_rewrite_rule(nn_rewriting *r, nn_node *node);

typedef struct nn_rewrite_pass {
    nn_rewrite_rule *rule;
    bool (*begin)(nn_rewriting *r); /* may be NULL; false: out of memory */
    void (*end)(nn_rewriting *r);
} nn_rewrite_pass;

/* What input i of the node has become. */
nn_node *nn_now(const nn_rewriting *r, const nn_node *node, int i);
/* A mixture of two tensors: x = e a + (1 - e) b, where e is one number a row of the last axis. */
typedef struct nn_mixture {
    nn_node *a, *b;
    nn_node *of_a, *of_b; /* e and 1 - e, with a last axis of size 1 */
} nn_mixture;

/* Whether x is one. Parts of a concatenation that are the same in both need not be mixed. */
bool nn_find_mixture(nn_node *x, nn_mixture *mixture);

/* Whether the node is 0 everywhere. */
bool nn_is_zero(const nn_node *node);

extern const nn_rewrite_pass nn_rewrite_mixed;  /* rewrite_mixed.c: products of mixtures */
extern const nn_rewrite_pass nn_rewrite_shared; /* rewrite_shared.c: products of a common part */
extern const nn_rewrite_pass nn_rewrite_parts; /* rewrite_parts.c: products of parts and of zeros */
extern const nn_rewrite_pass nn_rewrite_sums;  /* rewrite_sums.c: sums of products */
extern const nn_rewrite_pass nn_rewrite_steps; /* rewrite_sums.c: sums over the parts of a tensor */
extern const nn_rewrite_pass nn_rewrite_shapes;  /* rewrite_shapes.c: one shape for a loop */
extern const nn_rewrite_pass nn_rewrite_slices;  /* rewrite_slices.c: slices of element-wise work */
extern const nn_rewrite_pass nn_rewrite_outer;   /* rewrite_parts.c: products of vectors */
extern const nn_rewrite_pass nn_rewrite_factors; /* rewrite_factors.c: the order of factors */

#endif
