/* The nearest word by cosine, exactly: single precision finds who comes near, double decides. */
#include "data/words.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

void weir_words_normalise(float *vectors, uint32_t words, uint32_t width)
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

int weir_words_index(weir_job *job, struct dictionary *dictionary)
{
    uint32_t width = dictionary->width;

    for (uint32_t i = 0; i < dictionary->kinds; i++) {
        struct word_kind *kind = &dictionary->kind[i];
        const float *vectors = dictionary->vectors + (size_t)kind->first * width;

        kind->across = weir_alloc(job, (size_t)kind->count * width, sizeof *kind->across);
        if (!kind->across)
            return weir_job_error(job)->status;
        for (uint32_t w = 0; w < kind->count; w++)
            for (uint32_t k = 0; k < width; k++)
                kind->across[(size_t)k * kind->count + w] = vectors[(size_t)w * width + k];
    }
    return WEIR_OK;
}

struct query {
    const float *in;
    const float *unit; /* in, of length 1 */
    double scale;      /* 1 / length of in */
    float near;        /* the greatest cosine so far, in single precision */
    double best;       /* the greatest, of word `word` of the kind */
    uint32_t word;
};

static double cosine(const struct dictionary *dictionary, const struct query *query, uint32_t word)
{
    const float *vector = dictionary->vectors + (size_t)word * dictionary->width;
    double dot = 0;

    for (uint32_t k = 0; k < dictionary->width; k++)
        dot += (double)query->in[k] * (double)vector[k];
    return dot * query->scale / length_of(vector, dictionary->width);
}

/* dots[w] = sum over k of q[k] across[k][w], for LANES words in registers at a time. The order of a
 * sum is the same whatever the processor: wider ones take more words at once, no other result. */
#define LANES 32

static inline void products(const float *across, size_t stride, const float *q, uint32_t width,
                            float *dots, uint32_t n)
{
    uint32_t w = 0;

    for (; w + LANES <= n; w += LANES) {
        float sums[LANES] = {0};

        for (uint32_t k = 0; k < width; k++) {
            const float *from = across + k * stride + w;

            for (uint32_t i = 0; i < LANES; i++)
                sums[i] += q[k] * from[i];
        }
        memcpy(dots + w, sums, sizeof sums);
    }
    for (; w < n; w++) {
        dots[w] = 0;
        for (uint32_t k = 0; k < width; k++)
            dots[w] += q[k] * across[k * stride + w];
    }
}

static inline float greatest(const float *dots, uint32_t n)
{
    float most[LANES];
    uint32_t w = LANES;

    for (uint32_t i = 0; i < LANES; i++)
        most[i] = i < n ? dots[i] : -INFINITY;
    for (; w + LANES <= n; w += LANES)
        for (uint32_t i = 0; i < LANES; i++)
            most[i] = dots[w + i] > most[i] ? dots[w + i] : most[i];
    for (; w < n; w++)
        most[0] = dots[w] > most[0] ? dots[w] : most[0];
    for (uint32_t i = 1; i < LANES; i++)
        most[0] = most[i] > most[0] ? most[i] : most[0];
    return most[0];
}

/* Fills dots and returns the greatest of them. */
typedef float score_tile(const float *across, size_t stride, const float *q, uint32_t width,
                         float *dots, uint32_t n);

static float score_plain(const float *across, size_t stride, const float *q, uint32_t width,
                         float *dots, uint32_t n)
{
    products(across, stride, q, width, dots, n);
    return greatest(dots, n);
}

#ifdef __x86_64__
__attribute__((target("avx2"), flatten)) static float score_avx2(const float *across, size_t stride,
                                                                 const float *q, uint32_t width,
                                                                 float *dots, uint32_t n)
{
    products(across, stride, q, width, dots, n);
    return greatest(dots, n);
}
#endif

static score_tile *best_score(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return score_avx2;
#endif
    return score_plain;
}

/* One query against words at … at + n - 1 of a kind. */
static void search_tile(const struct dictionary *dictionary, const struct word_kind *kind,
                        score_tile *score, struct query *query, uint32_t at, uint32_t n)
{
    float dots[TILE], margin;
    float near = score(kind->across + at, kind->count, query->unit, dictionary->width, dots, n);

    query->near = near > query->near ? near : query->near;
    /* Twice what rounding can do to a sum of `width` products of two vectors of length 1. */
    margin = query->near - 4e-7f * (float)(dictionary->width + 4);
    if (near < margin)
        return;
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

/* The words of `count` queries: the values in[0 …], in[stride …]. units: [count][width], to work
 * in. */
static void search_block(const struct dictionary *dictionary, const struct word_kind *kind,
                         score_tile *score, const float *in, size_t stride, size_t count,
                         float *units, uint32_t *words)
{
    uint32_t width = dictionary->width;
    struct query queries[QUERIES];

    for (size_t q = 0; q < count; q++) {
        double length = length_of(in + q * stride, width);

        queries[q] = (struct query){.in = in + q * stride,
                                    .unit = units + q * width,
                                    .scale = length > 0 ? 1 / length : 0,
                                    .near = -INFINITY,
                                    .best = -INFINITY};
        for (uint32_t k = 0; k < width; k++)
            units[q * width + k] = (float)((double)queries[q].in[k] * queries[q].scale);
    }
    for (uint32_t at = 0; at < kind->count; at += TILE)
        for (size_t q = 0; q < count; q++)
            search_tile(dictionary, kind, score, &queries[q], at,
                        kind->count - at < TILE ? kind->count - at : TILE);
    for (size_t q = 0; q < count; q++)
        words[q] = queries[q].word;
}

int weir_words_nearest(weir_job *job, const struct dictionary *dictionary, uint32_t kind,
                       const float *in, size_t stride, size_t n, weir_type type, void *out)
{
    const struct word_kind *of = &dictionary->kind[kind];
    size_t threads = (size_t)weir_threads(job), round = QUERIES * threads;
    uint32_t *words = malloc(round * sizeof *words);
    float *units = malloc(round * dictionary->width * sizeof *units);
    score_tile *score = best_score();
    int status = WEIR_OK;

    if (!words || !units)
        status = weir_error_memory(weir_job_error(job),
                                   round * (dictionary->width * sizeof *units + sizeof *words),
                                   "a search");
    for (size_t start = 0; start < n && status == WEIR_OK; start += round) {
        size_t count = n - start < round ? n - start : round;

#pragma omp parallel for num_threads((int)threads) schedule(static)
        for (size_t at = 0; at < count; at += QUERIES)
            search_block(dictionary, of, score, in + (start + at) * stride, stride,
                         count - at < QUERIES ? count - at : QUERIES,
                         units + at * dictionary->width, words + at);
        for (size_t q = 0; q < count; q++)
            weir_integer_put(type, out, start + q, dictionary->values[of->first + words[q]]);
        status = weir_progress(job, (int64_t)(start + count), (int64_t)n);
    }
    free(words);
    free(units);
    return status;
}
