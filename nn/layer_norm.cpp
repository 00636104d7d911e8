#include "nn/layer_norm.h"

#include "core/error.h"
#include "core/ops/normalize.h"

namespace limbeck {

LayerNorm::LayerNorm(const Options& options) : eps_(options.eps) {
  if (options.features < 1) {
    fail("LayerNorm", "features must be at least 1; got {}", options.features);
  }
  weight = Tensor::full({options.features}, 1).requires_grad();
  bias = Tensor::zeros({options.features}).requires_grad();
}

std::string LayerNorm::describe() const {
  return fmt::format("LayerNorm({})", weight.size());
}

Tensor LayerNorm::forward(const Tensor& x) {
  return layer_norm(x, weight, bias, eps_);
}

void LayerNorm::parts(Parts& parts) {
  parts("weight", weight);
  parts("bias", bias);
}

}  // namespace limbeck
