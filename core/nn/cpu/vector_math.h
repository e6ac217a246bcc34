/* Functions of one number without branches, so that a loop of them becomes vector instructions. In
 * float their own polynomials (coefficients: tests/golden/vector_math.py). Largest errors in units
 * of the last place, as tests/unit/test_nn_vector.c measures and holds them to: exp, log 1;
 * erf 1.5; expm1, log1p, sin, cos 2; tanh, sigmoid 2.5. In double the C library's. */
#ifndef WEIR_CORE_NN_CPU_VECTOR_MATH_H
#define WEIR_CORE_NN_CPU_VECTOR_MATH_H

#include "nn/graph.h"
#include <math.h>
#include <string.h>

#ifdef NN_DOUBLE

static inline double nn_exp1(double x)
{
    return exp(x);
}
static inline double nn_expm11(double x)
{
    return expm1(x);
}
static inline double nn_log1(double x)
{
    return log(x);
}
static inline double nn_log1p1(double x)
{
    return log1p(x);
}
static inline double nn_tanh1(double x)
{
    return tanh(x);
}
static inline double nn_sigmoid1(double x)
{
    double e = exp(-fabs(x));

    return (x >= 0 ? 1 : e) / (1 + e);
}
static inline double nn_erf1(double x)
{
    return erf(x);
}
static inline double nn_sin1(double x)
{
    return sin(x);
}
static inline double nn_cos1(double x)
{
    return cos(x);
}

#else

static inline float nn_from_bits(int32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline int32_t nn_to_bits(float x)
{
    int32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* a - b, wrapping round for the bits of numbers that are no use. */
static inline int32_t nn_minus(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

#define NN_ROUNDER 0x1.8p23f /* added and taken away, it leaves the nearest whole number */

/* 2^n for whole n in -126 … 127. */
static inline float nn_power_of_two(int32_t n)
{
    return nn_from_bits((int32_t)(((uint32_t)n + 127) << 23));
}

/* x = n log 2 + r; returns r, |r| <= log(2) / 2. */
static inline float nn_reduce_exp(float x, int32_t *n)
{
    float t = x * 0x1.715476p0f + NN_ROUNDER, k = t - NN_ROUNDER;

    *n = nn_minus(nn_to_bits(t), nn_to_bits(NN_ROUNDER));
    return (x - k * 0x1.62ep-1f) - k * 0x1.0bfbe8p-15f;
}

static inline float nn_expm1_reduced(float r)
{
    float p = 1.991019619e-04f;

    p = p * r + 1.394135537e-03f;
    p = p * r + 8.333280435e-03f;
    p = p * r + 4.166635363e-02f;
    p = p * r + 1.666666679e-01f;
    p = p * r + 5.000000045e-01f;
    return r + r * r * p;
}

static inline float nn_exp1(float x)
{
    int32_t n;
    float r, low;

    x = x > 90.0f ? 90.0f : x; /* in this form a NaN stays one */
    x = x < -105.0f ? -105.0f : x;
    r = nn_reduce_exp(x, &n);
    low = nn_power_of_two(n >> 1); /* in two steps: to infinity and to denormal numbers */
    return (1 + nn_expm1_reduced(r)) * low * nn_power_of_two(nn_minus(n, n >> 1));
}

static inline float nn_expm11(float x)
{
    float limited = x > 89.0f ? 89.0f : x, half, r; /* n <= 128 */
    int32_t n;

    limited = limited < -20.0f ? -20.0f : limited;
    r = nn_reduce_exp(limited, &n);
    half = nn_power_of_two(nn_minus(n, 1)); /* so that n = 128 does not overflow too early */
    r = 2 * (half * nn_expm1_reduced(r) + (half - 0.5f));
    return fabsf(x) < 1e-8f ? x : r;
}

/* log(1 + f), 1 + f in sqrt(1/2) … sqrt(2), plus e log 2. */
static inline float nn_log_reduced(float f, float e)
{
    float p = 6.940284976e-02f, s = f * f;

    p = p * f - 1.175691537e-01f;
    p = p * f + 1.184249386e-01f;
    p = p * f - 1.238905068e-01f;
    p = p * f + 1.422410223e-01f;
    p = p * f - 1.666909398e-01f;
    p = p * f + 2.000189541e-01f;
    p = p * f - 2.499998660e-01f;
    p = p * f + 3.333331670e-01f;
    p = p * f * s + e * 0x1.0bfbe8p-15f;
    return (p - 0.5f * s) + f + e * 0x1.62ep-1f;
}

/* log(x 2^-shift) for x that is normal, positive and finite. */
static inline float nn_log_normal(float x, float shift)
{
    int32_t bits = nn_minus(nn_to_bits(x), 0x3f3504f3), e = bits >> 23;

    return nn_log_reduced(nn_from_bits((bits & 0x7fffff) + 0x3f3504f3) - 1, (float)e - shift);
}

static inline float nn_log1(float x)
{
    bool small = x < 0x1p-126f;
    float y = nn_log_normal(small ? x * 0x1p24f : x, small ? 24 : 0);

    y = x < INFINITY ? y : x; /* infinity and NaN: themselves */
    y = x < 0 ? NAN : y;
    return x == 0 ? -INFINITY : y;
}

static inline float nn_log1p1(float x)
{
    float u = 1 + x, lost = fabsf(x) < 1 ? x - (u - 1) : 1 - (u - x);
    float y = nn_log_normal(u, 0) + lost / u;

    y = x < INFINITY ? y : x;
    y = x < -1 ? NAN : y;
    y = x == -1 ? -INFINITY : y;
    return fabsf(x) < 1e-8f ? x : y;
}

static inline float nn_tanh1(float x)
{
    float t = nn_expm11(-2 * fabsf(x));

    return copysignf(t / (t + 2), x);
}

static inline float nn_sigmoid1(float x)
{
    float e = nn_exp1(-fabsf(x));

    return (x >= 0 ? 1 : e) / (1 + e);
}

static inline float nn_erf1(float x)
{
    float a = fabsf(x), y = x * x, p = -9.679953091e-06f, q = 2.170978699e-05f, t;
    int32_t n;

    p = p * y + 1.127048044e-04f;
    p = p * y - 8.484702661e-04f;
    p = p * y + 5.221074280e-03f;
    p = p * y - 2.686544561e-02f;
    p = p * y + 1.128378274e-01f;
    p = p * y - 3.761263848e-01f;
    p = p * y + 1.283791670e-01f; /* 2 / sqrt(pi) - 1 */
    t = a > 4 ? 4 : a;
    q = q * t - 4.416216364e-04f;
    q = q * t + 4.206050844e-03f;
    q = q * t - 2.521248620e-02f;
    q = q * t + 1.084256406e-01f;
    q = q * t + 6.332129553e-01f;
    q = q * t + 1.129582137e+00f;
    q = q * t - 1.888759811e-04f;
    t = nn_reduce_exp(-q, &n);
    t = (1 + nn_expm1_reduced(t)) * nn_power_of_two(n);
    return a < 1 ? x + x * p : copysignf(1 - t, x);
}

/* sin(r), cos(r) for |r| <= pi / 4. */
static inline float nn_sin_reduced(float r, float s)
{
    float p = 2.724694201e-06f;

    p = p * s - 1.984006373e-04f;
    p = p * s + 8.333331832e-03f;
    p = p * s - 1.666666666e-01f;
    return s > 0 ? r + r * s * p : r; /* -0 too */
}

static inline float nn_cos_reduced(float s)
{
    float p = 2.454551807e-05f;

    p = p * s - 1.388829192e-03f;
    p = p * s + 4.166666460e-02f;
    return 1 - (0.5f * s - s * s * p);
}

/* sin(x + turns pi / 2) for |x| <= NN_TURNING. The reduction is in double: pi / 2 in two parts, the
 * first with 33 bits, so that its multiples below 2^20 are exact. */
#define NN_TURNING 1e6f
static inline float nn_turn1(float x, int32_t turns)
{
    double t = (double)x * 0x1.45f306dc9c883p-1 + 0x1.8p52, k = t - 0x1.8p52;
    double exact = ((double)x - k * 0x1.921fb544p0) - k * 0x1.0b4611a626331p-34;
    float r = (float)exact, s = r * r, y;
    int32_t quarter = turns + (int32_t)k;

    y = quarter & 1 ? nn_cos_reduced(s) : nn_sin_reduced(r, s);
    return quarter & 2 ? -y : y;
}

#endif

#endif
