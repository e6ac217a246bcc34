"""Makes fingerprint.json: naive Bayes, macro-F1, area under the curve by scikit-learn, boosted trees and a forest by XGBoost.

    pip install numpy scikit-learn==1.9.1 xgboost==1.7.6 && python3 fingerprint.py > fingerprint.json
"""
import json
import sys

import numpy as np
import xgboost
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.naive_bayes import GaussianNB

random = np.random.default_rng(7)


def f32(values):
    return np.asarray(values, dtype=np.float32)


def bayes(n, places, classes, smoothing, constant):
    label = np.concatenate([np.arange(classes), random.integers(0, classes, n - classes)])
    x = f32(random.random((n, places)) * 0.5 + 0.1 * label[:, None] * random.random(places))
    x[:, :constant] = 0.25
    unseen = f32(random.random((6, places)))
    model = GaussianNB(var_smoothing=smoothing).fit(x.astype(float), label)
    joint = model._joint_log_likelihood(unseen.astype(float))
    return {"smoothing": smoothing, "places": places, "classes": classes, "x": x.ravel().tolist(),
            "label": label.tolist(), "unseen": unseen.ravel().tolist(), "joint": joint.ravel().tolist(),
            "predicted": model.predict(unseen.astype(float)).tolist()}


def measured(n, classes, only=None):
    true = random.integers(0, classes - 1, n)  # the last class is predicted, never there
    predicted = np.where(random.random(n) < 0.6, true, random.integers(0, classes, n))
    there = sorted(set(true.tolist()) & set(only or range(classes)))
    of = np.isin(true, there)
    return {"classes": classes, "class": true.tolist(), "predicted": predicted.tolist(), "only": only or [],
            "n": int(of.sum()), "accuracy": accuracy_score(true[of], predicted[of]),
            "f1": f1_score(true, predicted, labels=there, average="macro")}


def auc(low, high):
    return {"low": low, "high": high, "auc": roc_auc_score([0] * len(low) + [1] * len(high), low + high)}


def trees():
    """A set of series of 8 steps in 3 classes that overlap. Every place is seen by every tree."""
    def draw(n):
        label = np.arange(n) % 3
        x = random.integers(0, 40, (n, 8)) + 6 * label[:, None] * (np.arange(8) % 2)
        x[0] = 60  # the largest
        return label, x
    (label, x), (truth, unseen) = draw(150), draw(300)
    scale = f32(x.max())
    a = f32(f32(x) / scale)
    b = np.minimum(f32(f32(unseen) / scale), f32(1))
    model = xgboost.XGBClassifier(n_estimators=10, max_depth=3, learning_rate=0.3, tree_method="exact",
                                  min_child_weight=0.1, n_jobs=1).fit(a, label)
    forests = [xgboost.XGBRFClassifier(n_estimators=50, max_depth=16, subsample=0.632, colsample_bynode=8 ** -0.5,
                                       tree_method="hist", min_child_weight=0, reg_lambda=0.001, random_state=seed,
                                       n_jobs=1).fit(a, label) for seed in range(20)]
    scores = [accuracy_score(truth, f.predict(b)) for f in forests]
    return {"label": label.tolist(), "values": x.ravel().tolist(), "test_label": truth.tolist(),
            "test_values": unseen.ravel().tolist(),
            "bayes": accuracy_score(truth, GaussianNB().fit(a.astype(float), label).predict(b.astype(float))),
            "boosted": accuracy_score(truth, model.predict(b)),
            "boosted_f1": f1_score(truth, model.predict(b), average="macro"),
            "forest_least": min(scores), "forest_most": max(scores)}


json.dump({"bayes": [bayes(30, 5, 3, 1e-9, 0), bayes(20, 4, 2, 0.01, 1)],
           "measured": [measured(60, 5), measured(40, 6, [0, 2])],
           "auc": [auc([0.1, 0.4, 0.4, 0.2], [0.4, 0.9, 0.3]), auc([1.0, 2.0], [0.5]), auc([3.0, 3.0], [3.0])],
           "trees": trees()}, sys.stdout)
sys.stdout.write("\n")
