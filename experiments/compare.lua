-- Compares all generators on traces of yours (default: the sample): three seeds each, every metric and task that applies,
-- what two real halves score, and what bad generators do. `--quick` repeats byte for byte; without it every trained
-- generator gets the same CPU time, and the best of its checkpoints is taken; `--paper` is the published sizes.
local weir = require "weir"

-- The generators in the order of the report, and the options of each: in the default run, with --quick, with --paper.
-- Those with options are trained: they get the budget too. `flow_records = false`: takes packets only.
local generators = {
  { "cascadegan", default = { preset = "quick" }, quick = { preset = "quick", most_steps = 3000 },
    paper = { preset = "caida" } },
  { "netshare", default = { preset = "quick" }, quick = { preset = "quick", max_steps = 1500 },
    paper = { preset = "packets" }, paper_flow_records = { preset = "netflow" } },
  { "gasf_diffusion", default = { preset = "quick" }, quick = { preset = "quick", steps = 4000, sampling_steps = 20 },
    paper = { preset = "published" }, flow_records = false },
  { "bootstrap" },
  { "markov" },
  { "marginals" },
  { "copy" },
  { "time_shuffle" },
  { "uniform" },
}
local metrics = { "emd", "jsd", "overlap", "validity", "flow_classes" }
local tasks = { "burst" } -- of packets

-- The default run: CPU seconds of training, and which checkpoint is sampled.
local budget, select = "3m", { "rank_sum", metrics = { "emd", "jsd" }, candidates = 4 }

local options = weir.arguments {
  quick = { false, "a few minutes: preset quick, fewer steps, no budget; scores repeat byte for byte" },
  paper = { false, "the published presets and their full training: days on a CPU" },
  trace = { weir.here "data/sample.pcap", "captures, packet or NetFlow tables, with commas between them" },
  unit = { "us", "of the times in tables: s, ms, us or ns" },
  packets = { 0, "of each trace, the first so many packets or records; 0: all", least = 0 },
  generators = { "all", "names with commas between them; also of your own plugins (weir run --plugins)" },
  seeds = { 3, "seeds of each generator", least = 1 },
  budget = { "as the run", ("CPU time of training of each trained generator, as 90, 10m or 1h; by default %s, and none "
    .. "with --quick, --paper and --preset, which train by steps"):format(budget) },
  preset = { "as the run", "of every trained generator in place of the options in the script; tiny is over in "
    .. "seconds and says nothing" },
}
if options.quick and options.paper then error("--quick and --paper are two different runs; give one of them", 0) end
local mode = options.quick and "quick" or options.paper and "paper" or "default"
if options.budget ~= "as the run" then
  budget = options.budget
elseif mode ~= "default" or options.preset ~= "as the run" then
  budget = nil -- by steps
end

-- The words of a list with commas; nil and what is wrong.
local function names(list, argument, what)
  local found, seen = {}, {}
  for name in list:gmatch "[^,]+" do
    if seen[name] then return nil, ("%s names '%s' twice"):format(argument, name) end
    seen[name] = true
    found[#found + 1] = name
  end
  if #found == 0 then return nil, ("%s names no %s"):format(argument, what) end
  return found
end

-- The rows of the table above that were asked for; a generator that is not there has the options of its default.
local chosen = generators
if options.generators ~= "all" then
  chosen = {}
  for i, name in ipairs(assert(names(options.generators, "--generators", "generator"))) do
    chosen[i] = { name }
    for _, generator in ipairs(generators) do
      if generator[1] == name then chosen[i] = generator end
    end
  end
end

-- { name, label =, option = value … } for exp:compare, on packets or flow records.
local function with_options(generator, schema)
  local result = { generator[1], label = generator[1] }
  if not generator[mode] then return result end
  local given = schema == "netflow" and generator[mode .. "_flow_records"] or generator[mode]
  if options.preset ~= "as the run" then given = { preset = options.preset } end
  for name, value in pairs(given) do result[name] = value end
  result.budget = budget
  if mode == "default" then result.select = select end
  return result
end

local exp = weir.experiment "compare"
for _, path in ipairs(assert(names(options.trace, "--trace", "trace"))) do
  local trace = weir.trace(path, { packets = options.packets > 0 and options.packets or nil, time_unit = options.unit })
  local schema = trace:dataset().schema
  if schema == "series" then error(("--trace: %s holds series; packets or flow records are compared"):format(path), 0) end
  local list = {}
  for _, generator in ipairs(chosen) do
    if schema == "netflow" and generator.flow_records == false then
      print(("%s takes no flow records: left out on %s"):format(generator[1], tostring(trace)))
    else
      list[#list + 1] = with_options(generator, schema)
    end
  end
  if #list == 0 then error(("no generator is left for %s"):format(path), 0) end
  exp:compare {
    traces = { trace }, generators = list, metrics = metrics, downstream = schema == "packets" and tasks or nil,
    seeds = options.seeds,
  }
end

exp:run()
print(exp:leaderboard())
if budget then
  print "training was by CPU time: the scores of another run of this comparison differ a little"
end
print("report: " .. exp:report())
