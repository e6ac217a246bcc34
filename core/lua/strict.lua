-- Strict globals: assigning or reading one that nobody declared is an error that names it.
local core = ...

setmetatable(_G, {
  __newindex = function(_, name)
    error(("%sassigning the undeclared global '%s'; write: local %s = …"):format(
      core.where(), tostring(name), tostring(name)), 0)
  end,
  __index = function(_, name)
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
