-- How packets get their times inside a step of CascadeGAN's series (the paper's Figure 17): from the field network, evenly
-- over the step, or evenly over the sub-period that the series has for it.
local weir = require "weir"
local cascade = require "lib.cascade"

cascade.ablation("ablation_timestamps", weir.arguments(cascade.arguments), {
  { "standard: learnt", timestamps = "ml" },
  { "sub-period", timestamps = "sub_period" },
  { "equidistant", timestamps = "equidistant" },
})
