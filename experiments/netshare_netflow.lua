-- NetShare's comparison on flow records: trains `netshare` and the simple generators on the first 80 % of each table, and
-- scores durations, packets, bytes, times, labels, addresses and ports. `-- --traces a.csv,b.csv` names other tables.
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 records of the first table and a tiny network, in seconds" },
  traces = { weir.here "data/sample-netflow.csv", "NetFlow, Zeek or Argus tables, separated by commas" },
  unit = { "us", "of the tables' times: s, ms, us, ns" },
  preset = { "quick", "of netshare: quick (two minutes a fit), netflow (the paper's)" },
  seeds = { 3, "seeds a generator", least = 1 },
}

local traces = {}
for path in options.traces:gmatch "[^,]+" do
  traces[#traces + 1] = weir.trace(path, { time_unit = options.unit, packets = options.quick and 2000 or nil })
  if options.quick then break end
end

local exp = weir.experiment "netshare_netflow"
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
for _, feature in ipairs { "TD", "PKT", "BYT", "FIT" } do print(exp:table("emd", { feature = feature })) end
print("report: " .. exp:report())
