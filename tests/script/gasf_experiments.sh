#!/bin/sh
# The experiments with gasf_diffusion, on a few short series with networks of next to nothing: their tables and figures.
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample-series.csv" ] || skip "experiments/data/sample-series.csv is not there"
awk -F, 'NR == 1 || ($3 < 12 && $1 % 60 < 10 && $2 ~ /article|search|admin/)' \
    "$source/experiments/data/sample-series.csv" >small.csv

# small SCRIPT [ARGUMENTS…]: the script on those series, 10 of each of six labels.
small() {
    script=$1
    shift
    run 0 "$weir" run "$source/experiments/$script.lua" -- --quick --preset tiny --side 8 --network_steps 30 --most_steps 5 \
        --set small.csv "$@"
    [ -s "results/$script/report.html" ] || fail "$script: no report"
}

small gasf_fingerprint --classifiers cnn,bayes,xgboost --few 4,50
for line in "level 2" "all labels" "xgboost" "2-D" "1-D" "50 % of the training part" "4 a label" "frechet on small:train NN" "frechet on small:train COPIES_REAL"; do
    has out "$line"
done
lacks out "50 a label"
lacks out "nan"
has results/gasf_fingerprint/figures.json "original series a label"
has results/gasf_fingerprint/figures.json "generated series"
refused "--parts: there is no 'figure9'" "$weir" run "$source/experiments/gasf_fingerprint.lua" --dry-run -- --parts figure9
refused "--few: 'x' is no number of series" "$weir" run "$source/experiments/gasf_fingerprint.lua" --dry-run -- --few x

small gasf_baselines --classifiers bayes,forest,xgboost
for line in "Figure 2" "DoppelGANger" "NetShare's network" "bootstrap" "half of the real series" "real series"; do has out "$line"; done

small gasf_anomaly --classifiers bayes --few 3
has out "3 series of each rare label, first quarter"
has results/gasf_anomaly/figures.json "entropy of the ensemble"

small gasf_realtime --classifiers bayes
has out "first 12.5 %"
has results/gasf_realtime/figures.json "accuracy of bayes"

# A folder of captures, whose folders are the labels; one label has too few.
for label in a b c; do
    mkdir -p "captures/$label"
    for n in 1 2 3 4 5; do cp "$source/experiments/data/sample.pcap" "captures/$label/$n.pcap"; done
done
rm captures/c/5.pcap
run 0 "$weir" run "$source/experiments/gasf_realtime.lua" --dry-run -- --quick --set captures --length 16 --channels size,direction
has out "captures: 1 labels with fewer than 5 series are left out"
run 2 "$weir" run "$source/experiments/gasf_realtime.lua" --dry-run -- --quick --set captures --least 20
has err "captures: 0 labels have 20 series or more; there must be two"
run 2 "$weir" run "$source/experiments/gasf_realtime.lua" --dry-run -- --quick --paper
has err "--quick and --paper are two different runs"

run 0 "$weir" run "$source/experiments/gasf_packets.lua" -- --quick --preset tiny --most_steps 5 --packets 500
has out "gasf_diffusion"
[ -s results/gasf_packets/report.html ] || fail "no report of packets"
