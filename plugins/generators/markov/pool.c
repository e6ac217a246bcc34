/* The distributions of markov: pieces for numbers, entries for codes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* Values that a piece has at least, on average: it takes four numbers itself. */
#define PIECE_VALUES 8
/* Rows that a pair of addresses has at least, to be kept. */
#define NAME_VALUES 4

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int ascending_codes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Room for one more element of an array of instance memory. */
static void *grow(weir_job *job, void *array, size_t used, size_t *room, size_t size)
{
    size_t wanted = *room ? 2 * *room : 1024;
    void *more;

    if (used < *room)
        return array;
    more = weir_alloc(job, wanted, size);
    if (!more)
        return NULL; /* the room is what it was */
    if (used)
        memcpy(more, array, used * size);
    *room = wanted;
    return more;
}

static int add_piece(weir_job *job, struct pool *pool, struct piece piece)
{
    struct piece *pieces =
        grow(job, pool->pieces, pool->piece_count, &pool->piece_room, sizeof *pieces);

    if (!pieces)
        return weir_job_error(job)->status;
    pool->pieces = pieces;
    pool->pieces[pool->piece_count++] = piece;
    return WEIR_OK;
}

static int add_entry(weir_job *job, struct pool *pool, uint64_t code, double end)
{
    size_t room = pool->entry_room;
    uint64_t *codes = grow(job, pool->codes, pool->entry_count, &room, sizeof *codes);
    double *ends = grow(job, pool->ends, pool->entry_count, &pool->entry_room, sizeof *ends);

    if (!codes || !ends)
        return weir_job_error(job)->status;
    pool->codes = codes;
    pool->ends = ends;
    pool->codes[pool->entry_count] = code;
    pool->ends[pool->entry_count++] = end;
    return WEIR_OK;
}

/* End of the run of equal values that begins at i. */
static size_t run_end(const double *values, size_t n, size_t i)
{
    size_t end = i + 1;

    while (end < n && values[end] == values[i])
        end++;
    return end;
}

int markov_add_pieces(weir_job *job, struct pool *pool, double *values, size_t n, size_t most,
                      struct span *span)
{
    double none[1] = {0};
    size_t target;

    if (n == 0) {
        values = none;
        n = 1;
    }
    qsort(values, n, sizeof *values, ascending);
    target = (n + most - 1) / most;
    if (target < PIECE_VALUES)
        target = PIECE_VALUES;
    span->at = (uint32_t)pool->piece_count;
    for (size_t i = 0, end; i < n; i = end) {
        double sum = 0, mean;

        end = run_end(values, n, i);
        if (end - i < (target + 1) / 2 && values[i] != 0) {
            size_t start;

            end = i + target < n ? i + target : n;
            if (n - end < target / 2)
                end = n;
            /* A run that the border would split goes to the next piece as a whole, or stays. */
            for (start = end; start > i && end < n && values[start - 1] == values[end]; start--)
                ;
            end = start > i ? start : run_end(values, n, end - 1);
        }
        for (size_t k = i; k < end; k++)
            sum += values[k] - values[i];
        mean = values[i] + sum / (double)(end - i);
        if (add_piece(job, pool,
                      (struct piece){.end = (double)end / (double)n,
                                     .low = values[i],
                                     .mean = fmin(mean, values[end - 1]),
                                     .high = values[end - 1]}) != WEIR_OK)
            return weir_job_error(job)->status;
    }
    span->count = (uint32_t)pool->piece_count - span->at;
    return WEIR_OK;
}

int markov_add_lognormal(weir_job *job, struct pool *pool, const double *values, size_t n,
                         struct span *span)
{
    struct piece piece = {.low = n ? values[0] : 0, .high = n ? values[0] : 0};
    double squares = 0;

    for (size_t i = 0; i < n; i++) {
        piece.low = fmin(piece.low, values[i]);
        piece.high = fmax(piece.high, values[i]);
        piece.end += log(fmax(values[i], 1e-12)) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double off = log(fmax(values[i], 1e-12)) - piece.end;

        squares += off * off;
    }
    piece.mean = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    *span = (struct span){.at = (uint32_t)pool->piece_count, .count = 0};
    return add_piece(job, pool, piece);
}

struct tally {
    uint64_t code, count;
};

static int commonest_first(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->code < y->code ? -1 : x->code > y->code;
}

/* Counts of n codes, sorted in place, commonest first. NULL on failure. */
static struct tally *count_codes(weir_job *job, uint64_t *codes, size_t n, size_t *distinct)
{
    struct tally *tally = malloc((n ? n : 1) * sizeof *tally);
    size_t used = 0;

    if (!tally) {
        weir_error_memory(weir_job_error(job), n * sizeof *tally, "counts");
        return NULL;
    }
    qsort(codes, n, sizeof *codes, ascending_codes);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || codes[i] != codes[i - 1])
            tally[used++] = (struct tally){.code = codes[i]};
        tally[used - 1].count++;
    }
    qsort(tally, used, sizeof *tally, commonest_first);
    *distinct = used;
    return tally;
}

/* The rest by prefix: the longest prefixes of which there are no more than `most`. */
static int add_prefixes(weir_job *job, struct pool *pool, const struct tally *rest, size_t n,
                        size_t most, uint32_t low_bits, uint32_t width, double *done, double total)
{
    struct tally *prefixes = malloc(n * sizeof *prefixes);
    size_t used = 0;
    int status = WEIR_OK;

    if (!prefixes)
        return weir_error_memory(weir_job_error(job), n * sizeof *prefixes, "prefixes");
    for (;;) {
        memcpy(prefixes, rest, n * sizeof *prefixes);
        qsort(prefixes, n, sizeof *prefixes, ascending_codes); /* the code comes first */
        used = 0;
        for (size_t i = 0; i < n; i++) {
            uint64_t prefix = prefixes[i].code >> low_bits;

            if (used && prefixes[used - 1].code == prefix)
                prefixes[used - 1].count += prefixes[i].count;
            else
                prefixes[used++] = (struct tally){.code = prefix, .count = prefixes[i].count};
        }
        if (used <= most || low_bits >= width)
            break;
        low_bits = low_bits + 4 < width ? low_bits + 4 : width;
    }
    for (size_t i = 0; i < used && status == WEIR_OK; i++) {
        *done += (double)prefixes[i].count;
        status = add_entry(job, pool,
                           PREFIX_CODE | (uint64_t)low_bits << PREFIX_SHIFT | prefixes[i].code,
                           *done / total);
    }
    free(prefixes);
    return status;
}

int markov_add_codes(weir_job *job, struct pool *pool, uint64_t *codes, size_t n, size_t most,
                     int rest, uint32_t low_bits, uint32_t width, struct span *span)
{
    size_t distinct, kept = 0;
    struct tally *tally = count_codes(job, codes, n, &distinct);
    double done = 0, total = (double)n;
    int status = WEIR_OK;

    if (!tally)
        return weir_job_error(job)->status;
    span->at = (uint32_t)pool->entry_count;
    while (kept < distinct && kept < most &&
           (rest != REST_IS_OTHER || tally[kept].count >= NAME_VALUES))
        kept++;
    if (rest == REST_DROPPED && kept < distinct) {
        total = 0;
        for (size_t i = 0; i < kept; i++)
            total += (double)tally[i].count;
    }
    for (size_t i = 0; i < kept && status == WEIR_OK; i++) {
        done += (double)tally[i].count;
        status = add_entry(job, pool, tally[i].code, done / total);
    }
    if (status == WEIR_OK && kept < distinct && rest == REST_IS_OTHER)
        status = add_entry(job, pool, OTHER_CODE, 1);
    if (status == WEIR_OK && kept < distinct && rest == REST_BY_PREFIX)
        status = add_prefixes(job, pool, tally + kept, distinct - kept, most, low_bits, width,
                              &done, total);
    free(tally);
    span->count = (uint32_t)pool->entry_count - span->at;
    return status;
}

double markov_draw_piece(const struct pool *pool, struct span span, weir_random *random)
{
    const struct piece *piece = pool->pieces + span.at;

    if (span.count == 0) /* log-normal */
        return fmin(fmax(exp(piece->end + piece->mean * weir_random_normal(random)), piece->low),
                    piece->high);
    return markov_piece_at(pool, span, weir_random_uniform(random));
}

double markov_piece_at(const struct pool *pool, struct span span, double u)
{
    const struct piece *pieces = pool->pieces + span.at;
    uint32_t low = 0, high = span.count;
    double before, power;

    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;

        if (pieces[middle - 1].end <= u)
            low = middle;
        else
            high = middle;
    }
    pieces += low;
    before = low > 0 ? pieces[-1].end : 0;
    if (pieces->mean <= pieces->low || pieces->end <= before)
        return pieces->low;
    /* low + (high - low) v^p has mean low + (high - low) / (1 + p). */
    power = (pieces->high - pieces->low) / (pieces->mean - pieces->low) - 1;
    u = fmin(fmax((u - before) / (pieces->end - before), 0), 1);
    return pieces->low + (pieces->high - pieces->low) * pow(u, fmax(power, 0));
}

uint64_t markov_code_at(const struct pool *pool, struct span span, double u)
{
    const double *ends = pool->ends + span.at;
    uint32_t low = 0, high = span.count;

    if (span.count == 0)
        return 0;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ends[middle - 1] <= u)
            low = middle;
        else
            high = middle;
    }
    return pool->codes[span.at + low];
}

uint32_t markov_draw_value(const struct pool *pool, struct span span, weir_random *random)
{
    uint64_t code = markov_code_at(pool, span, weir_random_uniform(random)), bits;

    if (!(code & PREFIX_CODE))
        return (uint32_t)code;
    bits = code >> PREFIX_SHIFT & 63;
    return (uint32_t)((code & UINT32_MAX) << bits | weir_random_below(random, (uint64_t)1 << bits));
}
