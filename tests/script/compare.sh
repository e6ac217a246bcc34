#!/bin/sh
# weir compare: the small case of the metric definitions in variant ref, to the digit; options; a plugin that
# crashes; bad input. Covers: core/cli/compare.c core/cli/compare_jobs.c core/cli/compare_scores.c
. "$(dirname -- "$0")/lib.sh"

export TMPDIR="$tmp/temporary"
mkdir "$TMPDIR"
cat >real.csv <<'END'
srcip,dstip,srcport,dstport,proto,time,pkt_len,ttl
1,2,1000,80,6,1000000,60,64
1,2,1000,80,6,1500000,1500,64
3,2,2000,53,17,2000000,80,128
1,2,1000,80,6,2500000,1500,64
3,2,2000,53,17,3000000,120,128
4,5,3000,443,6,4000000,40,32
1,2,1000,80,6,5000000,40,64
4,5,3000,443,6,9000000,1400,32
END
cat >synthetic.csv <<'END'
srcip,dstip,srcport,dstport,proto,time,pkt_len,ttl
1,2,1000,80,6,2000000,60,64
1,2,1000,80,6,2100000,1400,64
7,2,2000,53,17,2600000,90,128
1,2,1000,80,6,3000000,1500,63
4,5,3000,80,6,5000000,52,32
4,5,3000,80,6,6000000,40,32
8,9,4000,443,6,8000000,1000,32
END

# value FEATURE WANTED TOLERANCE: the score of a feature in the JSON of file `out`.
value() {
    found=$(awk -v feature="\"$1\"," '$1 == "\"feature\":" { hit = $2 == feature }
        hit && $1 == "\"value\":" { sub(",", "", $2); print $2 }' out)
    awk -v found="$found" -v wanted="$2" -v tolerance="$3" 'BEGIN {
        error = found - wanted
        exit !(found != "" && found != "null" && error <= tolerance && error >= -tolerance) }' ||
        fail "$1 is $found instead of $2"
}

run 0 "$weir" compare real.csv synthetic.csv --json --variant ref --downstream burst -O burst.points=8
[ ! -s err ] || fail "a comparison that went well printed on stderr"
cp out ref.json
for pair in IT=0.595238095 FIT=1.333333333 FD=2.833333333 AT=1244.666666667 BU=3.668966384 LD=0.075119280 \
    SA=0.433168659 DA=0.236975754 SP=0.242651476 DP=0.155886482 PR=0.095841543 \
    SA_RANK=0.058879739 DA_RANK=0.056157508 PL=99.071428571 TTL=12.714285714 NPF=0.916666667 NBF=544.5 \
    TS=0.65 REC=0.142857143 BD=0 TB=2 BPS=245 NPS=108; do
    value "${pair%=*}" "${pair#*=}" 6e-10
done
value NU 0.075819 1e-6
run 0 "$weir" compare real.csv synthetic.csv --json --variant ref -O emd.throughput=span
value AT 1242.333333333 6e-10
run 0 "$weir" compare real.csv synthetic.csv --json --variant ref -O jsd.root=divergence
value SP 0.058879739 6e-10
value DP 0.024300595 6e-10
value PR 0.009185601 6e-10
run 0 "$weir" compare real.csv synthetic.csv --json
value AT 1242.333333333 6e-10
value OUT 0 0

# Every row has the keys of scores.csv.
for key in dataset generator label seed kind plugin variant feature value unit better n_real n_synthetic status \
    reason job; do
    [ "$(grep -c "^   \"$key\":" ref.json)" -eq "$(grep -c '^   "feature":' ref.json)" ] || fail "rows lack '$key'"
done

# The curve of packet rates: both traces over the real one's window, in variant ref as well, where the bins of the
# features are each trace's own. Of the three packets one lies in it.
cat >late.csv <<'END'
srcip,dstip,srcport,dstport,proto,time,pkt_len,ttl
1,2,1000,80,6,0,60,64
1,2,1000,80,6,80000000,60,64
1,2,1000,80,6,90000000,60,64
END
cat >spec.json <<'END'
{"job": "score", "plugin": {"kind": "metric", "name": "emd"}, "options": {"variant": "ref", "features": ["IT"]},
 "inputs": {"real": {"files": ["real.csv"]}, "synthetic": {"files": ["late.csv"]}}, "out": "curves"}
END
run 0 "$weir" job spec.json
[ "$(awk -F, 'NR > 1 { real += $2 * 0.08; late += $3 * 0.08 } END { printf "%.3f %.3f", real, late }' \
    curves/artefacts/rate.csv)" = "8.000 1.000" ] || fail "the rates are not those of the real window"

# The table for people: what there is, in which unit, which way is better, and why something is n/a.
run 0 "$weir" compare real.csv synthetic.csv --metrics emd -O emd.features=IT,LD
has out "real       real: 8 rows, 3 flows, 8 s, times in us"
has out "emd, variant fix: earth mover's distances"
grep -Eq "interarrival time  +0.595238 s  +lower    n = 7, 6$" out || fail "no line of emd IT"
has out "n/a  the real trace has no flow that occupies enough bins (option min_bins; variant ref: two)"
lacks out "FIT"
lacks out "not applicable"
# Columns stand under each other, also under labels of more than twelve letters.
"$weir" compare real.csv synthetic.csv >columns
[ "$(sed -n "s/n = .*//p" columns | awk "{ print length }" | sort -u | wc -l)" -eq 1 ] || fail "columns are crooked: $(cat columns)"
has columns "ELEPHANTS_REAL  "
run 0 "$weir" compare real.csv synthetic.csv --metrics emd -O emd.features=IT --time-unit ms
has out "8000 s, times in ms"

# Times of one kind of data do not fit another; flow records have their own features.
printf 'ts,td,srcip,dstip,srcport,dstport,proto,pkt,byt,type\n1000000,0.5,1,2,3,80,6,2,80,a\n3000000,1.5,1,2,3,80,6,4,90,b\n' >flows.csv
run 0 "$weir" compare flows.csv flows.csv
has out "TYPE"
lacks out "packet length"
has out "not applicable: AT, BU, LD, OUT, PL, TTL, NPF, NBF (not defined for netflow)"
refused "downstream burst does not take flow records" "$weir" compare flows.csv flows.csv --downstream burst
refused "hold different things" "$weir" compare real.csv flows.csv

# A plugin that crashes costs its features and the exit status, nothing else.
run 1 "$weir" compare real.csv synthetic.csv --plugins "$build/tests/fixtures" --metrics emd,crashing_metric --json
value IT 0.595238095 6e-10
[ "$(grep -c '"status": "failed"' out)" -eq 2 ] || fail "a crashed metric has a failed row a feature"
has out '"reason": "crashed (SIGABRT)"'
has err "weir compare: metric crashing_metric failed: crashed (SIGABRT)"
[ -z "$(ls -A "$TMPDIR")" ] || fail "a comparison left its folder behind"

# So do one that hangs and one that takes too much memory, each ended at its limit.
run 1 "$weir" compare real.csv synthetic.csv --plugins "$build/tests/fixtures" --metrics emd,hanging_metric --time 1 --json
value IT 0.595238095 6e-10
[ "$(grep -c '"status": "failed"' out)" -eq 1 ] || fail "a metric that hangs has one failed row"
has out '"reason": "time limit of 1.0 s exceeded"'
has err "weir compare: metric hanging_metric failed: time limit of 1.0 s exceeded"
run 1 "$weir" compare real.csv synthetic.csv --plugins "$build/tests/fixtures" --metrics hanging_metric --memory 64K
has out "memory limit of 64 kB exceeded"
[ -z "$(ls -A "$TMPDIR")" ] || fail "a comparison left its folder behind"
refused "--time" "$weir" compare real.csv synthetic.csv --time soon

# A signal ends a comparison, what it started included, and leaves nothing behind.
"$weir" compare real.csv synthetic.csv --plugins "$build/tests/fixtures" --metrics hanging_metric >out 2>err &
running=$!
for _ in $(seq 100); do
    [ -n "$(ls -A "$TMPDIR")" ] && break
    sleep 0.1
done
sleep 0.5
kill -TERM "$running"
status=0
wait "$running" || status=$?
[ "$status" -eq 130 ] || fail "an interrupted comparison left with $status"
[ -z "$(ls -A "$TMPDIR")" ] || fail "an interrupted comparison left its folder behind"

# Bad usage and input.
refused "absent.csv" "$weir" compare absent.csv real.csv
refused "unknown metric 'edm'; did you mean 'emd'?" "$weir" compare real.csv synthetic.csv --metrics edm
refused "unknown option 'bin' of metric emd; did you mean 'bins'?" \
    "$weir" compare real.csv synthetic.csv --metrics emd -O emd.bin=3
refused "unknown feature 'ITT' of metric emd; did you mean 'IT'?" \
    "$weir" compare real.csv synthetic.csv --metrics emd -O emd.features=LD,ITT
refused "must be PLUGIN.option=value" "$weir" compare real.csv synthetic.csv -O bins=3
refused "'burst' is not among the plugins to run" "$weir" compare real.csv synthetic.csv -O burst.points=3
refused "--time-unit is 'h', must be s, ms, us or ns" "$weir" compare real.csv synthetic.csv --time-unit h
refused "variant" "$weir" compare real.csv synthetic.csv --variant old
refused "none of the plugins has variants" "$weir" compare real.csv synthetic.csv --metrics overlap --variant ref
run 2 "$weir" compare real.csv

# No room for what a job leaves: said as such. The disk is a small tmpfs, where one can be made.
mkdir disk
cat >full.sh <<'END'
mount -t tmpfs -o size=8k weir disk && : >mounted || exit 77
TMPDIR=disk "$1" compare real.csv synthetic.csv --metrics emd >out 2>err
END
status=0
unshare -rm sh full.sh "$weir" 2>full.err || status=$?
if [ -e mounted ]; then
    [ $status -eq 1 ] || fail "a full disk gives $status instead of 1: $(cat err full.err)"
    has err "there is no room to store one"
else
    echo "no tmpfs can be made here: the full disk was not tried" >&2
fi

# An option that is given twice is a mistake, not the last one.
refused "-O emd.bins=30: 'bins' is given twice" "$weir" compare real.csv synthetic.csv -O emd.bins=20 -O emd.bins=30

# A variant that is no option's is told apart in the title.
[ -e "$source/experiments/data/sample-series.csv" ] || exit 0
run 0 "$weir" compare "$source/experiments/data/sample-series.csv" "$source/experiments/data/sample-series.csv" --metrics series_emd
has out 'values (direction)'
lacks out 'lengths ('
