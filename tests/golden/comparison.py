"""Makes comparison.json: tests of ranks and comparisons of many treatments, by SciPy where it has them, and by trying all
orders or signs where it has not.

    pip install numpy==1.24.2 scipy==1.10.1 && python3 comparison.py > comparison.json
"""
import itertools
import json
import math
import sys

import numpy as np
from scipy import stats

random = np.random.default_rng(15)


def centred(values):
    return (2 * stats.rankdata(values) - len(values) - 1).astype(int)


def over_orders(a, b, statistic):
    """p of |statistic| and the least p, over all orders of b."""
    found = abs(statistic(a, b))
    sizes = np.array([abs(statistic(a, b[list(order)])) for order in itertools.permutations(range(len(b)))])
    return (sizes >= found).mean(), (sizes == sizes.max()).mean()


def concordance(a, b):
    return int(sum(np.sign(a[i] - a[k]) * np.sign(b[i] - b[k]) for i in range(len(a)) for k in range(i)))


def correlation(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    x, y = centred(a), centred(b)
    result = {"a": a.tolist(), "b": b.tolist(), "rho": stats.spearmanr(a, b)[0], "tau": stats.kendalltau(a, b)[0]}
    if len(a) <= 7:
        result["rho_p"], result["rho_least"] = over_orders(x, y, lambda p, q: int(p @ q))
        result["tau_p"], result["tau_least"] = over_orders(x, y, concordance)
    else:
        ties = len(set(a)) < len(a) or len(set(b)) < len(b)
        result["rho_p_limit"] = stats.spearmanr(a, b)[1]
        result["tau_p"] = stats.kendalltau(a, b, method="asymptotic" if ties or len(a) > 50 else "exact")[1]
    return result


def signed(differences):
    d = np.asarray(differences, float)
    kept = d[d != 0]
    ranks = stats.rankdata(abs(kept))
    result = {"differences": d.tolist(), "statistic": float(min(ranks[kept > 0].sum(), ranks[kept < 0].sum()))}
    if len(kept) <= 12:
        sums = np.array([sum(r for r, s in zip(ranks, signs) if s)
                         for signs in itertools.product((0, 1), repeat=len(kept))])
        result["p"] = min(1, 2 * (sums <= result["statistic"]).mean())
    else:
        result["p"] = stats.wilcoxon(kept, mode="exact" if len(kept) <= 50 else "approx")[1]
    return result


def friedman(values):
    values = np.asarray(values, float)
    n, k = values.shape
    columns = values.T
    ranks = np.array([stats.rankdata(row) for row in values])
    if k > 2:
        chi2 = stats.friedmanchisquare(*columns)[0]
    else:  # which SciPy refuses
        chi2 = 12 * n / (k * (k + 1)) * sum((r - (k + 1) / 2) ** 2 for r in ranks.mean(axis=0))
    f = (n - 1) * chi2 / (n * (k - 1) - chi2)
    return {"values": values.ravel().tolist(), "n": n, "k": k, "chi2": chi2, "f": f,
            "p": stats.f.sf(f, k - 1, (k - 1) * (n - 1)), "ranks": ranks.mean(axis=0).tolist(),
            "least": math.factorial(k) ** (1.0 - n)}


def nemenyi(k, n, alpha, difference):
    unit = math.sqrt(k * (k + 1) / (6 * n))
    # Its quantile is good to 1e-7, its tail to 1e-12.
    return {"k": k, "n": n, "alpha": alpha, "critical": stats.studentized_range.ppf(1 - alpha, k, np.inf) / math.sqrt(2) * unit,
            "difference": difference, "p": stats.studentized_range.sf(difference / unit * math.sqrt(2), k, np.inf)}


def holm(p):
    order, largest, adjusted = np.argsort(p), 0, [0] * len(p)
    for i, at in enumerate(order):
        largest = max(largest, min(1, (len(p) - i) * p[at]))
        adjusted[at] = largest
    return {"p": list(map(float, p)), "adjusted": list(map(float, adjusted))}


x = random.normal(size=60)
ties = random.integers(0, 6, 40)
json.dump({
    "correlation": [
        correlation([1, 2, 3], [2, 3, 9]),
        correlation([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]),
        correlation([1, 2, 2, 4, 5, 5], [3, 1, 1, 9, 4, 7]),
        correlation(random.normal(size=7), random.normal(size=7)),
        correlation([1, 1, 1, 1, 1, 1, 2], [5, 4, 4, 3, 3, 3, 9]),
        correlation(x[:12], x[:12] + random.normal(size=12)),
        correlation(x[:30], random.normal(size=30)),
        correlation(x, x + 2 * random.normal(size=60)),
        correlation(ties, ties + random.integers(0, 4, 40)),
    ],
    "signed": [
        signed([0.5]),
        signed([1, 2, 3, 4, 5]),
        signed([1, -2, 3, 4, 5, 6.5]),
        signed([1, 1, -1, 2, 2, 0, 3, 0, -4]),
        signed(np.round(random.normal(1, 2, size=12))),
        signed(random.normal(0.3, 1, size=25)),
        signed(random.normal(0.2, 1, size=80)),
        signed(np.round(random.normal(0.5, 3, size=90))),
    ],
    "friedman": [
        friedman(random.normal(size=(6, 4)) + [0, 0.5, 1, 2]),
        friedman(random.integers(0, 3, size=(10, 5))),
        friedman([[1, 2], [1, 2], [2, 1], [1, 2], [3, 4]]),
    ],
    "nemenyi": [nemenyi(2, 10, 0.05, 0.5), nemenyi(3, 6, 0.05, 1.2), nemenyi(5, 30, 0.1, 1), nemenyi(10, 12, 0.05, 4)],
    "holm": [holm([0.01, 0.04, 0.03, 0.005]), holm([0.2, 0.9, 0.5]), holm([0.5]), holm(random.uniform(0, 0.05, 12))],
}, sys.stdout)
sys.stdout.write("\n")
