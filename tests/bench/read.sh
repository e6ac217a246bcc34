# Reading a capture of a million packets (or $1) and 50,000 flows: against a bare libpcap loop, from the cache,
# resident memory, and against tshark where it is installed.
packets=${1:-1000000}
make_trace=$(bench_program make_trace)
read_trace=$(bench_program read_trace)
"$make_trace" "$packets" 50000 1 "$tmp/trace.pcap" "$tmp/trace.csv"
"$read_trace" "$tmp/trace.pcap" "$tmp/trace.csv"
"$read_trace" --memory "$tmp/trace.pcap"

# seconds COMMAND…: how long it takes.
seconds() {
    begin=$(date +%s.%N)
    "$@" >/dev/null 2>&1 || true
    end=$(date +%s.%N)
    awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.6f", b - a }'
}

# figure NAME OURS PEER PEER_NAME
figure() {
    awk -v name="$1" -v ours="$2" -v peer="$3" -v peer_name="$4" 'BEGIN {
        printf "{\"name\":\"%s\",\"ours\":%g,\"peer\":%g,\"peer_name\":\"%s\",\"unit\":\"s\",\"ratio\":%.4g}\n",
            name, ours, peer, peer_name, ours / peer }'
}

if command -v tshark >/dev/null; then
    head -c 6700000 "$tmp/trace.pcap" >"$tmp/part.pcap" # about a tenth, the last packet cut
    ours=$(seconds "$build/weir" trace convert --allow-truncated "$tmp/part.pcap" "$tmp/out.csv")
    peer=$(seconds tshark -n -r "$tmp/part.pcap" -T fields -e frame.time_epoch -e ip.src -e ip.dst -e ip.proto \
        -e ip.len -e tcp.srcport -e tcp.dstport -e udp.srcport -e udp.dstport)
    figure to_csv "$ours" "$peer" "tshark -T fields, 9 fields, a tenth of the trace"
fi
