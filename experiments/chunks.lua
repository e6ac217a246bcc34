-- What chunks cost and save: `netshare` with more and more chunks, and with none, each chunk fine-tuned from the first or
-- trained from the beginning; the CPU time of all fits of one setting beside its scores.
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 packets and tiny networks, in seconds" },
  trace = { weir.here "data/sample.pcap", "a capture or packet CSV" },
  steps = { 800, "of training of the first chunk, and of each from the beginning" },
  seeds = { 3, "seeds a setting" },
}

local trace = weir.trace(options.trace, { packets = options.quick and 2000 or nil })
local train = trace:split { test = 0.2, by = "time" }
local exp = weir.experiment "chunks"
local counts = options.quick and { 1, 2 } or { 1, 2, 5, 10 }
local made = {}

for seed = 1, options.quick and 1 or options.seeds do
  for _, n in ipairs(counts) do
    for _, scratch in ipairs(n == 1 and { false } or { false, true }) do
      local label = n == 1 and "no chunks" or ("%d chunks, %s"):format(n, scratch and "each from scratch" or "fine-tuned")
      local synthetic = exp:generate("netshare", train, {
        preset = options.quick and "tiny" or "quick",
        max_steps = not options.quick and math.tointeger(options.steps) or nil,
        n_chunks = n,
        scratch = scratch,
        seed = seed,
        label = label,
      })
      exp:score({ "emd", "jsd" }, train, synthetic)
      made[#made + 1] = { label = label, scratch = scratch, n = n, seed = seed }
    end
  end
end
exp:floor(train)
exp:run()

-- The geometric mean over features and seeds of fine-tuned over from scratch: the price of fine-tuning.
local function means(label)
  local values = {}
  for _, metric in ipairs { "emd", "jsd" } do
    for _, row in ipairs(exp:table(metric)) do
      if row.label == label and row.mean then values[metric .. row.feature] = row.mean end
    end
  end
  return values
end
for _, n in ipairs(counts) do
  if n > 1 then
    local tuned, scratch = means(n .. " chunks, fine-tuned"), means(n .. " chunks, each from scratch")
    local sum, count = 0, 0
    for feature, value in pairs(tuned) do
      if value > 0 and (scratch[feature] or 0) > 0 then
        sum, count = sum + math.log(value / scratch[feature]), count + 1
      end
    end
    print(("%2d chunks: fine-tuned over from scratch %.3f (geometric mean of %d distances)"):format(
      n, count > 0 and math.exp(sum / count) or 0 / 0, count))
  end
end
for _, feature in ipairs { "NPF", "FD", "FIT" } do print(exp:table("emd", { feature = feature })) end
print("CPU time of each fit: " .. exp:folder() .. "/jobs/*/status.json, and the report's table of runs")
print("report: " .. exp:report())
