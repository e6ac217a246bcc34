# A fit in parts: part 0, then the others side by side, then one model of them all; after a kill it goes on
# from its checkpoint and ends with the same.
. "$(dirname -- "$0")/lib.sh"
export WEIR_PLUGIN_PATH="$build/tests/fixtures"

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 50; i++) printf "%d,10.0.0.1,10.0.1.1,5000,80,6,60\n", i * 1000 }' >trace.csv
cat >parts.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "parts"
exp:score("chatter", trace, exp:generate("parts", trace))
exp:run()
END

run 0 "$weir" run parts.lua
has results/parts/scores.csv 'trace,parts,parts,1,metric,chatter,,C,120,,lower,50,120,ok,,'
[ "$(ls -d results/parts/jobs/*/ | wc -l)" -eq 6 ] || fail "part 0, two parts, their join, a sample, a score are six jobs"
[ "$(grep -l '"parts": 3' results/parts/jobs/*/status.json | wc -l)" -eq 1 ] || fail "part 0 says how many parts there are"
cp results/parts/scores.csv whole.csv

# Killed three times on the way, with its runner.
rm -rf results
for delay in 0.2 0.25 0.3; do
    "$weir" run parts.lua >out 2>err &
    runner=$!
    sleep $delay
    kill -KILL $runner
    wait $runner 2>/dev/null || true
done
run 0 "$weir" run parts.lua
equal whole.csv results/parts/scores.csv
grep -q 'going on from the checkpoint of step' results/parts/jobs/*/log || {
    cat results/parts/jobs/*/log >&2
    fail "no fit went on from its checkpoint"
}
[ -z "$(find results -name checkpoint)" ] || fail "a finished fit keeps its checkpoint"
