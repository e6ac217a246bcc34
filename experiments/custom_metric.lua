-- A metric written in Lua: how much of the time nothing is sent, and how long the longest silence is. Its
-- function runs in a process of its own, so it has its arguments and the standard library only.
local weir = require "weir"
local options = weir.arguments { quick = { false, "2,000 packets, in seconds" } }

local silence = weir.metric {
  name = "silence",
  features = {
    { label = "QUIET", title = "share of 100 ms bins without a packet, difference", better = "lower" },
    { label = "LONGEST", title = "longest time without a packet, difference", unit = "s", better = "lower" },
  },
  score = function(real, synthetic, stats)
    local function measure(data)
      local time = data:column "time" -- nanoseconds, sorted
      local first, last = data:span()
      local busy, longest = {}, 0
      for i = 1, #time do
        busy[(time[i] - first) // 100000000] = true
        if i > 1 then longest = math.max(longest, time[i] - time[i - 1]) end
      end
      local bins, used = (last - first) // 100000000 + 1, 0
      for _ in pairs(busy) do used = used + 1 end
      return 1 - used / bins, longest / 1e9
    end
    if #real < 2 or #synthetic < 2 then
      return { QUIET = "fewer than 2 packets", LONGEST = "fewer than 2 packets" }
    end
    local quiet_real, longest_real = measure(real)
    local quiet_synthetic, longest_synthetic = measure(synthetic)
    return { QUIET = math.abs(quiet_real - quiet_synthetic), LONGEST = math.abs(longest_real - longest_synthetic) }
  end,
}

local trace = weir.trace(weir.here "data/sample.pcap", { packets = options.quick and 2000 or nil })
local exp = weir.experiment "custom_metric"

for _, generator in ipairs { "bootstrap", "marginals", "uniform", "time_shuffle" } do
  local synthetic = exp:generate(generator, trace)
  exp:score({ silence, "emd" }, trace, synthetic)
end
exp:floor(trace, silence)

exp:run()
print(exp:table("silence", { feature = "QUIET" }))
print()
print(exp:table("silence", { feature = "LONGEST" }))
