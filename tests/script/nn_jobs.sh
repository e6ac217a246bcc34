#!/bin/sh
# The engine inside jobs: threads stay on the CPUs that the runner gave, a killed fit goes on bit for bit, a fit that
# diverges says so and leaves its last good checkpoint, and the plugin passes the conformance checks.
. "$(dirname -- "$0")/lib.sh"
export WEIR_PLUGIN_PATH="$build/tests/fixtures"
unset WEIR_FIXTURE_STOP

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 600; i++)
        printf "%d,10.0.0.%d,10.0.1.%d,%d,80,6,%d\n", 1e6 + i * 1000, i % 7 + 1, i % 5 + 1, 5000 + i % 40, 60 + i % 900 }' >trace.csv

# Two jobs side by side have CPUs of their own, which their threads do not leave.
cpus=$(nproc)
cat >side.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "side"
for seed = 1, 2 do exp:generate("trains", trace, { seed = seed, seconds = 1, threads = 1 }) end
exp:run()
END
run 0 "$weir" run side.lua --jobs 2
cat results/side/jobs/*/log | grep "threads of 1, on:" >threads || fail "no job logged its threads"
[ "$(wc -l <threads)" -eq 2 ] || fail "not two fits logged their threads: $(cat threads)"
if [ "$cpus" -ge 2 ]; then
    grep -vqE "on:( [0-9]+)+$" threads && fail "a thread may run on several CPUs: $(cat threads)"
    while read -r line; do
        [ "$(echo "${line##*on:}" | tr ' ' '\n' | grep -v '^$' | sort -u | wc -l)" -eq 1 ] ||
            fail "threads of one job on more than its CPU: $line"
    done <threads
    [ "$(sed 's/.*on: \([0-9]*\).*/\1/' threads | sort -u | wc -l)" -eq 2 ] ||
        fail "two jobs on one CPU: $(cat threads)"

    # A job of two threads has two CPUs, and its threads no other.
    sed 's/"side"/"wide"/; s/seed = 1, 2/seed = 1, 1/; s/threads = 1/threads = 2/' side.lua >wide.lua
    run 0 "$weir" run wide.lua --jobs 1
    cat results/wide/jobs/*/log | grep "threads of 2, on:" >threads || fail "the job did not log its threads"
    used=$(sed 's/.*on: //' threads | tr ' ,' '\n\n' | awk -F- '{ for (i = $1; i <= (NF > 1 ? $2 : $1); i++) print i }' | sort -u | wc -l)
    [ "$used" -le 2 ] || fail "the threads of a job of two may run on $used CPUs: $(cat threads)"
fi

# The same on two threads twice: the same bytes.
run 0 "$weir" fit trains trace.csv -o a --threads 2 --seed 4
run 0 "$weir" fit trains trace.csv -o b --threads 2 --seed 4
equal a/arrays.safetensors b/arrays.safetensors
run 0 "$weir" fit trains trace.csv -o c --threads 2 --seed 5
! cmp -s a/arrays.safetensors c/arrays.safetensors || fail "another seed gave the same weights"
run 0 "$weir" sample a -o a.csv --packets 100
run 0 "$weir" sample a -o b.csv --packets 100
equal a.csv b.csv
[ "$(cut -d, -f7 a.csv | sort -u | wc -l)" -gt 5 ] || fail "the network makes one length only"

# A fit that is killed between two checkpoints ends with the very weights of one that is not.
spec() {
    printf '{ "job": "fit", "plugin": { "kind": "generator", "name": "trains" }, "options": { "steps": 35, "seconds": 0.0,
        "rate": %s }, "seed": 3, "threads": 1, "inputs": { "train": { "files": ["%s/trace.csv"] } }, "out": "%s/%s" }' \
        "$2" "$tmp" "$tmp" "$1" >"$1.json"
}
spec undisturbed 0.01
run 0 "$weir" job undisturbed.json
spec killed 0.01
status=0
WEIR_FIXTURE_STOP=23 "$weir" job killed.json >out 2>err || status=$?
[ "$status" -gt 2 ] || fail "the fixture did not stop itself"
run 0 "$weir" job killed.json
has err "going on from the checkpoint of step 20"
equal killed/model/arrays.safetensors undisturbed/model/arrays.safetensors
equal killed/curves.csv undisturbed/curves.csv

# A fit that diverges: the step, the loss, the largest gradient; its checkpoint is of before.
spec diverged 1e25
run 1 "$weir" job diverged.json
has err "trains: fit: step "
has err "a loss is not finite (loss "
has err "the last good ones, which are kept, the largest gradient is that of loss by 'net."
[ ! -e diverged/model ] || fail "a fit that diverged left a model"

run 0 "$weir" check "$build/tests/fixtures/trains.so"
