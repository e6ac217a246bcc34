-- How sure is a score? The same generators with several seeds: mean, range and 95 % interval of each feature,
-- next to what two real halves of the trace score against each other (the floor).
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 packets, in seconds" },
  seeds = { 3, "seeds a generator; from 10 on the interval is a bootstrap's", least = 1 },
}

local trace = weir.trace(weir.here "data/sample.pcap", { packets = options.quick and 2000 or nil })
local exp = weir.experiment "seeds"

for _, generator in ipairs { "bootstrap", "markov" } do
  for seed = 1, options.seeds do
    local synthetic = exp:generate(generator, trace, { seed = seed })
    exp:score({ "emd", "jsd" }, trace, synthetic)
  end
end
exp:floor(trace)

exp:run()
print(exp:table("emd", { feature = "IT" }))
print()
print(exp:table("jsd", { feature = "DP" }))
print()
print("report: " .. exp:report())
