/* Encoders of words in a test: the sentences of tests/golden/word2vec.py, and what was learnt. */
#ifndef WORDS_TEST_H
#define WORDS_TEST_H

#include "encoder_test.h"
#include "golden.h"
#include "plugin/archive.h"

/* The sentences of tests/golden/word2vec.py as packets: eight groups of ports. */
enum { GROUPS = 8, SOURCES = 40, DESTINATIONS = 6, NEAREST = 5 };

static inline uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static inline weir_dataset *grouped(size_t rows)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, rows, &error);
    uint64_t at = 1;

    assert_non_null(table);
    for (size_t i = 0; i < rows; i++) {
        uint64_t group = draw(&at) % GROUPS;

        weir_u16_out(table, "srcport")[i] =
            (uint16_t)(10000 + group * SOURCES + draw(&at) % SOURCES);
        weir_u16_out(table, "dstport")[i] =
            (uint16_t)(100 + group * DESTINATIONS + draw(&at) % DESTINATIONS);
        weir_u8_out(table, "proto")[i] = 6;
    }
    return weir_dataset_new(table, &error);
}

static inline uint32_t group_of(uint32_t port)
{
    return port >= 10000 ? (port - 10000) / SOURCES : (port - 100) / DESTINATIONS;
}

/* A fitted encoder's words, as it saves them. */
struct words {
    weir_archive *archive;
    uint64_t n, width, epochs;
    const uint32_t *values;
    const float *vectors;
    const double *loss;
};

static inline struct words words_of(struct encoder *encoder)
{
    struct words words = {.archive = weir_archive_new(weir_job_error(encoder->job))};
    uint64_t shape[2] = {0, 0};

    assert_int_equal(encoder->plugin->save(encoder->job, encoder->state, words.archive), WEIR_OK);
    words.values = weir_get_array(words.archive, "values", WEIR_U32, 1, &words.n);
    words.vectors = weir_get_array(words.archive, "vectors", WEIR_F32, 2, shape);
    words.loss = weir_get_array(words.archive, "loss", WEIR_F64, 1, &words.epochs);
    assert_true(words.values && words.vectors && words.loss && shape[0] == words.n);
    words.width = shape[1];
    return words;
}

static inline double cosine(const struct words *words, uint64_t a, uint64_t b)
{
    double dot = 0;

    for (uint64_t k = 0; k < words->width; k++)
        dot += (double)words->vectors[a * words->width + k] *
               (double)words->vectors[b * words->width + k];
    return dot;
}

/* Share of the nearest ports of a port that are of its group. The last word is the protocol. */
static inline double quality(const struct words *words)
{
    uint64_t ports = words->n - 1, right = 0;
    double *near = malloc(ports * sizeof *near);

    assert_non_null(near);
    for (uint64_t a = 0; a < ports; a++) {
        for (uint64_t b = 0; b < ports; b++)
            near[b] = a == b ? -2 : cosine(words, a, b);
        for (int i = 0; i < NEAREST; i++) {
            uint64_t best = 0;

            for (uint64_t b = 1; b < ports; b++)
                best = near[b] > near[best] ? b : best;
            right += group_of(words->values[best]) == group_of(words->values[a]);
            near[best] = -2;
        }
    }
    free(near);
    return (double)right / (double)(ports * NEAREST);
}

/* Fits to as many sentences as each case of word2vec.json has; no worse than gensim's worst seed, a
 * loss that falls, vectors of length 1. */
static inline void check_neighbourhoods(const char *name, const char *options, const char *list)
{
    json_t *golden = golden_load("word2vec.json");
    const json_t *cases = golden_list(golden, list), *one;
    size_t i;

    json_array_foreach(cases, i, one)
    {
        weir_dataset *train = grouped((size_t)golden_number(one, "sentences"));
        struct encoder encoder = {0};
        struct words words;
        double value;

        assert_int_equal(open_encoder(&encoder, name, options, train), WEIR_OK);
        words = words_of(&encoder);
        value = quality(&words);
        if (value < golden_number(one, "least") - 0.05)
            fail_msg("quality %g, gensim's is %g at least", value, golden_number(one, "least"));
        for (uint64_t e = 1; e < words.epochs; e++)
            assert_true(words.loss[e] < words.loss[e - 1]);
        for (uint64_t w = 0; w < words.n; w++)
            assert_true(fabs(cosine(&words, w, w) - 1) < 1e-6);
        weir_archive_free(words.archive);
        close_encoder(&encoder);
        weir_dataset_free(train);
    }
    json_decref(golden);
}

#endif
