-- What the experiments with CascadeGAN share: arguments, traces, scores as tables, and an ablation from its arms.
local weir = require "weir"
local text = require "lib.text"

local cascade = {}

-- The features of the paper's section 7.2, by metric.
local temporal = { emd = { "IT", "FIT", "FD", "AT", "BU", "LD" } }
local statistical = { jsd = { "SA", "DA", "SP", "DP", "PR" }, emd = { "PL", "TTL", "NPF", "NBF" } }

-- The arguments of every script here, for weir.arguments.
cascade.arguments = {
  quick = { false, "5,000 packets of each trace, preset quick, 200 steps a stage, one seed: a minute or two" },
  trace = { weir.here "../data/sample.pcap", "captures or packet CSVs, with commas between them" },
  packets = { 0, "of each trace, the first so many; 0: all", least = 0 },
  preset = { "caida", "of cascadegan: the sizes and epochs" },
  most_steps = { 0, "most training steps a stage; 0: as the preset says", least = 0 },
  seeds = { 3, "seeds of each generator", least = 1 },
}

-- With --quick, what was not given is small.
function cascade.complete(options)
  local small = { packets = 5000, preset = "quick", most_steps = 200, seeds = 1 }
  for name, value in pairs(options.quick and small or {}) do
    if options[name] == cascade.arguments[name][1] then options[name] = value end
  end
  return options
end

function cascade.traces(options)
  local traces = {}
  for path in options.trace:gmatch "[^,]+" do
    traces[#traces + 1] = weir.trace(path, { packets = options.packets > 0 and options.packets or nil })
  end
  if #traces == 0 then error("--trace names no trace", 0) end
  return traces
end

-- Options of cascadegan as the arguments want them, with these beside.
function cascade.settings(options, with)
  local settings = { preset = options.preset }
  if options.most_steps > 0 then settings.most_steps = options.most_steps end
  for name, value in pairs(with) do settings[name] = value end
  return settings
end

-- means[dataset][plugin][feature][label]: of the scores over the seeds; real halves under "floor".
function cascade.means(exp, plugins)
  local means = {}
  for _, plugin in ipairs(plugins) do
    for _, row in ipairs(exp:table(plugin)) do
      local label = row.generator == "floor" and "floor, " .. row.label or row.label
      local at = means
      for _, key in ipairs { row.dataset, row.plugin, row.feature } do
        at[key] = at[key] or {}
        at = at[key]
      end
      at[label] = row.mean
    end
  end
  return means
end

-- { plugin, feature } of each, in a fixed order.
local function flat(features)
  local list = {}
  for _, plugin in ipairs { "jsd", "emd" } do
    for _, feature in ipairs(features[plugin] or {}) do list[#list + 1] = { plugin, feature } end
  end
  return list
end

local function get(means, dataset, plugin, feature, label)
  local of = means[dataset] and means[dataset][plugin] and means[dataset][plugin][feature]
  return of and of[label]
end

-- The geometric mean, over features that both have, of the score of one label over that of another; and of how many.
function cascade.ratio(means, dataset, features, label, base)
  local sum, n = 0, 0
  for _, each in ipairs(flat(features)) do
    local a = get(means, dataset, each[1], each[2], label)
    local b = get(means, dataset, each[1], each[2], base)
    if a and b and a > 0 and b > 0 then sum, n = sum + math.log(a / b), n + 1 end
  end
  return n > 0 and math.exp(sum / n) or nil, n
end

cascade.temporal, cascade.statistical = temporal, statistical
cascade.all = { jsd = statistical.jsd, emd = { "IT", "FIT", "FD", "AT", "BU", "LD", "PL", "TTL", "NPF", "NBF" } }

-- A line a label, a column a feature.
function cascade.print_features(means, dataset, title, features, labels)
  local head, lines = { title }, {}
  for _, each in ipairs(flat(features)) do head[#head + 1] = each[2] end
  for _, label in ipairs(labels) do
    local line = { label }
    for _, each in ipairs(flat(features)) do
      local mean = get(means, dataset, each[1], each[2], label)
      line[#line + 1] = mean and ("%.4g"):format(mean) or "n/a"
    end
    lines[#lines + 1] = line
  end
  text.print_table(head, lines)
  print()
end

-- The paper's averages: of the EMDs, each over its greatest among the labels and times 0.9, and of the JS distances.
local function averages(means, dataset, label, labels)
  local emd, jsd, n, m = 0, 0, 0, 0
  for _, feature in ipairs(cascade.all.emd) do
    local own, greatest = get(means, dataset, "emd", feature, label), 0
    for _, each in ipairs(labels) do
      greatest = math.max(greatest, get(means, dataset, "emd", feature, each) or 0)
    end
    if own and greatest > 0 then emd, n = emd + 0.9 * own / greatest, n + 1 end
  end
  for _, feature in ipairs(cascade.all.jsd) do
    local own = get(means, dataset, "jsd", feature, label)
    if own then jsd, m = jsd + own, m + 1 end
  end
  return n > 0 and emd / n or nil, m > 0 and jsd / m or nil
end

-- How each label does against the first of them.
function cascade.print_summary(means, dataset, labels)
  local function shown(value) return value and ("%.3f"):format(value) or "n/a" end
  local lines = {}
  for _, label in ipairs(labels) do
    local emd, jsd = averages(means, dataset, label, labels)
    lines[#lines + 1] = { label, shown((cascade.ratio(means, dataset, temporal, label, labels[1]))),
                          shown((cascade.ratio(means, dataset, statistical, label, labels[1]))), shown(emd), shown(jsd) }
  end
  print(("on %s: geometric mean of a score over that of '%s' (below 1 is nearer to the real trace); averages as in the "
    .. "paper's Figure 20"):format(dataset, labels[1]))
  text.print_table({ "", "temporal", "statistical", "EMD, normalised", "JS distance" }, lines)
  print()
end

-- An ablation: its name, the script's arguments, and arms { "label", option = value …, slow = true to leave it out of
-- --quick }, the standard first. Conditions are real ones and series are as the network makes them, whatever the preset,
-- as in the paper: what is made to fit afterwards hides what an arm does worse.
function cascade.ablation(name, options, arms)
  cascade.complete(options)
  local exp = weir.experiment(name)
  local traces, labels = cascade.traces(options), {}
  for _, arm in ipairs(arms) do
    if not (arm.slow and options.quick) then
      local with = { label = arm[1], conditions_from = "real", conform = false }
      for key, value in pairs(arm) do
        if key ~= 1 and key ~= "slow" then with[key] = value end
      end
      labels[#labels + 1] = arm[1]
      for _, trace in ipairs(traces) do
        for seed = 1, options.seeds do
          with.seed = seed
          exp:score({ "emd", "jsd" }, trace, exp:generate("cascadegan", trace, cascade.settings(options, with)))
        end
      end
    end
  end
  for _, trace in ipairs(traces) do exp:floor(trace) end
  exp:run()

  local means = cascade.means(exp, { "emd", "jsd" })
  for _, trace in ipairs(traces) do
    local dataset = tostring(trace)
    local lines = { table.unpack(labels) }
    lines[#lines + 1] = "floor, flow-disjoint"
    cascade.print_features(means, dataset, "temporal", temporal, lines)
    cascade.print_features(means, dataset, "statistical", statistical, lines)
    cascade.print_summary(means, dataset, labels)
  end
  print("report: " .. exp:report())
end

return cascade
