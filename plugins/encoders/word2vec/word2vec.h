/* word2vec: the dictionary that its files share. */
#ifndef WORD2VEC_H
#define WORD2VEC_H

#include <weir/sampling.h>

struct options {
    weir_list columns;
    int sentences;
    int64_t width, window, min_count, negative, epochs;
    double alpha, min_alpha, subsample, exponent;
    const char *dictionary;
};

enum { SENTENCES_ROWS, SENTENCES_FLOWS };

/* Values of a kind; a word is one of them. */
#define VALUES 65536

/* What columns have in common whose equal values are one word: "port", or a column's own name. */
struct kind {
    const char *name;
    uint32_t first, count; /* its words, ascending by value */
    uint32_t *place;       /* [VALUES] the word for a value, that of the nearest one if it is new */
    float *across;         /* [width][count] its vectors, for the search */
};

struct dictionary {
    uint32_t kinds, words, width, epochs;
    struct kind *kind;
    const uint32_t *values; /* [words] */
    const uint64_t *counts; /* [words] in training */
    const float *vectors;   /* [words][width] of length 1 */
    const double *loss;     /* [epochs] mean of a target's, in training */
};

/* Learns vectors [words][width], not yet of length 1. text: sentences of `length` words one after
 * another, UINT32_MAX for a word that is left out. */
int word2vec_train(weir_job *job, const struct options *opt, struct dictionary *dictionary,
                   const uint32_t *text, size_t sentences, uint32_t length, float *vectors,
                   double *loss);

/* Vectors to length 1. */
void word2vec_normalise(float *vectors, uint32_t words, uint32_t width);
/* Fills place and across of every kind. */
int word2vec_index(weir_job *job, struct dictionary *dictionary);

/* The values of the words of a kind nearest to in[0], in[stride] …, by cosine; of equally near ones
 * the least. */
int word2vec_nearest(weir_job *job, const struct dictionary *dictionary, uint32_t kind,
                     const float *in, size_t stride, size_t n, weir_type type, void *out);

#endif
