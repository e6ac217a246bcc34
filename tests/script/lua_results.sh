#!/bin/sh
# What scripts get: splits, comparisons, tables, scores, floors, series, metrics in Lua. The checks are asserts in Lua.
. "$(dirname -- "$0")/lib.sh"

[ -e "$source/experiments/data/sample.pcap" ] || skip "experiments/data/sample.pcap is not there"
ln -s "$source/experiments/data" data
cp data/sample.pcap copy.pcap

cat >traces.lua <<'END'
local weir = require "weir"
local trace = weir.trace("data/sample.pcap", { packets = 3000 })
assert(tostring(trace) == "sample" and #trace:dataset() == 3000 and trace:info().rows == 3000)
assert(trace:info().table1.flows == trace:dataset():flows().count)
for _, by in ipairs { "time", "flow" } do
  local train, test = trace:split { test = 0.25, by = by, seed = 3 }
  assert(tostring(train) == "sample:train" and tostring(test) == "sample:test")
  local a, b = train:dataset(), test:dataset()
  assert(#a + #b == 3000 and math.abs(#b - 750) < 400, by .. " " .. #b)
  if by == "time" then
    local _, last = a:span()
    assert(last <= b:span() and #b == 750)
  else
    assert(a:flows().count + b:flows().count == trace:dataset():flows().count)
  end
end
-- a split of a split, and two files merged by time
local train = trace:split()
local inner, validation = train:split { test = 0.5 }
assert(#inner:dataset() == 1200 and #validation:dataset() == 1200)
assert(#weir.trace({ "data/sample.pcap", "copy.pcap" }, { packets = 10 }):dataset() == 10)
assert(#weir.trace "data/sample-netflow.csv":dataset() > 100)
assert(weir.here "x" == "./x" and weir.here "/x" == "/x")
-- so many series of each label, after a split and before one
local series = weir.trace "data/sample-series.csv"
local train, test = series:split { test = 0.2, by = "label", seed = 2 }
local few = train:take { per_label = 5 }
assert(tostring(few) == "sample-series:train:5 a label" and #few:dataset() == 100 and few:info().short == nil)
assert(#few:split { test = 0.4, by = "label" }:dataset() == 60)
local web = train:take { per_label = 50, labels = { "web/http1", "session/ssh/admin" }, seed = 3, name = "web" }
assert(tostring(web) == "web" and #web:dataset() == 6 * 48 and web:info().short["session/ssh/admin"] == 48)
local rare = train:take { per_label = { ["web/h2/search"] = 3 }, labels = { "web/h2" } }
assert(#rare:dataset() == 4 * 48 + 3 and tostring(rare) == "sample-series:train:3 of web/h2/search, web/h2")
assert(not pcall(train.take, train, { per_label = { "web" } }))
local exp = weir.experiment "takes"
exp:score("jsd", { train = few, test = test }, exp:generate("bootstrap", few))
assert(not pcall(exp.score, exp, "jsd", { train = few, test = series:take { per_label = 5 } }, exp:generate("bootstrap", few)))
assert(not pcall(exp.generate, exp, "bootstrap", train:take { per_label = 5, seed = 2, name = tostring(few) }))
assert(exp:run() and exp:table("jsd", { dataset = tostring(few), feature = "LABEL" })[1].n == 1)
print "good"
END
run 0 "$weir" run traces.lua
has out good

mkdir -p captures/web/a/1 captures/web/b/2
for folder in captures/web/a/1 captures/web/b/2; do cp "$source/experiments/data/sample.pcap" $folder/one.pcap; done
cat >series.lua <<'END'
local weir = require "weir"
local series = weir.series { captures = "captures", length = 40 }
local data = series:dataset()
assert(#data == 2 and data.schema == "series" and data:column("values").width == 120)
local labels = data:column("label"):values()
table.sort(labels)
assert(labels[1] == "web/a/1" and labels[2] == "web/b/2")
local bins = weir.series { captures = "captures", length = 8, bin = "500ms", channels = { "bytes", "packets" }, label = "file",
  name = "bins" }
assert(bins:dataset():column("values").width == 16 and bins:dataset():column("label")[1] == "one" and tostring(bins) == "bins")
assert(not pcall(weir.series, { captures = "captures", bin = 0 }))
print "good"
END
run 0 "$weir" run series.lua
has out good

cat >compare.lua <<'END'
local weir = require "weir"
local trace = weir.trace("data/sample.pcap", { packets = 2000 })
local exp = weir.experiment "compared"
local size = weir.metric {
  name = "size", features = { { label = "N", unit = "packets" } },
  score = function(real, synthetic) return { value = math.abs(#real - #synthetic), n_real = #real, n_synthetic = #synthetic } end,
}
local handles = exp:compare {
  traces = trace, metrics = { { "emd", features = { "PL", "IT" } }, size }, downstream = "burst", seeds = { 4, 9 },
  generators = { "copy", { "bootstrap", flows = 30, label = "thirty" }, { "bootstrap", flows = 60 } },
  split = { test = 0.5 },
}
assert(#handles == 6 and handles[1].label == "copy" and handles[1].seed == 4 and handles[2].seed == 9)
assert(handles[3].label == "thirty" and handles[5].label == "bootstrap flows=60")
assert(tostring(handles[3]) == "thirty, seed 4, on sample:train")
assert(exp:run() == true)

-- the generators saw the training part; metrics compare with both parts
assert(#handles[1]:dataset() == 1000 and handles[3]:dataset():flows().count == 30)
for _, part in ipairs { "sample:train", "sample:test" } do
  local rows = exp:scores { plugin = "emd", feature = "PL", label = "thirty", dataset = part }
  assert(#rows == 2 and rows[1].n_real == 1000 and rows[1].status == "ok" and rows[1].value > 0)
end
local copies = exp:scores { plugin = "emd", generator = "copy", dataset = "sample:train" }
assert(#copies == 4)
for _, row in ipairs(copies) do assert(row.value == 0 and row.unit ~= "") end
assert(#exp:scores { plugin = "burst", dataset = "sample:train", label = "copy", seed = 4 } > 0)

-- a table is the scores over the seeds
local rows = exp:table("emd", { feature = "PL", dataset = "sample:train" })
local found = {}
for _, row in ipairs(rows) do found[row.label] = row end
local thirty = found["thirty"]
assert(thirty.n == 2 and #thirty.values == 2 and thirty.better == "lower" and thirty.unit == "bytes")
assert(math.abs(thirty.mean - (thirty.values[1] + thirty.values[2]) / 2) < 1e-9)
assert(thirty.low < thirty.mean and thirty.high > thirty.mean and thirty.min <= thirty.max)
assert(found["by time"].generator == "floor" and found["flow-disjoint"].n == 1)

-- skill is 0 at the floor and 1 at the ceiling, a line between them, and the table's is the mean of the seeds'
local scored = weir.experiment "skilled"
for _, generator in ipairs { "bootstrap", "uniform" } do
  for seed = 1, 2 do scored:score({ "emd", "jsd" }, trace, scored:generate(generator, trace, { seed = seed })) end
end
scored:floor(trace)
local by = {}
for _, row in ipairs(scored:table("emd", { feature = "PL" })) do by[row.label] = row end
local zero, one, made = by["flow-disjoint"], by.uniform, by.bootstrap
assert(zero.skill == 0 and math.abs(one.skill - 1) < 1e-12 and made.skill_reason == nil)
assert(math.abs(made.skill - (made.mean - zero.mean) / (one.mean - zero.mean)) < 1e-9)
for i, row in ipairs(scored:scores { plugin = "emd", feature = "PL", label = "bootstrap" }) do
  assert(math.abs(row.skill - (made.values[i] - zero.mean) / (one.mean - zero.mean)) < 1e-9)
end
assert(tostring(scored:table("emd", { feature = "PL" })):find " max +skill\n")
local held_out = exp:table("emd", { feature = "PL", dataset = "sample:test" })
for _, row in ipairs(held_out) do assert(row.skill == nil and row.skill_reason:find "no floor") end
assert(#held_out > 0 and not tostring(held_out):find "skill")
assert(rows[1].label == "copy" and rows[1].mean == 0 and rows[#rows].generator == "floor")
local text = tostring(rows)
assert(text:find "^emd on sample:train PL fix %[bytes%] %(lower is better%)\n" and text:find "floor, by time")
local ok, message = pcall(exp.table, exp, "emd", { feature = "PK" })
assert(not ok and message:find("unknown feature 'PK' of emd", 1, true), message)
ok, message = pcall(exp.table, exp, "emd", { label = "thrity" })
assert(not ok and message:find("unknown label 'thrity' of emd; did you mean 'thirty'?", 1, true), message)
ok, message = pcall(exp.table, exp, "edm")
assert(not ok and message:find("did you mean 'emd'", 1, true), message)

-- the metric in Lua, in jobs
local counted = exp:scores { plugin = "size", label = "copy", dataset = "sample:train" }
assert(#counted == 2 and counted[1].value == 0 and counted[1].n_synthetic == 1000 and counted[1].unit == "packets")
print "good"
END
run 0 "$weir" run compare.lua
has out good
# series have no times: the plan refuses what every job would
cat >times.lua <<'END'
local weir = require "weir"
local exp = weir.experiment "times"
exp:compare { traces = weir.trace "data/sample-series.csv", generators = "bootstrap", metrics = "jsd" }
exp:run()
END
refused "times.lua:3: sample-series:train: series have no times to split by; split them by label" "$weir" run times.lua
sed 's/metrics = /split = { by = "label" }, &/' times.lua >labels.lua
[ ! -e results/times ] || fail "a refused script left results behind"
run 0 "$weir" run labels.lua
cp results/compared/scores.csv first.csv
run 0 "$weir" run compare.lua
equal first.csv results/compared/scores.csv
has err " 0 failed"

# A figure is in the store and on the page; one that the script makes no more is gone.
cat >figure.lua <<'END'
local weir = require "weir"
local exp = weir.experiment "drawn"
local trace = weir.trace("data/sample.pcap", { packets = 500 })
exp:score("emd", trace, exp:generate("bootstrap", trace))
if arg[1] then
  exp:figure { name = "few", title = "Few data", x = "n", y = "accuracy", log_x = true,
    lines = { { label = "cnn", points = { { x = 10, y = 0.5, low = 0.25, high = 0.75 }, { x = 1, y = 0.25 } } } } }
  local done, said = pcall(exp.figure, exp, { name = "few", lines = { { label = "cnn", points = { { x = 1, y = 2 } } } } })
  assert(not done and said:find("there is a figure 'few' already (figure.lua:6)", 1, true), said)
end
print(exp:report())
END
run 0 "$weir" run figure.lua -- yes
has results/drawn/figures.json '"log_x": true'
has results/drawn/report.html "Few data"
has results/drawn/report.md "| 10 | 0.5000 (0.2500 – 0.7500) |"
run 0 "$weir" run figure.lua
[ ! -e results/drawn/figures.json ] || fail "a figure of an earlier run stayed"
lacks results/drawn/report.html "Few data"
