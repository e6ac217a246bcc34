# What Weir itself costs: the time of `weir --version`, of an experiment whose jobs are all in the store, and
# of a job's process. The peer is `true`, started as often.
weir=$build/weir
cd "$tmp"
awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 500; i++) printf "%d,10.0.0.%d,10.0.1.1,5000,80,6,60\n", i * 1000, i % 9 + 1 }' >trace.csv
cat >many.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "many"
for seed = 1, 25 do
  for _, name in ipairs { "bootstrap", "marginals" } do
    exp:score({ "jsd" }, trace, exp:generate(name, trace, { seed = seed }))
  end
end
exp:run()
END

# best N COMMAND…: the least seconds of N runs.
best() {
    n=$1
    shift
    for i in $(seq "$n"); do
        begin=$(date +%s%N)
        "$@" >/dev/null 2>&1
        end=$(date +%s%N)
        echo $((end - begin))
    done | sort -n | awk 'NR == 1 { printf "%.6f", $1 / 1e9 }'
}

# figure NAME OURS PEER PEER_NAME UNIT
figure() {
    awk -v name="$1" -v ours="$2" -v peer="$3" -v peer_name="$4" -v unit="$5" 'BEGIN {
        printf "{\"name\":\"%s\",\"ours\":%g,\"peer\":%g,\"peer_name\":\"%s\",\"unit\":\"%s\",\"ratio\":%.4g}\n",
            name, ours, peer, peer_name, unit, ours / peer }'
}

nothing=$(best 50 true)
figure version "$(best 50 "$weir" --version)" "$nothing" "the program true" s
first=$(best 1 "$weir" run many.lua --jobs 1)
figure job "$(awk -v t="$first" 'BEGIN { printf "%.6f", t / 150 }')" "$nothing" "the program true" "s a job (fit, sample, score of 500 packets)"
figure cached_150_jobs "$(best 10 "$weir" run many.lua)" "$first" "the run that filled the store" s
