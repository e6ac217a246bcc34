# Captures that Weir writes, as tshark sees them: no malformed packet, no bad checksum, the lengths and times of the
# rows. On the sample trace and on the real traces, as far as they are there.
. "$(dirname -- "$0")/lib.sh"
command -v tshark >/dev/null || skip "tshark is not installed"

cat >rows.csv <<'END'
srcip,dstip,srcport,dstport,proto,time_ns,pkt_len,tcp_flags,flag,off,id
10.0.0.1,10.0.0.2,40000,443,6,1521118773289502001,40,2,DF,0,1
10.0.0.2,10.0.0.1,443,40000,6,1521118773289502002,52,18,DF,0,2
10.0.0.1,10.0.0.2,40000,443,6,1521118773289502003,1500,24,DF,0,3
10.0.0.1,10.0.0.3,5353,53,17,1521118773289502004,28,0,DF,0,4
10.0.0.1,10.0.0.3,5353,53,17,1521118773289502005,84,0,DF,0,5
10.0.0.1,10.0.0.3,0,0,1,1521118773289502006,84,0,DF,0,6
10.0.0.1,10.0.0.3,700,800,17,1521118773289502007,1500,0,MF,0,7
10.0.0.1,10.0.0.3,0,0,17,1521118773289502008,600,0,0,185,7
10.0.0.1,10.0.0.3,0,0,47,1521118773289502009,1500,0,DF,0,8
10.0.0.1,10.0.0.3,1,2,132,1521118773289502010,200,0,DF,0,9
END

bad='_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 ||
     icmp.checksum.status == 0 || _ws.expert.severity == error'

# check FILE: writes it as both formats and lets tshark look.
check() {
    for kind in pcap pcapng; do
        run 0 "$weir" trace convert "$1" "w.$kind"
        tshark -n -r "w.$kind" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE \
            -Y "$bad" >bad.txt 2>tshark.err || fail "tshark: $(cat tshark.err)"
        [ ! -s bad.txt ] || fail "$1 as $kind: tshark finds fault with: $(head -5 bad.txt)"
        tshark -n -r "w.$kind" -o ip.check_checksum:TRUE -Y 'ip.checksum.status == 1' 2>/dev/null | wc -l >good
        run 0 "$weir" trace info "w.$kind" --json
        has out "\"ipv4\": $(cat good),"
    done
}

check rows.csv
tshark -n -r w.pcapng -T fields -e frame.time_epoch -e frame.len -e ip.proto 2>/dev/null >fields
[ "$(sed -n 3p fields)" = "$(printf '1521118773.289502003\t1500\t6')" ] || fail "row 3 reads: $(sed -n 3p fields)"
[ "$(wc -l <fields)" -eq 10 ] || fail "tshark counts $(wc -l <fields) packets, not 10"
# A cut TCP checksum is not verified by tshark; the whole ones are, and are right.
[ "$(tshark -n -r w.pcap -o tcp.check_checksum:TRUE -Y 'tcp.checksum.status == 1' 2>/dev/null | wc -l)" -ge 1 ] ||
    fail "tshark verified no TCP checksum"
[ "$(tshark -n -r w.pcap -o udp.check_checksum:TRUE -Y 'udp.checksum.status == 1' 2>/dev/null | wc -l)" -ge 1 ] ||
    fail "tshark verified no UDP checksum"

for file in "$source/experiments/data/sample.pcap" "$traces/kitsune-mirai-mini-1k.pcap" \
    "$traces/ndpi-gnutella-full.pcap" "$traces/stopddos-dns-rrsig-fragmented.pcap" "$traces/caida-small-10k.pcapng"; do
    [ ! -e "$file" ] || check "$file"
done
