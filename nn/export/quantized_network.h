// A network in integers that runs: to count the errors that 8 bits cost.
#pragma once

#include "nn/export/quantize.h"
#include "nn/module.h"

namespace limbeck {

// Images (N, C, H, W), values in [0, 1] → logits (N, C), by the arithmetic of nn/export/quantize.h,
// to the bit as the exported C code computes them. A module without parameters:
//   count_errors(network, test)            what it decides wrongly (nn/train/evaluate.h)
// Values outside of [0, 1] count as 0 or 1. It gives no gradients.
class QuantizedNetwork : public Module {
 public:
  explicit QuantizedNetwork(Quantized network) : network_(std::move(network)) {}

  const Quantized& quantized() const { return network_; }

  std::string describe() const override { return "QuantizedNetwork"; }

 protected:
  // Error: images of another shape than the network was made for.
  Tensor forward(const Tensor& images) override;

 private:
  Quantized network_;
};

}  // namespace limbeck
