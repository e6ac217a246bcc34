-- Checks of what a script gives: types, names with the nearest known one, numbers in their range.
-- A mistake is raised with the script's file and line, and says what would be right.
local core = ...
local check = {}

function check.fail(format, ...)
  error(core.where() .. format:format(...), 0)
end
local fail = check.fail

local words = { string = "a text", number = "a number", table = "a table", boolean = "true or false",
                ["function"] = "a function", ["nil"] = "nothing" }

-- What a value is, in words, for messages.
function check.what(value)
  local meta = getmetatable(value)
  if type(meta) == "table" and meta.__name then return "a " .. meta.__name:gsub("^weir%.", "") end
  return words[type(value)] or ("a " .. type(value))
end

-- Fails unless value has the Lua type; `example` shows what would be right.
function check.type(value, kind, name, example)
  if type(value) == kind then return value end
  fail("%s is %s, must be %s%s", name, check.what(value), words[kind], example and ", as in " .. example or "")
end

-- Fails unless value is an object of the class (its metatable).
function check.is(value, class, name, example)
  if getmetatable(value) == class then return value end
  fail("%s is %s, must be %s, as in %s", name, check.what(value), "a " .. class.__name:gsub("^weir%.", ""), example)
end

-- A method's self: forgetting the colon is the usual mistake.
function check.self(self, class, call)
  if getmetatable(self) ~= class then fail("call it with a colon: %s", call) end
end

function check.integer(value, name, low)
  local number = math.type(value) and math.tointeger(value)
  if not number then fail("%s is %s, must be a whole number", name, math.type(value) and value or check.what(value)) end
  if number < low then fail("%s is %d, must be %d or more", name, number, low) end
  return number
end

-- A name that people read in results and on the terminal: one line, and short enough to be stored with each score.
function check.title(value, name)
  check.type(value, "string", name)
  if value == "" then fail("%s is empty", name) end
  if not utf8.len(value) then fail("%s is no UTF-8", name) end
  if value:find "%c" then fail("%s has a line break or another control character", name) end
  if #value > 200 then fail("%s has %d bytes, must have 200 or less", name, #value) end
  return value
end

function check.sorted(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and type(a) ~= "table" and type(a) ~= "boolean" then return a < b end
    return tostring(a) < tostring(b)
  end)
  return keys
end

-- Fails for an unknown word, with the nearest of the known ones.
function check.unknown(word, known, what, of)
  local near = core.nearest(word, known)
  fail("unknown %s '%s'%s%s (%s)", what, word, of and " of " .. of or "",
    near and ("; did you mean '%s'?"):format(near) or "",
    #known > 0 and "known: " .. table.concat(known, ", ") or "there are none")
end

function check.word(value, known, what, of)
  check.type(value, "string", of and ("%s of %s"):format(what, of) or what)
  for _, word in ipairs(known) do
    if word == value then return value end
  end
  check.unknown(value, known, what, of)
end

-- A table of named members: every key must be in known (a list).
function check.keys(t, known, of, example)
  check.type(t, "table", "the argument of " .. of, example)
  local set = {}
  for _, key in ipairs(known) do set[key] = true end
  for _, key in ipairs(check.sorted(t)) do
    if type(key) ~= "string" then fail("%s takes named members, not a list%s", of, example and ": " .. example or "") end
    if not set[key] then check.unknown(key, known, "member", of) end
  end
  return t
end

-- Whether a table is a list (1 … n and nothing else).
function check.is_list(t)
  local count = 0
  for key in pairs(t) do
    if math.type(key) ~= "integer" then return false end
    count = count + 1
  end
  return count == #t
end

-- A class: objects whose members are known, so that a misspelled one is an error and not nil. `fields` are
-- what its objects may hold beside its methods.
function check.class(name, fields)
  local class = { __name = "weir." .. name }
  local hidden = {}
  for _, field in ipairs(fields) do hidden[field] = true end
  class.__index = function(self, key)
    local member = rawget(class, key)
    if member ~= nil and type(key) == "string" and not key:find "^__" then return member end
    if hidden[key] then return nil end
    check.no_member(key, class, (name:find "^[aeiou]" and "an " or "a ") .. name)
  end
  return class
end

-- Fails for a member that a table does not have.
function check.no_member(key, members, what)
  local known = {}
  for _, member in ipairs(check.sorted(members)) do
    if not member:find "^_" then known[#known + 1] = member end
  end
  local near = type(key) == "string" and core.nearest(key, known)
  fail("%s has no '%s'%s (it has: %s)", what, tostring(key), near and ("; did you mean '%s'?"):format(near) or "",
    table.concat(known, ", "))
end

local units = {
  bytes = { [""] = 1, K = 1e3, M = 1e6, G = 1e9, T = 1e12 },
  seconds = { [""] = 1, ms = 1e-3, s = 1, m = 60, h = 3600 },
}
local unit_example = { bytes = '"2G" (K, M, G, T) or a number of bytes', seconds = '"10m" (ms, s, m, h) or a number of seconds' }

-- Bytes or seconds: a number, or a text with a unit ("2G", "10m").
function check.quantity(value, unit, name)
  local number = value
  if type(value) == "string" then
    local digits, suffix = value:match "^([%d.]+)(%a*)$"
    local scale = units[unit][suffix]
    number = scale and tonumber(digits) and tonumber(digits) * scale
    if not number then fail("%s is '%s', must be %s", name, value, unit_example[unit]) end
  elseif type(value) ~= "number" then
    fail("%s is %s, must be %s", name, check.what(value), unit_example[unit])
  end
  if not (number > 0 and number < math.huge) then fail("%s is %g, must be more than 0", name, number) end
  if unit == "bytes" then
    if number < 1 or number >= 2 ^ 53 then fail("%s is %g bytes, must be between 1 and 2^53", name, number) end
    return math.floor(number)
  end
  return number
end

return check
