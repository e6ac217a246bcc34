-- exp:figure: a plot of the script's own, with its numbers, for the report. docs/lua.md is its reference.
local core, check, _, Experiment = ...
local fail = check.fail

local most_lines, most_points = 24, 200

local function number(value, name)
  check.type(value, "number", name)
  if value ~= value or value == math.huge or value == -math.huge then fail("%s is %s, must be a finite number", name, value) end
  return value
end

-- A point as it is stored; `of` names it in messages.
local function new_point(given, of, log_x)
  check.keys(given, { "high", "low", "x", "y" }, of, "{ x = 10, y = 0.8, low = 0.7, high = 0.9 }")
  local point = { x = number(given.x, "x of " .. of), y = number(given.y, "y of " .. of) }
  if log_x and not (point.x > 0) then fail("x of %s is %g, must be more than 0 on a logarithmic axis", of, point.x) end
  if given.low ~= nil or given.high ~= nil then
    point.low, point.high = number(given.low, "low of " .. of), number(given.high, "high of " .. of)
    if not (point.low <= point.y and point.y <= point.high) then
      fail("%s: y = %g lies outside its interval from low = %g to high = %g", of, point.y, point.low, point.high)
    end
  end
  return point
end

-- A line with its points in order of x, each x once.
local function new_line(given, of, log_x)
  check.keys(given, { "label", "points" }, of, '{ label = "cnn", points = { { x = 10, y = 0.8 } } }')
  local label = check.title(given.label, "label of " .. of)
  of = ("line '%s'"):format(label)
  check.type(given.points, "table", "points of " .. of, "{ { x = 10, y = 0.8 } }")
  if not check.is_list(given.points) or #given.points == 0 then
    fail("points of %s are a list of at least one, as in { { x = 10, y = 0.8 } }", of)
  end
  if #given.points > most_points then
    fail("%s has %d points, must have %d or less", of, #given.points, most_points)
  end
  local points = {}
  for i, point in ipairs(given.points) do points[i] = new_point(point, ("point %d of %s"):format(i, of), log_x) end
  table.sort(points, function(a, b) return a.x < b.x end)
  for i = 2, #points do
    if points[i].x == points[i - 1].x then fail("%s has two points at x = %g", of, points[i].x) end
  end
  return { label = label, points = core.array(points) }
end

-- exp:figure{ name =, title =, x =, y =, log_x = false, lines = { { label =, points = { { x =, y =, low =,
-- high = }, … } }, … } }: for the report, which draws it and gives its numbers.
function Experiment:figure(given)
  check.self(self, Experiment, "exp:figure { name = …, lines = { … } }")
  check.keys(given, { "lines", "log_x", "name", "title", "x", "y" }, "exp:figure",
    'exp:figure { name = "few-data", lines = { { label = "cnn", points = { { x = 10, y = 0.8 } } } } }')
  local name = check.title(given.name, "name of exp:figure")
  local taken = self.figure_places[name]
  if taken then fail("there is a figure '%s' already (%s)", name, taken) end
  local figure = { name = name, title = name, x = "", y = "", log_x = false }
  for _, key in ipairs { "title", "x", "y" } do
    if given[key] ~= nil then figure[key] = check.title(given[key], ("%s of figure '%s'"):format(key, name)) end
  end
  if given.log_x ~= nil then
    figure.log_x = check.type(given.log_x, "boolean", ("log_x of figure '%s'"):format(name))
  end
  check.type(given.lines, "table", ("lines of figure '%s'"):format(name), '{ { label = "cnn", points = { … } } }')
  if not check.is_list(given.lines) or #given.lines == 0 then
    fail("lines of figure '%s' are a list of at least one, as in { { label = \"cnn\", points = { … } } }", name)
  end
  if #given.lines > most_lines then fail("figure '%s' has %d lines, must have %d or less", name, #given.lines, most_lines) end
  local lines, seen = {}, {}
  for i, line in ipairs(given.lines) do
    lines[i] = new_line(line, ("line %d of figure '%s'"):format(i, name), figure.log_x)
    if seen[lines[i].label] then fail("figure '%s' has two lines '%s'", name, lines[i].label) end
    seen[lines[i].label] = true
  end
  figure.lines = core.array(lines)
  local folder = self:folder()
  self.figures[#self.figures + 1] = figure
  self.figure_places[name] = core.position()
  core.figures(folder, core.array(self.figures))
end
