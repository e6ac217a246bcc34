-- NetDiffus' Figure 6: near real time. How well are series told by their beginning, and do generated ones help?
local weir = require "weir"
local gasf = require "lib.gasf"

local options = gasf.options()
local data = gasf.data(options)
local exp = weir.experiment "gasf_realtime"
local main = gasf.first_classifier(options)

local shares, seen = { 0.125, 0.25, 0.5, 0.75, 1 }, {}
for seed = 1, options.seeds do
  local synthetic = gasf.generate(exp, data.train, options, seed)
  for i, share in ipairs(shares) do
    seen[i] = seen[i] or { 100 * share, {} }
    table.insert(seen[i][2], gasf.fingerprint(exp, options, { train = data.train, test = data.test }, synthetic,
      ("first %g %%"):format(100 * share), { classifiers = main, first = share }))
  end
end
exp:run()

local lines = {}
for i, each in ipairs(seen) do lines[i] = { ("first %g %%"):format(each[1]), each[2] } end
gasf.print_scenarios("Figure 6", lines, main)
gasf.figure(exp, { name = "beginning", title = "Accuracy by the share of a series that is seen (Figure 6)",
                   x = "share of the series (%)", y = "accuracy of " .. main, lines = gasf.scenario_lines(seen, main) })
print("report: " .. exp:report())
