#include "core/ops/testing.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"

namespace limbeck::testing {

Tensor random_tensor(const Shape& shape, std::uint64_t seed, double low, double high) {
  Rng rng(seed);
  return uniform(shape, low, high, rng);
}

double difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    const double p = a.values()[i], q = b.values()[i];
    if (p == q) continue;  // infinite ones, too
    if (!std::isfinite(p) || !std::isfinite(q)) return INFINITY;
    largest = std::max(largest, std::abs(p - q) / std::max(1.0, std::abs(q)));
  }
  return largest;
}

double difference(const Tensor& a, std::initializer_list<double> b) {
  std::vector<real> values;
  for (double v : b) values.push_back(static_cast<real>(v));
  if (static_cast<Index>(values.size()) != a.size()) return INFINITY;
  return difference(a, Tensor::from(a.shape(), values));
}

std::string error_of(FunctionRef<void()> f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

double gradient_error(FunctionRef<Tensor(const std::vector<Tensor>& inputs)> f,
                      std::vector<Tensor> inputs) {
  for (Tensor& x : inputs) x = x.clone().requires_grad();
  return gradient_error_at([&] { return f(inputs); }, inputs);
}

double gradient_error_at(FunctionRef<Tensor()> f, std::vector<Tensor> leaves) {
  constexpr double step = sizeof(real) == 8 ? 1e-5 : 1e-2;
  for (Tensor& x : leaves) x.clear_grad();
  const Tensor y = f();
  const Tensor cotangent = random_tensor(y.shape(), 99, 0.5, 1.5);
  sum(y * cotangent).backward();

  const NoGrad no_grad;
  const auto value = [&] { return static_cast<double>(sum(f() * cotangent).item()); };
  double largest = 0;
  for (Tensor& x : leaves) {
    const Tensor dx = x.has_grad() ? x.grad() : Tensor::zeros(x.shape());
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
      const double error = std::abs(analytic - numeric) / scale;
      largest = std::max(largest, std::isfinite(error) ? error : INFINITY);
    }
    x.clear_grad();
  }
  return largest;
}

}  // namespace limbeck::testing
