-- What zero inflation is worth to CascadeGAN (the paper's Figure 18): with the pair of values that says whether a step
-- is empty, and without, where a step is empty if its count rounds to 0.
local weir = require "weir"
local cascade = require "lib.cascade"

cascade.ablation("ablation_zero_inflation", weir.arguments(cascade.arguments), {
  { "standard" },
  { "without zero inflation", zero_inflation = false },
})
