"""Makes frechet.json: Fréchet distances by scipy.linalg.sqrtm, of points and of images of series on scikit-learn's
principal components, and distances to the nearest series.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 && python3 frechet.py > frechet.json
"""
import json
import sys

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

random = np.random.default_rng(6)
STEPS, COUNT = 8, 40  # images of 8 x 8 need no resizing
COMPONENTS, CLASS_COMPONENTS = 6, 3


def frechet(a, b):
    s, t = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = sqrtm(s @ t)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * np.real(root)))


def points(n, width, shift, rank):
    x = random.normal(size=(n, rank)) @ random.normal(size=(rank, width)) + shift
    return np.round(x, 3)


def case(n_a, n_b, width, rank):
    a, b = points(n_a, width, 0, rank), points(n_b, width, 0.5, rank)
    return {"width": width, "a": a.ravel().tolist(), "b": b.ravel().tolist(), "distance": frechet(a, b)}


def series(n, spread):
    start = np.arange(n) % 2 * 40
    walk = np.abs(start[:, None, None] + random.integers(-spread, spread + 1, (n, STEPS, 2)).cumsum(axis=1))
    return walk.astype(float)


def images(values, largest):
    angle = np.arccos(np.minimum(values / largest, 1))
    field = np.cos(angle[:, :, None, :] + angle[:, None, :, :])
    return (np.clip((field + 1) / 2, 0, 1) ** 0.25).reshape(len(values), -1)


def listed(values):
    return [{"label": "ab"[i % 2], "length": STEPS, "values": v.astype(int).tolist()} for i, v in enumerate(values)]


real, synthetic = series(COUNT, 6), series(COUNT, 9)
synthetic[:5] = real[10:15]
largest = real.max(axis=(0, 1))
x, y = images(real, largest), images(synthetic, largest)
axes = PCA(COMPONENTS, svd_solver="full").fit(x)
u, v = axes.transform(x), axes.transform(y)
within = [frechet(u[k::2, :CLASS_COMPONENTS], v[k::2, :CLASS_COMPONENTS]) for k in range(2)]
among = cdist(x, x)
np.fill_diagonal(among, np.inf)
scores = {"FD": frechet(u, v), "FD_CLASS": float(np.mean(within)), "FD_CLASS_SD": float(np.std(within, ddof=1)),
          "NN": float(np.median(cdist(y, x).min(1)) / np.median(among.min(1))), "COPIES": 5 / COUNT, "COPIES_REAL": 0}
json.dump({"points": [case(30, 50, 3, 3), case(40, 40, 8, 8), case(60, 45, 12, 5), case(9, 7, 1, 1)],
           "steps": STEPS, "settings": f"components={COMPONENTS} class_components={CLASS_COMPONENTS} classes=true",
           "real": listed(real), "synthetic": listed(synthetic), "scores": scores, "within": within}, sys.stdout)
sys.stdout.write("\n")
