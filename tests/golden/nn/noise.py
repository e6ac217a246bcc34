"""The core's random streams and the engine's noise, for golden values of what draws them: Philox 4x32-10 (Salmon, Moraes,
Dror and Shaw 2011), with numpy. Written from the descriptions in core/random.c and core/nn/philox.h."""
import numpy as np

WORD, LONG = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def philox(key, low, high, n):
    """Words of the first n / 4 blocks: the counter is (block, 0, low, high)."""
    mask, shift = np.uint64(WORD), np.uint64(32)
    k0, k1 = key & WORD, key >> 32
    c0 = np.arange(-(-n // 4), dtype=np.uint64)
    c1, c2, c3 = np.zeros_like(c0), np.full_like(c0, low), np.full_like(c0, high)
    for _ in range(10):
        x, y = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = ((y >> shift) ^ c1 ^ np.uint64(k0), y & mask, (x >> shift) ^ c3 ^ np.uint64(k1), x & mask)
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return np.stack([c0, c1, c2, c3], 1).ravel()


def stream(seed, name, n):
    """n 64-bit numbers of the core's stream of this name."""
    spread = 1469598103934665603
    for byte in name.encode():
        spread = (spread ^ byte) * 1099511628211 & LONG
    spread = (spread ^ spread >> 32) * 0xD6E8FEB86659FD93 & LONG
    spread ^= spread >> 32
    words = philox(seed, spread & WORD, spread >> 32, 2 * n)
    return (words[1::2] << np.uint64(32) | words[0::2])[:n]


def stream_uniform(seed, name, n):
    return (stream(seed, name, n) >> np.uint64(11)).astype(float) * 2.0 ** -53


def words(seed, name, draw, n):
    return philox(int(stream(seed, name, 1)[0]), draw & WORD, draw >> 32, n)


def uniform(seed, name, draw, n):
    return (words(seed, name, draw, n)[:n] >> np.uint64(8)).astype(float) * 2.0 ** -24


def normal(seed, name, draw, n):
    parts = (words(seed, name, draw, n) >> np.uint64(8)).astype(float)
    radius = np.sqrt(-2 * np.log((parts[0::2] + 1) * 2.0 ** -24))
    angle = 2 * np.pi * parts[1::2] * 2.0 ** -24
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()[:n]
