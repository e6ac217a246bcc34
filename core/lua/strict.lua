-- Strict globals: assigning or reading one that nobody declared is an error that names it. They bind the
-- script and what lies in its folder; a library from elsewhere may keep its globals, and code in C too.
local core, chunk = ...
local getinfo = debug.getinfo

local function folder_of(source) return source:match "^@(.*)/" or "." end
local own = folder_of(chunk)

local function foreign()
  local source = getinfo(3, "S").source -- 1 is this function, 2 the handler, 3 who touched the global
  return source == "=[C]" or source:find "^@" and folder_of(source) ~= own
end

setmetatable(_G, {
  __newindex = function(_, name, value)
    if foreign() then return rawset(_G, name, value) end
    error(("%sassigning the undeclared global '%s'; write: local %s = …"):format(
      core.where(), tostring(name), tostring(name)), 0)
  end,
  __index = function(_, name)
    if foreign() then return nil end
    local known = {}
    for key in next, _G do
      if type(key) == "string" then known[#known + 1] = key end
    end
    table.sort(known)
    local near = type(name) == "string" and core.nearest(name, known)
    local hint = near and ("; did you mean '%s'?"):format(near) or ""
    if name == "weir" then hint = '; write: local weir = require "weir"' end
    error(("%sreading the undeclared global '%s'%s"):format(core.where(), tostring(name), hint), 0)
  end,
})
