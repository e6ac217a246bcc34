"""Makes series_emd.json: distances of two small sets of labelled series of different lengths, by SciPy and NumPy.

    pip install numpy==2.4.6 scipy==1.17.1 && python3 series_emd.py > series_emd.json
"""
import json
import sys

import numpy as np
from scipy.stats import wasserstein_distance

random = np.random.default_rng(21)
STEPS, LAGS = 12, 64


def side(n, scale):
    series = []
    for i in range(n):
        length = int(random.integers(3, STEPS + 1)) if i else STEPS
        level = random.integers(0, 40, length).cumsum() % (100 * scale)
        series.append({"label": "ab"[i % 2], "length": length,
                       "values": [[int(v), int(random.choice([1, -1]))] for v in level]})
    return series


def channel(series, c):
    return [np.array(s["values"], dtype=float)[:, c] for s in series]


def acf(lines, lags):
    pooled = np.concatenate(lines)
    mean, variance = pooled.mean(), pooled.var()
    out = []
    for lag in range(1, lags):
        products = [(x[lag:] - mean) * (x[:-lag] - mean) for x in lines if len(x) > lag]
        out.append(np.concatenate(products).mean() / variance if products else 0)
    return np.array(out)


def distances(real, synthetic, c, span):
    x, y = channel(real, c), channel(synthetic, c)
    change = [np.concatenate([np.diff(line) for line in lines]) for lines in (x, y)]
    lags = min(LAGS, STEPS)
    return {"VAL": wasserstein_distance(np.concatenate(x), np.concatenate(y)) / span,
            "STEP": wasserstein_distance(*change) / span,
            "LEN": wasserstein_distance([len(s) for s in x], [len(s) for s in y]),
            "ACF": float(np.linalg.norm(acf(x, lags) - acf(y, lags)))}


real, synthetic = side(14, 2), side(17, 3)
scores = []
for c in range(2):
    span = float(np.ptp(np.concatenate(channel(real, c))))
    found = distances(real, synthetic, c, span)
    parts = [distances([s for s in real if s["label"] == label], [s for s in synthetic if s["label"] == label], c, span)
             for label in "ab"]
    found |= {name + "_CLASS": float(np.mean([p[name] for p in parts])) for name in parts[0]}
    scores.append(found)
json.dump({"steps": STEPS, "real": real, "synthetic": synthetic, "scores": scores}, sys.stdout)
sys.stdout.write("\n")
