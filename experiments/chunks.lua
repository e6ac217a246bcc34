-- What chunks cost and save: `netshare` with more and more chunks, and with none, each chunk fine-tuned from the first or
-- trained from the beginning; the CPU time of all fits of one setting beside its scores.
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 packets and tiny networks, in seconds" },
  trace = { weir.here "data/sample.pcap", "a capture or packet CSV" },
  steps = { 800, "of training of the first chunk, and of each from the beginning", least = 1 },
  seeds = { 3, "seeds a setting", least = 1 },
}

local trace = weir.trace(options.trace, { packets = options.quick and 2000 or nil })
local train = trace:split { test = 0.2, by = "time" }
local exp = weir.experiment "chunks"
local counts = options.quick and { 1, 2 } or { 1, 2, 5, 10 }

for seed = 1, options.quick and 1 or options.seeds do
  for _, n in ipairs(counts) do
    for _, scratch in ipairs(n == 1 and { false } or { false, true }) do
      local label = n == 1 and "no chunks" or ("%d chunks, %s"):format(n, scratch and "each from scratch" or "fine-tuned")
      local synthetic = exp:generate("netshare", train, {
        preset = options.quick and "tiny" or "quick",
        max_steps = not options.quick and options.steps or nil,
        n_chunks = n,
        scratch = scratch,
        seed = seed,
        label = label,
      })
      exp:score({ "emd", "jsd" }, train, synthetic)
    end
  end
end
exp:floor(train)
exp:run()

-- CPU seconds of all fits of a setting, by what the store says of its jobs.
local steps = options.quick and 4 or options.steps
local function cpu(n, scratch)
  local sum = 0
  local list = assert(io.popen(("ls -d '%s'/jobs/*/"):format(exp:folder())))
  for folder in list:lines() do
    local spec, status = io.open(folder .. "spec.json"), io.open(folder .. "status.json")
    local text, state = spec and spec:read "a" or "", status and status:read "a" or ""
    if spec then spec:close() end
    if status then status:close() end
    if
      text:find('"job": "fit"', 1, true)
      and text:find(('"n_chunks": %d,'):format(n), 1, true)
      and text:find(('"scratch": %s,'):format(scratch), 1, true)
      and text:find(('"max_steps": %d,'):format(steps), 1, true)
    then
      sum = sum + tonumber(state:match '"cpu_seconds": ([%d.e+-]+)' or 0)
    end
  end
  list:close()
  return sum
end

-- The price of fine-tuning: the geometric mean over features of its distances over those from scratch.
local function means(label)
  local values = {}
  for _, metric in ipairs { "emd", "jsd" } do
    for _, row in ipairs(exp:table(metric)) do
      if row.label == label and row.mean then values[metric .. row.feature] = row.mean end
    end
  end
  return values
end
local seeds = options.quick and 1 or options.seeds
print(("no chunks: %.1f s of CPU a fit"):format(cpu(1, false) / seeds))
for _, n in ipairs(counts) do
  if n > 1 then
    local tuned, scratch = means(n .. " chunks, fine-tuned"), means(n .. " chunks, each from scratch")
    local sum, count = 0, 0
    for feature, value in pairs(tuned) do
      if value > 0 and (scratch[feature] or 0) > 0 then
        sum, count = sum + math.log(value / scratch[feature]), count + 1
      end
    end
    local less, more = cpu(n, false) / seeds, cpu(n, true) / seeds
    print(("%d chunks: %.1f s of CPU a fit, from scratch %.1f s: %.2f of it; distances %.3f times those from scratch"):format(
      n, less, more, less / more, count > 0 and math.exp(sum / count) or 0 / 0))
  end
end
for _, feature in ipairs { "NPF", "FD", "FIT" } do print(exp:table("emd", { feature = feature })) end
print("report: " .. exp:report())
