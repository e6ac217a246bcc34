-- NetDiffus' Figures 2 and 3: gasf_diffusion beside GANs and the trivial generators on the same series, all seen as images: how far
-- the images lie apart (Fréchet), and what five classifiers learn from each.
local weir = require "weir"
local gasf = require "lib.gasf"
local text = require "lib.text"

local options = gasf.options()
local data = gasf.data(options)
local steps = options.most_steps > 0 and options.most_steps or nil

-- Of the GANs, the nearest to a preset of gasf_diffusion.
local preset = options.preset == "published" and "published" or options.preset == "tiny" and "tiny" or "quick"
local task = gasf.task(options)
task[1], task.classifiers = "fingerprint", options.classifiers
local exp = weir.experiment "gasf_baselines"
exp:compare {
  traces = { { train = data.train, test = data.test } },
  generators = {
    { "gasf_diffusion", preset = options.preset, side = options.side, steps = steps, label = "gasf_diffusion" },
    { "doppelganger", preset = preset, steps = steps, label = "DoppelGANger" },
    -- netshare takes packets and flow records; this is its network on series: ranges of the whole channel and not of each
    -- series, the penalty and the normalisation as in its code.
    { "doppelganger", preset = preset, steps = steps, normalise = "channel", mixing = "one", momentum = 0.9,
      label = "NetShare's network" },
    "bootstrap",
    "marginals",
    "uniform",
    "copy",
  },
  metrics = { { "frechet", side = options.side }, "series_emd" },
  downstream = { task },
  seeds = options.seeds,
}
exp:run()

print "Figure 2"
for _, feature in ipairs { "FD", "FD_CLASS", "NN" } do
  print(exp:table("frechet", { feature = feature, dataset = tostring(data.train) }))
end
print(exp:table("series_emd", { dataset = tostring(data.train) }))
print()
local head, lines = { "Figure 3: accuracy, %" }, {}
local found, order = {}, { "real series" }
for _, row in ipairs(exp:table "fingerprint") do
  local label = row.generator == "floor" and "half of the real series" or row.label
  if row.variant ~= "" and row.mean and (row.feature == "SYN" or row.feature == "ORI" and label == "gasf_diffusion") then
    label = row.feature == "ORI" and "real series" or label
    if not found[label] and label ~= "real series" then order[#order + 1] = label end
    found[label] = found[label] or {}
    found[label][row.variant] = { y = row.mean, low = row.low, high = row.high }
  end
end
for variant in options.classifiers:gmatch "[^,]+" do head[#head + 1] = variant end
for i, label in ipairs(order) do
  lines[i] = { label }
  for column = 2, #head do lines[i][column] = gasf.percent((found[label] or {})[head[column]]) end
end
text.print_table(head, lines)
print()
print(exp:table("fingerprint", { feature = "AGREE" }))
print("report: " .. exp:report())
