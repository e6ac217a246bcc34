/* The nearest word by cosine, exactly: single precision finds who comes near, double decides. */
#include "word2vec.h"
#include <math.h>
#include <stdlib.h>

/* Queries that share a tile of words, so that its vectors stay in the cache. */
#define QUERIES 32
#define TILE 512

static double length_of(const float *vector, size_t width)
{
    double sum = 0;

    for (size_t k = 0; k < width; k++)
        sum += (double)vector[k] * (double)vector[k];
    return sqrt(sum);
}

void word2vec_normalise(float *vectors, uint32_t words, uint32_t width)
{
    for (uint32_t w = 0; w < words; w++) {
        float *vector = vectors + (size_t)w * width;
        double length = length_of(vector, width);

        if (!(length > 0)) { /* no direction: any will do */
            vector[0] = 1;
            length = 1;
        }
        for (uint32_t k = 0; k < width; k++)
            vector[k] = (float)((double)vector[k] / length);
    }
}

int word2vec_index(weir_job *job, struct dictionary *dictionary)
{
    uint32_t width = dictionary->width;

    for (uint32_t i = 0; i < dictionary->kinds; i++) {
        struct kind *kind = &dictionary->kind[i];
        const uint32_t *values = dictionary->values + kind->first;
        const float *vectors = dictionary->vectors + (size_t)kind->first * width;

        kind->place = weir_alloc(job, VALUES, sizeof *kind->place);
        kind->across = weir_alloc(job, (size_t)kind->count * width, sizeof *kind->across);
        if (!kind->place || !kind->across)
            return weir_job_error(job)->status;
        for (uint32_t value = 0, w = 0; value < VALUES; value++) {
            while (w + 1 < kind->count &&
                   (values[w + 1] <= value ||
                    (values[w] < value && values[w + 1] - value < value - values[w])))
                w++;
            kind->place[value] = kind->first + w;
        }
        for (uint32_t w = 0; w < kind->count; w++)
            for (uint32_t k = 0; k < width; k++)
                kind->across[(size_t)k * kind->count + w] = vectors[(size_t)w * width + k];
    }
    return WEIR_OK;
}

struct query {
    const float *in;
    double scale;  /* 1 / length */
    float near;    /* the greatest cosine so far, in single precision */
    double best;   /* the greatest, of word `word` */
    uint32_t word; /* of the kind */
};

static double cosine(const struct dictionary *dictionary, const struct query *query, uint32_t word)
{
    const float *vector = dictionary->vectors + (size_t)word * dictionary->width;
    double dot = 0;

    for (uint32_t k = 0; k < dictionary->width; k++)
        dot += (double)query->in[k] * (double)vector[k];
    return dot * query->scale / length_of(vector, dictionary->width);
}

/* One query against words at … at + n - 1 of a kind. */
static void search_tile(const struct dictionary *dictionary, const struct kind *kind,
                        struct query *query, uint32_t at, uint32_t n)
{
    float dots[TILE] = {0}, near = query->near, margin;

    for (uint32_t k = 0; k < dictionary->width; k++) {
        const float *across = kind->across + (size_t)k * kind->count + at;
        float q = (float)((double)query->in[k] * query->scale);

        for (uint32_t w = 0; w < n; w++)
            dots[w] += q * across[w];
    }
    for (uint32_t w = 0; w < n; w++)
        near = dots[w] > near ? dots[w] : near;
    query->near = near;
    /* Twice what rounding can do to a sum of `width` products of two vectors of length 1. */
    margin = near - 4e-7f * (float)(dictionary->width + 4);
    for (uint32_t w = 0; w < n; w++) {
        double exact;

        if (dots[w] < margin)
            continue;
        exact = cosine(dictionary, query, kind->first + at + w);
        if (exact > query->best) {
            query->best = exact;
            query->word = at + w;
        }
    }
}

static void search_block(const struct dictionary *dictionary, const struct kind *kind,
                         struct query *queries, size_t n)
{
    for (uint32_t at = 0; at < kind->count; at += TILE) {
        uint32_t words = kind->count - at < TILE ? kind->count - at : TILE;

        for (size_t q = 0; q < n; q++)
            search_tile(dictionary, kind, &queries[q], at, words);
    }
}

int word2vec_nearest(weir_job *job, const struct dictionary *dictionary, uint32_t kind,
                     const float *in, size_t stride, size_t n, weir_type type, void *out)
{
    const struct kind *of = &dictionary->kind[kind];
    const uint32_t *values = dictionary->values + of->first;
    size_t round = (size_t)QUERIES * (size_t)weir_threads(job);

    for (size_t start = 0; start < n; start += round) {
        size_t end = n - start < round ? n : start + round;

        if (weir_progress(job, (int64_t)start, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
#pragma omp parallel for num_threads(weir_threads(job)) schedule(static)
        for (size_t block = start; block < end; block += QUERIES) {
            size_t count = end - block < QUERIES ? end - block : QUERIES;
            struct query queries[QUERIES];

            for (size_t q = 0; q < count; q++) {
                const float *from = in + (block + q) * stride;
                double length = length_of(from, dictionary->width);

                queries[q] = (struct query){.in = from,
                                            .scale = length > 0 ? 1 / length : 0,
                                            .near = -INFINITY,
                                            .best = -INFINITY};
            }
            search_block(dictionary, of, queries, count);
            for (size_t q = 0; q < count; q++)
                weir_integer_put(type, out, block + q, values[queries[q].word]);
        }
    }
    return WEIR_OK;
}
