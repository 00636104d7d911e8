#include "nn/init.h"

#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

struct Fans {
  double in, out;
};

Fans fans(const char* op, const Shape& shape) {
  if (shape.rank() < 2 || shape.size() == 0) {
    fail(op, "a weight has at least two dimensions, (D_out, D_in), none of them 0; got {}", shape);
  }
  const auto d_out = static_cast<double>(shape.dim(0));
  const auto d_in = static_cast<double>(shape.dim(1));
  const double field = static_cast<double>(shape.size()) / (d_out * d_in);  // of a convolution
  return {.in = d_in * field, .out = d_out * field};
}

}  // namespace

Tensor kaiming_uniform(const Shape& shape, double gain, Rng& rng) {
  const double bound = gain * std::sqrt(3 / fans("kaiming_uniform", shape).in);
  return uniform(shape, -bound, bound, rng);
}

Tensor xavier_uniform(const Shape& shape, Rng& rng) {
  const auto [in, out] = fans("xavier_uniform", shape);
  const double bound = std::sqrt(6 / (in + out));
  return uniform(shape, -bound, bound, rng);
}

}  // namespace limbeck
