# An experiment survives plugins that crash, hang, take memory without end, lose memory, print and score
# NaN: the others' results are there, and what happened is in the table. Covers issue cases of design 9.
. "$(dirname -- "$0")/lib.sh"
export WEIR_PLUGIN_PATH="$build/tests/fixtures"

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 600; i++)
        printf "%d,10.0.0.%d,10.0.1.%d,%d,80,6,%d\n", 1e6 + i * 1000, i % 7 + 1, i % 5 + 1, 5000 + i % 40, 60 + i % 900 }' >trace.csv
cat >bad.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "bad"
exp:limits { memory = "200M", time = 1.5 }
for _, name in ipairs { "bootstrap", "crash", "hang" } do
  local synth = exp:generate(name, trace)
  exp:score({ "jsd", "leak", "chatter", "nan", "hog" }, trace, synth)
end
exp:run()
END

run 1 "$weir" run bad.lua
[ ! -s out ] || fail "something was printed on stdout"
lacks err "chatter: line"
csv=results/bad/scores.csv

# row TEXT: exactly one row contains it; prints the row.
row() {
    [ "$(grep -cF -- "$1" $csv)" -eq 1 ] || {
        cat $csv >&2
        fail "not one row contains: $1"
    }
    grep -F -- "$1" $csv
}

row 'trace,bootstrap,bootstrap,1,metric,leak,,L,0,,lower,600,' | grep -q ',ok,,' || fail "leak did its work"
row 'trace,bootstrap,bootstrap,1,metric,chatter,,C,' | grep -q ',ok,,' || fail "chatter did its work"
[ "$(grep -c '^trace,bootstrap,bootstrap,1,metric,jsd,.*,ok,' $csv)" -ge 8 ] || fail "jsd did its work"
row ',bootstrap,1,metric,nan,,N,,,lower,,,failed,' | grep -q 'not a number' || fail "NaN is no score"
row ',bootstrap,1,metric,hog,,H,,,lower,,,failed,' | grep -q 'memory limit of .* exceeded (.*) (in score, after ' ||
    fail "the hog was not stopped by its limit"
row ',crash,1,metric,leak,,L,,,lower,,,failed,' | grep -q 'its generator failed: .* (in fit, after ' ||
    fail "the crash is not in the table"
case $build in
*asan*) ;; # the sanitizer turns the signal into an exit
*) has $csv 'crashed (SIGSEGV) (in fit' ;;
esac
row ',hang,1,metric,leak,,L,,,lower,,,failed,' | grep -q 'its generator failed: time limit of 1.5 s exceeded' ||
    fail "the hang is not in the table"
grep -lF 'chatter: line 999' results/bad/jobs/*/log >/dev/null || fail "what was printed is not in the log"

# Every job has its status, and the failed ones say why.
for job in results/bad/jobs/*/; do
    [ -s "${job}status.json" ] || fail "$job has no status.json"
    grep -qE '"ok": true|"reason": "|"text": "' "${job}status.json" || fail "${job}status.json says nothing"
done

# Nothing is left running.
for file in /proc/[0-9]*/cmdline; do
    if { tr '\0' ' ' <"$file"; } 2>/dev/null | grep -qF "$tmp/results/bad/jobs"; then
        fail "a job is still running: $file"
    fi
done
