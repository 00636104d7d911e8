#include "tests/testing.h"

namespace limbeck::testing {

double gradient_error(const TensorFunction& f, std::vector<Tensor> inputs) {
  constexpr double step = 1e-5;
  for (Tensor& x : inputs) x = x.clone().requires_grad();
  const Tensor y = f(inputs);
  const Tensor cotangent = random_tensor(y.shape(), 99, 0.5, 1.5);
  sum(y * cotangent).backward();

  const NoGrad no_grad;
  const auto value = [&] { return static_cast<double>(sum(f(inputs) * cotangent).item()); };
  double largest = 0;
  for (Tensor& x : inputs) {
    const Tensor dx = x.grad();
    for (std::size_t i = 0; i < x.values().size(); ++i) {
      real& element = x.values()[i];
      const real before = element;
      element = static_cast<real>(before + step);
      const double above = value();
      element = static_cast<real>(before - step);
      const double below = value();
      element = before;
      const double numeric = (above - below) / (2 * step);
      const double analytic = dx.values()[i];
      const double scale = std::max({std::abs(numeric), std::abs(analytic), 1e-3});
      largest = std::max(largest, std::abs(analytic - numeric) / scale);
    }
  }
  return largest;
}

}  // namespace limbeck::testing
