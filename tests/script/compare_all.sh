#!/bin/sh
# experiments/compare.lua: what it plans, at a size of seconds; that it repeats byte for byte, and after a kill in the
# middle; packets and flow records; what it refuses.
. "$(dirname -- "$0")/lib.sh"

data=$source/experiments/data
script=$source/experiments/compare.lua
[ -e "$data/sample.pcap" ] || skip "experiments/data/sample.pcap is not there"

# plans TEXT COUNT [ARGUMENTS…]: so many of the jobs planned have the text.
plans() {
    text=$1
    count=$2
    shift 2
    run 0 "$weir" run "$script" --dry-run -- "$@"
    found=$(grep -cE "$text" out || true)
    [ "$found" -eq "$count" ] || fail "$*: $found jobs '$text', must be $count"
}
generators='bootstrap|cascadegan|copy|gasf_diffusion|marginals|markov|netshare|time_shuffle|uniform'
plans "fit ($generators) on sample:train, seed [123]\$" 25 --quick # the seed changes nothing of copy: one fit
plans "sample ($generators) on sample:train" 25 --quick
plans 'score (emd|jsd|overlap|validity|flow_classes|burst): (flow-disjoint|by time) on sample:train' 12 --quick
plans 'score burst: .* seed [123]$' 25 --quick
plans 'score [a-z_]+: .* on sample:test' 125 --quick
plans 'select (cascadegan|gasf_diffusion|netshare) on sample:train' 9
plans 'select ' 0 --paper
plans 'fit netshare on sample:train, seed [1-4]$' 4 --generators netshare,markov --seeds 4
plans 'fit (netshare|gasf_diffusion) on' 6 --generators netshare,gasf_diffusion --seeds 2 --quick \
    --trace "$data/sample.pcap,$data/sample-netflow.csv"  # gasf_diffusion has no part in the second
has out "gasf_diffusion takes no flow records: left out on sample-netflow"

# A store of a run that was killed and begun again ends as one that nobody touched.
set -- --quick --preset tiny --packets 1500 --seeds 2
run 0 "$weir" run "$script" --out whole -- "$@"
has out "report: "
has out "netshare"
lacks out "by CPU time"
[ -s whole/report.html ] || fail "no report"
for generator in cascadegan netshare gasf_diffusion bootstrap markov marginals copy time_shuffle uniform floor; do
    grep -q ",$generator," whole/scores.csv || fail "no score of $generator"
done
: >err # what the run before left there is not this one's progress
"$weir" run "$script" --out killed -- "$@" >out 2>err </dev/null &
runner=$!
waited=0
until [ "$(grep -c '^\[' err)" -ge 40 ]; do
    kill -0 $runner 2>/dev/null || fail "the run ended before it could be killed"
    waited=$((waited + 1))
    [ $waited -lt 6000 ] || fail "the run does not get to its 40th job"
    sleep 0.01
done
kill -KILL $runner 2>/dev/null || fail "the run ended before it could be killed"
wait $runner 2>/dev/null || true
run 0 "$weir" run "$script" --out killed -- "$@"
grep -qE '[1-9][0-9]* of them before' err || fail "nothing was kept of the run that was killed"
equal whole/scores.csv killed/scores.csv

# By time, with a choice among checkpoints; and flow records.
run 0 "$weir" run "$script" --out timed -- --preset tiny --packets 1500 --seeds 1 --budget 300ms \
    --generators cascadegan,netshare,gasf_diffusion
has out "training was by CPU time"
run 0 "$weir" run "$script" --out preset -- --preset tiny --packets 1500 --seeds 1 --generators netshare
lacks out "by CPU time" # a preset has its own steps
run 0 "$weir" run "$script" --out records -- --quick --preset tiny --packets 600 --seeds 1 --trace "$data/sample-netflow.csv"
has out "gasf_diffusion takes no flow records: left out on sample-netflow"
lacks records/scores.csv ",gasf_diffusion,"
lacks records/scores.csv ",burst,"
grep -q ",cascadegan," records/scores.csv || fail "no scores of cascadegan on flow records"

# One line for what is wrong.
refused "--quick and --paper are two different runs" "$weir" run "$script" -- --quick --paper
refused "unknown generator 'cascadgan'; did you mean 'cascadegan'?" "$weir" run "$script" -- --generators cascadgan
refused "--generators names 'markov' twice" "$weir" run "$script" -- --generators markov,markov
refused "--generators names no generator" "$weir" run "$script" -- --generators ,
refused "--trace names no trace" "$weir" run "$script" -- --trace ,
refused "budget is 'soon', must be" "$weir" run "$script" -- --budget soon
refused "unknown time unit 'm'" "$weir" run "$script" -- --unit m
refused "no-such.pcap: No such file or directory" "$weir" run "$script" -- --trace no-such.pcap
refused "sample-series.csv holds series" "$weir" run "$script" -- --trace "$data/sample-series.csv"
