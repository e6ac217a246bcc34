"""What weir compare computes by default, with pandas, SciPy and nolds, vectorised where these allow: the peer of
tests/bench/compare.sh. usage: compare_peer.py REAL.csv SYNTHETIC.csv (time or time_ns)"""
import sys

import nolds
import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

TUPLE = ["srcip", "dstip", "srcport", "dstport", "proto"]


def load(path):
    data = pd.read_csv(path)
    ns = data["time_ns"] if "time_ns" in data else data["time"] * 1000
    data["t"] = (ns - ns.min()) / 1e9
    data = data.sort_values("t", kind="stable").reset_index(drop=True)
    data["flow"] = data.groupby(TUPLE, sort=False).ngroup()
    return data


def samples(data, window):
    groups = data.groupby("flow")
    duration = groups["t"].max() - groups["t"].min()
    total = groups["pkt_len"].sum()
    inside = data[data["t"] <= window]
    bins = np.minimum((inside["t"] / window * 400).astype(int), 399)
    counts = inside.groupby([inside["flow"], bins]).size()
    by_flow = counts.groupby(level=0)
    mean = by_flow.sum() / 400
    burstiness = np.sqrt((counts**2).groupby(level=0).sum() / 400 - mean**2) / mean
    hurst = []
    for flow, occupied in by_flow:
        if len(occupied) >= 20:
            series = np.zeros(400)
            series[occupied.index.get_level_values(1)] = occupied.to_numpy()
            hurst.append(nolds.hurst_rs(series, fit="poly"))
    result = {"IT": np.diff(data["t"]), "FIT": groups["t"].diff().dropna(), "FD": duration,
              "AT": (total / duration)[duration > 0], "BU": burstiness, "LD": hurst, "TS": data["t"],
              "PL": data["pkt_len"], "NPF": groups.size(), "NBF": total}
    if "ttl" in data:
        result["TTL"] = data["ttl"]
    return result


def burst(data, window):
    inside = data[data["t"] <= window]
    bins = np.minimum((inside["t"] / window * 1000).astype(int), 999).to_numpy()
    use = np.bincount(bins, inside["pkt_len"], minlength=1000)
    full = use / use.max() > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate([[0], full, [0]])))
    runs, gaps = edges[1::2] - edges[::2], edges[2::2] - edges[1:-1:2]
    lengths = inside["pkt_len"].to_numpy()
    return {"BD": runs, "TB": gaps, "NU": use / use.max(), "BPS": lengths[full[bins]], "NPS": lengths[~full[bins]]}


real, synthetic = load(sys.argv[1]), load(sys.argv[2])
span = real["t"].max()
for take in (samples, burst):
    a, b = take(real, span), take(synthetic, span)
    for name in a:
        if len(a[name]) and len(b[name]):
            print(name, wasserstein_distance(a[name], b[name]))
for column in TUPLE:
    p, q = real[column].value_counts(), synthetic[column].value_counts()
    support = p.index.union(q.index)
    print(column, jensenshannon(p.reindex(support, fill_value=0), q.reindex(support, fill_value=0)))
    if column in ("srcip", "dstip"):
        size = max(len(p), len(q))
        print(column, "ranks", jensenshannon(*(np.pad(x.to_numpy(), (0, size - len(x))) for x in (p, q))))
