-- Experiments: a script declares jobs, the core runs them. Every method checks what it is given at once,
-- so that a mistake is reported at its line and before anything runs.
local core, check, plugins = ...
local fail = check.fail
local rows = core.chunk("rows", check)

local Experiment = check.class("experiment", { "status" })
Experiment.__tostring = function(self) return ("experiment %s"):format(self.name) end

-- What generate and score return. A synthetic stands for the data of one trained generator, a scores
-- handle for the rows of the scores that it was declared with.
local Synthetic = check.class("synthetic", {})
Synthetic.__tostring = function(self) return ("%s, seed %d, on %s"):format(self.label, self.seed, tostring(self.trace)) end
local Scores = check.class("scores", { "test", "label" })
Scores.__tostring = function(self)
  return ("%s of %s"):format(table.concat(self.names, ", "), tostring(self.synthetic))
end

local all = {}

local function new(name)
  check.type(name, "string", "the name of an experiment", 'weir.experiment "zero-inflation"')
  local handle, message = core.experiment(name)
  if not handle then fail("%s", message) end
  local self = setmetatable({
    name = name, core = handle, where = core.position(), given_limits = {},
    labels = {}, datasets = {}, claims = {}, -- what stands for what, so that nothing is averaged by mistake
    floors = {}, scored = {},                -- floors that take whatever is scored
    figures = {}, figure_places = {},        -- of exp:figure, and where each name was given
    jobs = 0, finished = 0,                  -- declared, and of these run
  }, Experiment)
  all[#all + 1] = self
  return self
end

-- At the end of a script: an experiment that was declared and forgotten is worth a line.
local function finish()
  for _, self in ipairs(all) do
    if self.jobs > self.finished then
      io.stderr:write(("%s: warning: experiment '%s' declares jobs that were not run; call exp:run()\n"):format(
        self.where, self.name))
    end
  end
end

-- Settings that stand among a plugin's options and mean the same for every plugin ------------------

local function whole(name, low)
  return function(value) return check.integer(value, name, low) end
end

-- "rank_sum", or { "rank_sum", metrics =, validation =, by =, candidates =, keep = }.
local function select_best(value)
  if type(value) ~= "table" then value = { value } end
  local members = {}
  for key, member in pairs(value) do
    if key ~= 1 then members[key] = member end
  end
  check.keys(members, { "by", "candidates", "keep", "metrics", "validation" }, "select",
    '{ "rank_sum", metrics = { "emd", "jsd" }, validation = 0.2 }')
  local result = { method = check.word(value[1], { "rank_sum" }, "select") }
  if members.by ~= nil then result.by = check.word(members.by, { "flow", "label", "time" }, "by of select") end
  if members.keep ~= nil then result.keep = check.type(members.keep, "boolean", "keep of select") end
  if members.candidates ~= nil then result.candidates = check.integer(members.candidates, "candidates of select", 1) end
  if members.validation ~= nil then
    local share = check.type(members.validation, "number", "validation of select", "0.2")
    if not (share > 0 and share < 1) then fail("validation of select is %g, must be a share between 0 and 1", share) end
    result.validation = share
  end
  if members.metrics ~= nil then
    result.metrics = {}
    for i, entry in ipairs(plugins.entries(members.metrics, "metric", {})) do
      if entry.plugin.lua then fail("select goes by metrics that are plugins, not by '%s', written in Lua", entry.plugin.name) end
      result.metrics[i] = { plugin = entry.plugin.name, options = entry.options }
    end
    result.metrics = core.array(result.metrics)
  end
  return result
end

-- 60, "10m", { cpu = "10m" }, or { steps = N, the ends of the stages, or a list of those for each part }.
local function budget(value)
  if type(value) ~= "table" then return { seconds = check.quantity(value, "seconds", "budget") } end
  check.keys(value, { "cpu", "steps" }, "budget", '{ cpu = "10m" } or { steps = 1000 }')
  if (value.cpu == nil) == (value.steps == nil) then fail('budget is { cpu = "10m" } or { steps = 1000 }') end
  if value.cpu ~= nil then return { seconds = check.quantity(value.cpu, "seconds", "cpu of budget") } end
  local function ends(steps, deep)
    if type(steps) ~= "table" then return check.integer(steps, "steps of budget", 0) end
    if not deep or not check.is_list(steps) or #steps == 0 then
      fail("steps of budget are a number, the ends of the stages as { 400, 900 }, or a list of those for each part")
    end
    local list = {}
    for i, step in ipairs(steps) do list[i] = ends(step, deep - 1 > 0 and deep - 1) end
    return core.array(list)
  end
  return { steps = ends(value.steps, 2) }
end

-- As they stand in a label.
local function budget_text(given)
  return given.seconds and ("%gs"):format(given.seconds) or "steps " .. core.text(given.steps)
end

local function select_text(given)
  local only = true
  for key in pairs(given) do only = only and key == "method" end
  return only and given.method or core.text(given)
end

local generate_settings = {
  seed = whole("seed", 0), threads = whole("threads", 1),
  flows = whole("flows", 1), packets = whole("packets", 1), series = whole("series", 1),
  label = function(value) return check.title(value, "label") end,
  preset = plugins.preset,
  device = function(value) return check.word(value, { "auto", "cpu", "cuda" }, "device") end,
  duration = function(value) return check.quantity(value, "seconds", "duration") end,
  encoders = plugins.encoders, budget = budget, select = select_best,
}

local score_settings = { label = generate_settings.label, threads = whole("threads", 1) }

-- { "OPTION=value", … } of what was given, in order of name: the default label of an ablation's arms.
local function given_text(given)
  local words = {}
  for _, key in ipairs(check.sorted(given)) do
    local value = given[key]
    words[#words + 1] = ("%s=%s"):format(key, type(value) == "table" and core.text(value) or tostring(value))
  end
  return words
end

-- Two arms of an ablation under one label would be averaged as if they were one.
local function claim_label(self, label, plugin, arm)
  local key = plugin.name .. " " .. core.text(arm)
  local taken = self.labels[label]
  if taken and taken.key ~= key then
    fail("the label '%s' stands for other options already (%s); tell the two apart with label = \"…\"", label, taken.where)
  end
  self.labels[label] = taken or { key = key, where = core.position() }
end

-- Results name their data, so two different ones of one name would be averaged too.
local function claim_dataset(self, source)
  local name, text = core.source_name(source), core.text(source)
  local taken = self.datasets[name]
  if taken and taken.text ~= text then
    fail("'%s' names other data already (%s): other files, options or another split; name one of the two, "
      .. "as in weir.trace(path, { name = \"…\" })", name, taken.where)
  end
  self.datasets[name] = taken or { text = text, where = core.position() }
end

local function declare(self, kind, declaration)
  local limits = self.given_limits
  declaration.where = core.position()
  declaration.memory, declaration.time = limits.memory, limits.time
  declaration.threads = declaration.threads or limits.threads
  local handle, message = core[kind](self.core, declaration)
  if not handle then error(message, 0) end
  self.jobs = self.jobs + 1
  return handle
end

local function trace_source(value, name)
  if type(value) == "string" then fail("%s is a text, must be a trace, as in weir.trace \"%s\"", name, value) end
  return check.is(value, plugins.Trace, name, 'weir.trace "sample.pcap"').source
end

-- exp:generate(generator, trace, { option = value, seed =, label =, … })
function Experiment:generate(generator, trace, options)
  check.self(self, Experiment, "exp:generate(generator, trace, { … })")
  local entry = plugins.entry(generator, "generator", generate_settings,
    check.type(options or {}, "table", "the options of exp:generate", "{ seed = 1 }"))
  local set, plugin = entry.settings, entry.plugin
  local source = trace_source(trace, "the trace of exp:generate")
  local request, asked = {}, nil
  for _, key in ipairs { "flows", "packets", "series" } do
    if set[key] then
      if asked then fail("both %s and %s are asked for; ask for one of them", asked, key) end
      asked, request[key] = key, set[key]
    end
  end
  request.duration = set.duration
  local arm = { encoders = set.encoders, preset = set.preset, budget = set.budget and budget_text(set.budget),
                select = set.select and select_text(set.select) }
  for key, value in pairs(entry.options) do arm[key] = value end
  for key, value in pairs(request) do arm[key] = value end
  local words = given_text(arm)
  table.insert(words, 1, plugin.name)
  local label = set.label or table.concat(words, " ")
  claim_label(self, label, plugin, arm)
  claim_dataset(self, source)
  entry.options.preset = set.preset
  local seed = set.seed or 1
  local handle = declare(self, "generate", {
    generator = plugin.name, options = entry.options, encoders = set.encoders, train = source, seed = seed,
    label = label, request = request, threads = set.threads, device = set.device, budget = set.budget,
    select = set.select,
  })
  return setmetatable({ experiment = self, handle = handle, generator = plugin.name, label = label, seed = seed,
                        trace = trace }, Synthetic)
end

-- The real side of a score: a trace, or { train =, test = }.
local function real_sources(value, name)
  if type(value) ~= "table" or getmetatable(value) then return trace_source(value, name) end
  check.keys(value, { "test", "train" }, name, "{ train = …, test = … }")
  return trace_source(value.train, "train"), trace_source(value.test, "test")
end

-- Nor can a reader tell apart two scores of one metric with different options, but for its variants.
local function claim_score(self, entry, real, synthetic)
  local plugin, label = entry.plugin, entry.settings.label or ""
  local options = core.text(entry.options)
  local key = table.concat({ plugin.kind, plugin.name, entry.options.variant or "", label, core.text(real),
                             core.text(synthetic) }, "\0")
  local taken = self.claims[key]
  if taken and taken.options ~= options then
    fail("%s %s is declared with other options already (%s); tell the two apart with label = \"…\"", plugin.kind,
      plugin.name, taken.where)
  end
  self.claims[key] = taken or { options = options, where = core.position() }
end

local function score_entry(self, entry, real, test, synthetic, found)
  local plugin = entry.plugin
  claim_score(self, entry, real, synthetic)
  local declaration = {
    kind = plugin.kind, plugin = plugin.name, options = entry.options, real = real, synthetic = synthetic,
    lua = plugin.lua, label = entry.settings.label, threads = entry.settings.threads,
  }
  if plugin.kind == "downstream" then
    if plugin.needs_test and not test then
      fail("the task '%s' needs held-out data: give { train = train, test = test }, as "
        .. "train, test = trace:split { test = 0.2 } makes them", plugin.name)
    end
    declaration.test = test
    found[#found + 1] = declare(self, "score", declaration)
    return
  end
  found[#found + 1] = declare(self, "score", declaration)
  if test then
    declaration.real = test
    found[#found + 1] = declare(self, "score", declaration)
  end
end

-- exp:score(name, list or metric, real or { train =, test = }, synthetic, { option = value })
function Experiment:score(what, real, synthetic, options)
  check.self(self, Experiment, "exp:score(metrics, trace, synthetic)")
  local entries = plugins.entries(what, nil, score_settings, options)
  local source, test = real_sources(real, "the real side of a score")
  local given
  if getmetatable(synthetic) == Synthetic then
    if synthetic.experiment ~= self then fail("the synthetic data belongs to %s", tostring(synthetic.experiment)) end
    given = synthetic.handle
  elseif getmetatable(synthetic) == plugins.Trace then
    given = synthetic.source
  else
    fail("the synthetic side of a score is %s, must be what exp:generate returned, or a trace", check.what(synthetic))
  end
  claim_dataset(self, source)
  if test then claim_dataset(self, test) end
  if test and getmetatable(synthetic) == Synthetic and core.source_overlap(synthetic.trace.source, test) then
    fail("the generator saw rows of the held-out part: it was trained on %s; train it on the training part",
      tostring(synthetic.trace))
  end
  local names, found = {}, {}
  for i, entry in ipairs(entries) do
    names[i] = entry.plugin.name
    score_entry(self, entry, source, test, given, found)
    self.scored[#self.scored + 1] = { source = source, entry = entry }
  end
  return setmetatable({ experiment = self, names = names, synthetic = synthetic, source = source, test = test,
                        label = entries[1].settings.label }, Scores)
end

-- Tasks that need held-out data get it, metrics do not: one declaration of the core for each.
local function declare_floor(self, trace, test, entries, where)
  local limits = self.given_limits
  for _, kind in ipairs { "metric", "downstream" } do
    local list = {}
    for _, entry in ipairs(entries) do
      local plugin = entry.plugin
      if plugin.kind == kind then
        list[#list + 1] = { kind = kind, plugin = plugin.name, options = entry.options, lua = plugin.lua }
      end
    end
    local done, message = true, nil
    if #list > 0 then
      done, message = core.floor(self.core, {
        metrics = core.array(list), trace = trace, test = kind == "downstream" and test or nil, where = where,
        memory = limits.memory, time = limits.time, threads = limits.threads })
    end
    if not done then error(message, 0) end
  end
end

-- exp:floor(trace or { train =, test = } [, metrics]): what two real halves score; without metrics, for all
-- those that the experiment scores against the trace.
function Experiment:floor(trace, metrics)
  check.self(self, Experiment, "exp:floor(trace)")
  local source, test = real_sources(trace, "the trace of exp:floor")
  self.jobs = self.jobs + 1
  if metrics == nil then
    self.floors[#self.floors + 1] = { source = source, test = test, where = core.position() }
  else
    declare_floor(self, source, test, plugins.entries(metrics, nil, {}), core.position())
  end
end

-- Floors without a list take what was scored against the same data, each metric once.
local function declare_floors(self)
  for _, floor in ipairs(self.floors) do
    local entries, seen = {}, {}
    local wanted = core.text(floor.source)
    for _, scored in ipairs(self.scored) do
      local plugin = scored.entry.plugin
      local key = plugin.kind .. plugin.name .. core.text(scored.entry.options)
      if not seen[key] and core.text(scored.source) == wanted and (floor.test or not plugin.needs_test) then
        seen[key] = true
        entries[#entries + 1] = scored.entry
      end
    end
    if #entries == 0 then
      error(("%s: nothing is scored against %s, so it needs no floor; or name the metrics: "
        .. "exp:floor(trace, { \"emd\" })"):format(floor.where, core.source_name(floor.source)), 0)
    end
    declare_floor(self, floor.source, floor.test, entries, floor.where)
  end
  self.floors = {}
end

-- exp:limits{ memory = bytes or "2G", time = seconds or "10m", threads = n }: of every job.
function Experiment:limits(limits)
  check.self(self, Experiment, "exp:limits { memory = \"2G\" }")
  check.keys(limits, { "memory", "threads", "time" }, "exp:limits", '{ memory = "2G", time = "10m" }')
  if self.jobs > 0 then fail("exp:limits comes before the first exp:generate, exp:score and exp:floor") end
  self.given_limits = {
    memory = limits.memory and check.quantity(limits.memory, "bytes", "memory"),
    time = limits.time and check.quantity(limits.time, "seconds", "time"),
    threads = limits.threads and check.integer(limits.threads, "threads", 1),
  }
end

-- exp:run(): plans and validates everything, runs what the store does not hold yet. True if every job
-- succeeded.
function Experiment:run()
  check.self(self, Experiment, "exp:run()")
  if self.jobs == 0 then fail("experiment '%s' declares nothing to run", self.name) end
  declare_floors(self)
  local status, message = core.run(self.core)
  if not status then
    if message:find "^[^:]+:%d+: " then error(message, 0) end
    fail("%s", message)
  end
  self.finished, self.status = self.jobs, status
  if #self.figures == 0 then core.figures(core.folder(self.core), core.array {}) end -- of an earlier run: gone
  return status == 0
end

local function ensure_run(self)
  if self.status == nil or self.finished < self.jobs then self:run() end
end

-- exp:report(): writes report.html and report.md, returns the path of report.html.
function Experiment:report()
  check.self(self, Experiment, "exp:report()")
  ensure_run(self)
  local folder = core.folder(self.core)
  local ok, message = core.report(folder)
  if not ok then fail("%s", message) end
  return folder .. "/report.html"
end

-- exp:leaderboard(): the generators by metric and over all, as text.
function Experiment:leaderboard()
  check.self(self, Experiment, "exp:leaderboard()")
  ensure_run(self)
  local board, message = core.leaderboard(core.folder(self.core))
  if not board then fail("%s", message) end
  return board
end

function Experiment:folder()
  check.self(self, Experiment, "exp:folder()")
  ensure_run(self)
  return core.folder(self.core)
end

-- exp:scores{ column = value }: the rows of scores.csv that agree.
function Experiment:scores(filter)
  check.self(self, Experiment, "exp:scores { plugin = \"emd\" }")
  filter = check.keys(filter or {}, rows.columns, "exp:scores", '{ plugin = "emd", feature = "BU" }')
  for _, key in ipairs(check.sorted(filter)) do
    local value = filter[key]
    if type(value) ~= "string" and type(value) ~= "number" then
      fail("%s of exp:scores is %s, must be a text or a number", key, check.what(value))
    end
  end
  ensure_run(self)
  local found, message = core.scores(self.core, filter)
  if not found then fail("%s", message) end
  return found
end

-- exp:table(name, { column = value }): one row a generator and feature, over its seeds; prints as a table.
function Experiment:table(name, filter)
  check.self(self, Experiment, 'exp:table("emd", { feature = "BU" })')
  check.type(name, "string", "the metric of exp:table", 'exp:table("emd")')
  local wanted = {}
  for key, value in pairs(check.type(filter or {}, "table", "the filter of exp:table", '{ feature = "BU" }')) do
    wanted[key] = value
  end
  if wanted.plugin then fail("exp:table is of one metric, its first argument; plugin = … is for exp:scores") end
  wanted.plugin = name
  local found = self:scores(wanted)
  if #found == 0 then
    if wanted.label and not self.labels[wanted.label] then
      local labels = {}
      for _, row in ipairs(self:scores { plugin = name }) do labels[row.label] = true end
      if not labels[wanted.label] and next(labels) then check.unknown(wanted.label, check.sorted(labels), "label", name) end
    end
    for _, scored in ipairs(self.scored) do
      if not wanted.feature and scored.entry.plugin.name == name then
        fail("'%s' gave no scores that the filter lets through; the run said which jobs failed or do not apply", name)
      end
    end
    local known, seen = {}, {}
    for _, row in ipairs(self:scores()) do
      local word = wanted.feature and row.plugin == name and row.feature or not wanted.feature and row.plugin
      if word and not seen[word] then
        seen[word] = true
        known[#known + 1] = word
      end
    end
    local word = wanted.feature or name
    if not seen[word] and #known > 0 then
      check.unknown(word, known, wanted.feature and "feature" or "metric", wanted.feature and name or "this experiment's scores")
    end
  end
  return rows.aggregate(found)
end

-- Handles ----------------------------------------------------------------------------------------

-- The synthetic data; nil and the reason if the job failed. Runs the experiment if need be.
function Synthetic:dataset()
  check.self(self, Synthetic, "synthetic:dataset()")
  ensure_run(self.experiment)
  local source, message = core.data(self.experiment.core, self.handle)
  if not source then return nil, message end
  local data
  data, message = core.source_open(source)
  if not data then fail("%s", message) end
  return data
end

function Synthetic:scores(filter)
  check.self(self, Synthetic, "synthetic:scores()")
  local wanted = { generator = self.generator, label = self.label, seed = self.seed }
  for key, value in pairs(check.type(filter or {}, "table", "the filter of synthetic:scores", '{ plugin = "emd" }')) do
    wanted[key] = value
  end
  return self.experiment:scores(wanted)
end

-- The rows of scores.csv that this declaration gave.
function Scores:rows()
  check.self(self, Scores, "scores:rows()")
  local sides, result = { [core.source_name(self.source)] = true }, {}
  if self.test then sides[core.source_name(self.test)] = true end
  local filter
  if getmetatable(self.synthetic) == Synthetic then
    filter = { label = self.label or self.synthetic.label, generator = self.synthetic.generator,
               seed = self.synthetic.seed }
  else
    local name = core.source_name(self.synthetic.source)
    filter = { label = self.label or name, generator = name }
  end
  for _, name in ipairs(self.names) do
    filter.plugin = name
    for _, row in ipairs(self.experiment:scores(filter)) do
      if sides[row.dataset] then result[#result + 1] = row end
    end
  end
  return result
end

-- The value of a feature; nil and the reason where there is none.
function Scores:value(feature)
  check.self(self, Scores, 'scores:value "BU"')
  local found, known, seen = nil, {}, {}
  for _, row in ipairs(self:rows()) do
    if not seen[row.feature] then known[#known + 1] = row.feature end
    seen[row.feature] = true
    if feature == nil or row.feature == feature then
      if found then
        fail("%s has several values%s; take them from its rows()", tostring(self),
          feature == nil and ": name the feature (" .. table.concat(known, ", ") .. ", …)" or " of " .. feature)
      end
      found = row
    end
  end
  if not found then check.unknown(tostring(feature), known, "feature", table.concat(self.names, ", ")) end
  return found.value, found.reason
end

local class = { new = new, finish = finish }
core.chunk("compare", check, plugins, Experiment)
core.chunk("figure", check, plugins, Experiment)
core.chunk("differences", check, Experiment)
return class
