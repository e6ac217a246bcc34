"""The engine's noise, for golden values of what draws it: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011). Written
from core/nn/philox.h's description; a stream's key is the first 64 bits of the core's random stream of its seed and name."""
import math

WORD, LONG = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def philox(key, counter):
    k0, k1 = key & WORD, key >> 32
    c0, c1, c2, c3 = counter
    for _ in range(10):
        x, y = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (y >> 32) ^ c1 ^ k0, y & WORD, (x >> 32) ^ c3 ^ k1, x & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


def key_of(seed, name):
    spread = 1469598103934665603
    for byte in name.encode():
        spread = (spread ^ byte) * 1099511628211 & LONG
    spread = (spread ^ spread >> 32) * 0xD6E8FEB86659FD93 & LONG
    spread ^= spread >> 32
    words = philox(seed, (0, 0, spread & WORD, spread >> 32))
    return words[1] << 32 | words[0]


def words(seed, name, draw, n):
    key, out = key_of(seed, name), []
    for block in range(-(-n // 4)):
        out += philox(key, (block & WORD, block >> 32, draw & WORD, draw >> 32))
    return out


def uniform(seed, name, draw, n):
    return [(w >> 8) * 2.0 ** -24 for w in words(seed, name, draw, n)[:n]]


def normal(seed, name, draw, n):
    out, w = [], words(seed, name, draw, n)
    for i in range(0, len(w), 2):
        radius = math.sqrt(-2 * math.log(((w[i] >> 8) + 1) * 2.0 ** -24))
        angle = 2 * math.pi * (w[i + 1] >> 8) * 2.0 ** -24
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return out[:n]
