-- Compares the simple generators on the sample trace: trains each on the first 80 % of it with three seeds,
-- scores what they make, and writes a report. `weir run experiments/quickstart.lua -- --quick` uses less data.
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 packets and one seed, in seconds" },
  seeds = { 3, "seeds a generator", least = 1 },
}

local trace = weir.trace(weir.here "data/sample.pcap", { packets = options.quick and 2000 or nil })
local exp = weir.experiment "quickstart"

exp:compare {
  traces = { trace },
  generators = { "bootstrap", "markov", "marginals", "uniform", "copy", "time_shuffle" },
  metrics = { "emd", "jsd", "overlap" },
  downstream = { "burst" },
  seeds = options.quick and 1 or options.seeds,
}

exp:run()
print(exp:leaderboard())
print("report: " .. exp:report())
