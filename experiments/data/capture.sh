#!/bin/sh
# Makes the sample data of this folder again: real programs between hosts in network namespaces of their own.
# README.md says what comes out. As root on Debian 12, on a machine you can throw away:
#   sh experiments/data/capture.sh [--out DIR] [--seed N] [--only sample|series] [--keep-captures DIR] [--no-install]
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
OUT=$HERE SEED=1 ONLY=both KEEP='' INSTALL=yes
SECONDS_LONG=240 # of the sample trace
LANES=12         # sessions captured at the same time, for the series
TRACES=60        # of each class, for the series
PACKAGES="nginx curl dnsmasq-base chrony openssh-server openssh-client redis-server redis-tools iperf3 nmap socat
    bsdutils bind9-dnsutils iputils-ping tcpdump ethtool iproute2 procps openssl softflowd nfdump tshark wireshark-common python3"

usage() {
    echo "capture.sh: $1" >&2
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --out) OUT=${2:?--out wants a folder} && shift ;;
    --seed) SEED=${2:?--seed wants a number} && shift ;;
    --only) ONLY=${2:?--only wants sample or series} && shift ;;
    --keep-captures) KEEP=${2:?--keep-captures wants a folder} && shift ;;
    --no-install) INSTALL=no ;;
    *) usage "unknown option '$1'" ;;
    esac
    shift
done
case $ONLY in both | sample | series) ;; *) usage "--only wants sample or series, not '$ONLY'" ;; esac
case $SEED in '' | *[!0-9]*) usage "--seed wants a number, not '$SEED'" ;; esac
[ "$(id -u)" = 0 ] || { echo "capture.sh: needs root, for network namespaces" >&2; exit 1; }
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)

export PYTHONDONTWRITEBYTECODE=1
WORK=$(mktemp -d /tmp/weir-capture.XXXXXX)
# shellcheck source=hosts.sh
. "$HERE/hosts.sh"
# shellcheck source=servers.sh
. "$HERE/servers.sh"
# shellcheck source=derive.sh
. "$HERE/derive.sh"
DRIVER=''
trap 'set +e; [ -z "$DRIVER" ] || kill "$DRIVER" 2>/dev/null; remove_network; rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP

# install: what is missing, without starting the services that Debian would start
install() {
    missing=''
    for package in $PACKAGES; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    else
        policy=''
    fi
    apt-get update -q
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing || failed=$?
    [ -z "$policy" ] || rm -f "$policy"
    return "${failed:-0}"
}

# drive SECONDS COMMAND...: in the background, since a shell acts on Ctrl-C only while it waits
drive() {
    timeout "$@" &
    DRIVER=$!
    wait "$DRIVER"
    DRIVER=''
}

# make_sample: sample.pcap, one capture point (the bridge), every packet once
make_sample() {
    make_sample_network
    start_sample_servers
    sleep 3
    ip netns exec "$NETNS-bridge" timeout 900 tcpdump -i br0 -s 96 -B 16384 --time-stamp-precision=nano -Z root \
        -w "$WORK/captured.pcap" 2>"$WORK/log/tcpdump" &
    dump=$!
    sleep 1
    drive 600 python3 "$HERE/traffic.py" "$WORK" "$SEED" "$SECONDS_LONG"
    sleep 1
    kill "$dump"
    wait "$dump" || :
    cat "$WORK/log/tcpdump"
    remove_network
    # Two processors may hand over packets some microseconds apart in the wrong order.
    reordercap "$WORK/captured.pcap" "$WORK/sample.pcap"
    make_netflow "$WORK/sample.pcap" "$WORK/sample-netflow.csv"
    check_sample "$WORK/sample.pcap" "$WORK/sample-netflow.csv"
    mv "$WORK/sample.pcap" "$WORK/sample-netflow.csv" "$OUT"
}

# make_series: sample-series.csv
make_series() {
    captures=${KEEP:-$WORK/captures}
    mkdir -p "$captures"
    make_lanes "$LANES"
    start_lane_servers "$LANES"
    sleep 3
    drive 3000 python3 "$HERE/series.py" "$WORK" "$SEED" "$LANES" "$TRACES" "$captures" "$WORK/sample-series.csv"
    remove_network
    check_series "$WORK/sample-series.csv"
    mv "$WORK/sample-series.csv" "$OUT"
}

[ "$INSTALL" = no ] || install
mkdir -p "$WORK/log" "$WORK/site"
: >"$WORK/wires"
probe_netem
make_keys
python3 -c "import sys; sys.path.insert(0, '$HERE'); import common; common.make_site('$WORK/site')"
[ "$ONLY" = series ] || make_sample
[ "$ONLY" = sample ] || make_series
