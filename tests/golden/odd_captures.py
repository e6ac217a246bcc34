#!/usr/bin/env python3
"""Makes odd_captures.tsv: what tshark sees in the odd captures: file, packets, ipv4.

usage: odd_captures.py FOLDER > odd_captures.tsv        (needs tshark; made with 4.0.17)

ipv4 counts the frames whose outermost network layer is IPv4, unless tshark calls the version or the
header length bogus, or the total length lies below the header. Files that tshark cannot read to the end,
or not at all, have "-". Frames cut before 20 bytes of IPv4 header behind an Ethernet header do not count.
"""
import os
import subprocess
import sys

NETWORK = {"ip", "ipv6", "arp"}
FIELDS = ["frame.protocols", "ip.version", "ip.hdr_len", "ip.len", "ip.bogus_ip_version",
          "ip.bogus_header_length", "ip.bogus_ip_length", "frame.cap_len"]


def usable(row):
    layers = [layer for layer in row["frame.protocols"].split(":") if layer in NETWORK]
    if not layers or layers[0] != "ip":
        return False
    first = {name: row[name].split("|")[0] for name in ("ip.version", "ip.hdr_len", "ip.len")}
    if row["ip.bogus_ip_version"] or row["ip.bogus_header_length"]:
        return False
    if row["ip.bogus_ip_length"] and int(first["ip.len"] or 0) < int(first["ip.hdr_len"] or 0):
        return False
    link = 14 if "eth" in row["frame.protocols"].split(":") else 0
    return (first["ip.version"] == "4" and int(first["ip.hdr_len"] or 0) >= 20
            and int(row["frame.cap_len"]) >= link + 20)


def count(path):
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        return "-", "-"
    rows = []
    for line in done.stdout.split("\n")[:-1]:
        values = line.split("\t") + [""] * len(FIELDS)
        rows.append(dict(zip(FIELDS, values)))
    return len(rows), sum(usable(row) for row in rows)


def main():
    folder = sys.argv[1]
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".md"):
            print(name, *count(os.path.join(folder, name)), sep="\t")


main()
