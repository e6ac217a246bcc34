-- exp:differences: what can be told apart, as the report says it. A table of numbers that prints as text.
local core, check, Experiment = ...

local Differences = { __name = "weir.differences" }

local function pair_line(pair)
  local words = { ("%s - %s:"):format(pair.a, pair.b) }
  words[#words + 1] = pair.won and ("%.0f %% of the features won,"):format(100 * pair.won) or "nothing in common,"
  if pair.corrected then words[#words + 1] = ("p = %.2g,"):format(pair.corrected) end
  words[#words + 1] = pair.verdict .. ";"
  words[#words + 1] = ("intervals apart %d : %d of %d"):format(pair.a_better, pair.b_better, pair.features)
  return "  " .. table.concat(words, " ")
end

function Differences:__tostring()
  local lines = { (self.text:gsub("\n$", "")) }
  for _, pair in ipairs(self.pairs) do lines[#lines + 1] = pair_line(pair) end
  return table.concat(lines, "\n")
end

-- exp:differences(): { generators =, pairs =, friedman =, traces =, groups =, text = }.
function Experiment:differences()
  check.self(self, Experiment, "exp:differences()")
  local found, message = core.differences(self:folder())
  if not found then check.fail("%s", message) end
  return setmetatable(found, Differences)
end
