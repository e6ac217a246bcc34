#!/usr/bin/env python3
"""Makes store.txt, the small store that the report's tests work on, and golden.json, what its numbers must give.

Invented results in the form of docs/formats.md: two traces (one split, with a held-out part), five generators of
which one fails and one has no timestamps, floors, ceilings, curves. store.txt is all files after each other, each
after a line "=== PATH". golden.json is computed here with NumPy and SciPy from the rows alone, none of it with
Weir's code. Run: python3 store.py (NumPy 2.4, SciPy 1.17); the tests only read what it wrote.
"""
import csv, hashlib, io, json, math, pathlib
import numpy as np
from scipy import stats

here = pathlib.Path(__file__).parent
random = np.random.default_rng(20)
files, rows = {}, []
COLUMNS = ["dataset", "generator", "label", "seed", "kind", "plugin", "variant", "feature", "value", "unit", "better",
           "n_real", "n_synthetic", "status", "reason", "job"]

# feature: plugin, unit, title, ceiling, floor, ceiling's value, needs time
FEATURES = {
    "IT": ("emd", "s", "interarrival time", "marginals", 2.1e-4, 1.9e-3, True),
    "FIT": ("emd", "s", "interarrival time within flows", "marginals", 0.012, 0.31, True),
    "FD": ("emd", "s", "flow duration", "marginals", 0.081, 2.4, True),
    "AT": ("emd", "bytes/s", "average throughput of a flow", "marginals", 5200.0, 410000.0, True),
    "BU": ("emd", "", "burstiness of a flow", "marginals", 0.09, 1.1, True),
    "LD": ("emd", "", "Hurst exponent of a flow", "marginals", 0.031, 0.024, True),
    "PL": ("emd", "bytes", "packet length", "uniform", 11.0, 420.0, False),
    "NPF": ("emd", "packets", "packets a flow", "marginals", 1.4, 14.2, False),
    "NBF": ("emd", "bytes", "bytes a flow", "marginals", 900.0, 11800.0, False),
    "SA": ("jsd", "", "source address", "uniform", 0.11, 0.79, False),
    "DA": ("jsd", "", "destination address", "uniform", 0.12, 0.80, False),
    "SP": ("jsd", "", "source port", "uniform", 0.22, 0.74, False),
    "DP": ("jsd", "", "destination port", "uniform", 0.19, 0.76, False),
    "PR": ("jsd", "", "protocol", "uniform", 0.01, 0.62, False),
    "BD": ("burst", "s", "burst duration", "marginals", 0.004, 0.05, True),
    "NU": ("burst", "", "utilisation", "marginals", 0.010, 0.16, True),
}
# generator: how far from floor (0) to ceiling (1), seconds of fit, bytes of model
GENERATORS = {
    "bootstrap": (0.12, 0.04, 2_400_000),
    "markov": (0.45, 0.31, 48_000),
    "cascadegan": (0.30, 412.0, 6_100_000),
    "ctgan": (0.52, 161.0, 3_900_000),
    "broken": (None, 3.2, None),
    "marginals": (1.0, 0.03, 1_900_000),
    "uniform": (1.7, 0.02, 900),
}
LABELS = {"cascadegan": "CascadeGAN", "ctgan": "CTGAN"}


def job_id(*what):
    return hashlib.sha256("/".join(map(str, what)).encode()).hexdigest()[:24]


def put(job, name, content):
    files[f"jobs/{job}/{name}"] = content if isinstance(content, str) else json.dumps(content) + "\n"


def status(job, kind, phases, peak, **more):
    total = round(sum(phases.values()), 6)
    put(job, "status.json", {"phase": "done", "job": kind, "ok": True, "seconds": total,
                             "cpu_seconds": round(total * 0.96, 6), "peak_memory": peak, "device": "cpu", "threads": 1,
                             "phases": phases, "attempts": 1} | more)


def csv_text(names, table):
    return ",".join(names) + "\n" + "".join(",".join(f"{v:.5g}" for v in row) + "\n" for row in table)


def curves(job, plugin, g, distance, seed):
    """The artefacts that a metric leaves: distribution functions, and the packet rate."""
    listed = []
    if plugin == "emd" and seed == 1:
        for feature, low, high in (("IT", 1e-6, 0.2), ("FD", 1e-4, 60), ("PL", 40, 1500)):
            if FEATURES[feature][6] and g == "ctgan":
                continue
            x = np.geomspace(low, high, 30) if feature != "PL" else np.linspace(low, high, 30)
            u = np.linspace(0, 1, 30)
            real = stats.beta.cdf(u, 2, 2)
            synthetic = stats.beta.cdf(u, 2 + distance, 2 - 0.6 * min(distance, 1.5))
            put(job, f"artefacts/cdf_{feature}.csv", csv_text(["x", "real", "synthetic"], zip(x, real, synthetic)))
            listed.append({"name": f"cdf_{feature}", "kind": "curve", "file": f"artefacts/cdf_{feature}.csv"})
    if plugin == "burst" and seed == 1:
        t = np.arange(60) * 0.5
        real = 300 + 250 * (np.sin(t / 3) > 0.4) + random.normal(0, 30, 60)
        synthetic = 300 + 250 * (np.sin(t / 3 + distance) > 0.4) + random.normal(0, 30 + 50 * distance, 60)
        put(job, "artefacts/rate.csv", csv_text(["time", "real", "synthetic"], zip(t, real, np.abs(synthetic))))
        listed.append({"name": "rate", "kind": "curve", "file": "artefacts/rate.csv"})
    if plugin == "jsd" and seed == 1 and g == "markov":
        put(job, "artefacts/ports.csv", csv_text([f"c{i}" for i in range(16)], random.random((12, 16))))
        listed.append({"name": "ports", "kind": "matrix", "file": "artefacts/ports.csv"})
        put(job, "artefacts/flows.csv", "label,height,width," + ",".join(f"v{i}" for i in range(64)) + "\n" + "".join(
            f"{name},8,8," + ",".join(f"{v:.3g}" for v in random.random(64)) + "\n" for name in ("web", "<dns>", "ssh")))
        listed.append({"name": "flows", "kind": "images", "file": "artefacts/flows.csv"})
    if listed:
        put(job, "artefacts.json", listed)


def row(dataset, g, seed, plugin, feature, value, n, status_="ok", reason="", job="", label=None):
    unit = FEATURES[feature][1]
    rows.append([dataset, g, label or LABELS.get(g, g), seed, "metric", plugin, "fix", feature,
                 "" if value is None else repr(float(value)), unit, "lower", n[0], n[1], status_, reason, job])


def plugin_features(plugin):
    return [f for f in FEATURES if FEATURES[f][0] == plugin]


def score(dataset, g, seed, plugin, sample_job, scale):
    job = job_id("score", dataset, g, seed, plugin)
    distance = GENERATORS[g][0]
    listed = []
    for feature in plugin_features(plugin):
        _, unit, title, ceiling, floor, bad, timed = FEATURES[feature]
        n = (24108, 24108 + int(random.integers(-600, 600)))
        if sample_job is None:
            row(dataset, g, seed, plugin, feature, None, ("", ""), "failed", "fit: crashed (SIGSEGV)", job)
            continue
        entry = {"feature": feature, "variant": "fix", "value": None, "unit": unit, "better": "lower", "n_real": n[0],
                 "n_synthetic": n[1], "status": "ok", "reason": "", "title": title, "ceiling": ceiling}
        if g == "ctgan" and timed:
            entry |= {"status": "n/a", "reason": "the synthetic data has no timestamps", "n_real": 0, "n_synthetic": 0}
            row(dataset, g, seed, plugin, feature, None, (0, 0), "n/a", entry["reason"], job)
        else:
            own = distance if g in ("marginals", "uniform") else distance * (0.6 + 0.8 * random.random())
            value = abs(floor + (bad - floor) * own) * scale * (1 + 0.04 * random.standard_normal())
            if g == "uniform" and ceiling == "uniform":
                value = bad * scale
            entry["value"] = value
            row(dataset, g, seed, plugin, feature, value, n, job=job)
        listed.append(entry)
    if sample_job is None:
        return
    put(job, "spec.json", {"weir": "0.1.0", "job": "score", "plugin": {"kind": "metric", "name": plugin}, "options": {},
                           "inputs": {"real": {"files": ["/data/sample.pcap"], "name": dataset.split(":")[0]},
                                      "synthetic": {"data": f"/somewhere/jobs/{sample_job}/synthetic.weir"}}})
    put(job, "scores.json", {"scores": listed})
    status(job, "score", {"open": 0.02, "score": round(0.05 + 0.02 * random.random(), 4)}, 61_000_000)
    if not dataset.endswith(":test"):
        curves(job, plugin, g, distance, seed)


def generate(trace, g, seed):
    fit, sample = job_id("fit", trace, g, seed), job_id("sample", trace, g, seed)
    source = {"files": [f"/data/{trace}.pcap"], "name": trace}
    put(fit, "spec.json", {"weir": "0.1.0", "job": "fit", "plugin": {"kind": "generator", "name": g}, "options": {},
                           "seed": seed, "inputs": {"train": source}})
    if g == "broken":
        status(fit, "fit", {"open": 0.02, "fit": 3.2}, 912_000_000, phase="fit", ok=False, signal="SIGSEGV",
               reason="crashed (SIGSEGV)")
        put(fit, "log", "".join(f"epoch {i}, loss {1 / i:.3f}\n" for i in range(1, 31)) + "about to <crash> & burn\n")
        return None
    _, seconds, size = GENERATORS[g]
    status(fit, "fit", {"open": 0.02, "fit": round(seconds * (1 + 0.05 * random.random()), 4), "save": 0.01},
           40_000_000 + size * 9)
    put(fit, "model/model.json", json.dumps({"plugin": g}) + "\n")
    if seconds > 100:
        put(fit, "curves.csv", "curve,step,value\n" + "".join(
            f"{c},{s},{v:.4g}\n" for c, k in (("critic", 1.0), ("generator", -0.7))
            for s, v in ((s, k * math.exp(-s / 60) + 0.05 * random.standard_normal()) for s in range(0, 200, 8))))
    put(sample, "spec.json", {"weir": "0.1.0", "job": "sample", "plugin": {"kind": "generator", "name": g}, "options": {},
                              "seed": seed, "inputs": {"model": f"/somewhere/jobs/{fit}/model"}})
    status(sample, "sample", {"open": 0.01, "sample": round(0.1 + seconds / 90, 4), "save": 0.02}, 55_000_000)
    return sample


def floor(dataset, scale, splits):
    for label, factor in splits:
        for plugin in ("emd", "jsd", "burst"):
            for feature in plugin_features(plugin):
                value = FEATURES[feature][4] * factor * scale
                row(dataset, "floor", 1, plugin, feature, value, (12054, 12054), job=job_id("floor", dataset, label, plugin),
                    label=label)


for g in GENERATORS:
    for seed in (1,) if g in ("marginals", "uniform") else (1, 2, 3):
        made = generate("sample", g, seed)
        score("sample:train", g, seed, "emd", made, 1.0)
        score("sample:train", g, seed, "jsd", made, 1.0)
        if g != "broken":
            score("sample:test", g, seed, "emd", made, 1.15)
        if g in ("bootstrap", "markov", "marginals"):
            score("sample:train", g, seed, "burst", made, 1.0)
for g in ("bootstrap", "markov", "marginals", "uniform"):
    made = generate("lan", g, 1)
    score("lan", g, 1, "emd", made, 0.7)
    score("lan", g, 1, "jsd", made, 0.9)
floor("sample:train", 1.0, (("flow-disjoint", 1.0), ("by time", 1.3)))
floor("sample:test", 1.15, (("flow-disjoint", 1.0),))
floor("lan", 0.8, (("by time", 1.0),))

rows.sort(key=lambda r: [str(v) for v in r])
text = io.StringIO()
writer = csv.writer(text, lineterminator="\n")
writer.writerow(COLUMNS)
writer.writerows(rows)
files["scores.csv"] = text.getvalue()
files["manifest.json"] = json.dumps({
    "experiment": "example", "weir": "0.1.0", "results_version": 1, "git": "0123456789abcdef",
    "script": {"path": "experiments/example.lua", "sha256": hashlib.sha256(b"script").hexdigest()},
    "host": {"name": "bench", "system": "Linux 6.1", "cpu": "An eight-core CPU at 3.4 GHz", "cores": 8,
             "memory": 33_500_000_000, "gpu": None},
    "started": "2026-11-20T12:00:00Z", "finished": "2026-11-20T12:41:07Z",
    "command": ["weir", "run", "experiments/example.lua", "--jobs", "2"],
    "plugins": [{"kind": "generator", "name": g, "path": f"/usr/lib/weir/generators/{g}.so", "build": job_id(g)[:16]}
                for g in GENERATORS],
    "inputs": [{"name": name, "files": [{"path": f"/data/{name}.pcap", "bytes": size,
                                         "sha256": hashlib.sha256(name.encode()).hexdigest()}],
                "facts": {"packets": packets, "flows": flows, "packets_per_flow": packets / flows,
                          "flows_5": 0.42, "packets_in_flows_5": 0.93, "zeros": 0.11, "duration": duration}}
               for name, size, packets, flows, duration in (("sample", 2_700_123, 30135, 1712, 90.5),
                                                            ("lan", 910_444, 12054, 803, 600.0))],
    "jobs": {"total": 94, "cached": 0, "done": 91, "failed": 3},
    "options": {"jobs": 2, "threads": 1, "device": "cpu", "memory": 0, "time": 0}}, indent=1) + "\n"
(here / "store.txt").write_text("".join(f"=== {name}\n{files[name]}" for name in sorted(files)))

# ---- What the rows must give, from the rows alone ---------------------------------------------------------------

RANKED = ["CTGAN", "CascadeGAN", "bootstrap", "broken", "markov"]
GROUPS = {"temporal EMD": ["IT", "FIT", "FD", "AT", "BU", "LD"], "statistical EMD": ["PL", "NPF", "NBF"],
          "JSD": ["SA", "DA", "SP", "DP", "PR"], "burst": ["BD", "NU"]}
values, failed = {}, set()
for r in rows:
    key = (r[0], r[7], r[2])
    if r[13] == "ok":
        values.setdefault(key, []).append(float(r[8]))
    elif r[13] == "failed":
        failed.add(key)

golden = {"cells": [], "boards": [], "averages": []}
skill = {}
for (dataset, feature, label), v in sorted(values.items()):
    cell = {"dataset": dataset, "feature": feature, "label": label, "mean": float(np.mean(v)), "min": min(v), "max": max(v)}
    if len(v) > 1:
        half = stats.sem(v) * stats.t.ppf(0.975, len(v) - 1)
        cell |= {"low": float(np.mean(v) - half), "high": float(np.mean(v) + half)}
    f = values.get((dataset, feature, "flow-disjoint"), values.get((dataset, feature, "by time")))
    c = values.get((dataset, feature, FEATURES[feature][3]))
    if f and c and np.mean(c) > np.mean(f):
        cell["skill"] = float((np.mean(v) - np.mean(f)) / (np.mean(c) - np.mean(f)))
        skill[dataset, feature, label] = cell["skill"]
    golden["cells"].append(cell)

for dataset in ("lan", "sample:train", "sample:test"):
    ranks = {label: [] for label in RANKED}
    for feature in FEATURES:
        there = [l for l in RANKED if (dataset, feature, l) in values or (dataset, feature, l) in failed]
        if not any((dataset, feature, l) in values for l in there):
            continue
        means = [np.mean(values[dataset, feature, l]) if (dataset, feature, l) in values else math.inf for l in there]
        for label, rank in zip(there, stats.rankdata(means)):
            ranks[label].append(float(rank))
    for label in RANKED:
        if not ranks[label]:
            continue
        board = {"dataset": dataset, "label": label, "rank": float(np.mean(ranks[label])), "features": len(ranks[label]),
                 "skill": {}}
        for group, features in GROUPS.items():
            s = [skill[dataset, f, label] for f in features if (dataset, f, label) in skill]
            if s:
                board["skill"][group] = float(np.median(s))
        golden["boards"].append(board)

for dataset in ("lan", "sample:train"):
    for group, features in GROUPS.items():
        for label in RANKED:
            scaled = {"none": [], "cascadenet": [], "netshare": []}
            for f in features:
                if (dataset, f, label) not in values:
                    continue
                all_ = [np.mean(values[dataset, f, l]) for l in RANKED if (dataset, f, l) in values]
                d, low, high = np.mean(values[dataset, f, label]), min(all_), max(all_)
                if group == "JSD":
                    scaled["none"].append(d)
                scaled["cascadenet"].append(0.9 * d / high)
                if high > low:
                    scaled["netshare"].append(0.1 + 0.8 * (d - low) / (high - low))
            for norm, v in scaled.items():
                if v:
                    golden["averages"].append({"dataset": dataset, "group": group, "label": label, "norm": norm,
                                               "value": float(np.mean(v)), "features": len(v)})

# A cell of twelve seeds: SciPy's own BCa interval, with its own resamples.
seeds = [float(v) for v in np.random.default_rng(5).gamma(2.0, 0.4, 12)]
interval = stats.bootstrap((seeds,), np.mean, n_resamples=200_000, method="BCa", rng=np.random.default_rng(1)).confidence_interval
golden["bca"] = {"values": seeds, "mean": float(np.mean(seeds)), "low": float(interval.low), "high": float(interval.high)}
(here / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
