-- NetDiffus' Figure 5: anomalies. First, two labels with few series among five with all: how many of the rare series are told,
-- with and without generated ones, from whole series and from their first quarter. Second, labels for the five only: is an
-- ensemble less sure of series of the other two?
local weir = require "weir"
local gasf = require "lib.gasf"
local text = require "lib.text"

local options = gasf.options { few = { "5,10", "series of each rare label" } }
local data = gasf.data(options)
local exp = weir.experiment "gasf_anomaly"
local main = gasf.first_classifier(options)
if #data.labels < 4 then error(("--set: %d labels; there must be four: two are rare, the others are not"):format(#data.labels), 0) end

-- Two rare labels and up to five others, drawn by the seed.
local function draw(seed)
  local labels, rare, legitimate = { table.unpack(data.labels) }, {}, {}
  math.randomseed(seed)
  for i = #labels, 2, -1 do
    local j = math.random(i)
    labels[i], labels[j] = labels[j], labels[i]
  end
  for i, label in ipairs(labels) do
    local list = i <= 2 and rare or i <= 7 and legitimate or {}
    list[#list + 1] = label
  end
  return rare, legitimate
end

local lengths, few = { 1, 0.25 }, {}
for number in options.few:gmatch "[^,]+" do
  few[#few + 1] = math.tointeger(tonumber(number)) or error(("--few: '%s' is no number of series"):format(number), 0)
end

local told, unsure, amounts = {}, {}, { 0.5, 1, 2 }
for seed = 1, options.seeds do
  local rare, legitimate = draw(seed)
  local seven = { rare[1], rare[2], table.unpack(legitimate) }
  local test = data.test:take { labels = seven, name = ("test, draw %d"):format(seed) }
  for _, n in ipairs(few) do
    local train = data.train:take { labels = legitimate, per_label = { [rare[1]] = n, [rare[2]] = n }, seed = seed,
                                    name = ("%d of each rare label, draw %d"):format(n, seed) }
    -- As many of the rare as of the others: labels are generated as often as they were seen, so that more are asked for.
    local synthetic = gasf.generate(exp, train, options, seed, { label = n .. " rare", series = 4 * data.per_label * 7 })
    for _, first in ipairs(lengths) do
      local key = ("%d series of each rare label, %s"):format(n, first == 1 and "whole" or "first quarter")
      told[key] = told[key] or {}
      table.insert(told[key], gasf.fingerprint(exp, options, { train = train, test = test }, synthetic, key,
        { classifiers = main, rare = rare, first = first }))
    end
  end
  local train = data.train:take { labels = legitimate, name = ("legitimate, draw %d"):format(seed) }
  for i, share in ipairs(amounts) do
    local n = math.max(#legitimate, math.floor(share * data.per_label * #legitimate))
    local synthetic = gasf.generate(exp, train, options, seed, { label = n .. " generated", series = n })
    unsure[i] = unsure[i] or { n, {} }
    table.insert(unsure[i][2], gasf.fingerprint(exp, options, { train = train, test = test }, synthetic, n .. " generated",
      { legitimate = legitimate, features = { "ENT_LEGIT", "ENT_ANOM", "ENT_AUC" } }))
  end
end
exp:run()

local lines = {}
for key, scores in pairs(told) do lines[#lines + 1] = { key, scores } end
table.sort(lines, function(a, b) return a[1] < b[1] end)
gasf.print_scenarios("Figure 5a: rare series told", lines, main)

local function shown(summary) return summary and ("%.2f"):format(summary.y) or "n/a" end
local out, drawn = {}, {}
for _, variant in ipairs { "ori", "syn", "both" } do
  for _, each in ipairs(unsure) do
    out[#out + 1] = { ("%s, %d generated"):format(variant, each[1]) }
    for _, feature in ipairs { "ENT_LEGIT", "ENT_ANOM", "ENT_AUC" } do
      table.insert(out[#out], shown(gasf.summary(each[2], feature, variant)))
    end
  end
  for feature, name in pairs { ENT_LEGIT = "legitimate", ENT_ANOM = "anomalies" } do
    local points = gasf.points(unsure, feature, variant)
    if #points > 0 then drawn[#drawn + 1] = { label = variant .. ", " .. name, points = points } end
  end
end
table.sort(drawn, function(a, b) return a.label < b.label end)
text.print_table({ "Figure 5b: entropy of an ensemble, nats", "legitimate", "anomalies", "AUC" }, out)
gasf.figure(exp, { name = "uncertainty", title = "Entropy by the number of generated series (Figure 5b)",
                   x = "generated series", y = "entropy of the ensemble (nats)", lines = drawn })
print("report: " .. exp:report())
