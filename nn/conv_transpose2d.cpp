#include "nn/conv_transpose2d.h"

#include <cmath>

#include "core/error.h"
#include "nn/init.h"

namespace limbeck {

ConvTranspose2d::ConvTranspose2d(const Options& options, Rng& rng) : options_(options) {
  constexpr const char* name = "ConvTranspose2d";
  if (options.in < 1 || options.out < 1) {
    fail(name, "in and out must be at least 1; got {} and {}", options.in, options.out);
  }
  check_window(name,
               {.kernel = options.kernel, .stride = options.stride, .padding = options.padding});
  const Shape shape{options.in, options.out, options.kernel.height, options.kernel.width};
  const double bound = 1 / std::sqrt(static_cast<double>(shape.without_front().size()));
  weight = kaiming_uniform(shape, 1 / std::sqrt(3.0), rng).requires_grad();
  if (options.bias) bias = uniform({options.out}, -bound, bound, rng).requires_grad();
}

std::string ConvTranspose2d::describe() const {
  const auto& o = options_;
  std::string text = fmt::format("ConvTranspose2d({}, {}, kernel {}", o.in, o.out, o.kernel);
  if (o.stride != Size2d(1)) text += fmt::format(", stride {}", o.stride);
  if (o.padding != Size2d(0)) text += fmt::format(", padding {}", o.padding);
  if (o.output_padding != Size2d(0)) text += fmt::format(", output_padding {}", o.output_padding);
  return text + (o.bias ? ")" : ", no bias)");
}

Index ConvTranspose2d::multiply_adds(const Shape& output) const {
  const auto& [in, out, kernel, stride, padding, more, with_bias] = options_;
  const Index height =
      (output.dim(-2) + 2 * padding.height - kernel.height - more.height) / stride.height + 1;
  const Index width =
      (output.dim(-1) + 2 * padding.width - kernel.width - more.width) / stride.width + 1;
  return height * width * weight.size();  // each pixel of x by all of the weight
}

Tensor ConvTranspose2d::forward(const Tensor& x) {
  return conv_transpose2d(x, weight, bias,
                          {.stride = options_.stride,
                           .padding = options_.padding,
                           .output_padding = options_.output_padding});
}

void ConvTranspose2d::parts(Parts& parts) {
  parts("weight", weight);
  parts("bias", bias);
}

}  // namespace limbeck
