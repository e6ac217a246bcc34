#!/bin/sh
# cascadegan on the command line: what its log says of conditions, classes, merged flows and late rows; no
# packet is lost; shares of classes that are asked for are what the metric flow_classes finds.
. "$(dirname -- "$0")/lib.sh"

awk 'BEGIN {
    print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 300; i++)
        printf "%d,10.0.0.%d,10.1.0.1,%d,443,6,%d\n", 1000000 * i + i * i, int(i / 30), 1024 + int(i / 100), 40 + i
    for (i = 0; i < 40; i++)
        printf "%d,10.0.0.%d,10.1.0.2,2000,53,17,80\n", 7000000 * i + 500, i
}' >trace.csv
fit() { run 0 "$weir" fit cascadegan trace.csv -o model -O preset=tiny "$@"; }

# Encoders that know two values of a column: flows share their 5-tuples, and all packets stay.
fit -O conditions_from=real --encoder 'addresses=onehot columns=srcip,dstip limit=2 other=true' \
    --encoder 'ports=onehot columns=srcport,dstport,proto limit=2 other=true'
has err "conditions: those of all 52 training flows are in the model, 1872 bytes"
has err "classes: elephants have 20 packets or more, long flows last"
run 0 "$weir" sample model -o merged.csv
has out "merged.csv: 340 rows"
has err "flows have the 5-tuple of another one after 16 draws and are merged with it"
run 1 "$weir" sample model -o no.csv --flows 500
has err "500 flows are asked for, and the model does not get beyond"

# Real conditions, fewer and more of them, and a part of the time.
fit -O conditions_from=real
run 0 "$weir" sample model -o real.csv
has out "real.csv: 340 rows"
run 0 "$weir" sample model -o twice.csv --flows 104
has out "twice.csv: 680 rows"
run 0 "$weir" sample model -o some.csv --packets 123
has out "some.csv: 123 rows"
run 0 "$weir" sample model -o first.csv --duration 20
has err "rows behind the time asked for are left out"

# Classes: asked for, made, measured.
fit -O weights=mice=0.5,long=0.25
has err "and no training flow"
run 0 "$weir" sample model -o shares.csv --flows 80
run 0 "$weir" compare trace.csv shares.csv --metrics flow_classes -O flow_classes.weights=elephants=0.5,short=0.75 --json
scores=$(tr -d ' \n' <out)
for feature in SIZES TIMES; do
    value=${scores##*\"feature\":\"$feature\",\"value\":}
    case ${value%%,*} in
    0.0 | *e-1[5-9]) ;;
    *) fail "$feature is ${value%%,*}, not 0" ;;
    esac
done
run 1 "$weir" fit cascadegan trace.csv -o no -O weights=cats=1
has err "there is no such class"

# Given conditions are in the model: the file may go.
printf 'flow_packets\n12\n1\n' >given.csv
fit -O conditions_from=given -O given=given.csv
run 0 "$weir" sample model -o before.csv --flows 10
rm given.csv
run 0 "$weir" sample model -o after.csv --flows 10
equal before.csv after.csv

# Encoders that leave out a part of the 5-tuple are refused before training.
run 1 "$weir" fit cascadegan trace.csv -o no -O preset=tiny --encoder ports=record_fields
has err "leave 'srcport' out"

# Few flows: an epoch of 52 flows is three batches of 16, or as many steps as least_epoch says; one of 340 packets
# has 21 batches, more than that. most_steps ends both.
stages() {
    fit -O epochs_condition=2 -O epochs_flow=2 -O epochs_rate=2 -O epochs_field=1 -O epochs_joint=1 "$@"
    awk -F, '$1 ~ /critic$/ && $2 > last[$1] { last[$1] = $2 }
        END { print last["condition.critic"], last["flow.critic"] - last["condition.critic"],
                    last["field.critic"] - last["rate.critic"], last["joint.flow.critic"] - last["field.critic"] }' \
        model/curves.csv
}
[ "$(stages -O most_steps=0)" = "6 6 21 3" ] || fail "stages of epochs"
[ "$(stages -O most_steps=0 -O least_epoch=20)" = "40 40 21 20" ] || fail "stages of epochs of at least 20 steps"
[ "$(stages -O most_steps=30 -O least_epoch=20)" = "30 30 21 20" ] || fail "stages of 30 steps at the most"

# Flows of microseconds in a trace of minutes: those that are made are not faster than the fastest of training.
awk 'BEGIN {
    print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 200; i++) {
        printf "%.0f,10.0.0.%d,10.1.0.1,%d,53,17,60\n", 1500000000 * i, i, 1024 + i
        printf "%.0f,10.0.0.%d,10.1.0.1,%d,53,17,90\n", 1500000000 * i + 600 + i, i, 1024 + i
    }
}' >short.csv
cat >short.lua <<'E2'
local weir = require "weir"
local trace = weir.trace("short.csv", { time_unit = "ns" })
local data = assert(weir.experiment "short":generate("cascadegan", trace, { preset = "tiny" }):dataset())
local flows, time, least = data:flows(), data:column "time", math.huge
for f = 1, flows.count do
  local rows = flows:rows(f)
  if #rows > 1 then least = math.min(least, time[rows[#rows]] - time[rows[1]]) end
end
print(least)
assert(least >= 590 and least < 1e6, "the fastest flow lasts " .. least .. " ns")
E2
run 0 "$weir" run short.lua
