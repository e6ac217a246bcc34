/* Words: values of columns as vectors, near each other where they occur in the same company. What
 * the encoders word2vec and ip2vec share.
 *
 * A value of a column is a word. srcport and dstport share their words, as do srcip and dstip;
 * every other column has words of its own. A sentence is a row's words in the order of `columns`.
 *
 * Mikolov, Chen, Corrado, Dean, Efficient estimation of word representations in vector space, 2013;
 * Mikolov et al., Distributed representations of words and phrases, NeurIPS 2013. */
#ifndef WEIR_WORDS_H
#define WEIR_WORDS_H

#include <weir/sampling.h>

/* The options struct of such an encoder. */
typedef struct weir_words_options {
    weir_list columns;
    int sentences; /* a choice of the encoder's own */
    int64_t width, window, min_count, negative, epochs;
    double alpha, min_alpha, subsample, exponent;
    const char *dictionary;
    const weir_dataset *public;
} weir_words_options;

/* clang-format off */
/* The rows of its option table that are the same for all. */
#define WEIR_WORDS_OPTIONS                                                                         \
    WEIR_INT(weir_words_options, width, 10, 1, 1000, "values of a vector"),                        \
    WEIR_INT(weir_words_options, window, 5, 1, 100,                                                \
             "words on either side that are its context, at most"),                                \
    WEIR_INT(weir_words_options, min_count, 1, 1, 1000000, "rarer words are not learnt"),          \
    WEIR_INT(weir_words_options, negative, 5, 1, 100, "words drawn against each that is there"),   \
    WEIR_INT(weir_words_options, epochs, 5, 1, 10000, "passes over the sentences"),                \
    WEIR_REAL(weir_words_options, alpha, 0.025, 1e-6, 10, "step size at the beginning"),           \
    WEIR_REAL(weir_words_options, min_alpha, 0.0001, 0, 10, "step size at the end"),               \
    WEIR_REAL(weir_words_options, subsample, 1e-3, 0, 1,                                           \
              "words of a greater share are left out at random; 0: none are"),                     \
    WEIR_REAL(weir_words_options, exponent, 0.75, -10, 10,                                         \
              "draws go by this power of a word's count"),                                         \
    WEIR_FILE(weir_words_options, dictionary,                                                      \
              "arrays.safetensors of a saved dictionary: its words are taken, none are learnt"),   \
    WEIR_TRACE(weir_words_options, public,                                                         \
               "a trace that the words are learnt from, in place of the training set")
/* clang-format on */

enum {
    WEIR_WORDS_FLOWS = 1u << 0,    /* only the first row of a flow is a sentence */
    WEIR_WORDS_SKIP_GRAM = 1u << 1 /* each word of the context learns alone, else their mean */
};

/* A dictionary and the columns that it encodes. */
typedef struct weir_words weir_words;

/* Learns or takes the dictionary, for columns of type u8, u16 and u32, and adds a tanh segment of
 * `width` values a column. how: WEIR_WORDS_…. *words is memory of the instance. Fails with
 * WEIR_EOPTION for columns that are not there or of other types, a dictionary without words for
 * them, min_count beyond every word; with WEIR_EDATA for data without rows, training that diverges.
 */
WEIR_API int weir_words_fit(weir_job *job, const weir_dataset *train, unsigned how,
                            weir_words **words);
/* out: [n][columns][width]: vectors of length 1. A value without a word has that of the nearest
 * number, of two the smaller; how many there were is logged. */
WEIR_API int weir_words_encode(weir_job *job, const weir_words *words, const weir_dataset *data,
                               const uint32_t *rows, size_t n, float *out);
/* in: [n][columns][width]: the words of greatest cosine, exactly; of equals the least value. Uses
 * the job's threads. */
WEIR_API int weir_words_decode(weir_job *job, const weir_words *words, const float *in, size_t n,
                               weir_table *out);
/* The archive is a dictionary that the option of that name accepts. */
WEIR_API int weir_words_save(const weir_words *words, weir_archive *to);
WEIR_API int weir_words_load(weir_job *job, weir_words **words, const weir_archive *from);

#endif
