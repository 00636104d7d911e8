// What float cannot do, and how core gets round it: the numbers of core/README.md.
#include <fmt/format.h>

#include <cmath>

#include "core/ops.h"

using namespace limbeck;

namespace {

// The error of a central difference of 1 / x at 0.7 with step h, relative to the derivative.
template <class T>
double difference_error(double h) {
  const auto f = [](double x) { return 1 / static_cast<T>(x); };
  const double numeric = static_cast<double>(f(0.7 + h) - f(0.7 - h)) / (2 * h);
  const double exact = -1 / (0.7 * 0.7);
  return std::abs((numeric - exact) / exact);
}

}  // namespace

int main() {
  fmt::print("24 bits:  16777216 + 1 = {:.0f}\n", 16777216.0F + 1.0F);

  float naive = 0;
  for (int i = 0; i < 1'000'000; ++i) naive += 0.1F;
  fmt::print("a million times 0.1:  summed in float {:.1f}, by sum() {:.1f}\n", naive,
             sum(Tensor::full({1'000'000}, static_cast<real>(0.1))).item());

  fmt::print("exponents:  exp(88) = {:.2g}, exp(89) = {:.2g}\n", std::exp(88.0F), std::exp(89.0F));
  const Tensor logits = Tensor::from({3}, {1000, 999, 0});
  const Tensor e = exp(logits);
  fmt::print("softmax of 1000, 999, 0:  by its definition {}\n", (e / sum(e)).str());
  fmt::print("                          by softmax() {}\n", softmax(logits).str());
  fmt::print("its logarithm:            log(softmax()) {}\n", log(softmax(logits)).str());
  fmt::print("                          by log_softmax() {}\n", log_softmax(logits).str());

  fmt::print("relative error of a central difference\n{:>8}  {:>8}  {:>8}\n", "step", "float",
             "double");
  for (const double h : {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10}) {
    fmt::print("{:8.0e}  {:8.0e}  {:8.0e}\n", h, difference_error<float>(h),
               difference_error<double>(h));
  }
}
