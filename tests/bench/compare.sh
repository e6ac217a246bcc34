# weir compare of two captures of a million packets (or $1) and 50,000 flows, on one core: every feature of emd and
# jsd with Hurst exponents, and burst. Against pandas, SciPy and nolds where python3 (or $WEIR_PYTHON) has them,
# and against plain C (qsort, dense series).
packets=${1:-1000000}
python=${WEIR_PYTHON:-python3}
make_trace=$(bench_program make_trace)
compare_peer=$(bench_program compare_peer)
"$make_trace" "$packets" 50000 1 "$tmp/real.pcap" "$tmp/real.csv"
"$make_trace" "$packets" 50000 2 "$tmp/synthetic.pcap" "$tmp/synthetic.csv"
one_core=
command -v taskset >/dev/null && one_core="taskset -c 0"

# seconds COMMAND…: processor seconds of its own and of the kernel for it, which other programs do not stretch.
seconds() {
    (
        $one_core "$@" >"$tmp/out" 2>"$tmp/err" || {
            cat "$tmp/err" >&2
            exit 1
        }
        times >"$tmp/times"
        awk 'NR == 2 { split($1, u, /[ms]/); split($2, s, /[ms]/)
            printf "%.3f", 60 * (u[1] + s[1]) + u[2] + s[2] }' "$tmp/times"
    )
}

# figure NAME OURS PEER PEER_NAME
figure() {
    awk -v name="$1" -v ours="$2" -v peer="$3" -v peer_name="$4" 'BEGIN {
        printf "{\"name\":\"%s\",\"ours\":%g,\"peer\":%g,\"peer_name\":\"%s\",\"unit\":\"s\",\"ratio\":%.4g}\n",
            name, ours, peer, peer_name, ours / peer }'
}

compare() {
    seconds "$build/weir" compare "$tmp/real.pcap" "$tmp/synthetic.pcap" --json "$@"
}

first=$(compare --metrics emd,jsd --downstream burst)
again=$(compare --metrics emd,jsd --downstream burst)
ref=$(compare --metrics emd,jsd --downstream burst --variant ref)
everything=$(compare --downstream burst)
floor=$(seconds "$compare_peer" "$tmp/real.pcap" "$tmp/synthetic.pcap")
figure compare "$first" "$floor" "plain C: libpcap, qsort, dense series"
figure compare_cached "$again" "$floor" "plain C: libpcap, qsort, dense series"
figure compare_ref_cached "$ref" "$floor" "plain C: libpcap, qsort, dense series"
figure compare_with_overlap_cached "$everything" "$floor" "plain C: libpcap, qsort, dense series"
if "$python" -c "import pandas, scipy, nolds" 2>/dev/null; then
    peer=$(seconds "$python" "$source/tests/bench/compare_peer.py" "$tmp/real.csv" "$tmp/synthetic.csv")
    figure compare "$first" "$peer" "pandas, SciPy and nolds on CSV"
fi
