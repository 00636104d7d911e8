// ReLU: the rectifier as a layer.
#pragma once

#include "core/ops/activation.h"
#include "nn/module.h"

namespace limbeck {

// y = max(x, 0), any shape. A class, though it has no parameters, so that a Sequential can
// recognise it, and compute it with the layer before while that one's result is in cache.
class ReLU : public Module {
 public:
  std::string describe() const override { return "ReLU"; }

 protected:
  Tensor forward(const Tensor& x) override { return relu(x); }
};

}  // namespace limbeck
