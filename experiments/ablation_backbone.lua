-- Which networks CascadeGAN's series and fields want (the paper's Figure 16): an LSTM for the series and an MLP for the
-- fields, as published, against the other three pairs.
local weir = require "weir"
local cascade = require "lib.cascade"

cascade.ablation("ablation_backbone", weir.arguments(cascade.arguments), {
  { "standard: lstm, mlp", rate_backbone = "lstm", field_backbone = "mlp" },
  { "mlp, mlp", rate_backbone = "mlp", field_backbone = "mlp" },
  { "mlp, lstm", rate_backbone = "mlp", field_backbone = "lstm", slow = true },
  { "lstm, lstm", rate_backbone = "lstm", field_backbone = "lstm" },
})
