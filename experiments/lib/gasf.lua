-- What the experiments with gasf_diffusion share: arguments, labelled series, arms over seeds, accuracies with intervals.
local weir = require "weir"
local text = require "lib.text"

local gasf = {}

-- The arguments of every script here, for weir.arguments.
gasf.arguments = {
  quick = { false, "one seed and 300 training steps: a few minutes that show what comes out, not how good it can be" },
  paper = { false, "NetDiffus' sizes and amounts, 10 seeds: for a GPU" },
  set = { weir.here "../data/sample-series.csv", "a series CSV, or a folder of captures in folders, which are the labels" },
  channels = { "size,gap,direction", "of a folder of captures" },
  length = { 96, "steps of a series from a capture", least = 1 },
  bin = { 0, "seconds a step, of a folder of captures; 0: a step is a packet" },
  least = { 5, "series that a label must have, or it is left out", least = 2 },
  preset = { "quick", "of gasf_diffusion" },
  most_steps = { 0, "training steps of each network; 0: as the preset says", least = 0 },
  side = { 16, "pixels of a side of the images, which are made, compared and told apart at one size", least = 4 },
  network_steps = { 0, "training steps of the classifiers' networks; 0: as fingerprint takes", least = 0 },
  classifiers = { "cnn,mlp,bayes,forest,xgboost", "of fingerprint; what asks for one alone takes the first" },
  seeds = { 3, "seeds of each generator", least = 1 },
}

-- The script's arguments, with others beside the shared ones. What was given beats --quick and --paper.
function gasf.options(others)
  local known = {}
  for name, argument in pairs(gasf.arguments) do known[name] = argument end
  for name, argument in pairs(others or {}) do known[name] = argument end
  local options = weir.arguments(known)
  if options.quick and options.paper then error("--quick and --paper are two different runs; give one of them", 0) end
  local other = options.quick and { most_steps = 300, seeds = 1 } or options.paper and { preset = "published", seeds = 10, side = 64 }
  for name, value in pairs(other or {}) do
    if options[name] == known[name][1] then options[name] = value end
  end
  return options
end

local function words(list)
  local found = {}
  for word in list:gmatch "[^,]+" do found[#found + 1] = word end
  return found
end

-- The set of --set, a fifth of each label held out as in the paper: train, test, the labels in order, series of the
-- training part (rows) and of its smallest label (per_label), components of the longest label (depth).
function gasf.data(options)
  local trace
  if options.set:find "%.csv$" then
    trace = weir.trace(options.set)
  else
    trace = weir.series { captures = options.set, channels = words(options.channels), length = options.length,
                          bin = options.bin > 0 and options.bin or nil }
  end
  local counts, data = {}, { labels = {}, depth = 1, rows = 0, per_label = math.huge }
  for _, label in ipairs(trace:dataset():column("label"):values()) do counts[label] = (counts[label] or 0) + 1 end
  local left_out = 0
  for label, count in pairs(counts) do
    if count >= options.least then data.labels[#data.labels + 1] = label else left_out = left_out + 1 end
  end
  if #data.labels < 2 then
    error(("%s: %d labels have %d series or more; there must be two"):format(options.set, #data.labels, options.least), 0)
  end
  table.sort(data.labels)
  if left_out > 0 then
    print(("%s: %d labels with fewer than %d series are left out"):format(tostring(trace), left_out, options.least))
    trace = trace:take { labels = data.labels, name = tostring(trace) }
  end
  data.train, data.test = trace:split { test = 0.2, by = "label" }
  local train = {}
  for _, label in ipairs(data.train:dataset():column("label"):values()) do
    train[label] = (train[label] or 0) + 1
    data.rows = data.rows + 1
  end
  for label, count in pairs(train) do
    data.per_label = math.min(data.per_label, count)
    data.depth = math.max(data.depth, select(2, label:gsub("/", "")) + 1)
  end
  return data
end

-- Generated series, of gasf_diffusion unless `with` says otherwise; series = how many.
function gasf.generate(exp, train, options, seed, with)
  local given = { preset = options.preset, side = options.side, seed = seed,
                  steps = options.most_steps > 0 and options.most_steps or nil }
  for name, value in pairs(with or {}) do given[name] = value end
  return exp:generate("gasf_diffusion", train, given)
end

-- The options of fingerprint that all its scores have.
function gasf.task(options)
  return { side = options.side, steps = options.network_steps }
end

-- One score of fingerprint under a label of its own, as `with` differs between the scores of an arm.
function gasf.fingerprint(exp, options, real, synthetic, label, with)
  local given = gasf.task(options)
  given.label = label
  for name, value in pairs(with) do given[name] = value end
  return exp:score("fingerprint", real, synthetic, given)
end

function gasf.first_classifier(options)
  return words(options.classifiers)[1]
end

-- Mean, 95 % interval and number of the values of a feature over scores of several seeds; nil where there are none.
function gasf.summary(scores, feature, variant)
  local values = {}
  for _, score in ipairs(scores) do
    for _, row in ipairs(score:rows()) do
      if row.feature == feature and row.variant == (variant or "") and row.status == "ok" then
        values[#values + 1] = row.value
      end
    end
  end
  if #values == 0 then return nil end
  local mean, low, high = weir.stats.mean(values), nil, nil
  if #values > 1 then low, high = weir.stats.t_interval(values) end
  return { y = mean, low = low, high = high, n = #values }
end

-- A share in percent, with its interval.
function gasf.percent(summary)
  if not summary then return "n/a" end
  if not summary.low then return ("%.1f"):format(100 * summary.y) end
  return ("%.1f [%.1f, %.1f]"):format(100 * summary.y, 100 * summary.low, 100 * summary.high)
end

gasf.scenarios = { { "ORI", "original" }, { "SYN", "synth" }, { "BOTH", "ori+synth" } }

-- Prints a line for each { label, scores } with the accuracy of a classifier in the three scenarios.
function gasf.print_scenarios(title, lines, variant)
  local out = {}
  for i, line in ipairs(lines) do
    out[i] = { line[1] }
    for _, scenario in ipairs(gasf.scenarios) do
      table.insert(out[i], gasf.percent(gasf.summary(line[2], scenario[1], variant)))
    end
  end
  text.print_table({ ("%s: accuracy of %s, %%"):format(title, variant), "original", "synth", "ori+synth" }, out)
  print()
end

-- The points of a line of exp:figure: { x, scores } each.
function gasf.points(list, feature, variant)
  local points = {}
  for _, each in ipairs(list) do
    local found = gasf.summary(each[2], feature, variant)
    if found then points[#points + 1] = { x = each[1], y = found.y, low = found.low, high = found.high } end
  end
  return points
end

-- The lines of exp:figure for the three scenarios; what has no value has no line.
function gasf.scenario_lines(list, variant, before)
  local lines = {}
  for _, scenario in ipairs(gasf.scenarios) do
    local points = gasf.points(list, scenario[1], variant)
    if #points > 0 then lines[#lines + 1] = { label = (before or "") .. scenario[2], points = points } end
  end
  return lines
end

-- A figure, if there is anything to draw.
function gasf.figure(exp, figure)
  if #figure.lines > 0 then exp:figure(figure) end
end

return gasf
