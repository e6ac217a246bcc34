/* Philox4x32-10: the seed is the key, the stream's name the upper half of the counter. */
#include <math.h>
#include <weir/random.h>

static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

weir_random weir_random_new(uint64_t seed, const char *name)
{
    weir_random random = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .used = 4};
    uint64_t hash = 1469598103934665603u; /* FNV-1a, its bits spread by a multiplication */

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
    random.counter[2] = (uint32_t)hash;
    random.counter[3] = (uint32_t)(hash >> 32);
    return random;
}

uint32_t weir_random_u32(weir_random *random)
{
    if (random->used >= 4) {
        philox(random->counter, random->key, random->block);
        if (!++random->counter[0])
            random->counter[1]++;
        random->used = 0;
    }
    return random->block[random->used++];
}

uint64_t weir_random_u64(weir_random *random)
{
    uint64_t low = weir_random_u32(random);

    return (uint64_t)weir_random_u32(random) << 32 | low;
}

double weir_random_uniform(weir_random *random)
{
    return (double)(weir_random_u64(random) >> 11) * 0x1p-53;
}

uint64_t weir_random_below(weir_random *random, uint64_t n)
{
    uint64_t limit, value;

    if (n < 2)
        return 0;
    limit = UINT64_MAX - UINT64_MAX % n; /* a multiple of n: what lies above is drawn again */
    do
        value = weir_random_u64(random);
    while (value >= limit);
    return value % n;
}

double weir_random_normal(weir_random *random)
{
    double radius = sqrt(-2 * log1p(-weir_random_uniform(random)));

    return radius * cos(2 * 3.14159265358979323846 * weir_random_uniform(random));
}

double weir_random_exponential(weir_random *random)
{
    return -log1p(-weir_random_uniform(random));
}

void weir_random_shuffle(weir_random *random, uint32_t *values, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)weir_random_below(random, i);
        uint32_t value = values[i - 1];
        values[i - 1] = values[j];
        values[j] = value;
    }
}
