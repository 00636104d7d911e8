#include "nn/conv2d.h"

#include <cmath>

#include "core/error.h"
#include "nn/init.h"

namespace limbeck {

Conv2d::Conv2d(const Options& options, Rng& rng) : options_(options) {
  if (options.in < 1 || options.out < 1) {
    fail("Conv2d", "in and out must be at least 1; got {} and {}", options.in, options.out);
  }
  check_window("Conv2d", {.kernel = options.kernel,
                          .stride = options.stride,
                          .padding = options.padding,
                          .dilation = options.dilation});
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
  if (options_.dilation != Size2d(1)) text += fmt::format(", dilation {}", options_.dilation);
  if (options_.groups != 1) text += fmt::format(", groups {}", options_.groups);
  return text + (options_.bias ? ")" : ", no bias)");
}

Index Conv2d::multiply_adds(const Shape& output) const {
  return output.size() * weight.shape().without_front().size();
}

Tensor Conv2d::forward(const Tensor& x) {
  return conv2d(x, weight, bias,
                {.stride = options_.stride,
                 .padding = options_.padding,
                 .dilation = options_.dilation,
                 .groups = options_.groups});
}

void Conv2d::parts(Parts& parts) {
  parts("weight", weight);
  parts("bias", bias);
}

}  // namespace limbeck
