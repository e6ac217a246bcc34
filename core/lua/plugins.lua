-- Plugins as scripts name them: "name", or { "name", option = value }, each option checked by name here
-- and by value in the core.
local core, check = ...
local fail = check.fail
local plugins = {}

plugins.Metric = { __name = "weir.metric" }
plugins.Metric.__tostring = function(self) return self.name end

local kind_words = { generator = "generator", encoder = "encoder", metric = "metric", downstream = "downstream task" }

-- A plugin that is there but does not load has a message of its own, which beats the guesses.
local function unknown(message)
  return message:find "^unknown " ~= nil or message:find "^'[^']*' is of kind " ~= nil
end

-- The name of a plugin of another kind is the likeliest mistake after a slip of the pen.
local function other_kind(name, wanted)
  for _, kind in ipairs { "generator", "encoder", "metric", "downstream" } do
    if not name:find "/" and core.find(kind, name) then
      return ("'%s' is a%s %s, not a%s %s"):format(name, kind == "encoder" and "n" or "", kind_words[kind],
        wanted == "encoder" and "n" or "", wanted)
    end
  end
end

local function find_kind(kind, name)
  local found, message = core.find(kind, name)
  if found or not unknown(message) then return found, message end
  return nil, other_kind(name, kind_words[kind]) or message
end

-- A metric or a downstream task, whichever has the name; "metric/NAME" and "downstream/NAME" say which.
local function find_score(name)
  local kind, rest = name:match "^(%l+)/(.+)$"
  if kind == "metric" or kind == "downstream" then return find_kind(kind, rest) end
  local metric, message = core.find("metric", name)
  if not metric and not unknown(message) then return nil, message end
  local task
  task, message = core.find("downstream", name)
  if not task and not unknown(message) then return nil, message end
  if metric and task then
    return nil, ("'%s' is a metric and a downstream task; write 'metric/%s' or 'downstream/%s'"):format(name, name, name)
  end
  if metric or task then return metric or task end
  local other = other_kind(name, "metric or downstream task")
  if other then return nil, other end
  local known = core.names "metric"
  for _, each in ipairs(core.names "downstream") do known[#known + 1] = each end
  table.sort(known)
  check.unknown(name, known, "metric or downstream task")
end

local cache = {}

-- The description of a plugin: name, kind, options { name = kind }, roles { role = default encoder },
-- needs_test. kind nil: a metric or a downstream task.
function plugins.find(kind, name)
  check.type(name, "string", "the name of a " .. (kind and kind_words[kind] or "metric or downstream task"))
  local key = (kind or "") .. ":" .. name
  local found = cache[key]
  if not found then
    local message
    if kind then
      found, message = find_kind(kind, name)
    else
      found, message = find_score(name)
    end
    if not found then fail("%s", message) end
    cache[key] = found
  end
  return found
end

local function of(plugin) return kind_words[plugin.kind] .. " " .. plugin.name end

local function option_value(plugin, key, value)
  local kind = plugin.options[key]
  if kind == "list" and type(value) == "table" and check.is_list(value) then
    return core.array { table.unpack(value) }
  end
  if kind == "trace" and getmetatable(value) == plugins.Trace then
    local source = value.source
    if #source.files ~= 1 or source.split or source.series or source.packets then
      fail("option '%s' of %s takes a whole trace of one file", key, of(plugin))
    end
    return source.files[1]
  end
  if type(value) ~= "string" and type(value) ~= "number" and type(value) ~= "boolean" then
    fail("option '%s' of %s is %s, must be %s", key, of(plugin), check.what(value),
      kind == "list" and "a list of texts" or "a number, a text, true or false")
  end
  return value
end

-- The name of one of the plugin's presets.
function plugins.preset(value, plugin)
  check.type(value, "string", "preset", 'preset = "tiny"')
  local known = {}
  for name, kind in pairs(plugin.options) do
    if kind == "preset" then known[#known + 1] = name end
  end
  table.sort(known)
  if #known == 0 then fail("%s has no presets", of(plugin)) end
  return check.word(value, known, "preset", of(plugin))
end

-- Sorts what a script gives into the plugin's options and the reserved settings, each of which
-- settings[key](value, plugin) checks. Returns the two tables.
function plugins.sort(plugin, given, settings)
  local options, rest = {}, {}
  for _, key in ipairs(check.sorted(given)) do
    local value = given[key]
    if type(key) ~= "string" then
      fail("the options of %s are named: { option = value }", of(plugin))
    elseif settings[key] then
      rest[key] = settings[key](value, plugin)
    elseif key == "preset" then
      options.preset = plugins.preset(value, plugin)
    elseif plugin.options[key] and plugin.options[key] ~= "preset" then
      options[key] = option_value(plugin, key, value)
    else
      local known = {}
      for name, kind in pairs(plugin.options) do
        if kind ~= "preset" then known[#known + 1] = name end
      end
      table.sort(known)
      local own = #known > 0 and (" (it has: %s)"):format(table.concat(known, ", ")) or " (it has none)"
      for name in pairs(settings) do known[#known + 1] = name end
      table.sort(known)
      local near = core.nearest(key, known)
      fail("unknown option '%s' of %s%s", key, of(plugin), near and ("; did you mean '%s'?"):format(near) or own)
    end
  end
  return options, rest
end

-- { role = "encoder" or { "encoder", option = value } } for a generator.
function plugins.encoders(value, plugin)
  check.type(value, "table", "encoders of " .. of(plugin), '{ ports = "onehot" }')
  local roles, result = check.sorted(plugin.roles), {}
  for _, role in ipairs(check.sorted(value)) do
    if not plugin.roles[role] then
      if #roles == 0 then fail("%s uses no encoders", of(plugin)) end
      check.unknown(tostring(role), roles, "encoder role", of(plugin))
    end
    local entry = plugins.entry(value[role], "encoder", {}, {})
    result[role] = { encoder = entry.plugin.name, options = entry.options }
  end
  return result
end

-- One plugin as a script names it, with more options if there are any. Returns { plugin =, options =,
-- settings = }; for a Lua metric plugin is the metric's own description.
function plugins.entry(value, kind, settings, more)
  local name, given = value, more
  if type(value) == "table" and getmetatable(value) ~= plugins.Metric then
    name, given = value[1], {}
    if name == nil then fail('a %s with options begins with its name: { "name", option = value }', kind or "metric") end
    for key, member in pairs(value) do
      if key ~= 1 then given[key] = member end
    end
    for key, member in pairs(more) do
      if given[key] ~= nil then fail("option '%s' is given twice", tostring(key)) end
      given[key] = member
    end
  end
  local plugin
  if getmetatable(name) == plugins.Metric then
    if kind and kind ~= "metric" then fail("a %s is named by a text, not by a metric written in Lua", kind) end
    plugin = name
  else
    plugin = plugins.find(kind, name)
  end
  local options, rest = plugins.sort(plugin, given, settings)
  return { plugin = plugin, options = options, settings = rest }
end

-- One plugin or a list of them. `more`: for one, its options; for a list, options by name.
function plugins.entries(value, kind, settings, more)
  if more ~= nil then check.type(more, "table", "the options", '{ option = value }') end
  local list = type(value) == "table" and getmetatable(value) == nil
  if list and not check.is_list(value) then
    if #value > 1 then
      fail('options among several names: give each its own, as in { { "%s", option = value }, "%s" }',
        tostring(value[1]), tostring(value[2]))
    end
    list = false
  end
  if not list then return { plugins.entry(value, kind, settings, more or {}) } end
  if #value == 0 then fail("an empty list of %ss", kind or "metric") end
  local entries, used = {}, {}
  for i, item in ipairs(value) do
    local name = getmetatable(item) == plugins.Metric and item.name or type(item) == "table" and item[1] or item
    local own = more and more[name]
    if own ~= nil then check.type(own, "table", ("the options of '%s'"):format(tostring(name)), "{ option = value }") end
    used[name] = true
    entries[i] = plugins.entry(item, kind, settings, own or {})
  end
  for _, name in ipairs(check.sorted(more or {})) do
    if not used[name] then
      fail("options for '%s', which is not in the list; with a list they go by name: { %s = { option = value } }",
        tostring(name), tostring(entries[1].plugin.name))
    end
  end
  return entries
end

return plugins
