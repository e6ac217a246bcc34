-- Packets by gasf_diffusion, beside the simple generators: where does imaging flows pay, and where does it not?
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "5,000 packets, one seed, 300 training steps: a minute or two" },
  paper = { false, "NetDiffus' sizes: for a GPU" },
  trace = { weir.here "data/sample.pcap", "a capture or packet CSV" },
  packets = { 0, "of the trace, the first so many; 0: all", least = 0 },
  preset = { "quick", "of gasf_diffusion" },
  most_steps = { 0, "training steps; 0: as the preset says", least = 0 },
  seeds = { 3, "seeds of each generator", least = 1 },
}
local steps, packets = options.most_steps, options.packets
if options.quick then
  steps = steps > 0 and steps or 300
  packets = packets > 0 and packets or 5000
end

local exp = weir.experiment "gasf_packets"
exp:compare {
  traces = { weir.trace(options.trace, { packets = packets > 0 and packets or nil }) },
  generators = {
    { "gasf_diffusion", label = "gasf_diffusion", preset = options.paper and "published" or options.preset,
      steps = steps > 0 and steps or nil },
    "markov",
    "marginals",
    "bootstrap",
  },
  metrics = { "emd", "jsd", "validity", "overlap" },
  downstream = { "burst" },
  seeds = options.quick and 1 or options.seeds,
}
exp:run()

print(exp:leaderboard())
for _, feature in ipairs { "PL", "IT", "NPF", "FD", "BU", "LD" } do print(exp:table("emd", { feature = feature })) end
print("report: " .. exp:report())
