-- What privacy costs: fidelity of `netshare` against epsilon, with no public trace, with one of the same kind and with one of
-- another kind, beside the fit without privacy. The report draws the distributions of each budget over each other.
-- Without traces on the command line the private one is the second half of the sample, the public one its first half, and
-- the public one of another kind what is not TCP in that.
local weir = require "weir"
local options = weir.arguments {
  quick = { false, "2,000 packets, tiny networks and one budget, in seconds" },
  trace = { "", "the private trace: a capture or packet CSV" },
  same = { "", "a public trace of the same kind" },
  other = { "", "a public trace of another kind" },
  budgets = { "2,8,32,1000", "values of epsilon, separated by commas" },
  steps = { 300, "of training of the first chunk", least = 1 },
  seeds = { 3, "seeds a setting", least = 1 },
}

local exp = weir.experiment "privacy_fidelity"

-- The rows of a dataset that are wanted, as a file of its own: a public trace is one.
local function write(data, name, wanted)
  local columns, names = {}, {}
  for i, column in ipairs(data:columns()) do
    columns[i], names[i] = data:column(column), column == "time" and "time_ns" or column
  end
  local path = "results/privacy_fidelity." .. name .. ".csv"
  os.execute "mkdir -p results"
  local file = assert(io.open(path, "w"))
  file:write(table.concat(names, ","), "\n")
  for row = 1, #data do
    if wanted(row) then
      local values = {}
      for i, column in ipairs(columns) do values[i] = column[row] end
      file:write(table.concat(values, ","), "\n")
    end
  end
  file:close()
  return weir.trace(path)
end

local private, same, other
if options.trace == "" and options.same .. options.other ~= "" then
  error("--same and --other are public traces beside a private one: --trace is missing", 0)
end
if options.trace ~= "" then
  private = weir.trace(options.trace, { packets = options.quick and 2000 or nil })
  same = options.same ~= "" and weir.trace(options.same)
  other = options.other ~= "" and weir.trace(options.other)
else
  local first
  first, private = weir.trace(weir.here "data/sample.pcap", { packets = options.quick and 2000 or nil }):split {
    test = 0.5, by = "time",
  }
  local data = first:dataset()
  local proto = data:column "proto"
  same = write(data, "same", function() return true end)
  other = write(data, "other", function(row) return proto[row] ~= 6 end)
end
local publics = { { "no public trace" } }
if same then publics[#publics + 1] = { "public trace of the same kind", same } end
if other then publics[#publics + 1] = { "public trace of another kind", other } end

local budgets = {}
for budget in options.budgets:gmatch "[^,]+" do
  local epsilon = tonumber(budget)
  if not (epsilon and epsilon > 0) then error(("--budgets: '%s' is no epsilon, a number above 0"):format(budget), 0) end
  budgets[#budgets + 1] = epsilon
end
if #budgets == 0 then error("--budgets names no epsilon; 2,8 would do", 0) end
if options.quick then budgets = { budgets[1] } end

-- As published: ranks, the encoders of the preset, would be those of made-up rows where there is no public trace.
local encoders = {
  addresses = { "bits", columns = "srcip,dstip", output = "softmax" },
  ports = { "ip2vec", columns = "srcport,dstport,proto" },
}

-- When the capture took place and how many flows it had is taken as known.
local function add(label, seed, given)
  given.preset = options.quick and "tiny" or "quick"
  given.max_steps = not options.quick and options.steps or nil
  given.seed, given.label, given.encoders = seed, label, encoders
  exp:score({ "emd", "jsd" }, private, exp:generate("netshare", private, given))
end

for seed = 1, options.quick and 1 or options.seeds do
  for _, kind in ipairs(publics) do
    add("not private, " .. kind[1], seed, { public_trace = kind[2] })
    for _, epsilon in ipairs(budgets) do
      add(("epsilon %g, %s"):format(epsilon, kind[1]), seed, {
        epsilon = epsilon, declared = "span,counts", public_trace = kind[2],
      })
    end
  end
end
exp:floor(private)

exp:run()
for _, feature in ipairs { "NPF", "FD", "FIT", "PL" } do print(exp:table("emd", { feature = feature })) end
print(exp:table("jsd", { feature = "DP" }))
print("report: " .. exp:report())
