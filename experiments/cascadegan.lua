-- CascadeGAN beside the simple generators and the floor: trains it on a trace with three seeds, scores what it makes, and
-- says where it is better than they are. Not much by `--quick`; `--trace a.pcap,b.pcap` takes your own.
local weir = require "weir"
local cascade = require "lib.cascade"
local options = cascade.complete(weir.arguments(cascade.arguments))

-- Whether a generator left parts of the trace out: its destination ports and its greatest flow.
local coverage = weir.metric {
  name = "coverage",
  features = {
    { label = "PORTS", title = "share of the real packets whose destination port occurs", better = "higher" },
    { label = "LARGEST", title = "packets of the largest flow over those of the real one", better = "neither" },
  },
  score = function(real, synthetic, stats)
    local seen, found = {}, 0
    for _, port in ipairs(synthetic:column("dstport"):values()) do seen[port] = true end
    for _, port in ipairs(real:column("dstport"):values()) do found = found + (seen[port] and 1 or 0) end
    local function largest(data)
      local flows, most = data:flows(), 0
      for f = 1, flows.count do most = math.max(most, flows:size(f)) end
      return most
    end
    return { PORTS = found / #real, LARGEST = largest(synthetic) / largest(real) }
  end,
}

local exp = weir.experiment "cascadegan"
local traces = cascade.traces(options)
local simple = { "bootstrap", "markov", "marginals" }
for _, trace in ipairs(traces) do
  for seed = 1, options.seeds do
    local all = { exp:generate("cascadegan", trace, cascade.settings(options, { seed = seed, label = "cascadegan" })) }
    for _, name in ipairs(simple) do all[#all + 1] = exp:generate(name, trace, { seed = seed }) end
    for _, synthetic in ipairs(all) do exp:score({ "emd", "jsd", "overlap", "burst", coverage }, trace, synthetic) end
  end
  exp:floor(trace, { "emd", "jsd", "burst" })
end
exp:run()

local means = cascade.means(exp, { "emd", "jsd", "overlap", "coverage" })
local labels = { "cascadegan", "bootstrap", "markov", "marginals", "floor, flow-disjoint" }
for _, trace in ipairs(traces) do
  local dataset = tostring(trace)
  cascade.print_features(means, dataset, "temporal", cascade.temporal, labels)
  cascade.print_features(means, dataset, "statistical", cascade.statistical, labels)
  cascade.print_summary(means, dataset, { "cascadegan", "bootstrap", "markov", "marginals" })

  local function mean(plugin, feature, label)
    return ((means[dataset][plugin] or {})[feature] or {})[label or "cascadegan"]
  end
  local function say(what, good)
    print(("%s  %s"):format(good == nil and "n/a" or good and "yes" or "no ", what))
  end
  for _, feature in ipairs { "FIT", "FD", "AT", "BU", "LD" } do
    local own, other = mean("emd", feature), mean("emd", feature, "marginals")
    local good
    if own then good = not other or own < other end
    say(feature .. " is better than that of marginals", good)
  end
  local own, floor, other = mean("emd", "IT"), mean("emd", "IT", "floor, flow-disjoint"), mean("emd", "IT", "marginals")
  say("IT is at most twice the floor, or twice marginals", own and (own <= 2 * math.max(floor or 0, other or 0)))
  local ratio, n = cascade.ratio(means, dataset, cascade.all, "cascadegan", "markov")
  say(("over %d features the geometric mean of scores over markov's is %s"):format(n,
    ratio and ("%.3f"):format(ratio) or "n/a"), ratio and ratio < 1)
  local ports, largest = mean("coverage", "PORTS"), mean("coverage", "LARGEST")
  say(("its destination ports carry %.1f %% of the real packets (90 at least)"):format(100 * (ports or 0)),
    ports and ports >= 0.9)
  print(("     its largest flow has %.2f times the packets of the real one"):format(largest or 0))
  for _, feature in ipairs { "REC", "RUN" } do
    local found, real = mean("overlap", feature), mean("overlap", feature .. "_REAL")
    say(("overlap %s is %.3g, of real halves %.3g"):format(feature, found or 0, real or 0),
      found and real and found <= real)
  end
  print()
end
print("report: " .. exp:report())
