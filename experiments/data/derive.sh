# Sourced by capture.sh: what is derived from the captures, and the checks on all of it.
# shellcheck shell=sh

# make_netflow PCAP CSV: softflowd exports the flows of PCAP, nfcapd collects them, nfdump prints them.
# NetFlow 5, because its times are right for a capture that is read from a file; they are whole milliseconds.
# No control socket (-c none): softflowd 1.1.0 may wait on it for ever when it reads a file.
make_netflow() {
    add_host flow
    # softflowd exports all flows at once; slower than the collector reads, so that none is lost.
    in_host flow tc qdisc add dev lo root tbf rate 4mbit burst 8k latency 10s
    mkdir "$WORK/nf"
    ip netns exec "$NETNS-flow" timeout 120 nfcapd -w "$WORK/nf" -p 9995 -b 127.0.0.1 -t 3600 -S 0 >"$WORK/log/nfcapd" 2>&1 &
    collector=$!
    sleep 1
    in_host flow timeout 60 softflowd -r "$1" -n 127.0.0.1:9995 -v 5 -m 65536 -d \
        -p "$WORK/nf.pid" -c none >"$WORK/log/softflowd" 2>&1
    sleep 2
    kill "$collector"
    wait "$collector" || :
    echo "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,label,type" >"$2"
    nfdump -q -N -r "$(ls "$WORK"/nf/nfcapd.2*)" -o 'fmt:%tsr,%td,%sa,%da,%sp,%dp,%pr,%pkt,%byt' | tr -d ' ' |
        sort -t, -k1,1n -k3,3 -k4,4 -k5,5n -k6,6n | awk -F, -v OFS=, '
        BEGIN {
            split("22 ssh 53 dns 80 http 123 ntp 443 https 514 syslog 5201 bulk 5202 voice 6379 redis", w, " ")
            for (i = 1; i in w; i += 2) service[w[i]] = w[i + 1]
        }
        $7 + 0 == 1 { $5 = $6 = 0 }
        NF == 9 && $8 > 0 {
            scan = $3 == "10.1.66.6" || $4 == "10.1.66.6"
            type = $7 == 1 ? "icmp" : $6 in service ? service[$6] : $5 in service ? service[$5] : "other"
            split($1, t, ".")
            print $3, $4, $5, $6, $7 + 0, t[1] substr(t[2] "000000", 1, 6), $2, $8, $9,
                scan ? "scan" : "benign", scan ? "scan" : type
        }' >>"$2"
    remove_network
}

# at_least WHAT COUNT LEAST; at_most WHAT COUNT MOST
at_least() {
    echo "  $1: $2"
    [ "$2" -ge "$3" ] || { echo "capture.sh: $1: $2, should be at least $3" >&2; return 1; }
}
at_most() {
    echo "  $1: $2"
    [ "$2" -le "$3" ] || { echo "capture.sh: $1: $2, should be at most $3" >&2; return 1; }
}

# count PCAP FILTER: packets that match; checksums are verified where the packet is whole
count() {
    tshark -n -r "$1" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE -Y "$2" \
        -T fields -e frame.number 2>/dev/null | wc -l
}

check_sample() {
    echo "sample.pcap"
    at_most "bytes" "$(wc -c <"$1")" 3000000
    at_least "IPv4 packets" "$(count "$1" ip)" 20000
    at_least "TCP" "$(count "$1" 'ip.proto == 6')" 1000
    at_least "UDP" "$(count "$1" 'ip.proto == 17')" 1000
    at_least "ICMP" "$(count "$1" 'ip.proto == 1')" 100
    at_least "directed flows" "$(tshark -n -r "$1" -Y ip -T fields -E occurrence=f -e ip.src -e ip.dst -e ip.proto \
        -e tcp.srcport -e tcp.dstport -e udp.srcport -e udp.dstport 2>/dev/null |
        awk '$3 == 1 { print $1, $2; next } 1' | sort -u | wc -l)" 1500
    at_least "checksums verified (TCP or UDP)" \
        "$(count "$1" 'tcp.checksum.status == 1 || udp.checksum.status == 1')" 1000
    at_most "bad checksums" "$(count "$1" 'ip.checksum.status == 0 || tcp.checksum.status == 0 ||
        udp.checksum.status == 0 || icmp.checksum.status == 0')" 0
    at_most "malformed" "$(count "$1" '_ws.malformed')" 0
    echo "sample-netflow.csv"
    at_most "bytes" "$(wc -c <"$2")" 300000
    at_least "flow records" "$(($(wc -l <"$2") - 1))" 1500
    at_least "packets in them" "$(awk -F, '{ n += $8 } END { print n }' "$2")" "$(count "$1" ip)"
}

check_series() {
    echo "sample-series.csv"
    at_most "bytes" "$(wc -c <"$1")" 6000000
    at_least "labels" "$(tail -n +2 "$1" | cut -d, -f2 | sort -u | wc -l)" 20
    at_least "series of the rarest label" "$(tail -n +2 "$1" | cut -d, -f1,2 | sort -u | cut -d, -f2 | sort |
        uniq -c | awk 'NR == 1 || $1 < n { n = $1 } END { print n }')" "$TRACES"
    at_least "packets of the shortest series" "$(tail -n +2 "$1" | cut -d, -f1 | uniq -c |
        awk 'NR == 1 || $1 < n { n = $1 } END { print n }')" 10
    python3 "$HERE/pace.py" "$1"
}
