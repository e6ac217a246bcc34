# The budget of a fit: it ends when its seconds are spent, counted over a kill; the ends of its stages are stored,
# and repeated by their steps they give the same bytes; who knows no budget says so.
. "$(dirname -- "$0")/lib.sh"
export WEIR_PLUGIN_PATH="$build/tests/fixtures"
unset WEIR_FIXTURE_STOP

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 600; i++)
        printf "%d,10.0.0.%d,10.0.1.%d,%d,80,6,%d\n", 1e6 + i * 1000, i % 7 + 1, i % 5 + 1, 5000 + i % 40, 60 + i % 900 }' >trace.csv

# number FILE NAME: the first number of that name in a JSON file.
number() { sed -n "s/.*\"$2\": *\([0-9.e+-]*\).*/\1/p" "$1" | head -n 1; }
# between LOW VALUE HIGH
between() { awk -v l="$1" -v v="$2" -v h="$3" 'BEGIN { exit !(v >= l && v <= h) }' || fail "$2 is not between $1 and $3"; }

# One stage: more steps than planned where there is time for them, and the same again.
run 0 "$weir" fit trains trace.csv -o budget --budget 0.4
has out "its training took 0."
between 0.4 "$(number budget/model.json used)" 0.9
steps=$(sed -n 's/.*the same again: --steps //p' out)
between 41 "$steps" 1000000
run 0 "$weir" fit trains trace.csv -o again --steps "$steps"
equal budget/arrays.safetensors again/arrays.safetensors
run 0 "$weir" fit trains trace.csv -o longer --steps $((steps + 1))
! cmp -s budget/arrays.safetensors longer/arrays.safetensors || fail "one step more gives the same weights"

# Several stages have their shares of it; the list of their ends repeats it.
run 0 "$weir" fit trains trace.csv -o staged -O stages=3 --budget 0.3s
steps=$(sed -n 's/.*the same again: --steps //p' out)
[ "$(echo "$steps" | tr ',' '\n' | wc -l)" -eq 3 ] || fail "three stages have three ends: $steps"
run 0 "$weir" fit trains trace.csv -o again -O stages=3 --steps "$steps"
equal staged/arrays.safetensors again/arrays.safetensors
run 1 "$weir" fit trains trace.csv -o wrong -O stages=3 --steps 5,9
has err "the steps to be repeated are of 2 stages, the fit has more"
run 1 "$weir" fit trains trace.csv -o wrong --steps 5,9
has err "the steps to be repeated are of 2 stages, the fit has 1"

# Parts have theirs each.
run 0 "$weir" fit in_parts trace.csv -o parts --steps 3/5/4
has out "the same again: --steps 3/5/4"
run 0 "$weir" fit in_parts trace.csv -o parts2 --steps 3/5/5
[ "$(number parts/model.json noise)" != "$(number parts2/model.json noise)" ] || fail "part 3 did not do as it was told"

# A killed fit goes on with the seconds that it had used up to its checkpoint.
spec() {
    printf '{ "job": "fit", "plugin": { "kind": "generator", "name": "trains" }, "options": { "rate": 0.001 }, "seed": 3,
        "threads": 1, "budget": %s, "inputs": { "train": { "files": ["%s/trace.csv"] } }, "out": "%s/%s" }' \
        "$2" "$tmp" "$tmp" "$1" >"$1.json"
}
spec killed '{ "seconds": 0.4 }'
status=0
WEIR_FIXTURE_STOP=205 "$weir" job killed.json >out 2>err || status=$?
[ "$status" -gt 2 ] || fail "the fixture did not stop itself"
before=$(number killed/checkpoint/model.json used)
run 0 "$weir" job killed.json
has err "going on from the checkpoint of step 200"
between 0.4 "$(number killed/status.json used)" 1.2
between 0 "$(number killed/status.json cpu_seconds)" "$(awk -v b="$before" 'BEGIN { print 1.2 - b }')"
spec again "{ \"steps\": [[$(number killed/status.json step)]] }"
run 0 "$weir" job again.json
equal killed/model/arrays.safetensors again/model/arrays.safetensors

# In an experiment it is part of the key, and of the label.
cat >equal.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "equal"
for _, budget in ipairs { "200ms", { cpu = 0.3 }, { steps = 7 } } do
  exp:score("jsd", trace, exp:generate("trains", trace, { budget = budget }))
end
exp:score("jsd", trace, exp:generate("bootstrap", trace, { budget = 0.2 }))
exp:run()
exp:report()
END
run 0 "$weir" run equal.lua
[ "$(ls -d results/equal/jobs/*/model | wc -l)" -eq 4 ] || fail "four fits"
has results/equal/report.md "| 0.2 s, but it knows no budget |"
has results/equal/report.md "is not repeated byte for byte by running it again"
grep -q "| trains budget=0.3s | 1 | [0-9.]* ms | 0.3 s | {[0-9]*} |" results/equal/report.md || fail "the report does not say what a budget took"
has results/equal/report.html "What it gives for what it costs"
run 0 "$weir" run equal.lua
has err "(12 of them before)"

refused "give --budget or --steps, not both" "$weir" fit trains trace.csv -o x --budget 1s --steps 4
refused "--steps is '4,x', must be the stages' ends" "$weir" fit trains trace.csv -o x --steps 4,x
printf 'local weir = require "weir"\nlocal t = weir.trace "trace.csv"\nlocal e = weir.experiment "e"
e:generate("trains", t, { budget = { steps = { { { 1 } } } } })' >bad.lua
run 2 "$weir" run bad.lua
has err "bad.lua:4: steps of budget are a number"
