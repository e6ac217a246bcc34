"""The coefficients of the polynomials in core/nn/cpu/vector_math.h: Remez-like (iteratively reweighted least
squares over Chebyshev points), in 60 digits. Prints C arrays, lowest power first, and each one's largest error.
Run by hand: python3 tests/golden/vector_math.py"""
from decimal import Decimal as D, getcontext
import math

getcontext().prec = 60
PI = D("3.14159265358979323846264338327950288419716939937510582097494459")


def series(term, x):
    """Sum of term(k, x) until it no longer counts."""
    total, k = D(0), 0
    while True:
        t = term(k, x)
        total += t
        if k > 5 and abs(t) < D(10) ** -50:
            return total
        k += 1


def erf(x):
    total, term, k = D(0), x, 0
    while abs(term) > D(10) ** -55:
        total += term / (2 * k + 1)
        k += 1
        term = -term * x * x / k
    return 2 / PI.sqrt() * total


def expm1_over(x):  # (exp(x) - 1 - x) / x^2
    total, term, k = D(0), D(1) / 2, 2
    while abs(term) > D(10) ** -55:
        total += term
        k += 1
        term = term * x / k
    return total


def log1p_over(x):  # (log(1 + x) - x + x^2 / 2) / x^3
    if abs(x) < D("1e-12"):
        return D(1) / 3 - x / 4
    return ((1 + x).ln() - x + x * x / 2) / (x * x * x)


def sin_over(y):  # (sin(x) - x) / x^3 with y = x^2
    total, term, k = D(0), D(-1) / 6, 1
    while abs(term) > D(10) ** -55:
        total += term
        k += 1
        term = -term * y / ((2 * k) * (2 * k + 1))
    return total


def cos_over(y):  # (cos(x) - 1 + x^2 / 2) / x^4 with y = x^2
    total, term, k = D(0), D(1) / 24, 2
    while abs(term) > D(10) ** -55:
        total += term
        k += 1
        term = -term * y / ((2 * k - 1) * (2 * k))
    return total


def solve(a, b):
    n = len(b)
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(a[r][i]))
        a[i], a[pivot], b[i], b[pivot] = a[pivot], a[i], b[pivot], b[i]
        for r in range(i + 1, n):
            f = a[r][i] / a[i][i]
            for c in range(i, n):
                a[r][c] -= f * a[i][c]
            b[r] -= f * b[i]
    x = [D(0)] * n
    for i in reversed(range(n)):
        x[i] = (b[i] - sum(a[i][c] * x[c] for c in range(i + 1, n))) / a[i][i]
    return x


def fit(name, function, low, high, degree, weight=lambda x: D(1), rounds=8):
    """The polynomial of this degree with nearly the least largest |weight (p - f)| on [low, high]."""
    n = 12 * (degree + 1)
    low, high = D(str(low)), D(str(high))
    xs = [(low + high) / 2 + (high - low) / 2 * D(repr(math.cos(math.pi * (i + 0.5) / n))) for i in range(n)]
    fs, ws = [function(x) for x in xs], [weight(x) for x in xs]
    force = [D(1)] * n
    best = None
    for _ in range(rounds):
        a = [[D(0)] * (degree + 1) for _ in range(degree + 1)]
        b = [D(0)] * (degree + 1)
        for x, f, w, u in zip(xs, fs, ws, force):
            powers = [x**k for k in range(degree + 1)]
            q = w * w * u
            for i in range(degree + 1):
                b[i] += q * powers[i] * f
                for j in range(degree + 1):
                    a[i][j] += q * powers[i] * powers[j]
        c = solve(a, b)
        errors = [abs(w * (sum(c[k] * x**k for k in range(degree + 1)) - f)) for x, f, w in zip(xs, fs, ws)]
        worst = max(errors)
        if best is None or worst < best[0]:
            best = (worst, c)
        force = [u * (e / worst + D("0.02")) for u, e in zip(force, errors)]
        scale = sum(force) / n
        force = [u / scale for u in force]
    worst, c = best
    print(f"/* {name}: {float(worst):.2e} */")
    print(", ".join(f"{float(v):.9e}f" for v in c))


LN2 = D(2).ln()
half = float(LN2 / 2) * 1.01
fit("expm1 x^2..", expm1_over, -half, half, 4, lambda x: abs(x) + D("0.02"))
fit("expm1 x^2..", expm1_over, -half, half, 5, lambda x: abs(x) + D("0.02"))
s = float(D("0.5").sqrt())
fit("log x^3..", log1p_over, s - 1.001, 2 * s - 0.999, 7, lambda x: x * x + D("0.005"))
fit("log x^3..", log1p_over, s - 1.001, 2 * s - 0.999, 8, lambda x: x * x + D("0.005"))
fit("sin x^3..", sin_over, 0, float((PI / 4) ** 2) * 1.01, 2)
fit("sin x^3..", sin_over, 0, float((PI / 4) ** 2) * 1.01, 3)
fit("cos x^4..", cos_over, 0, float((PI / 4) ** 2) * 1.01, 2)
fit("erf / x of x^2, to 1", lambda y: erf(y.sqrt()) / y.sqrt(), 1e-9, 1.0, 6)
fit("erf / x - 1, x^2, to 1", lambda y: erf(y.sqrt()) / y.sqrt(), 1e-9, 1.0, 7)
for degree in (5, 6, 7, 8):
    fit(f"-log(erfc), 1 to 4, {degree}", lambda x: -(1 - erf(x)).ln(), 0.99, 4.0, degree, lambda x: 1 - erf(x))
