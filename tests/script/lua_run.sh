#!/bin/sh
# weir run: exit status, --out, --fresh, --dry-run, arguments, limits, failures, interruption.
# Covers: core/cli/run.c core/lua/script.c core/lua/native.c
. "$(dirname -- "$0")/lib.sh"

awk 'BEGIN { print "time,srcip,dstip,srcport,dstport,proto,pkt_len"
    for (i = 0; i < 400; i++)
        printf "%d,10.0.0.%d,10.0.1.%d,%d,80,6,%d\n", 1000 * i * i, i % 7, i % 3, 1000 + i % 20, 40 + i % 1000 }' >packets.csv
cat >script.lua <<'END'
local weir = require "weir"
local trace = weir.trace "packets.csv"
local exp = weir.experiment "first"
local synthetic = exp:generate("bootstrap", trace, { seed = tonumber(arg[1] or 1) })
local scores = exp:score({ "emd", "jsd" }, trace, synthetic)
print(exp:run(), #synthetic:dataset() > 0, #scores:rows() > 5, #synthetic:scores { plugin = "jsd" } > 3)
END

# The flags themselves.
refused "something is missing" "$weir" run
refused "unknown flag '--job'; did you mean '--jobs'?" "$weir" run --job 2 script.lua
refused "the script's own stand behind --" "$weir" run script.lua --quick
refused "--device is 'gpu', must be auto, cpu or cuda" "$weir" run script.lua --device gpu
refused "--jobs is '-1'" "$weir" run script.lua --jobs -1
refused "--memory is '2X', must be" "$weir" run script.lua --memory 2X
refused "nosuch.lua: No such file or directory" "$weir" run nosuch.lua
refused "nosuch" "$weir" run script.lua --plugins nosuch
refused "." "$weir" run .
run 0 "$weir" run --help
has out "--dry-run"
[ ! -e results ] || fail "something was written before anything ran"

# A dry run lists the jobs and ends the script there, also one that tries to go on.
run 0 "$weir" run script.lua --dry-run
has out "4 jobs: 0 cached, 4 to run"
lacks out "true"
cat >stubborn.lua <<'END'
local weir = require "weir"
local exp = weir.experiment "first"
exp:generate("bootstrap", weir.trace "packets.csv")
pcall(exp.run, exp)
exp:run()
print "went on"
END
run 0 "$weir" run stubborn.lua --dry-run
lacks out "went on"
[ ! -e results/first/scores.csv ] || fail "a dry run left scores"

# A run, the same again, other arguments, and from nothing.
run 0 "$weir" run script.lua
has out "true	true	true	true"
has err "4 jobs: 4 done (0 of them before)"
run 0 "$weir" run script.lua
has err "4 jobs: 4 done (4 of them before)"
run 0 "$weir" run script.lua -- 2
has err "4 jobs: 4 done (0 of them before)"
mkdir results/*/jobs/mine && touch results/*/jobs/mine/notes results/*/jobs/*/left
run 0 "$weir" run script.lua --fresh
has err "4 jobs: 4 done (0 of them before)"
[ "$(echo results/*/jobs/mine/notes results/*/jobs/????????????????????????/left)" = \
    "$(echo results/*/jobs/mine/notes) results/*/jobs/????????????????????????/left" ] ||
    fail "--fresh removed what is not a job's, or left what is"

# --out is the store itself, and for one experiment.
run 0 "$weir" run script.lua --out here/store
[ -s here/store/scores.csv ] || fail "--out is not the store"
cat >two.lua <<'END'
local weir = require "weir"
local trace = weir.trace "packets.csv"
for _, name in ipairs { "one", "two" } do
  local exp = weir.experiment(name)
  exp:generate("copy", trace)
  exp:run()
end
END
run 0 "$weir" run two.lua
run 2 "$weir" run two.lua --out here/two
has err "two.lua:6: --out names the store of one experiment, and this script runs several"
echo file >file
run 2 "$weir" run script.lua --out file/store
has err "file/store"

# A failed job: the script goes on, the exit status says so, the scores say why.
cat >failing.lua <<'END'
local weir = require "weir"
local trace = weir.trace "packets.csv"
local exp = weir.experiment "failing"
local broken = weir.metric {
  name = "broken", features = { "A", "B" },
  score = function(real) return { A = real.nosuch, B = 1 } end,
}
local synthetic = exp:generate("bootstrap", trace)
local scores = exp:score({ broken, "jsd" }, trace, synthetic)
print(exp:run())
print(scores:rows()[1].status, select(2, scores:value "A"))
print(exp:table "broken")
print(exp:table("jsd", { feature = "PR" })[1].mean)
END
run 1 "$weir" run failing.lua
has out "false"
has out "failing.lua:6: a dataset has no member 'nosuch'"
has out "failed"
has out "0.0"

# What was declared after a run is run when a value is asked for; what was never run is worth a warning.
cat >later.lua <<'END'
local weir = require "weir"
local trace = weir.trace "packets.csv"
local exp = weir.experiment "later"
exp:limits { memory = "1G", time = "5m", threads = 1 }
local synthetic = exp:generate("copy", trace)
exp:run()
local jsd = exp:score("jsd", trace, synthetic)
print(jsd:value "SP", jsd)
local own = exp:score("jsd", trace, weir.trace("packets.csv", { name = "mine", packets = 100 }))
print(own:value "PR", own:rows()[1].generator)
exp:generate("bootstrap", trace)
END
run 0 "$weir" run later.lua
has out "0.0	jsd of copy, seed 1, on packets"
has out "0.0	mine"
has err "later.lua:3: warning: experiment 'later' declares jobs that were not run; call exp:run()"

# Limits of the script hold, and those of the command line beat them.
cat >limits.lua <<'END'
local weir = require "weir"
local trace = weir.trace "packets.csv"
local exp = weir.experiment "limits"
exp:limits { time = arg[1] }
local endless = weir.metric { name = "endless", features = { "A" }, score = function() while true do end end }
local scores = exp:score(endless, trace, exp:generate("copy", trace))
print(exp:run())
print(select(2, scores:value "A"))
END
run 1 "$weir" run limits.lua -- 1s
has out "time limit of 1.0 s exceeded"
run 1 "$weir" run limits.lua --fresh --time 1 -- 1h
has out "time limit of 1.0 s exceeded"

# Interrupted: exit status 130, and the same command goes on.
cat >long.lua <<'END'
local weir = require "weir"
local trace = weir.trace "packets.csv"
local exp = weir.experiment "long"
local slow = weir.metric {
  name = "slow", features = { "A" },
  score = function() local start = os.time() while os.time() < start + 60 do end return 1 end,
}
local synthetic = exp:generate("bootstrap", trace)
exp:score({ "jsd", slow }, trace, synthetic)
pcall(exp.run, exp)
print "went on"
exp:run()
print "went on"
END
run 130 timeout --preserve-status -s INT 3 "$weir" run long.lua
[ "$(grep -c 'went on' out)" -le 1 ] || fail "an interrupted script went on"
lacks err "long.lua:"
[ "$(ls results/long/jobs/*/scores.json | wc -l)" -eq 1 ] || fail "what was done before the interruption is lost"
