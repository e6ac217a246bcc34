-- The `weir` module: traces, series, metrics in Lua, the script's arguments; experiments are in
-- experiment.lua. docs/lua.md is its reference.
local core = ...
local check = core.chunk "check"
local plugins = core.chunk("plugins", check)
local fail = check.fail

local weir = { version = core.version, stats = core.stats }
setmetatable(weir, { __index = function(_, key) check.no_member(key, weir, "weir") end })

-- Traces ---------------------------------------------------------------------------------------

local Trace = check.class("trace", {})
Trace.__tostring = function(self) return core.source_name(self.source) end
plugins.Trace = Trace

local function new_trace(source)
  local ok, message = core.source_check(source)
  if not ok then
    local file = source.files[1]
    if not core.exists(file) and not file:find "^/" and core.exists(core.here() .. "/" .. file) then
      message = message .. ('; there is one beside the script: write weir.here "%s"'):format(file)
    end
    fail("%s", message)
  end
  for i, file in ipairs(source.files) do source.files[i] = core.absolute(file) or file end
  return setmetatable({ source = source }, Trace)
end

local function copy(t)
  local result = {}
  for key, value in pairs(t) do result[key] = type(value) == "table" and copy(value) or value end
  return result
end

local function name_option(value, of)
  if value == nil then return nil end
  check.title(value, "name of " .. of)
  return value
end

-- weir.trace(path or list of paths, { packets =, time_unit =, allow_truncated =, name = })
function weir.trace(files, options)
  if type(files) == "string" then files = { files } end
  check.type(files, "table", "the files of a trace", 'weir.trace "a.pcap" or weir.trace { "a.pcap", "b.pcap" }')
  if not check.is_list(files) then
    fail("the files of a trace are a path or a list of paths; options go in a second table: "
      .. "weir.trace(files, { packets = … })")
  end
  if #files == 0 then fail("a trace of no files") end
  for i, file in ipairs(files) do
    check.type(file, "string", "file " .. i .. " of a trace")
    if file == "" then fail("file %d of a trace is an empty path", i) end
  end
  options = check.keys(options or {}, { "allow_truncated", "name", "packets", "time_unit" }, "weir.trace")
  local source = { files = core.array { table.unpack(files) }, name = name_option(options.name, "a trace") }
  if options.packets ~= nil then source.packets = check.integer(options.packets, "packets", 1) end
  if options.time_unit ~= nil then
    source.time_unit = check.word(options.time_unit, { "s", "ms", "us", "ns" }, "time unit")
  end
  if options.allow_truncated ~= nil then
    source.allow_truncated = check.type(options.allow_truncated, "boolean", "allow_truncated")
  end
  return new_trace(source)
end

local packet_channels = { "size", "gap", "direction" }
local bin_channels = { "bytes", "packets", "bytes_up", "bytes_down", "packets_up", "packets_down" }

-- weir.series{ captures = FOLDER, label = "directory"|"file", channels = {…}, length = N, bin = s, name = }
function weir.series(options)
  if type(options) == "string" then options = { captures = options } end
  check.keys(options, { "bin", "captures", "channels", "label", "length", "name" }, "weir.series",
    'weir.series { captures = "FOLDER", length = 300 }')
  local folder = check.type(options.captures, "string", "captures of weir.series", '{ captures = "FOLDER" }')
  local bin = options.bin or 0
  if options.bin ~= nil then bin = check.quantity(options.bin, "seconds", "bin of weir.series") end
  local known = bin > 0 and bin_channels or packet_channels
  local channels = options.channels or (bin > 0 and { "bytes" } or packet_channels)
  if type(channels) == "string" then channels = { channels } end
  check.type(channels, "table", "channels of weir.series", '{ "size", "gap" }')
  if not check.is_list(channels) or #channels == 0 then
    fail('channels of weir.series are a list, as in { "size", "gap" }')
  end
  for _, channel in ipairs(channels) do
    for _, other in ipairs(bin > 0 and packet_channels or bin_channels) do
      if channel == other then
        fail("channel '%s' is for series %s; %s", channel, bin > 0 and "without a bin" or "with a bin",
          bin > 0 and "with one: " .. table.concat(bin_channels, ", ") or "add bin = seconds, or take " ..
          table.concat(packet_channels, ", "))
      end
    end
    check.word(channel, known, "channel", "weir.series")
  end
  return new_trace {
    files = core.array { folder }, name = name_option(options.name, "a series"),
    series = { label = check.word(options.label or "directory", { "directory", "file" }, "label", "weir.series"),
               channels = core.array { table.unpack(channels) },
               length = check.integer(options.length or 300, "length of weir.series", 1), bin = bin },
  }
end

-- The trace with one more step of splitting or taking.
local function with_step(trace, step)
  local source = copy(trace.source)
  source.files = core.array(source.files)
  if source.series then core.array(source.series.channels) end
  source.split = core.array(source.split or {})
  for _, earlier in ipairs(source.split) do
    if earlier.take and earlier.take.labels then core.array(earlier.take.labels) end
  end
  source.split[#source.split + 1] = step
  return setmetatable({ source = source }, Trace)
end

-- trace:split{ test = 0.2, by = "time"|"flow"|"label", seed = 1 }: two traces, train and test.
function Trace:split(options)
  check.self(self, Trace, "trace:split { test = 0.2 }")
  options = check.keys(options or {}, { "by", "seed", "test" }, "trace:split", '{ test = 0.2, by = "time" }')
  local share = check.type(options.test == nil and 0.2 or options.test, "number", "test of trace:split")
  if not (share > 0 and share < 1) then fail("test of trace:split is %g, must be a share between 0 and 1", share) end
  local step = { test = share, by = check.word(options.by or "time", { "time", "flow", "label" }, "split"),
                 seed = check.integer(options.seed or 1, "seed of trace:split", 0) }
  local function part(name)
    local own = copy(step)
    own.part = name
    return with_step(self, own)
  end
  return part "train", part "test"
end

-- trace:take{ per_label = N or { ["web/h2"] = N }, labels = { "web" }, seed = 1, name = }: some labels, so many of each.
function Trace:take(options)
  local example = '{ per_label = 10 } or { labels = { "web" } }'
  check.self(self, Trace, "trace:take { per_label = 10 }")
  options = check.keys(options or {}, { "labels", "name", "per_label", "seed" }, "trace:take", example)
  if options.per_label == nil and options.labels == nil then fail("trace:take takes all there is; write %s", example) end
  local take = { seed = check.integer(options.seed or 1, "seed of trace:take", 0) }
  local words = {}
  if type(options.per_label) == "table" then
    take.per_label = {}
    for _, label in ipairs(check.sorted(options.per_label)) do
      check.type(label, "string", "a label in per_label of trace:take", '{ ["web/http1"] = 10 }')
      take.per_label[label] = check.integer(options.per_label[label], ("per_label of '%s'"):format(label), 1)
      words[#words + 1] = ("%d of %s"):format(take.per_label[label], label)
    end
    if #words == 0 then fail("per_label of trace:take is an empty table") end
  elseif options.per_label ~= nil then
    take.per_label = check.integer(options.per_label, "per_label of trace:take", 1)
    words[1] = take.per_label .. " a label"
  end
  if options.labels ~= nil then
    local labels = type(options.labels) == "string" and { options.labels } or options.labels
    check.type(labels, "table", "labels of trace:take", '{ "web/http1" }')
    if not check.is_list(labels) or #labels == 0 then fail('labels of trace:take are a list, as in { "web/http1" }') end
    for i, label in ipairs(labels) do check.type(label, "string", "label " .. i .. " of trace:take") end
    take.labels = core.array { table.unpack(labels) }
    words[#words + 1] = #labels == 1 and labels[1] or #labels .. " labels"
  end
  if options.seed ~= nil then words[#words + 1] = "seed " .. take.seed end
  take.name = name_option(options.name, "a take") or tostring(self) .. ":" .. table.concat(words, ", ")
  return with_step(self, { take = take })
end

-- The data itself, read now: rows, columns, flows.
function Trace:dataset()
  check.self(self, Trace, "trace:dataset()")
  local data, message = core.source_open(self.source)
  if not data then fail("%s", message) end
  return data
end

-- What reading found, as a table (packets, flows, skipped, first, last, …).
function Trace:info()
  check.self(self, Trace, "trace:info()")
  local data, facts = core.source_open(self.source)
  if not data then fail("%s", facts) end
  facts.rows, facts.table1 = #data, core.table1(data)
  return facts
end

-- Metrics in Lua -------------------------------------------------------------------------------

local function metric_feature(given, metric)
  local of = "a feature of metric " .. metric
  if type(given) == "string" then given = { label = given } end
  check.keys(given, { "better", "label", "title", "unit" }, of, '{ label = "AGE", unit = "s" }')
  check.type(given.label, "string", "label of " .. of)
  if not given.label:find "^[%a_][%w_.-]*$" then
    fail("label '%s' of %s: letters, digits, _ . and - only, a letter first", given.label, of)
  end
  for _, key in ipairs { "title", "unit" } do
    if given[key] ~= nil and given[key] ~= "" then check.title(given[key], key .. " of " .. of) end
  end
  return { label = given.label, title = given.title or given.label, unit = given.unit or "",
           better = check.word(given.better or "lower", { "lower", "higher", "neither" }, "direction", of) }
end

local metrics = {}

-- weir.metric{ name =, features = { "LABEL" or { label =, title =, unit =, better = } }, score = function }
function weir.metric(options)
  check.keys(options, { "features", "name", "score" }, "weir.metric",
    "weir.metric { name = …, features = { … }, score = function(real, synthetic) … end }")
  local name = check.type(options.name, "string", "name of weir.metric")
  if not name:find "^%l[%l%d_]*$" then fail("name '%s' of weir.metric: lower case letters, digits and _ only", name) end
  local kind = core.find("metric", name) and "metric" or core.find("downstream", name) and "downstream task"
  if kind then fail("weir.metric: there is a %s plugin called '%s' already", kind, name) end
  local given = options.features
  if type(given) == "string" then given = { given } end
  check.type(given, "table", "features of metric " .. name, '{ "AGE" }')
  if not check.is_list(given) or #given == 0 then fail('features of metric %s are a list, as in { "AGE" }', name) end
  local features, seen = {}, {}
  for i, feature in ipairs(given) do
    features[i] = metric_feature(feature, name)
    if seen[features[i].label] then fail("metric %s has two features '%s'", name, features[i].label) end
    seen[features[i].label] = true
  end
  check.type(options.score, "function", "score of metric " .. name, "function(real, synthetic, stats) … end")
  local code, message = core.dump(options.score)
  if not code then fail("score of metric %s %s", name, message) end
  local lua = { name = name, code = code, features = core.array(features) }
  local taken = metrics[name]
  if taken and taken.text ~= core.text(lua) then fail("there is another metric called '%s' (%s)", name, taken.where) end
  metrics[name] = taken or { text = core.text(lua), where = core.position() }
  return setmetatable({ name = name, kind = "metric", options = {}, roles = {}, lua = lua }, plugins.Metric)
end

-- The script's place and arguments -------------------------------------------------------------

-- A path relative to the script that calls it.
function weir.here(path)
  check.type(path, "string", "the path for weir.here", 'weir.here "data/sample.pcap"')
  return path:find "^/" and path or core.here() .. "/" .. path
end

local function argument_help(declared)
  print(("usage: weir run %s [-- ARGUMENTS]"):format(arg[0]))
  for _, name in ipairs(check.sorted(declared)) do
    local default, help = declared[name].default, declared[name].help
    local value = default == false and "" or type(default) == "number" and " N" or " TEXT"
    print(("  --%-22s %s%s"):format(name .. value, help,
      default == false and "" or (" (default: %s)"):format(tostring(default))))
  end
end

-- weir.arguments{ quick = { false, "a smaller run" }, seeds = { 3, "seeds a generator" } }: what stands
-- behind `--` on the command line, checked against the declaration, with its defaults. `least = 1` in a row:
-- a whole number, no less.
function weir.arguments(declared)
  check.type(declared, "table", "the argument of weir.arguments", '{ quick = { false, "a smaller run" } }')
  local known, names, result = {}, {}, {}
  for _, name in ipairs(check.sorted(declared)) do
    local row = declared[name]
    if type(row) ~= "table" then row = { row } end
    if type(name) ~= "string" or not name:find "^%l[%l%d_-]*$" then
      fail("'%s' is no name for an argument", tostring(name))
    end
    if type(row[1]) ~= "number" and type(row[1]) ~= "string" and row[1] ~= false then
      fail("the default of argument '%s' is %s, must be false, a number or a text", name, check.what(row[1]))
    end
    if row.least ~= nil and not (type(row[1]) == "number" and math.type(row.least) == "integer") then
      fail("'least' of argument '%s' is for a number and a whole number itself, such as { 3, \"seeds\", least = 1 }", name)
    end
    known[name] = { default = row[1], help = row[2] or "", least = row.least }
    names[#names + 1] = "--" .. name
    result[name] = row[1]
  end
  local function wrong(format, ...) -- one line, from whatever function of the script it was called
    io.stderr:write(("%s: %s\n"):format(arg[0], format:format(...)))
    core.stop(2)
  end
  local i = 1
  while i <= #arg do
    local word = arg[i]
    if word == "--help" then
      argument_help(known)
      core.stop(0)
    end
    local name, value = word:match "^%-%-([^=]+)=?(.*)$"
    local row = name and known[name]
    if not row then
      local near = core.nearest(word:match "^[^=]+" or word, names)
      wrong("unknown argument '%s'%s (known: %s)", word, near and ("; did you mean '%s'?"):format(near) or "",
        #names > 0 and table.concat(names, ", ") or "none")
    end
    if row.default == false then
      if word:find "=" then wrong("argument '--%s' takes no value", name) end
      result[name] = true
    else
      if not word:find "=" then
        i = i + 1
        value = arg[i] or wrong("argument '--%s' needs a value", name)
      end
      if type(row.default) == "number" then
        local number, least = tonumber(value), row.least
        if least and not (number and math.tointeger(number) and number >= least) then
          wrong("argument '--%s' is '%s', must be a whole number, %d or more", name, value, least)
        end
        value = least and math.tointeger(number) or number
          or wrong("argument '--%s' is '%s', must be a number", name, value)
      end
      result[name] = value
    end
    i = i + 1
  end
  return setmetatable(result, { __index = function(_, key)
    check.unknown(tostring(key), check.sorted(known), "argument")
  end })
end

local experiments = core.chunk("experiment", check, plugins)
weir.experiment = experiments.new

core.finish(experiments.finish)
return weir
