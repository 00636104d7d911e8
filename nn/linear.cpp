#include "nn/linear.h"

#include <cmath>

#include "core/error.h"
#include "core/ops/matmul.h"
#include "nn/init.h"

namespace limbeck {

Linear::Linear(const Options& options, Rng& rng) {
  if (options.in < 1 || options.out < 1) {
    fail("Linear", "in and out must be at least 1; got {} and {}", options.in, options.out);
  }
  const double bound = 1 / std::sqrt(static_cast<double>(options.in));
  weight = kaiming_uniform({options.out, options.in}, 1 / std::sqrt(3.0), rng).requires_grad();
  if (options.bias) bias = uniform({options.out}, -bound, bound, rng).requires_grad();
}

std::string Linear::describe() const {
  return fmt::format("Linear({}, {}{})", weight.dim(1), weight.dim(0),
                     bias.defined() ? "" : ", no bias");
}

Index Linear::multiply_adds(const Shape& output) const {
  return output.size() * weight.dim(1);
}

Tensor Linear::forward(const Tensor& x) {
  return linear(x, weight, bias);
}

void Linear::parts(Parts& parts) {
  parts("weight", weight);
  parts("bias", bias);
}

}  // namespace limbeck
