/* What levels.c finds and fuse.c makes kernels of. */
#ifndef WEIR_CORE_NN_FUSE_H
#define WEIR_CORE_NN_FUSE_H

#include "nn/compile/compile.h"

/* All by value. */
typedef struct nn_levels {
    nn_plan *plan;
    int capacity;
    int *level;        /* of its kernel */
    int *rank;         /* its place among the members of a loop: its number, of a repetition v's */
    int *available;    /* the level from which memory holds it */
    int *set;          /* of a leaf: the value that this stage gives it, or -1 */
    int *latest;       /* the level after which a variable that it reads may have changed */
    int *first, *user; /* user[first[v]] ... user[first[v + 1] - 1] use v's elements as they are */
    bool *pinned;      /* v is used in memory */
} nn_levels;

bool nn_find_levels(nn_levels *levels);
/* LOOP, COPY or FILL. */
bool nn_by_loop(const nn_planned *value);
/* The leaf that v looks at, or -1. */
int nn_leaf_seen(const nn_plan *plan, int v);
bool nn_reduces(const nn_planned *value);
/* The value whose register gives input i of user if both are in one loop, or -1. */
int nn_register_source(const nn_plan *plan, const nn_planned *user, int i);

#endif
