-- NetShare's comparison on packets: trains `netshare` and the simple generators on the first 80 % of each trace, and
-- scores times, sizes, flows, addresses, ports and validity. `-- --traces a.pcap,b.pcap` names other traces than the sample.
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 packets of the first trace and a tiny network, in seconds" },
  traces = { weir.here "data/sample.pcap", "captures or packet CSV, separated by commas" },
  preset = { "quick", "of netshare: quick (two minutes a fit), packets (the paper's)" },
  seeds = { 3, "seeds a generator", least = 1 },
}

local traces = {}
for path in options.traces:gmatch "[^,]+" do
  traces[#traces + 1] = weir.trace(path, { packets = options.quick and 2000 or nil })
  if options.quick then break end
end

local exp = weir.experiment "netshare"
exp:compare {
  traces = traces,
  generators = {
    { "netshare", preset = options.quick and "tiny" or options.preset, label = "NetShare" },
    "markov",
    "marginals",
    "bootstrap",
    "uniform",
  },
  metrics = { "emd", "jsd", "validity" },
  seeds = options.quick and 1 or options.seeds,
}

exp:run()
print(exp:leaderboard())
for _, feature in ipairs { "NPF", "FD", "FIT" } do print(exp:table("emd", { feature = feature })) end
print("report: " .. exp:report())
