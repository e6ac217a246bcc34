-- How many steps CascadeGAN's series want (the paper's Figures 20 to 22): 200, as published for CAIDA, against 20 to 2000.
local weir = require "weir"
local cascade = require "lib.cascade"

cascade.ablation("ablation_series_length", weir.arguments(cascade.arguments), {
  { "standard: 200 steps", steps = 200 },
  { "20 steps", steps = 20 },
  { "50 steps", steps = 50 },
  { "100 steps", steps = 100, slow = true },
  { "500 steps", steps = 500, slow = true },
  { "1000 steps", steps = 1000, slow = true },
  { "2000 steps", steps = 2000, slow = true },
})
