# kill -9 of the runner and of its jobs at random moments, fifty times over, in one store: the end is the
# same scores as of a run that nobody disturbed.
. "$(dirname -- "$0")/lib.sh"
export WEIR_PLUGIN_PATH="$build/tests/fixtures"

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 2000; i++)
        printf "%d,10.0.0.%d,10.0.1.%d,%d,80,6,%d\n", 1e6 + i * 1000, i % 17 + 1, i % 5 + 1, 5000 + i % 240, 60 + i % 900 }' >trace.csv
cat >kill.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "kill"
for _, name in ipairs { "bootstrap", "marginals", "markov" } do
  exp:score({ "emd", "jsd", "leak" }, trace, exp:generate(name, trace))
end
exp:floor(trace)
exp:run()
END
begin=$(date +%s%N)
run 0 "$weir" run kill.lua --out undisturbed --jobs 2
end=$(date +%s%N)
run 0 "$weir" run kill.lua --out undisturbed --fresh --jobs 1
length=$(((end - begin) / 1000000)) # ms, that a disturbance comes within; follows the machine's load

# The jobs of a runner, as process numbers.
jobs_of() {
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        rest=${line##*) }
        set -- $rest
        [ "$2" != "$1" ] && [ "$2" = "$runner" ] && echo "${line%% *}"
    done
}

seed=${WEIR_TEST_SEED:-$(($(date +%s) % 30000))}
echo "seed $seed, an undisturbed run takes $length ms"
random() { # sets drawn to one of 0 … $1 - 1
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    drawn=$((seed / 65536 % $1))
}
rounds=0 killed=0 whole=0
while [ $rounds -lt 50 ]; do
    rounds=$((rounds + 1))
    "$weir" run kill.lua --out store --jobs 2 >out 2>err </dev/null &
    runner=$!
    random 1000
    sleep "$(printf '0.%03d' $((drawn * (length > 900 ? 900 : length) / 1000)))"
    random 2
    if [ "$drawn" -eq 0 ]; then
        kill -KILL $runner 2>/dev/null && killed=$((killed + 1))
    else
        for job in $(jobs_of); do
            kill -KILL "$job" 2>/dev/null && killed=$((killed + 1))
        done
    fi
    status=0
    wait $runner 2>/dev/null || status=$?
    case $status in
    1 | 137) length=$((length * 8 / 7 + 1)) ;; # some job was killed; the runner was
    0)          # nothing came in its way: it is the same, and most of it is to be done again
        equal undisturbed/scores.csv store/scores.csv
        whole=$((whole + 1)) length=$((length * 2 / 3 + 30))
        if [ $((whole % 2)) -eq 0 ]; then
            rm -rf store
        else
            for job in store/jobs/*/; do
                random 3
                [ "$drawn" -eq 0 ] || rm -rf "$job"
            done
        fi
        ;;
    *) cat err >&2; fail "round $rounds: exit status $status" ;;
    esac
done
echo "$killed processes killed in $rounds rounds, $whole of which were whole"
[ $killed -ge 15 ] || fail "only $killed processes were killed: the moments are badly chosen"
run 0 "$weir" run kill.lua --out store --jobs 2
equal undisturbed/scores.csv store/scores.csv
[ -z "$(find store -name '*.tmp')" ] || fail "files that were not finished are left: $(find store -name '*.tmp')"
