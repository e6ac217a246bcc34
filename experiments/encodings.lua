-- NetShare's Table 2, measured: bits or vectors for addresses and for ports, log transform and flow tags on and off, with
-- all else as in `netshare`.
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 packets and tiny networks, in seconds" },
  trace = { weir.here "data/sample.pcap", "a capture, packet CSV or NetFlow table" },
  steps = { 1000, "of training of the first chunk", least = 1 },
  seeds = { 3, "seeds a setting", least = 1 },
}

local trace = weir.trace(options.trace, { packets = options.quick and 2000 or nil })
local train = trace:split { test = 0.2, by = "time" }
local exp = weir.experiment "encodings"

local addresses = {
  bits = { "bits", columns = "srcip,dstip", output = "softmax" },
  vectors = { "ip2vec", columns = "srcip,dstip" },
}
local ports = {
  bits = { "bits", columns = "srcport,dstport,proto", output = "softmax" },
  vectors = { "ip2vec", columns = "srcport,dstport,proto" },
}
local settings = {}
for _, a in ipairs { "bits", "vectors" } do
  for _, p in ipairs { "bits", "vectors" } do
    settings[#settings + 1] = {
      label = ("addresses %s, ports %s"):format(a, p),
      encoders = { addresses = addresses[a], ports = ports[p] },
    }
  end
end
settings[#settings + 1] = { label = "without logarithms", gaps = "published", logarithm = false }
settings[#settings + 1] = { label = "without flow tags", flow_tags = false }

for seed = 1, options.quick and 1 or options.seeds do
  for _, setting in ipairs(settings) do
    local given = {
      preset = options.quick and "tiny" or "quick",
      max_steps = not options.quick and options.steps or nil,
      seed = seed,
    }
    for key, value in pairs(setting) do given[key] = value end
    exp:score({ "emd", "jsd" }, train, exp:generate("netshare", train, given))
  end
end
exp:floor(train)

exp:run()
for _, feature in ipairs { "SA", "DA", "SP", "DP", "PR" } do print(exp:table("jsd", { feature = feature })) end
for _, feature in ipairs { "FIT", "NPF", "FD" } do print(exp:table("emd", { feature = feature })) end
print("report: " .. exp:report())
