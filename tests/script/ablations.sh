#!/bin/sh
# The experiments with CascadeGAN plan what the paper's figures vary; two of them run, with networks of a few units.
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample.pcap" ] || skip "experiments/data/sample.pcap is not there"

# plans SCRIPT ARMS [ARGUMENTS…]: so many fits of cascadegan.
plans() {
    script=$1
    arms=$2
    shift 2
    run 0 "$weir" run "$source/experiments/$script.lua" --dry-run -- "$@"
    fits=$(grep -c 'fit .* on sample' out)
    simple=$(grep -cE 'fit (bootstrap|markov|marginals|uniform) on sample' out || true)
    [ $((fits - simple)) -eq "$arms" ] || fail "$script $*: $((fits - simple)) fits of cascadegan, must be $arms"
}
plans cascadegan 1 --quick
plans cascadegan 3
plans ablation_zero_inflation 2 --quick
plans ablation_zero_inflation 6
plans ablation_conditions 4 --quick
plans ablation_conditions 27
plans ablation_backbone 3 --quick
plans ablation_backbone 12
plans ablation_timestamps 3 --quick --seeds 1
plans ablation_series_length 3 --quick
plans ablation_series_length 7 --seeds 1
run 2 "$weir" run "$source/experiments/ablation_backbone.lua" --dry-run -- --preset dcx
has err "unknown preset 'dcx'"

# Two traces, with a comma between them.
run 0 "$weir" run "$source/experiments/ablation_timestamps.lua" --dry-run -- --quick --trace \
    "$source/experiments/data/sample.pcap,$source/experiments/data/sample-netflow.csv"
has out "fit equidistant on sample,"
has out "fit equidistant on sample-netflow,"

run 0 "$weir" run "$source/experiments/ablation_timestamps.lua" -- --quick --preset tiny --packets 600 --most_steps 4
has out "standard: learnt"
has out "equidistant"
[ "$(grep -c '1\.000' out)" -ge 1 ] || fail "the standard is not 1.000 times itself"
[ -s results/ablation_timestamps/report.html ] || fail "no report"
run 0 "$weir" run "$source/experiments/cascadegan.lua" -- --quick --preset tiny --packets 600 --most_steps 4
has out "FIT is better than that of marginals"
has out "of the real packets (90 at least)"
lacks out "n/a  its destination ports"
[ -s results/cascadegan/report.html ] || fail "no report"
