-- exp:compare: the full cross product for the common case. Always splits: a generator sees the training
-- part only, metrics compare with it and, in a second column, with the held-out part.
local _, check, plugins, Experiment = ...
local fail = check.fail

local function list(value, name, example)
  if value == nil then fail("exp:compare needs %s, as in %s", name, example) end
  if type(value) == "table" and getmetatable(value) == nil and check.is_list(value) then
    if #value == 0 then fail("%s of exp:compare is empty", name) end
    return value
  end
  return { value }
end

local function pair(value, split)
  if getmetatable(value) == plugins.Trace then
    local train, test = value:split(split)
    return { train = train, test = test }
  end
  if type(value) ~= "table" or getmetatable(value) then
    fail('traces of exp:compare: %s, must be traces, as in { weir.trace "sample.pcap" }', check.what(value))
  end
  check.keys(value, { "test", "train" }, "a trace of exp:compare", "{ train = …, test = … }")
  check.is(value.train, plugins.Trace, "train", 'weir.trace "sample.pcap"')
  check.is(value.test, plugins.Trace, "test", 'weir.trace "sample.pcap"')
  return value
end

local function seed_list(value)
  if value == nil then return { 1 } end
  if type(value) ~= "table" then
    local seeds = {}
    for seed = 1, check.integer(value, "seeds of exp:compare", 1) do seeds[seed] = seed end
    return seeds
  end
  for i, seed in ipairs(list(value, "seeds", "{ 1, 2, 3 }")) do check.integer(seed, "seed " .. i, 0) end
  return value
end

-- exp:compare{ traces =, generators =, metrics =, downstream =, seeds = n or list, split = { test =, by =,
-- seed = }, floor = true }. Returns the list of synthetic handles.
function Experiment:compare(given)
  check.self(self, Experiment, "exp:compare { traces = …, generators = …, metrics = … }")
  check.keys(given, { "downstream", "floor", "generators", "metrics", "seeds", "split", "traces" }, "exp:compare",
    "exp:compare { traces = …, generators = …, metrics = … }")
  local traces = list(given.traces, "traces", 'traces = { weir.trace "sample.pcap" }')
  local generators = given.generators
  if type(generators) == "string" then generators = { generators } end
  generators = list(generators, "generators", 'generators = { "bootstrap", "markov" }')
  if given.metrics == nil and given.downstream == nil then
    fail('exp:compare needs metrics or downstream, as in metrics = { "emd", "jsd" }')
  end
  local seeds = seed_list(given.seeds)
  local floor = given.floor == nil or check.type(given.floor, "boolean", "floor of exp:compare")
  for kind, key in pairs { metric = "metrics", downstream = "downstream" } do
    if given[key] ~= nil then plugins.entries(given[key], kind, {}) end
  end
  local handles = {}
  for _, trace in ipairs(traces) do
    local real = pair(trace, given.split)
    for _, generator in ipairs(generators) do
      for _, seed in ipairs(seeds) do
        local synthetic = self:generate(generator, real.train, { seed = seed })
        if given.metrics ~= nil then self:score(given.metrics, real, synthetic) end
        if given.downstream ~= nil then self:score(given.downstream, real, synthetic) end
        handles[#handles + 1] = synthetic
      end
    end
    if floor then self:floor(real) end
  end
  return handles
end
