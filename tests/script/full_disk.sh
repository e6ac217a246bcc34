#!/bin/sh
# A disk that is full under weir fit and weir sample: exit status 1 or 2, one line, what was there stays, nothing
# half-written is left. Covers: core/files.c core/plugin/model.c
. "$(dirname -- "$0")/lib.sh"

awk 'BEGIN {
    print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 20000; i++)
        printf "%d,10.0.0.%d,10.1.0.%d,%d,443,6,%d\n", 1000 * i, i % 250, i % 40, 1024 + i % 20000, 40 + i % 1400
}' >trace.csv
head -n 20 trace.csv >small.csv
run 0 "$weir" fit copy trace.csv -o model

# In a mount namespace of its own: no other process sees the disk, and nothing has to be unmounted.
cat >full.sh <<'END'
weir=$1
mkdir disk
mount -t tmpfs -o size=128k weir disk && : >mounted || exit 77
refuse() {
    status=0
    "$@" >out 2>err </dev/null || status=$?
    [ $status -eq 1 ] || [ $status -eq 2 ] || { echo "exit status $status: $*"; cat err; exit 1; }
    [ "$(wc -l <err)" -eq 1 ] && [ ! -s out ] || { echo "not one line: $*"; cat out err; exit 1; }
    grep -q "No space left on device" err || { echo "it does not say why: $*"; cat err; exit 1; }
    ls -A disk >names
    cmp -s names expected || { echo "left behind by $*:"; cat names; exit 1; }
}
: >expected
refuse "$weir" fit copy trace.csv -o disk/model
for name in synthetic.csv synthetic.pcap synthetic.pcapng; do
    refuse "$weir" sample model -o disk/$name
done
# What is replaced stays as it was.
"$weir" fit copy small.csv -o disk/model >/dev/null && "$weir" sample disk/model -o disk/a.csv >/dev/null || exit 1
cp disk/a.csv a.csv
ls -A disk >expected
refuse "$weir" fit copy trace.csv -o disk/model
refuse "$weir" sample model -o disk/a.csv
cmp a.csv disk/a.csv && "$weir" sample disk/model -o b.csv >/dev/null && cmp a.csv b.csv
END
status=0
unshare -rm sh full.sh "$weir" >full.out 2>&1 || status=$?
[ -e mounted ] || skip "no small disk can be made here"
[ $status -eq 0 ] || {
    cat full.out >&2
    fail "a full disk"
}
