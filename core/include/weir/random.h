/* Random numbers: Philox4x32-10 counters, so that a stream is a key and a position and nothing
 * else. Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#ifndef WEIR_RANDOM_H
#define WEIR_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <weir/error.h>

typedef struct weir_random {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4]; /* the numbers of the last counter */
    uint32_t used;     /* of block */
} weir_random;

/* A stream: equal seed and name give equal numbers, on every machine. */
WEIR_API weir_random weir_random_new(uint64_t seed, const char *name);

WEIR_API uint32_t weir_random_u32(weir_random *random);
WEIR_API uint64_t weir_random_u64(weir_random *random);
/* Uniform in [0, 1), 53 bits. */
WEIR_API double weir_random_uniform(weir_random *random);
/* Uniform in 0 … n - 1, without bias; 0 for n = 0. */
WEIR_API uint64_t weir_random_below(weir_random *random, uint64_t n);
/* Standard normal (Box-Muller, two uniforms a call). */
WEIR_API double weir_random_normal(weir_random *random);
/* Exponential of mean 1. */
WEIR_API double weir_random_exponential(weir_random *random);
/* A random order of n values (Fisher-Yates), in place. */
WEIR_API void weir_random_shuffle(weir_random *random, uint32_t *values, size_t n);

#endif
