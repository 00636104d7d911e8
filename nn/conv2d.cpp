#include "nn/conv2d.h"

#include <cmath>

#include "core/error.h"
#include "nn/init.h"
#include "nn/pooling.h"
#include "nn/relu.h"

namespace limbeck {
namespace {

// Blocks of 2×2 side by side, which a convolution can take the maxima of while it stores.
bool is_two_by_two(const PoolOptions& pool) {
  return pool.kernel == Size2d(2) && pool.stride == Size2d(2) && pool.padding == Size2d(0);
}

}  // namespace

Conv2d::Conv2d(const Options& options, Rng& rng) : options_(options) {
  if (options.in < 1 || options.out < 1) {
    fail("Conv2d", "in and out must be at least 1; got {} and {}", options.in, options.out);
  }
  check_window("Conv2d",
               {.kernel = options.kernel, .stride = options.stride, .padding = options.padding});
  if (options.groups < 1 || options.in % options.groups != 0 || options.out % options.groups != 0) {
    fail("Conv2d", "{} groups do not divide {} channels in and {} out", options.groups, options.in,
         options.out);
  }
  const Shape shape{options.out, options.in / options.groups, options.kernel.height,
                    options.kernel.width};
  const double bound = 1 / std::sqrt(static_cast<double>(shape.without_front().size()));
  weight = kaiming_uniform(shape, 1 / std::sqrt(3.0), rng).requires_grad();
  if (options.bias) bias = uniform({options.out}, -bound, bound, rng).requires_grad();
}

std::string Conv2d::describe() const {
  std::string text =
      fmt::format("Conv2d({}, {}, kernel {}", options_.in, options_.out, options_.kernel);
  if (options_.stride != Size2d(1)) text += fmt::format(", stride {}", options_.stride);
  if (options_.padding != Size2d(0)) text += fmt::format(", padding {}", options_.padding);
  if (options_.groups != 1) text += fmt::format(", groups {}", options_.groups);
  return text + (options_.bias ? ")" : ", no bias)");
}

Tensor Conv2d::convolve(const Tensor& x, After after) const {
  return conv2d(x, weight, bias,
                {.stride = options_.stride,
                 .padding = options_.padding,
                 .groups = options_.groups,
                 .after = after});
}

Index Conv2d::multiply_adds(const Shape& output) const {
  return output.size() * weight.shape().without_front().size();
}

Tensor Conv2d::forward(const Tensor& x) {
  return convolve(x, After::nothing);
}

Tensor Conv2d::forward_fused(const Tensor& x, Layers& following) {
  const bool fuses =
      is_exactly<Conv2d>(*this) && !following.empty() && is_exactly<ReLU>(*following[0]);
  if (!fuses) return (*this)(x);
  const bool pools = following.size() > 1 && is_exactly<MaxPool2d>(*following[1]) &&
                     is_two_by_two(static_cast<const MaxPool2d&>(*following[1]).options());
  following = following.subspan(pools ? 2 : 1);
  return convolve(x, pools ? After::relu_max_pool : After::relu);
}

void Conv2d::parts(Parts& parts) {
  parts("weight", weight);
  parts("bias", bias);
}

}  // namespace limbeck
