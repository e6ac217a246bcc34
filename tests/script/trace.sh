# weir trace: info and convert, their output, round trips and refusals.
# Covers: core/cli/trace.c
. "$(dirname -- "$0")/lib.sh"

cat >packets.csv <<'END'
srcip,dstip,srcport,dstport,proto,time,pkt_len,version,ihl,tos,id,flag,off,ttl
10.0.0.1,10.0.0.2,40000,443,6,1521118773289502,60,4,5,0,1,DF,0,64
10.0.0.2,10.0.0.1,443,40000,TCP,1521118773289602.5,1500,4,5,0,2,DF,0,60
10.0.0.1,10.0.0.3,5353,53,udp,1521118773389502,84,4,5,0,3,,0,64
10.0.0.1,10.0.0.3,0,0,icmp,1521118773289402,84,4,5,0,4,,0,64
END

# Information, for people and for programs.
run 0 "$weir" trace info packets.csv
has out "file            packets.csv (packets csv, "
has out "times in us"
has out "columns ignored version, ihl"
has out "IPv4 packets    4 of 4"
has out "notes           1 out of order, put in place"
has out "first           2018-03-15T12:59:33.289402000Z"
has out "protocols       TCP    2 (50.00 %)"
has out "Facts of Table 1"
[ ! -s err ] || fail "info printed on stderr"
run 0 "$weir" trace info packets.csv --json
has out '"packets": 4'
has out '"ipv4": 4'
has out '"flows": 4'
has out '"skipped": {}'
has out '"link_types": []'
has out '"last": "2018-03-15T12:59:33.389502000Z"'
cp out first.json
run 0 "$weir" trace info packets.csv --json # now from the cache
cmp -s out first.json || fail "the cache tells other facts"
[ "$(ls cache/weir/*.weir | wc -l)" -eq 1 ] || fail "the cache has not one entry"


# Several processes may fill the cache at once.
rm -rf cache
for i in 1 2 3 4; do
    "$weir" trace info packets.csv --json >"together.$i" &
done
wait
for i in 1 2 3 4; do
    cmp -s "together.$i" first.json || fail "processes that fill the cache together differ"
done

# Formats into each other and back.
run 0 "$weir" trace convert packets.csv a.pcap
run 0 "$weir" trace convert a.pcap b.pcapng
run 0 "$weir" trace convert b.pcapng c.csv
run 0 "$weir" trace convert c.csv d.weir
run 0 "$weir" trace convert d.weir e.csv
cmp -s c.csv e.csv || fail "CSV read back differs"
has c.csv "time_ns,srcip,dstip,srcport,dstport,proto,pkt_len,tos,ttl,id,flag,off,tcp_flags"
has c.csv "1521118773289602500,167772162,167772161,443,40000,6,1500,0,60,2,DF,0,16"
run 0 "$weir" trace info a.pcap
has out "link types      RAW"
run 0 "$weir" trace convert a.pcap packets.csv both.pcap
run 0 "$weir" trace info both.pcap --json
has out '"ipv4": 8'
run 0 "$weir" trace convert --packets 2 packets.csv two.csv
[ "$(wc -l <two.csv)" -eq 3 ] || fail "--packets 2 gave another number"
refused "column 'time_ns' is in ns, another time unit was asked" "$weir" trace info --time-unit s two.csv

# A folder of captures becomes labelled series, and the series CSV reads back.
mkdir -p set/web/a set/chat/b
cp a.pcap set/web/a/1.pcap
cp b.pcapng set/chat/b/2.pcapng
echo text >set/readme.txt
run 0 "$weir" trace convert set series.csv --length 3 --channels size,direction
has series.csv "series,label,step,size,direction"
has series.csv "1,web/a,0,84,1"
has series.csv "0,chat/b,2,1500,-1"
run 0 "$weir" trace convert series.csv again.csv
cmp -s series.csv again.csv || fail "series read back differ"
run 0 "$weir" trace info set --length 3
has out "2 of 3 steps, 3 channels, 2 labels"
has out "1 files that are no captures"
run 0 "$weir" trace convert set bins.csv --length 10 --bin 0.05
has bins.csv "series,label,step,bytes,packets,step_seconds"

# Refusals: one line, exit 2, nothing written.
refused "weir trace: absent.pcap: No such file or directory" "$weir" trace info absent.pcap
refused "'dance' is neither info nor convert" "$weir" trace dance
refused "a file is needed" "$weir" trace info
refused "unknown option '--packet'" "$weir" trace info --packet 3 packets.csv
refused "--packets 0: a number of 1 or more" "$weir" trace info --packets 0 packets.csv
refused "--time-unit m: s, ms, us or ns" "$weir" trace info --time-unit m packets.csv
refused "--length needs a value" "$weir" trace convert set x.csv --length
refused "--length is for a folder of captures" "$weir" trace convert packets.csv x.csv --length 3
refused "names no format: .pcap, .pcapng or .csv" "$weir" trace convert packets.csv x.txt
refused "series cannot be written as a capture" "$weir" trace convert series.csv x.pcap
refused "channel 'bytes' is none of size, gap, direction" "$weir" trace convert set x.csv --channels bytes
refused "nodir/x.csv: cannot be written: No such file or directory" "$weir" trace convert packets.csv nodir/x.csv
refused "packets.csv: holds packets, but the files before it hold netflow" sh -c "
    printf 'srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt\n1,2,0,0,6,5,0,1,1\n' >flows.csv
    exec '$weir' trace convert flows.csv packets.csv x.csv"
printf 'srcip,dstip,srcport,dstport,proto,time,pkt_len\n1,2,3,4,6,5,60\n1,2,3,4,6,5,x\n' >bad.csv
refused "bad.csv:3: column 'pkt_len': 'x' is not a number" "$weir" trace info bad.csv
head -c 24 a.pcap >none.pcap
refused "none.pcap: it has no packets" "$weir" trace info none.pcap
cp none.pcap none2.pcap
refused "none.pcap and 1 more: it has no packets" "$weir" trace convert none.pcap none2.pcap x.csv
refused "./none.pcap: the same file is given twice" "$weir" trace convert none.pcap ./none.pcap x.csv
head -c 100 a.pcap >cut.pcap
refused "cut.pcap: packet 2: the capture is cut short" "$weir" trace info cut.pcap
run 0 "$weir" trace info --allow-truncated cut.pcap
has out "cut short"
[ -z "$(find . -name 'x.*' -o -name '*.tmp')" ] || fail "a refused command left a file"

# No writable cache is no obstacle.
XDG_CACHE_HOME=/dev/null run 0 "$weir" trace info packets.csv

# A full disk is no mistake of the input: exit 1, nothing left. The disk is a small tmpfs, where one can be made.
mkdir disk
cat >full.sh <<'END'
mount -t tmpfs -o size=8k weir disk && : >mounted || exit 77
"$1" trace convert many.csv "disk/x.$2" 2>err || status=$?
[ "${status:-0}" -eq 1 ] && [ -z "$(ls -A disk)" ]
END
awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 2000; i++) print i ",1.2.3.4,5.6.7.8,1,2,6,60" }' >many.csv
for kind in csv pcap pcapng weir; do
    rm -f mounted
    status=0
    unshare -rm sh full.sh "$weir" $kind 2>full.err || status=$?
    if [ -e mounted ]; then
        [ $status -eq 0 ] || fail "$kind on a full disk: $(cat err full.err)"
        has err "disk/x.$kind: cannot be written: No space left on device"
    else
        echo "no tmpfs can be made here: the full disk was not tried" >&2
    fi
done
