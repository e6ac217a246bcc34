"""Checks that the -fast and -slow classes of the series differ in timing and not in size.

Usage: pace.py SERIES.csv. For each pair of classes: the accuracy of the nearest neighbour (leave one out) by the signed
sizes in order, and by the sorted logarithms of the gaps. Chance is 0.5; with 120 series its standard error is 0.05.
"""

import csv
import math
import sys

LONGEST = 96


def accuracy(rows, labels):
    right = 0
    for i, a in enumerate(rows):
        nearest = min((sum((x - y) ** 2 for x, y in zip(a, b)), j) for j, b in enumerate(rows) if j != i)[1]
        right += labels[i] == labels[nearest]
    return right / len(rows)


def main():
    series = {}
    with open(sys.argv[1], newline="") as f:
        for row in csv.DictReader(f):
            base, _, pace = row["label"].rpartition("-")
            if pace in ("fast", "slow"):
                sizes, gaps, _ = series.setdefault(base, {}).setdefault(row["series"], ([], [], pace))
                sizes.append(float(row["size"]) * float(row["direction"]))
                gaps.append(math.log(max(float(row["gap"]), 1e-6)))
    wrong = len(series) != 4
    for base, members in series.items():
        labels = [pace for _, _, pace in members.values()]
        by_size = accuracy([s + [0.0] * (LONGEST - len(s)) for s, _, _ in members.values()], labels)
        by_gap = accuracy([sorted(g)[::-1] + [-14.0] * (LONGEST - len(g)) for _, g, _ in members.values()], labels)
        print(f"  {base}, fast or slow: {by_size:.2f} right by size, {by_gap:.2f} right by gap")
        wrong = wrong or by_size > 0.68 or by_gap < 0.7
    sys.exit("pace.py: sizes should be near 0.5 and gaps well above (was the machine busy?)" if wrong else 0)


main()
