// ReLU: the rectifier as a layer.
#pragma once

#include "core/ops/activation.h"
#include "nn/module.h"

namespace limbeck {

// y = max(x, 0), any shape. A class, though it has no parameters, so that the layer before it in a
// Sequential can see it and apply it to its own result while that is in cache.
class ReLU : public Module {
 public:
  std::string describe() const override { return "ReLU"; }

 protected:
  Tensor forward(const Tensor& x) override { return relu(x); }
};

}  // namespace limbeck
