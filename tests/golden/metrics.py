"""Makes metrics.json: two random traces and every feature of emd, jsd, overlap and burst, computed with
pandas, SciPy and nolds from the definitions, in both variants.

    pip install numpy==1.24.2 scipy==1.10.1 pandas==1.5.3 nolds==0.6.2 && python3 metrics.py > metrics.json
"""
import json
import sys
from collections import Counter

import nolds
import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance as emd

random = np.random.default_rng(3)
TUPLE = ["srcip", "dstip", "srcport", "dstport", "proto"]


def trace(packets, flows, hosts, start, seconds, scale):
    """Flows of very different sizes, a few in bursts; times in whole microseconds."""
    tuples = pd.DataFrame({
        "srcip": random.integers(0, hosts, flows) + 167772160, "dstip": random.integers(0, hosts, flows) + 3232235520,
        "srcport": random.integers(1024, 65536, flows), "dstport": random.choice([80, 443, 53, 22, 123, 25, 8080], flows),
        "proto": random.choice([6, 17, 1], flows, p=[0.7, 0.25, 0.05]),
    })
    popularity = 1 / np.arange(1, flows + 1)
    of = random.choice(flows, packets, p=popularity / popularity.sum())
    data = tuples.iloc[of].reset_index(drop=True)
    begin = random.uniform(0, seconds * 0.8, flows)
    length = random.exponential(seconds * 0.2, flows)
    at = np.minimum(begin[of] + random.uniform(0, 1, packets) ** scale * length[of], seconds)
    data["time"] = start + (at * 1e6).astype("int64")
    data["pkt_len"] = random.choice([40, 52, 60, 576, 1500], packets, p=[0.3, 0.2, 0.1, 0.1, 0.3])
    data["ttl"] = random.choice([32, 63, 64, 128], packets)
    return data.sort_values("time", kind="stable").reset_index(drop=True)


def flow_groups(data):
    return [group for _, group in data.groupby(TUPLE, sort=False)]


def hurst(series):
    return nolds.hurst_rs(series, fit="poly")


def bins_ref(data):
    """The reference: seconds as doubles, each trace over its own duration."""
    t = data["time"] / 1e6
    t = t - t.min()
    width = t.max() / 400
    index = np.minimum((t // width).astype(int), 399)
    return [np.bincount(index[group.index], minlength=400) for group in flow_groups(data)]


def bins_fix(data, window):
    """The real trace's window for both; offsets are whole microseconds, so that integers decide the bin."""
    offset = (data["time"] - data["time"].iloc[0]).to_numpy()
    index = np.minimum(offset * 400 // window, 399)
    index[offset > window] = -1
    return [np.bincount(index[group.index][index[group.index] >= 0], minlength=400) for group in flow_groups(data)]


def burstiness(bins):
    return [b.std() / b.mean() for b in bins if b.sum()]


def emd_samples(data, variant, window):
    groups = flow_groups(data)
    t = data["time"] / 1e6
    t = t - t.min() if variant == "ref" else (data["time"] - data["time"].iloc[0]) / 1e6
    times = [t[group.index].to_numpy() for group in groups]
    bytes_ = [group["pkt_len"].sum() for group in groups]
    bins = bins_ref(data) if variant == "ref" else bins_fix(data, window)
    least = 2 if variant == "ref" else 20
    lasting = [(b, x) for b, x in zip(bytes_, times) if x.max() > x.min()]
    return {
        "IT": np.diff(t), "FIT": np.concatenate([np.diff(x) for x in times]),
        "FD": [x.max() - x.min() for x in times],
        "AT": [b / x.max() - x.min() if variant == "ref" else b / (x.max() - x.min()) for b, x in lasting],
        "BU": burstiness(bins), "LD": [hurst(b) for b in bins if (b > 0).sum() >= least],
        "TS": t, "PL": data["pkt_len"], "TTL": data["ttl"],
        "NPF": [len(x) for x in times], "NBF": bytes_,
    }


def jsd(a, b):
    support = sorted(set(a) | set(b))
    p, q = Counter(a), Counter(b)
    return jensenshannon([p[x] for x in support], [q[x] for x in support])


def jsd_rank(a, b):
    p = sorted(Counter(a).values(), reverse=True)
    q = sorted(Counter(b).values(), reverse=True)
    size = max(len(p), len(q))
    return jensenshannon(p + [0] * (size - len(p)), q + [0] * (size - len(q)))


def jsd_top(a, b, top=5):
    services = sorted(((-n, port) for port, n in Counter(a).items() if 0 < port < 1024))[:top]
    ports = [port for _, port in services]
    classes = [[sum(x == port for x in side) for port in ports] + [sum(x not in ports for x in side)] for side in (a, b)]
    return jensenshannon(*classes)


def rows_of(data, columns):
    return list(data[columns].itertuples(index=False, name=None))


def runs_of(data, run=5):
    runs = []
    for group in flow_groups(data):
        lengths, proto = group["pkt_len"].tolist(), int(group["proto"].iloc[0])
        runs += [(proto, *lengths[i:i + run]) for i in range(len(lengths) - run + 1)]
    return runs


def share(asked, known):
    known = set(known)
    return sum(x in known for x in asked) / len(asked) if known and asked else None


def overlap(known, asked):
    record = TUPLE + ["ttl", "pkt_len"]
    addresses = [set(d["srcip"]) | set(d["dstip"]) for d in (known, asked)]
    return {
        "REC": share(rows_of(asked, record), rows_of(known, record)),
        "TUPLE": share(list(set(rows_of(asked, TUPLE))), rows_of(known, TUPLE)),
        "IP": share(list(addresses[1]), addresses[0]),
        "RUN": share(runs_of(asked), runs_of(known)),
    }


def run_lengths(bursts):
    """(is burst, first bin, bins) of each run."""
    runs, start = [], 0
    for i in range(1, len(bursts) + 1):
        if i == len(bursts) or bursts[i] != bursts[start]:
            runs.append((bool(bursts[start]), start, i - start))
            start = i
    return runs


def burst_samples(data, variant, real, points, own=True):
    span = int(real["time"].iloc[-1] - real["time"].iloc[0])
    if variant == "ref":
        interval = max(int(span / 1e6 / points * 1e6), 1)
        series = pd.Series(data["pkt_len"].to_numpy(), index=pd.to_datetime(data["time"], unit="us"))
        sums = series.resample(f"{interval}us").sum().to_numpy()
        width = interval / 1e6
    else:
        offset = (data["time"] - data["time"].iloc[0]).to_numpy()
        inside = offset <= span
        index = np.minimum(offset[inside] * points // span, points - 1)
        lengths = data["pkt_len"].to_numpy()[inside]
        sums = np.bincount(index, lengths, minlength=points)
        width = span / 1e6 / points
    full = sums.max() if own else None
    use = sums / full
    runs = run_lengths(use > 0.5)
    bursts = [i for i, (is_burst, _, _) in enumerate(runs) if is_burst]
    of = lambda run: sums[run[1]:run[1] + run[2]].sum()
    samples = {
        "BD": [n * width for is_burst, _, n in runs if is_burst],
        "TB": [runs[i][2] * width for i in range(bursts[0], bursts[-1]) if not runs[i][0]],
        "NU": use,
        "BURST_BYTES": [of(run) for run in runs if run[0]],
        "GAP_BYTES": [of(run) for run in runs if not run[0] and of(run) > 0],
    }
    if variant == "ref":
        samples["BPS"], samples["NPS"] = samples.pop("BURST_BYTES"), samples.pop("GAP_BYTES")
    else:
        samples["BPS"], samples["NPS"] = lengths[use[index] > 0.5], lengths[use[index] <= 0.5]
    return samples


def distances(real, synthetic):
    return {key: {"value": emd(real[key], synthetic[key]), "n_real": len(real[key]), "n_synthetic": len(synthetic[key])}
            for key in real if len(real[key]) and len(synthetic[key])}


def scores(real, synthetic, points):
    window = int(real["time"].iloc[-1] - real["time"].iloc[0])
    half = len(real) // 2
    columns = {"SA": "srcip", "DA": "dstip", "SP": "srcport", "DP": "dstport", "PR": "proto"}
    result = {
        "real": {name: real[name].tolist() for name in real},
        "synthetic": {name: synthetic[name].tolist() for name in synthetic},
        "outside": (synthetic["time"] - synthetic["time"].iloc[0] > window).mean(),
        "jsd": {
            **{label: jsd(real[name].tolist(), synthetic[name].tolist()) for label, name in columns.items()},
            "SA_RANK": jsd_rank(real["srcip"].tolist(), synthetic["srcip"].tolist()),
            "DA_RANK": jsd_rank(real["dstip"].tolist(), synthetic["dstip"].tolist()),
            "TOP": jsd_top(real["dstport"].tolist(), synthetic["dstport"].tolist()),
        },
        "overlap": {
            **overlap(real, synthetic),
            **{f"{key}_REAL": value for key, value in overlap(real[:half], real[half:]).items()},
        },
        "points": points, "emd": {}, "burst": {},
    }
    for variant in ("fix", "ref"):
        result["emd"][variant] = distances(*(emd_samples(side, variant, window) for side in (real, synthetic)))
        result["burst"][variant] = distances(*(burst_samples(side, variant, real, points) for side in (real, synthetic)))
    return result


def packets(text):
    names = ["srcip", "dstip", "srcport", "dstport", "proto", "time", "pkt_len", "ttl"]
    return pd.DataFrame([map(int, line.split(",")) for line in text.split()], columns=names)


real = trace(1200, 90, 25, 1600000000123456, 40, 1)
# Over a midnight, longer than the real one, and with some of its packets.
synthetic = trace(840, 70, 30, 1700092795000000, 47, 2)
copied = real[::20].copy()
copied["time"] += 1700092795000000 - 1600000000000000
synthetic = pd.concat([synthetic, copied]).sort_values("time", kind="stable").reset_index(drop=True)

# Small enough to be checked by hand (specs D.17).
small_real = packets("""1,2,1000,80,6,1000000,60,64 1,2,1000,80,6,1500000,1500,64 3,2,2000,53,17,2000000,80,128
    1,2,1000,80,6,2500000,1500,64 3,2,2000,53,17,3000000,120,128 4,5,3000,443,6,4000000,40,32
    1,2,1000,80,6,5000000,40,64 4,5,3000,443,6,9000000,1400,32""")
small_synthetic = packets("""1,2,1000,80,6,2000000,60,64 1,2,1000,80,6,2100000,1400,64 7,2,2000,53,17,2600000,90,128
    1,2,1000,80,6,3000000,1500,63 4,5,3000,80,6,5000000,52,32 4,5,3000,80,6,6000000,40,32
    8,9,4000,443,6,8000000,1000,32""")
small = scores(small_real, small_synthetic, 8)
for group, feature, value in [
        ("emd", "IT", 0.595238095), ("emd", "FIT", 1.333333333), ("emd", "FD", 2.833333333),
        ("emd", "AT", 1244.666666667), ("emd", "BU", 3.668966384), ("emd", "LD", 0.075119280),
        ("emd", "PL", 99.071428571), ("emd", "TTL", 12.714285714), ("emd", "NPF", 0.916666667),
        ("emd", "NBF", 544.5), ("emd", "TS", 0.65), ("burst", "BD", 0), ("burst", "TB", 2),
        ("burst", "NU", 0.075819), ("burst", "BPS", 245), ("burst", "NPS", 108)]:
    assert abs(small[group]["ref"][feature]["value"] - value) < 1e-6, (feature, small[group]["ref"][feature])
for feature, value in [("SA", 0.433168659), ("DA", 0.236975754), ("SP", 0.242651476), ("DP", 0.155886482),
                       ("PR", 0.095841543), ("SA_RANK", 0.058879739 ** 0.5), ("DA_RANK", 0.056157508 ** 0.5)]:
    assert abs(small["jsd"][feature] - value) < 1e-8, (feature, small["jsd"][feature])
assert abs(small["overlap"]["REC"] - 1 / 7) < 1e-15

json.dump({"large": scores(real, synthetic, 60), "small": small}, sys.stdout)
sys.stdout.write("\n")
