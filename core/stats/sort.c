/* Sorting doubles: radix sort on their bits, eleven at a time, passes that move nothing left out.
 */
#include "stats/sort.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <weir/stats.h>

#define DIGIT_BITS 11
#define DIGITS 6
#define BUCKETS (1u << DIGIT_BITS)
#define SMALL 512

/* An order-preserving map of doubles to unsigned numbers, and back. */
static uint64_t key_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits & UINT64_C(1) << 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double value_of(uint64_t key)
{
    uint64_t bits = key & UINT64_C(1) << 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static size_t digit_of(uint64_t key, unsigned digit)
{
    return (size_t)(key >> (digit * DIGIT_BITS)) & (BUCKETS - 1);
}

static bool is_ascending(const double *values, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (values[i] < values[i - 1])
            return false;
    return true;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int weir_sort(double *values, size_t n, weir_error *error)
{
    size_t bytes = DIGITS * BUCKETS * sizeof(size_t) + 2 * n * sizeof(uint64_t);
    size_t *counts;
    uint64_t *from, *to;

    if (is_ascending(values, n))
        return WEIR_OK;
    if (n <= SMALL) {
        qsort(values, n, sizeof *values, compare_doubles);
        return WEIR_OK;
    }
    counts = n > SIZE_MAX / 32 ? NULL : malloc(bytes);
    if (!counts)
        return weir_error_memory(error, bytes, "sorting");
    memset(counts, 0, DIGITS * BUCKETS * sizeof *counts);
    from = (uint64_t *)(void *)(counts + DIGITS * BUCKETS);
    to = from + n;
    for (size_t i = 0; i < n; i++) {
        from[i] = key_of(values[i]);
        for (unsigned digit = 0; digit < DIGITS; digit++)
            counts[digit * BUCKETS + digit_of(from[i], digit)]++;
    }
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        size_t *start = counts + digit * BUCKETS, sum = 0;
        uint64_t *swap = from;

        if (start[digit_of(from[0], digit)] == n)
            continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t count = start[b];

            start[b] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[start[digit_of(from[i], digit)]++] = from[i];
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < n; i++)
        values[i] = value_of(from[i]);
    free(counts);
    return WEIR_OK;
}

void weir_sort_codes(uint32_t *codes, uint32_t *scratch, size_t n)
{
    uint32_t *from = codes, *to = scratch;

    for (unsigned digit = 0; digit < 3; digit++) {
        size_t start[BUCKETS] = {0}, sum = 0;
        uint32_t *swap = from;

        for (size_t i = 0; i < n; i++)
            start[digit_of(from[i], digit)]++;
        if (n && start[digit_of(from[0], digit)] == n)
            continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t count = start[b];

            start[b] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[start[digit_of(from[i], digit)]++] = from[i];
        from = to;
        to = swap;
    }
    if (from != codes)
        memcpy(codes, from, n * sizeof *codes);
}
