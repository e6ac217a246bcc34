"""Makes stats.json: what SciPy 1.10.1 and nolds 0.6.2 say about fixed samples.

    pip install numpy==1.24.2 scipy==1.10.1 nolds==0.6.2 && python3 stats.py > stats.json
"""
import json
import sys

import nolds
import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

random = np.random.default_rng(20261120)


def emd(a, b):
    return {"a": list(map(float, a)), "b": list(map(float, b)), "value": stats.wasserstein_distance(a, b)}


def distribution(sample, support):
    return [list(sample).count(x) for x in support]


def ranks(sample):
    return sorted((list(sample).count(x) for x in set(sample)), reverse=True)


def jsd(a, b):
    support = sorted(set(a) | set(b))
    p, q = distribution(a, support), distribution(b, support)
    r, s = ranks(a), ranks(b)
    size = max(len(r), len(s))
    r, s = r + [0] * (size - len(r)), s + [0] * (size - len(s))
    return {
        "a": list(map(int, a)), "b": list(map(int, b)), "p": p, "q": q,
        "distance_e": jensenshannon(p, q), "distance_2": jensenshannon(p, q, base=2),
        "ranks_e": jensenshannon(r, s) ** 2,
    }


def hurst(series):
    return {"series": list(map(float, series)), "value": nolds.hurst_rs(series, fit="poly")}


def sparse(n, occupied, mean):
    series = np.zeros(n)
    series[random.choice(n, occupied, replace=False)] = random.poisson(mean, occupied) + 1
    return series


def interval(values):
    values = np.asarray(values, float)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    boot = stats.bootstrap((values,), np.mean, n_resamples=1000, method="BCa", random_state=7)
    return {
        "values": values.tolist(), "mean": values.mean(), "deviation": values.std(ddof=1),
        "t_low": low, "t_high": high, "q37": float(np.quantile(values, 0.37)),
        "means": sorted(boot.bootstrap_distribution.tolist()),
        "bca_low": boot.confidence_interval.low, "bca_high": boot.confidence_interval.high,
    }


def ranked(a, b):
    return {"a": list(map(float, a)), "b": list(map(float, b)), "ranks": stats.rankdata(a).tolist(),
            "rho": stats.spearmanr(a, b)[0]}


json.dump({
    "emd": [
        emd([1.0], [3.5]),
        emd([0.5, 0.5, 1, 4], [0.1, 2, 2]),
        emd(random.normal(size=700), random.normal(1, 2, size=900)),
        emd(random.pareto(1.2, size=1000), random.pareto(1.3, size=617)),
        emd(random.integers(-5, 5, size=600), random.integers(-4, 9, size=800)),
        emd([-1e300, 0.0, 5e-324], [-0.0, 1e300]),
    ],
    "jsd": [
        jsd([1, 2, 3], [1, 2, 3]),
        jsd([1, 1, 1], [4294967295, 0]),
        jsd(random.integers(0, 40, size=500), random.integers(10, 60, size=300)),
        jsd(random.zipf(1.5, size=400) % 2**32, random.zipf(1.7, size=700) % 2**32),
    ],
    "hurst": [
        hurst(random.normal(size=400)),
        hurst(np.cumsum(random.normal(size=1000))),
        hurst(random.normal(1e6, 1, size=16)),
        hurst(random.exponential(size=2500)),
        hurst(sparse(400, 2, 1)),
        hurst(sparse(400, 20, 1)),
        hurst(sparse(400, 25, 50)),
        hurst(sparse(400, 200, 3)),
        hurst(random.poisson(9, 400)),
        hurst(sparse(1000, 30, 2)),
    ],
    "interval": [
        interval([1, 2, 4]),
        interval(random.normal(5, 1, size=10)),
        interval(random.exponential(3, size=25)),
    ],
    "rank": [
        ranked([1, 2, 3, 4], [2, 1, 4, 3]),
        ranked([1, 1, 2, 5, 5, 5], [3, 1, 1, 9, 4, 4]),
        ranked(random.normal(size=50), random.normal(size=50)),
    ],
}, sys.stdout)
sys.stdout.write("\n")
