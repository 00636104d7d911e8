#include "nn/normalize.h"

#include <cmath>

#include "core/error.h"
#include "core/ops/arithmetic.h"

namespace limbeck {
namespace {

Tensor vector_of(const std::vector<double>& numbers) {
  Tensor v = Tensor::empty({static_cast<Index>(numbers.size())});
  for (std::size_t i = 0; i < numbers.size(); ++i) v.values()[i] = static_cast<real>(numbers[i]);
  return v;
}

}  // namespace

Normalize::Normalize(const Options& options) {
  if (options.mean.empty() || options.mean.size() != options.deviation.size()) {
    fail("Normalize", "a mean and a deviation are needed for each channel; got {} and {}",
         options.mean.size(), options.deviation.size());
  }
  for (std::size_t c = 0; c < options.mean.size(); ++c) {
    const double m = options.mean[c], s = options.deviation[c];
    const auto as_stored = [](double x) { return static_cast<real>(x); };
    if (std::isfinite(as_stored(m)) && std::isfinite(as_stored(s)) && as_stored(s) > 0) continue;
    fail("Normalize",
         "a mean must be finite and a deviation above 0; those of channel {} are {} and {}", c, m,
         s);
  }
  mean = vector_of(options.mean);
  deviation = vector_of(options.deviation);
}

std::string Normalize::describe() const {
  return fmt::format("Normalize({})", mean.size());
}

Tensor Normalize::forward(const Tensor& x) {
  const Index channels = mean.size();
  if (channels == 1) return (x - mean) / deviation;
  if (x.shape().rank() < 2 || x.dim(1) != channels) {
    fail("Normalize", "the input must be (N, {}, …); got {}", channels, x.shape());
  }
  Shape shape;  // (C, 1, …)
  for (int i = 2; i < x.shape().rank(); ++i) shape = shape.with_front(1);
  shape = shape.with_front(channels);
  return (x - mean.view(shape)) / deviation.view(shape);
}

void Normalize::parts(Parts& parts) {
  parts.buffer("mean", mean);
  parts.buffer("deviation", deviation);
}

}  // namespace limbeck
