"""Makes netflow.json: two random tables of flow records with the features that emd, jsd and overlap have for them,
and the shares of validity for them and for two tables of packets, computed with pandas and SciPy from the definitions.

    pip install numpy==1.24.2 scipy==1.10.1 pandas==1.5.3 && python3 netflow.py > netflow.json
"""
import ipaddress
import json
import sys
from collections import Counter

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance as emd

random = np.random.default_rng(5)
TUPLE = ["srcip", "dstip", "srcport", "dstport", "proto"]
PORTS = [80, 443, 53, 22, 123, 137, 138, 25, 68, 8080]


def number(text):
    return int(ipaddress.ip_address(text))


def ends(n, odd):
    """Addresses, ports and protocols, with `odd` of the rows breaking the rules."""
    hosts = [number("192.168.1.0") + i for i in range(1, 30)] + [number("42.219.3.0") + i for i in range(1, 30)]
    strange = [number(x) for x in ("224.0.0.251", "239.255.255.250", "255.255.255.255", "0.0.0.0", "0.0.0.9",
                                   "192.168.1.255", "240.0.0.1", "10.0.0.0", "127.0.0.0", "172.31.4.255")]
    data = pd.DataFrame({
        "srcip": random.choice(hosts, n), "dstip": random.choice(hosts + [number("8.8.8.8")], n),
        "srcport": random.choice([40000, 40001, 50000, 137, 53], n, p=[0.3, 0.3, 0.3, 0.05, 0.05]),
        "dstport": random.choice(PORTS, n), "proto": random.choice([6, 17, 1, 47], n, p=[0.6, 0.3, 0.05, 0.05]),
    })
    for name in ("srcip", "dstip"):
        hit = random.random(n) < odd
        data.loc[hit, name] = random.choice(strange, hit.sum())
    return data


def records(n, odd, kinds, start):
    data = ends(n, odd)
    repeated = random.choice(n, n // 3, replace=False)
    data.loc[repeated, TUPLE] = data.loc[random.choice(repeated[:10], n // 3), TUPLE].to_numpy()
    data["ts"] = start + np.sort(random.integers(0, 60_000_000, n))
    data["pkt"] = random.geometric(0.3, n)
    data["td"] = np.where(data["pkt"] == 1, random.choice([0, 0.4, 1.0, 3.25], n), np.round(random.exponential(5, n), 3))
    data["byt"] = data["pkt"] * random.choice([20, 28, 40, 41, 576, 65535, 65536, 70000], n)
    data["byt"] += random.integers(0, 2, n)
    data["type"] = random.choice(kinds, n)
    data["label"] = random.choice(["benign", "malicious"], n, p=[0.8, 0.2])
    return data


def packets(n, odd, start):
    data = ends(n, odd)
    data["time"] = start + np.sort(random.integers(0, 60_000_000, n))
    data["pkt_len"] = random.choice([20, 27, 28, 39, 40, 1500], n)
    data["ttl"] = 64
    return data


# ---- emd, jsd, overlap ---------------------------------------------------------------------------------------------


def samples(data, ref):
    t = data["ts"] / 1e6
    t = t - t.min() if ref else (data["ts"] - data["ts"].iloc[0]) / 1e6
    flows = [t[group.index].to_numpy() for _, group in data.groupby(TUPLE, sort=False)]
    return {
        "IT": np.diff(t), "FIT": np.concatenate([np.diff(x) for x in flows]),
        "FD": [x.max() - x.min() for x in flows], "TS": t,
        "TD": data["td"].astype(int) if ref else data["td"], "PKT": data["pkt"].astype(int),
        "BYT": data["byt"].astype(int),
    }


def distances(real, synthetic, ref):
    real, synthetic = samples(real, ref), samples(synthetic, ref)
    return {key: {"value": emd(real[key], synthetic[key]), "n_real": len(real[key]), "n_synthetic": len(synthetic[key])}
            for key in real}


def jsd(a, b):
    support = sorted(set(a) | set(b))
    p, q = Counter(a), Counter(b)
    return jensenshannon([p[x] for x in support], [q[x] for x in support])


def by_rank(a, b):
    p, q = (sorted(Counter(x).values(), reverse=True) for x in (a, b))
    size = max(len(p), len(q))
    return jensenshannon(p + [0] * (size - len(p)), q + [0] * (size - len(q)))


def codes(values):
    """Numbers by first appearance, in each file anew (Q-TYPE)."""
    known = {}
    return [known.setdefault(x, len(known)) for x in values]


def divergences(real, synthetic, ref):
    columns = {"SA": "srcip", "DA": "dstip", "SP": "srcport", "DP": "dstport", "PR": "proto"}
    result = {label: jsd(real[name].tolist(), synthetic[name].tolist()) for label, name in columns.items()}
    for label, name in (("SA_RANK", "srcip"), ("DA_RANK", "dstip")):
        result[label] = by_rank(real[name].tolist(), synthetic[name].tolist()) ** (2 if ref else 1)
    for label, name in (("TYPE", "type"), ("LABEL", "label")):
        a, b = real[name].tolist(), synthetic[name].tolist()
        result[label] = jsd(codes(a), codes(b)) if ref else jsd(a, b)
    return result


def share(asked, known):
    known = set(known)
    return sum(x in known for x in asked) / len(asked)


def rows_of(data, columns):
    return list(data[columns].itertuples(index=False, name=None))


def runs_of(data, run):
    runs = []
    for _, group in data.groupby(TUPLE, sort=False):
        pairs, proto = rows_of(group, ["pkt", "byt"]), int(group["proto"].iloc[0])
        runs += [(proto, *pairs[i:i + run]) for i in range(len(pairs) - run + 1)]
    return runs


def overlap(known, asked, run=2):
    record = TUPLE + ["pkt", "byt"]
    addresses = [set(d["srcip"]) | set(d["dstip"]) for d in (known, asked)]
    return {
        "REC": share(rows_of(asked, record), rows_of(known, record)),
        "TUPLE": share(list(set(rows_of(asked, TUPLE))), rows_of(known, TUPLE)),
        "IP": share(list(addresses[1]), addresses[0]),
        "RUN": share(runs_of(asked, run), runs_of(known, run)),
    }


# ---- validity: each rule gives True, False or None, where a record is not concerned --------------------------------

LEAST = {6: 40, 17: 28}
TCP_ONLY = {20, 21, 22, 23, 25, 80, 110, 143, 179, 445, 465, 587, 993, 995}
UDP_ONLY = {67, 68, 69, 123, 137, 138, 161, 162, 520}
BLOCKS = {number(x) for x in (
    "0.0.0.0", "10.0.0.0", "100.64.0.0", "127.0.0.0", "169.254.0.0", "172.16.0.0", "192.0.0.0", "192.0.2.0",
    "192.88.99.0", "192.168.0.0", "198.18.0.0", "198.51.100.0", "203.0.113.0", "224.0.0.0", "240.0.0.0",
    "255.255.255.255")}


def octets(address):
    return [int(x) for x in str(ipaddress.ip_address(int(address))).split(".")]


def is_group(address):
    o = octets(address)
    return o[0] > 223 or (o[0] == 192 and o[3] == 255)


def test3(r):
    wanted = [6 if port in TCP_ONLY else 17 for port in (r.srcport, r.dstport) if port in TCP_ONLY | UDP_ONLY]
    return all(x == r.proto for x in wanted) if wanted else None


def rules(internal):
    networks = [ipaddress.ip_network(x) for x in internal]
    inside = lambda a: any(ipaddress.ip_address(int(a)) in network for network in networks)
    multicast = ipaddress.ip_network("224.0.0.0/4")
    both = {
        "T1": lambda r: (ipaddress.ip_address(int(r.srcip)) not in multicast and octets(r.srcip)[0] != 255 and
                         octets(r.dstip)[0] != 0),
        "T3": test3,
        "S_IN": lambda r: inside(r.srcip) or inside(r.dstip) or r.srcip == 0 or r.dstip == 0xffffffff,
        "S_WEB": lambda r: r.proto == 6 if {80, 443} & {r.srcport, r.dstport} else None,
        "S_DNS": lambda r: r.proto == 17 if 53 in (r.srcport, r.dstport) else None,
        "S_CAST": lambda r: not is_group(r.srcip) if is_group(r.srcip) or is_group(r.dstip) else None,
        "S_NETB": lambda r: (r.proto == 17 and inside(r.srcip) and inside(r.dstip) and octets(r.dstip)[3] == 255
                             if r.dstport in (137, 138) else None),
        "S_RSV": lambda r: r.srcip not in BLOCKS and r.dstip not in BLOCKS,
    }
    netflow = {
        "T2": lambda r: LEAST[r.proto] * r.pkt <= r.byt <= 65535 * r.pkt if r.proto in LEAST else None,
        "S_BYT": lambda r: 41 * r.pkt <= r.byt <= 65536 * r.pkt,
        "S_ONE": lambda r: r.td < 1 if r.pkt <= 1 else None,
    }
    pcap = {"T4": lambda r: r.pkt_len >= LEAST[r.proto] if r.proto in LEAST else None}
    return {**both, **netflow}, {**both, **pcap}


def validity(real, synthetic, checks):
    result = {}
    for label, check in checks.items():
        shares, counts = [], []
        for data in (real, synthetic):
            verdicts = [x for x in (check(r) for r in data.itertuples()) if x is not None]
            shares.append(sum(verdicts) / len(verdicts) if verdicts else None)
            counts.append(len(verdicts))
        for name, value in ((label, shares[1]), (label + "_REAL", shares[0])):
            if value is not None:
                result[name] = {"value": value, "n_real": counts[0], "n_synthetic": counts[1]}
    return result


def table(data):
    return {name: data[name].tolist() for name in data}


private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
real = records(400, 0.03, ["normal", "ddos", "scanning"], 1_600_000_000_123_456)
synthetic = records(300, 0.3, ["scanning", "normal", "xss", "ddos"], 1_700_000_000_000_000)
synthetic.loc[:60, TUPLE + ["pkt", "byt"]] = real.loc[:60, TUPLE + ["pkt", "byt"]].to_numpy()
real_packets, synthetic_packets = packets(300, 0.03, 1_600_000_000_000_000), packets(200, 0.3, 1_700_000_000_000_000)
half = len(real) // 2
of_records, of_packets = rules(private)
json.dump({
    "real": table(real), "synthetic": table(synthetic),
    "emd": {variant: distances(real, synthetic, variant == "ref") for variant in ("fix", "ref")},
    "jsd": {variant: divergences(real, synthetic, variant == "ref") for variant in ("fix", "ref")},
    "TD_rounded": emd(real["td"].round(), synthetic["td"].round()),
    "overlap": {**overlap(real, synthetic),
                **{f"{key}_REAL": value for key, value in overlap(real[:half], real[half:]).items()}},
    "validity": validity(real, synthetic, of_records),
    "validity_ugr16": validity(real, synthetic, rules(["42.219.0.0/16"])[0]),
    "packets": {"real": table(real_packets), "synthetic": table(synthetic_packets),
                "validity": validity(real_packets, synthetic_packets, of_packets)},
}, sys.stdout)
sys.stdout.write("\n")
