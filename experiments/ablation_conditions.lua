-- What each condition is worth to CascadeGAN (the paper's Figures 18 and 19): all nine; none but start and end, without
-- which a flow has no place in the trace; and all but one, for each of the other seven.
local weir = require "weir"
local cascade = require "lib.cascade"

local all = { "packets", "duration", "active", "peak", "mean", "deviation", "gap", "start", "end" }
local slow = { packets = true, active = true, mean = true, deviation = true, gap = true }
local arms = { { "standard" }, { "start and end only", conditions = { "start", "end" } } }

for i = 1, #all - 2 do
  local others = { table.unpack(all) }
  table.remove(others, i)
  arms[#arms + 1] = { "without " .. all[i], conditions = others, slow = slow[all[i]] }
end

cascade.ablation("ablation_conditions", weir.arguments(cascade.arguments), arms)
