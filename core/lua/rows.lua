-- Tables of scores: rows of equal dataset, generator, label, plugin, variant and feature become one row
-- with mean, range and interval over the seeds. A table prints aligned.
local core, check = ...
local rows = {}

rows.columns = { "better", "dataset", "feature", "generator", "job", "kind", "label", "n_real", "n_synthetic",
                 "plugin", "reason", "seed", "status", "unit", "value", "variant" }

local Table = { __name = "weir.table" }
Table.__index = Table

local groups = { "dataset", "plugin", "variant", "feature", "generator", "label" }

-- The 95 % interval of the mean: Student's t, from 10 seeds on a BCa bootstrap.
local function interval(values)
  if #values >= 10 then return core.stats.bca_interval(values, 0.95) end
  if #values >= 2 then return core.stats.t_interval(values, 0.95) end
end

local function summary(group)
  local row, values, skills = {}, {}, {}
  for _, key in ipairs(groups) do row[key] = group[1][key] end
  row.kind, row.unit, row.better = group[1].kind, group[1].unit, group[1].better
  row.status = group[1].status
  for _, score in ipairs(group) do
    if score.status == "ok" then
      values[#values + 1] = score.value
      skills[#skills + 1] = score.skill
      row.status, row.skill_reason = "ok", score.skill_reason
    elseif not row.reason then
      row.reason = score.reason
    end
  end
  row.values, row.n = values, #values
  if #values > 0 then
    row.mean = core.stats.mean(values)
    row.min, row.max = math.min(table.unpack(values)), math.max(table.unpack(values))
    row.low, row.high = interval(values)
    if #skills > 0 then row.skill = core.stats.mean(skills) end -- which is the skill of the mean
  end
  return row
end

-- Best first within a feature; the real halves and what has no value last.
local function before(a, b)
  for _, key in ipairs { "dataset", "plugin", "feature", "variant" } do
    if a[key] ~= b[key] then return a[key] < b[key] end
  end
  local floor_a, floor_b = a.generator == "floor", b.generator == "floor"
  if floor_a ~= floor_b then return floor_b end
  if (a.mean == nil) ~= (b.mean == nil) then return a.mean ~= nil end
  if a.mean and a.mean ~= b.mean then
    if a.better == "higher" then return a.mean > b.mean end
    return a.mean < b.mean
  end
  if a.generator ~= b.generator then return a.generator < b.generator end
  return a.label < b.label
end

function rows.aggregate(scores)
  local found, order = {}, {}
  for _, score in ipairs(scores) do
    local parts = {}
    for i, key in ipairs(groups) do parts[i] = tostring(score[key]) end
    local key = table.concat(parts, "\0")
    if not found[key] then
      found[key] = {}
      order[#order + 1] = key
    end
    table.insert(found[key], score)
  end
  local result = {}
  for i, key in ipairs(order) do result[i] = summary(found[key]) end
  table.sort(result, before)
  return setmetatable(result, Table)
end

local function number(value)
  return value and ("%.4g"):format(value) or ""
end

-- utf8.len counts characters, so that a label with an umlaut does not shift its row.
local function pad(text, width, left)
  local space = (" "):rep(width - (utf8.len(text) or #text))
  return left and text .. space or space .. text
end

local function differs(t, key)
  for _, row in ipairs(t) do
    if row[key] ~= t[1][key] then return true end
  end
  return false
end

function Table:__tostring()
  if #self == 0 then return "(no scores)" end
  local title = { self[1].plugin }
  local columns = {}
  for _, key in ipairs { "dataset", "plugin", "feature", "variant" } do
    if differs(self, key) then
      columns[#columns + 1] = { head = key, left = true, cell = function(row) return row[key] end }
    elseif key ~= "plugin" and self[1][key] ~= "" then
      title[#title + 1] = key == "dataset" and "on " .. self[1][key] or self[1][key]
    end
  end
  if not differs(self, "feature") then
    if self[1].unit ~= "" then title[#title + 1] = "[" .. self[1].unit .. "]" end
    title[#title + 1] = "(" .. (self[1].better == "neither" and "no direction" or self[1].better .. " is better") .. ")"
  end
  local function add(head, cell, left) columns[#columns + 1] = { head = head, cell = cell, left = left } end
  add("generator", function(row) return row.generator == "floor" and "floor, " .. row.label or row.label end, true)
  add("seeds", function(row) return tostring(row.n) end)
  add("mean", function(row) return row.mean and number(row.mean) or row.status end)
  add("95 % interval", function(row)
    return row.low and ("[%s, %s]"):format(number(row.low), number(row.high)) or ""
  end)
  add("min", function(row) return number(row.min) end)
  add("max", function(row) return number(row.max) end)
  for _, row in ipairs(self) do
    if row.skill then
      add("skill", function(each) return each.skill and ("%.3f"):format(each.skill) or "" end)
      break
    end
  end
  if differs(self, "unit") then add("unit", function(row) return row.unit end, true) end
  add("", function(row) return row.mean and "" or (row.reason or ""):match "^[^\n]*" end, true)
  local lines = { table.concat(title, " ") }
  for _, column in ipairs(columns) do
    column.width = utf8.len(column.head)
    for _, row in ipairs(self) do
      local text = column.cell(row)
      column.width = math.max(column.width, utf8.len(text) or #text)
    end
  end
  local function line(text_of)
    local cells = {}
    for i, column in ipairs(columns) do cells[i] = pad(text_of(column), column.width, column.left) end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  line(function(column) return column.head end)
  for _, row in ipairs(self) do
    line(function(column) return column.cell(row) end)
  end
  return table.concat(lines, "\n")
end

return rows
