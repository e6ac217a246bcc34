# What is done is never done again: after an interrupt, beside another run, with a full disk. A run that is
# stopped says so, keeps what is done, and leaves with 130.
. "$(dirname -- "$0")/lib.sh"
export WEIR_PLUGIN_PATH="$build/tests/fixtures"

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 400; i++)
        printf "%d,10.0.0.%d,10.0.1.%d,%d,80,6,%d\n", 1e6 + i * 1000, i % 7 + 1, i % 5 + 1, 5000 + i % 40, 60 + i % 900 }' >trace.csv
cat >two.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "two"
for seed = 1, 2 do
  exp:score({ "jsd", "emd" }, trace, exp:generate("bootstrap", trace, { seed = seed }))
end
if arg[1] == "crash" then exp:score("jsd", trace, exp:generate("crash", trace)) end
if arg[1] == "hang" then exp:generate("hang", trace) end
exp:run()
if arg[1] == "report" then exp:report() end
print "went on"
END
# A dry run lists the jobs and writes nothing.
run 0 "$weir" run two.lua --dry-run
has out "8 jobs: 0 cached, 8 to run"
[ ! -e results ] || fail "a dry run wrote something"

run 0 "$weir" run two.lua
cp results/two/scores.csv whole.csv
[ "$(ls results/two/jobs | wc -l)" -eq 8 ] || fail "eight jobs make eight folders"
touch mark
run 0 "$weir" run two.lua
has err "8 jobs: 8 done (8 of them before)"
equal whole.csv results/two/scores.csv
[ -z "$(find results/two/jobs -newer mark -type f)" ] || fail "a finished job was touched again"
run 0 "$weir" run two.lua --dry-run
has out "8 jobs: 8 cached, 0 to run"

# One output gone: that job runs again, no other.
victim=$(ls -d results/two/jobs/*/scores.json | head -n 1)
rm "$victim"
run 0 "$weir" run two.lua
has err "8 jobs: 8 done (7 of them before)"
equal whole.csv results/two/scores.csv

# What failed is in the report, until a run without it.
run 1 "$weir" run two.lua -- crash
run 0 "$weir" report results/two
grep -q "^| fit of crash" results/two/report.md || fail "the report does not say what failed"
run 0 "$weir" run two.lua
run 0 "$weir" report results/two
! grep -q "crash" results/two/report.md || fail "the report says what failed in an earlier run"

# Interrupted while one job hangs: the others are done and scored.
rm -rf results
"$weir" run two.lua -- hang >out 2>err &
runner=$!
for i in $(seq 100); do
    [ "$(ls results/two/jobs/*/scores.json 2>/dev/null | wc -l)" -lt 4 ] || break
    sleep 0.1
done
sleep 0.2
kill -TERM $runner
status=0
wait $runner || status=$?
[ $status -eq 130 ] || { cat err >&2; fail "an interrupted run leaves with 130, not $status"; }
equal whole.csv results/two/scores.csv
grep -l '"reason": "interrupted"' results/two/jobs/*/status.json >/dev/null || fail "the job that was stopped does not say so"

# Two runs in one store: the second says who holds it, and waits.
"$weir" run two.lua -- hang >out 2>err &
runner=$!
sleep 0.5
"$weir" run two.lua >out2 2>err2 &
second=$!
for i in $(seq 50); do
    ! grep -q "another run holds" err2 || break
    sleep 0.1
done
has err2 "(process $runner on "
kill -TERM $runner
sleep 0.2
kill -TERM $runner # the second time means: at once
wait $runner || true
status=0
wait $second || status=$?
[ $status -eq 0 ] || { cat err2 >&2; fail "the second run did not go on"; }
equal whole.csv results/two/scores.csv

# A folder that cannot be written.
touch file
refused "file" "$weir" run two.lua --out file
refused "/proc/nothing" "$weir" run two.lua --out /proc/nothing

# A folder of somebody's own is left alone.
mkdir mine
echo precious >mine/scores.csv
refused "mine is no store and not empty" "$weir" run two.lua --out mine
refused "mine is no store and not empty" "$weir" run two.lua --out mine --fresh
has mine/scores.csv precious

# A full disk: what is done stays valid. The disk is a small tmpfs, where one can be made.
mkdir disk
cat >full.sh <<'END'
mount -t tmpfs -o size=1500k weir disk || exit 77
"$1" run two.lua --out disk/store >out 2>err || exit 3
cp disk/store/scores.csv before.csv
dd if=/dev/zero of=disk/filler bs=1k >/dev/null 2>&1
status=0
"$1" run two.lua --out disk/store -- hang >out 2>err || status=$?
[ "$status" -eq 1 ] || { echo "exit status $status instead of 1" >&2; cat err >&2; exit 4; }
grep -q "No space left on device" err || { cat err >&2; exit 5; }
cmp disk/store/scores.csv before.csv || exit 6
! grep -q "went on" out || exit 9 # a script cannot go on with results that could not be written
for command in "report disk/store" "run two.lua --out disk/store -- report"; do
  status=0
  "$1" $command >out 2>err || status=$?
  [ "$status" -eq 1 ] || { echo "exit status $status instead of 1: $command" >&2; cat err >&2; exit 10; }
  [ "$(grep -c "report.html: cannot be written: No space left on device" err)" -eq 1 ] || { cat err >&2; exit 11; }
  ! grep -q "went on" out && [ ! -e disk/store/report.html ] || exit 12
  truncate -s -64k disk/filler # room for all but the page
done
cmp disk/store/scores.csv before.csv || exit 13
rm disk/filler
"$1" run two.lua --out disk/store >out 2>err || exit 7
cmp disk/store/scores.csv before.csv || exit 8
END
status=0
unshare -rm sh full.sh "$weir" 2>full.err || status=$?
case $status in
0) equal before.csv whole.csv ;;
1 | 77) echo "no tmpfs can be made here: the full disk was not tried" >&2 ;;
*) cat err full.err >&2; fail "with a full disk (step $status)" ;;
esac
