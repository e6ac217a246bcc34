/* The dictionary that words.c, words_train.c and words_nearest.c share. */
#ifndef WEIR_DATA_WORDS_H
#define WEIR_DATA_WORDS_H

#include <weir/words.h>

/* What columns have in common whose equal values are one word: "port", "ip" or a column's own name.
 */
struct word_kind {
    const char *name;
    uint32_t first, count; /* its words, ascending by value */
    float *across;         /* [width][count] its vectors, for the search */
};

struct dictionary {
    uint32_t kinds, words, width, epochs;
    struct word_kind *kind;
    const uint32_t *values; /* [words] */
    const uint64_t *counts; /* [words] in training */
    const float *vectors;   /* [words][width] of length 1 */
    const double *loss;     /* [epochs] mean of a target's, in training */
};

/* Learns vectors [words][width], not yet of length 1. text: sentences of `length` words one after
 * another, UINT32_MAX for a word that is left out. */
int weir_words_train(weir_job *job, const weir_words_options *opt, bool skip_gram,
                     struct dictionary *dictionary, const uint32_t *text, size_t sentences,
                     uint32_t length, float *vectors, double *loss);

/* Vectors to length 1. */
void weir_words_normalise(float *vectors, uint32_t words, uint32_t width);
/* Fills across of every kind. */
int weir_words_index(weir_job *job, struct dictionary *dictionary);

/* The values of the words of a kind nearest to in[0], in[stride] …, by cosine; of equally near ones
 * the least. */
int weir_words_nearest(weir_job *job, const struct dictionary *dictionary, uint32_t kind,
                       const float *in, size_t stride, size_t n, weir_type type, void *out);

#endif
