#!/bin/sh
# Labelled series through an experiment: what a metric does not define for series reads n/a, labels are scored,
# floors stand. Covers: core/run/work_score.c
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample-series.csv" ] || skip "experiments/data/sample-series.csv is not there"
cat >series.lua <<E
local weir = require "weir"
local trace = weir.trace "$source/experiments/data/sample-series.csv"
local train, test = trace:split { test = 0.25, by = "label", seed = 1 }
local exp = weir.experiment "series"
exp:score({ "emd", "jsd" }, test, exp:generate("bootstrap", train))
exp:floor(trace, "jsd")
exp:run()
print(exp:table("jsd", { feature = "LABEL" }))
E
run 0 "$weir" run series.lua --out store
has err "note: metric emd has no feature for series; its scores read n/a"
has out "distance, base e"
grep -q ',emd,.*,IT,.*,n/a,not defined for series,' store/scores.csv || fail "no n/a row of emd in scores.csv"
grep -q ',floor,.*,LABEL,.*,ok,' store/scores.csv || fail "no floor of LABEL"
