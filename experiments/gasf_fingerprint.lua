-- NetDiffus' fingerprinting: does a classifier learn as much from generated series as from real ones? Its Tables 1 (levels of
-- labels), 2 (diffusion of images against series) and 3 (images against series of real data), its Figures 4 (few originals)
-- and 8 (how many generated series), whether classifiers rank alike, how far the images lie apart, and whether series are copied.
local weir = require "weir"
local gasf = require "lib.gasf"
local text = require "lib.text"

local options = gasf.options {
  parts = { "table1,table2,table3,figure4,figure8", "what to run, with commas between them" },
  few = { "5,10,20", "numbers of originals a label in figure4; all of them come on top" },
}
local data = gasf.data(options)
local real = { train = data.train, test = data.test }
local exp = weir.experiment "gasf_fingerprint"
local main = gasf.first_classifier(options)

local wanted, known = {}, { table1 = true, table2 = true, table3 = true, figure4 = true, figure8 = true }
for part in options.parts:gmatch "[^,]+" do
  if not known[part] then error(("--parts: there is no '%s'"):format(part), 0) end
  wanted[part] = true
end
local few = {}
for number in options.few:gmatch "[^,]+" do
  local n = math.tointeger(tonumber(number))
  if not n or n < 1 then error(("--few: '%s' is no number of series"):format(number), 0) end
  if n < data.per_label then few[#few + 1] = n end
end

-- Scores over the seeds: of all labels by all classifiers, of level, of 1-D, of images or series of a share of the real data, of
-- n originals a label, of n generated series.
local whole, levels, one, inputs, limited, amounts = {}, {}, {}, {}, {}, {}
local function add(list, key, score)
  list[key] = list[key] or {}
  table.insert(list[key], score)
end

for seed = 1, options.seeds do
  local images = gasf.generate(exp, data.train, options, seed, { label = "2-D" })
  table.insert(whole, gasf.fingerprint(exp, options, real, images, "2-D", { classifiers = options.classifiers }))
  exp:score("frechet", real, images, { side = options.side })
  if wanted.table1 then
    for level = 1, data.depth - 1 do
      add(levels, level, gasf.fingerprint(exp, options, real, images, "2-D, level " .. level, { classifiers = main, level = level }))
    end
  end
  if wanted.table2 then
    local series = gasf.generate(exp, data.train, options, seed, { label = "1-D", dimension = 1 })
    table.insert(one, gasf.fingerprint(exp, options, real, series, "1-D", { classifiers = main }))
    exp:score("frechet", real, series, { side = options.side })
  end
  for _, share in ipairs(wanted.table3 and { 1, 0.5, 0.25 } or {}) do
    local part = share == 1 and data.train
      or data.train:take { per_label = math.max(1, math.floor(share * data.per_label)), seed = seed }
    local same = exp:generate("copy", part, { seed = seed })
    for _, input in ipairs { "images", "series" } do
      add(inputs, input .. share, gasf.fingerprint(exp, options, { train = part, test = data.test }, same,
        ("real %s, %d %%"):format(input, 100 * share), { classifiers = main, input = input, features = { "ORI" } }))
    end
  end
  for _, n in ipairs(wanted.figure4 and few or {}) do
    local part = data.train:take { per_label = n, seed = seed }
    local more = gasf.generate(exp, part, options, seed, { label = n .. " originals", series = data.rows })
    add(limited, n, gasf.fingerprint(exp, options, { train = part, test = data.test }, more, n .. " originals", { classifiers = main }))
  end
  for _, share in ipairs(wanted.figure8 and { 0.25, 0.5, 2 } or {}) do
    local n = math.max(#data.labels, math.floor(share * data.rows))
    local synthetic = gasf.generate(exp, data.train, options, seed, { label = n .. " generated", series = n })
    add(amounts, n, gasf.fingerprint(exp, options, real, synthetic, n .. " generated", { classifiers = main }))
  end
end
exp:run()

local lines = {}
for level = 1, data.depth - 1 do lines[#lines + 1] = { "level " .. level, levels[level] or {} } end
lines[#lines + 1] = { "all labels", whole }
gasf.print_scenarios("Table 1", lines, main)
lines = {}
for variant in options.classifiers:gmatch "[^,]+" do
  lines[#lines + 1] = { variant }
  for _, scenario in ipairs(gasf.scenarios) do
    table.insert(lines[#lines], gasf.percent(gasf.summary(whole, scenario[1], variant)))
  end
end
text.print_table({ "classifiers: accuracy, %", "original", "synth", "ori+synth" }, lines)
local agreement = gasf.summary(whole, "AGREE")
print(("Spearman's rho of the classifiers' accuracies, original against synth: %s\n"):format(
  agreement and ("%.2f"):format(agreement.y) or "n/a"))
if wanted.table2 then
  gasf.print_scenarios("Table 2", { { "1-D", one }, { "2-D", whole } }, main)
end
if wanted.table3 then
  lines = {}
  for _, share in ipairs { 1, 0.5, 0.25 } do
    lines[#lines + 1] = { ("%d %% of the training part"):format(100 * share),
                          gasf.percent(gasf.summary(inputs["series" .. share], "ORI", main)),
                          gasf.percent(gasf.summary(inputs["images" .. share], "ORI", main)) }
  end
  text.print_table({ ("Table 3: accuracy of %s on real data, %%"):format(main), "series", "images" }, lines)
  print()
end
if wanted.figure4 then
  local list, points = {}, {}
  for i, n in ipairs(few) do list[i], points[i] = { n .. " a label", limited[n] }, { n, limited[n] } end
  list[#list + 1], points[#points + 1] = { "all", whole }, { data.rows / #data.labels, whole }
  gasf.print_scenarios("Figure 4: originals", list, main)
  gasf.figure(exp, { name = "originals", title = "Accuracy by the number of originals (Figure 4)",
                     x = "original series a label", y = "accuracy of " .. main, log_x = true,
                     lines = gasf.scenario_lines(points, main) })
end
if wanted.figure8 then
  local points = { { data.rows, whole } }
  for n, scores in pairs(amounts) do points[#points + 1] = { n, scores } end
  gasf.figure(exp, { name = "generated", title = "Accuracy by the number of generated series (Figure 8)",
                     x = "generated series", y = "accuracy of " .. main, log_x = true,
                     lines = gasf.scenario_lines(points, main) })
end
-- Fréchet distances, and whether training series were copied: NN about 1, COPIES no more than COPIES_REAL is no copying.
for _, feature in ipairs { "FD", "FD_CLASS", "NN", "COPIES", "COPIES_REAL" } do
  print(exp:table("frechet", { feature = feature, dataset = tostring(data.train) }))
end
print("report: " .. exp:report())
