# The choice among the checkpoints of a fit: on data that the fit did not see, found again by key, whatever happens
# to a candidate or a metric, also after a kill; and by `weir fit`.
# Covers: core/plugin/candidates.c core/run/node.c core/run/plan_select.c core/run/work_select.c
. "$(dirname -- "$0")/lib.sh"
export WEIR_PLUGIN_PATH="$build/tests/fixtures"
unset WEIR_FIXTURE_STOP

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 600; i++)
        printf "%d,10.0.0.%d,10.0.1.1,%d,80,17,%d\n", 1e6 + i * 1000, i % 40 + 1, 5000 + i % 40, 100 + i * 7 % 50 }' >trace.csv
cat >choice.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "choice"
local choice = ({
  plain = "rank_sum",
  keep = { "rank_sum", keep = true },
  one = { "rank_sum", metrics = "emd" },
  time = { "rank_sum", metrics = "emd", validation = 0.5, by = "time" },
  crashing = { "rank_sum", metrics = { "crashing_metric", "emd" } },
  all_crash = { "rank_sum", metrics = { "crashing_metric" } },
  few = { "rank_sum", candidates = 3, metrics = "emd" },
})[arg[1]]
exp:score("jsd", trace, exp:generate("wanders", trace, { select = choice, label = "wanders",
  broken = tonumber(arg[2] or 0), every = tonumber(arg[3] or 15) }))
exp:run()
if arg[1] == "plain" then exp:report() end
END
chosen() { sed -n '/"selected"/,/}/s/.*"step": *\([0-9]*\).*/\1/p' results/choice/jobs/*/model/model.json | head -n 1; }
selection() { ls results/choice/jobs/*/selection.json; }

# The best of three checkpoints and the final model, fitted on four fifths.
run 0 "$weir" run choice.lua -- plain
[ "$(chosen)" = 30 ] || fail "step 30 is the best, not $(chosen)"
has "$(selection)" '"chosen": 1'
has "$(selection)" '"name": "trace:test"'
[ "$(grep -c '"rank_sum": [0-9]' "$(selection)")" -eq 4 ] || fail "four candidates have a rank sum"
grep -q "fitted on 480 rows" results/choice/jobs/*/log || fail "the fit saw rows of the validation set"
[ -z "$(find results -path '*candidates/*')" ] || fail "candidates that lost are kept"
[ "$(ls -d results/choice/jobs/*/ | wc -l)" -eq 4 ] || fail "fit, select, sample and score are left: $(ls results/choice/jobs)"

has results/choice/report.md "checkpoint of step 30, of 4, on trace:test (120 rows, held back by flow)"
grep -q "Rank sums of wanders, seed 1, by step: 15: .* 30: .*(final): " results/choice/report.md || fail "no rank sums in the report"
has results/choice/report.html "<td>30</td><td class=\"name\">checkpoint, chosen</td>"
cp results/choice/scores.csv plain.csv
cp "$(selection)" plain.json
run 0 "$weir" run choice.lua -- plain
has err "4 jobs: 4 done (4 of them before)"

# Another choice among the same candidates, which are gone: the fit is done again, and they may stay.
run 0 "$weir" run choice.lua --fresh -- keep
[ "$(ls -d results/choice/jobs/*/candidates/*/ | wc -l)" -eq 3 ] || fail "candidates are to stay"
equal plain.csv results/choice/scores.csv
run 0 "$weir" run choice.lua -- plain
has err "4 jobs: 4 done (4 of them before)"
run 0 "$weir" run choice.lua -- time
[ "$(grep -l '"by": "time"' results/choice/jobs/*/selection.json | wc -l)" -eq 1 ] || fail "no validation by time"

# Two choices of one fit: neither leaves the samples that it chose by.
sed 's/^exp:run()/exp:score("jsd", trace, exp:generate("wanders", trace, { select = { "rank_sum", metrics = "jsd" }, label = "two", every = 15 }))\n&/' choice.lua >two.lua
run 0 "$weir" run two.lua --fresh -- one
[ "$(ls -d results/choice/jobs/*/ | wc -l)" -eq 7 ] || fail "a fit, and twice select, sample and score: $(ls results/choice/jobs)"
[ -z "$(find results -path '*candidates/*')" ] || fail "candidates of two choices are kept"

# A candidate that crashes, a metric that crashes: told, and the rest decides.
run 0 "$weir" run choice.lua --fresh -- one 30
[ "$(chosen)" = 45 ] || fail "up to step 30 none is usable: 45 is the best, not $(chosen)"
[ "$(grep -c '"usable": false' "$(selection)")" -eq 2 ] || fail "two candidates are unusable"
has "$(selection)" "crashed (SIGABRT)"
run 0 "$weir" run choice.lua --fresh -- crashing
[ "$(chosen)" = 30 ] || fail "without the metric that crashes it is 30, not $(chosen)"
run 0 "$weir" run choice.lua --fresh -- all_crash
[ "$(chosen)" = 50 ] || fail "with nothing to go by it is the final model, not $(chosen)"
grep -q '"step": 55.0' results/choice/jobs/*/model/model.json || fail "the final model is not the chosen one"
run 1 "$weir" run choice.lua --fresh -- one 1000
has results/choice/scores.csv "no candidate can be sampled; the first: crashed (SIGABRT)"

# No more checkpoints than asked for, spread over the training.
run 0 "$weir" run choice.lua --fresh -- few 0 5
[ "$(grep -c '"step"' "$(selection)")" -eq 4 ] || fail "three checkpoints and the final model"
[ "$(grep -o '"step": [0-9]*' "$(selection)" | head -n 1)" != '"step": 40' ] || fail "only the last checkpoints were kept"

# Killed in the fit, and between it and the choice.
rm -rf results
WEIR_FIXTURE_STOP=25 run 1 "$weir" run choice.lua -- plain
run 0 "$weir" run choice.lua -- plain
grep -q "going on from the checkpoint of step 15" results/choice/jobs/*/log || fail "the fit did not go on"
equal plain.csv results/choice/scores.csv
equal plain.json "$(selection)"
rm -rf "$(dirname "$(selection)")" results/choice/jobs/*/synthetic.weir
run 0 "$weir" run choice.lua -- plain
equal plain.json "$(selection)"

# Parts: the k-th checkpoints of all, joined.
cat >parts.lua <<'END'
local weir = require "weir"
local trace = weir.trace "trace.csv"
local exp = weir.experiment "choice"
exp:score("chatter", trace, exp:generate("parts", trace, { select = { "rank_sum", metrics = "emd", candidates = 2 } }))
exp:run()
END
run 0 "$weir" run parts.lua --fresh
[ "$(grep -c '"usable": true' "$(selection)")" -ge 2 ] || fail "candidates of joined parts"
[ -z "$(find results -path '*candidates/*')" ] || fail "candidates of parts are kept"
rm -rf "$(dirname "$(selection)")"
run 0 "$weir" run parts.lua

# weir fit does the same.
run 0 "$weir" fit wanders trace.csv -o chosen --select rank_sum --metrics emd
has out "chosen by rank_sum on trace:test (120 rows that it was not fitted on): the checkpoint of step 30"
[ -e chosen/selection.json ] && [ -e chosen/curves.csv ] || fail "the model has no selection.json or no curves.csv"
[ -z "$(find . -maxdepth 1 -name 'chosen.tmp*')" ] || fail "something is left beside the model"
run 0 "$weir" sample chosen -o out.csv
run 0 "$weir" fit wanders trace.csv -o again --steps 50 --select rank_sum --metrics emd
has out "the checkpoint of step 30"
has out "the same again: --steps 50"
refused "--validation is 0, must be a share" "$weir" fit wanders trace.csv -o x --select rank_sum --validation 0
refused "above 0" "$weir" fit wanders trace.csv -o x --budget 0
refused "select is 'best', must be rank_sum" "$weir" fit wanders trace.csv -o x --select best
refused "--metrics and --validation go with --select" "$weir" fit wanders trace.csv -o x --metrics jsd
