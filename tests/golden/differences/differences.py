"""Makes scores.csv, a store of eight made-up traces with ties, failures and scores that do not apply, and golden.json:
what the report must find in its first five traces and in all of them. By SciPy where it has the test; p of ranks by
trying every order or every sign.

Needs Python 3.11 with NumPy 2.4 and SciPy 1.17; run: python3 differences.py"""
import itertools
import json
import math
import pathlib

import numpy as np
from scipy import stats

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(11)
RANKED = ["A", "B", "C", "D", "E"]
FEATURES = [("emd", "IT", "lower", "temporal EMD"), ("emd", "FD", "lower", "temporal EMD"),
            ("emd", "PL", "lower", "statistical EMD"), ("jsd", "SA", "lower", "JSD"), ("jsd", "DP", "lower", "JSD"),
            ("validity", "T1", "higher", "validity")]
QUALITY = {"A": 1.0, "B": 1.25, "C": 2.0, "D": 2.1, "E": 3.0, "copy": 0.0, "uniform": 6.0}

lines = ["dataset,generator,label,seed,kind,plugin,variant,feature,value,unit,better,n_real,n_synthetic,status,reason,job"]
values, failed = {}, set()
for trace in range(1, 9):
    for label, quality in QUALITY.items():
        for plugin, feature, better, _ in FEATURES:
            here_too = quality + 0.35 * rng.normal()
            for seed in (1, 2, 3):
                value = round(max(here_too + 0.25 * rng.normal(), 0), 2) if quality else 0.0
                if feature == "DP":  # coarse: means tie
                    value = float(round(value))
                if better == "higher":
                    value = round(10 - value, 2)
                status, reason = "ok", ""
                if label == "E" and trace == 2 or label == "D" and feature == "SA" and trace % 2:
                    status, reason = "n/a", "it has none"
                if label == "C" and trace == 3 and feature == "IT" or label == "C" and trace == 4 and seed == 2:
                    status, reason = "failed", "fit: crashed"
                text = "" if status != "ok" else f"{value:g}"
                lines.append(f"t{trace},{label},{label},{seed},metric,{plugin},fix,{feature},{text},,{better},9,9,{status},{reason},j")
                key = (trace, feature, label)
                if status == "ok":
                    values.setdefault(key, []).append(float(text))
                elif status == "failed":
                    failed.add(key)
(here / "scores.csv").write_text("\n".join(lines) + "\n")

SIGN = {feature: -1 if better == "higher" else 1 for _, feature, better, _ in FEATURES}


def key_of(trace, feature, label):
    """What is ranked, small being good; None: does not apply."""
    key = (trace, feature, label)
    return SIGN[feature] * np.mean(values[key]) if key in values else math.inf if key in failed else None


def feature_ranks(trace, feature, extra=None):
    keys = {l: key_of(trace, feature, l) for l in RANKED + ([extra] if extra else [])}
    keys = {l: k for l, k in keys.items() if k is not None}
    return dict(zip(keys, stats.rankdata([round(k, 12) for k in keys.values()])))


def mean_rank(trace, label, features, extra=None):
    found = [r[label] for f in features if label in (r := feature_ranks(trace, f, extra))]
    return float(np.mean(found)) if found else None


ALL = [f[1] for f in FEATURES]


def interval(v):
    half = stats.sem(v) * stats.t.ppf(0.975, len(v) - 1)
    return np.mean(v) - half, np.mean(v) + half


def pair_on(trace, a, b):
    net, features, apart, alike, unknown = 0, 0, [0, 0], 0, 0
    for f in ALL:
        x, y = key_of(trace, f, a), key_of(trace, f, b)
        if x is None or y is None:
            continue
        features += 1
        net += 0 if x == y or math.isclose(x, y, rel_tol=1e-12) else 1 if x < y else -1
        v, w = values.get((trace, f, a), []), values.get((trace, f, b), [])
        if len(v) < 2 or len(w) < 2:
            unknown += 1
            continue
        (la, ha), (lb, hb) = interval(v), interval(w)
        if la <= hb and lb <= ha:
            alike += 1
        else:
            apart[0 if x < y else 1] += 1
    return (net / features if features else None), features, apart, alike, unknown


def wilcoxon(d):
    """Two-sided p over all signs of the differences that are not 0."""
    kept = [x for x in d if x]
    if not kept:
        return 1.0
    ranks = stats.rankdata(np.round(np.abs(kept), 12))
    sums = [sum(r for r, s in zip(ranks, signs) if s) for signs in itertools.product((0, 1), repeat=len(kept))]
    w = min(sum(r for r, x in zip(ranks, kept) if x > 0), sum(r for r, x in zip(ranks, kept) if x < 0))
    p = min(1.0, 2 * float(np.mean([s <= w + 1e-9 for s in sums])))
    if len(set(ranks)) == len(ranks):
        assert math.isclose(p, stats.wilcoxon(kept, method="exact").pvalue)
    return p


def holm(p):
    order, adjusted, largest = np.argsort(p, kind="stable"), [0.0] * len(p), 0.0
    for i, at in enumerate(order):
        largest = min(1.0, max(largest, (len(p) - i) * p[at]))
        adjusted[at] = largest
    return adjusted


def orders(a, b, statistic):
    """Statistic, share of orders as extreme, least such share."""
    a, b = np.round(a, 9), np.round(b, 9)
    if len(a) < 3 or len(set(a)) == 1 or len(set(b)) == 1:
        return None, None
    found = statistic(a, b)
    all_ = np.abs([statistic(a, np.array(order)) for order in itertools.permutations(b)])
    least = float(np.mean(all_ >= all_.max() - 1e-9))
    return float(found), float(np.mean(all_ >= abs(found) - 1e-9)) if least <= 0.05 else None


def agreement(a, b):
    both = [(x, y) for x, y in zip(a, b) if x is not None and y is not None]
    x, y = [np.array([p[i] for p in both]) for i in (0, 1)]
    rho, rho_p = orders(x, y, lambda u, v: stats.pearsonr(stats.rankdata(u), stats.rankdata(v)).statistic)
    tau, tau_p = orders(x, y, lambda u, v: stats.kendalltau(u, v).statistic)
    return {"k": len(both), "rho": rho, "rho_p": rho_p, "tau": tau, "tau_p": tau_p}


def case(n):
    traces = range(1, n + 1)
    ranks = {t: {l: mean_rank(t, l, ALL) for l in RANKED} for t in traces}
    result = {"traces": n, "generators": [], "pairs": []}
    for l in list(QUALITY):
        extra = None if l in RANKED else l
        found = [r for t in traces if (r := mean_rank(t, l, ALL, extra)) is not None]
        result["generators"].append({"label": l, "reference": bool(extra), "rank": float(np.mean(found))})
    pairs = []
    for i, a in enumerate(RANKED):
        for b in RANKED[i + 1:]:
            found = [pair_on(t, a, b) for t in traces]
            nets = [f[0] for f in found if f[0] is not None]
            pairs.append({"a": a, "b": b, "traces": len(nets), "net": float(np.mean(nets)), "nets": nets,
                          "features": sum(f[1] for f in found), "apart": [sum(f[2][s] for f in found) for s in (0, 1)],
                          "alike": sum(f[3] for f in found), "unknown": sum(f[4] for f in found)})
    family = []
    for least in range(1, n + 1):
        family = [p for p in pairs if p["traces"] >= least]
        if family and 2.0 ** (1 - least) * len(family) <= 0.05:
            break
        family = []
    for p, adjusted in zip(family, holm([wilcoxon(p["nets"]) for p in family])):
        p["p"], p["corrected"] = wilcoxon(p["nets"]), adjusted
    for p in pairs:
        del p["nets"]
    result["pairs"], result["family"] = pairs, len(family)
    kept = [l for l in RANKED if all(ranks[t][l] is not None for t in traces)]
    blocks = np.array([[round(ranks[t][l], 9) for l in kept] for t in traces])
    chi2, k = stats.friedmanchisquare(*blocks.T).statistic, len(kept)
    f = (n - 1) * chi2 / (n * (k - 1) - chi2)
    means = np.mean([stats.rankdata(row) for row in blocks], axis=0)
    result["friedman"] = {"k": k, "f": float(f), "p": float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))),
                          "ranks": dict(zip(kept, means.tolist())),
                          "critical": float(stats.studentized_range.ppf(0.95, k, np.inf) / math.sqrt(2)
                                            * math.sqrt(k * (k + 1) / (6 * n)))}
    by_trace = [[ranks[t][l] for l in RANKED] for t in traces]
    result["between_traces"] = [{"a": f"t{i + 1}", "b": f"t{j + 1}"} | agreement(by_trace[i], by_trace[j])
                                for i in range(n) for j in range(i + 1, n)]
    groups = list(dict.fromkeys(f[3] for f in FEATURES))
    by_group = []
    for g in groups:
        features = [f[1] for f in FEATURES if f[3] == g]
        row = []
        for l in RANKED:
            found = [r for t in traces if (r := mean_rank(t, l, features)) is not None]
            row.append(float(np.mean(found)) if found else None)
        by_group.append(row)
    result["between_groups"] = [{"a": groups[i], "b": groups[j]} | agreement(by_group[i], by_group[j])
                                for i in range(len(groups)) for j in range(i + 1, len(groups))]
    return result


(here / "golden.json").write_text(json.dumps({"cases": [case(5), case(8)]}, indent=1) + "\n")
