/* Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC
 * 2011): the noise of every device. Block b of draw d of a stream has the key (low, high half of
 * the stream's 64-bit key) and the counter (low, high half of b; low, high half of d); element i is
 * made of block i / 4:
 *   uniform  words[i % 4] >> 8, times 2^-24: in [0, 1)
 *   normal   of the words' pair p = (words[i % 4 & 2], words[i % 4 | 1]), Box and Muller's:
 *            r = sqrt(-2 log(((p0 >> 8) + 1) 2^-24)), t = 2 pi (p1 >> 8) 2^-24;
 *            r cos t where i is even, r sin t where it is odd.
 * Plain C that is also CUDA: no types and no functions but its own. */
#ifndef WEIR_CORE_NN_PHILOX_H
#define WEIR_CORE_NN_PHILOX_H

#ifndef NN_PHILOX_FUNCTION
#define NN_PHILOX_FUNCTION static inline
#endif

/* Words w[4] of block `block` of draw `draw`. */
NN_PHILOX_FUNCTION void nn_philox(unsigned long long key, unsigned long long draw,
                                  unsigned long long block, unsigned w[4])
{
    unsigned k0 = (unsigned)key, k1 = (unsigned)(key >> 32);
    unsigned c0 = (unsigned)block, c1 = (unsigned)(block >> 32);
    unsigned c2 = (unsigned)draw, c3 = (unsigned)(draw >> 32);

    for (int round = 0; round < 10; round++) {
        unsigned long long x = 0xD2511F53ull * c0, y = 0xCD9E8D57ull * c2;
        c0 = (unsigned)(y >> 32) ^ c1 ^ k0;
        c2 = (unsigned)(x >> 32) ^ c3 ^ k1;
        c1 = (unsigned)y;
        c3 = (unsigned)x;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    w[0] = c0;
    w[1] = c1;
    w[2] = c2;
    w[3] = c3;
}

#endif
