// Adam's first steps with and without the correction of its means: the numbers of optim/README.md.
#include <fmt/format.h>

#include <cmath>

#include "core/ops.h"
#include "optim/adam.h"

using namespace limbeck;

int main() {
  constexpr double gradient = 2, lr = 0.001, beta1 = 0.9, beta2 = 0.999;
  Tensor w = Tensor::scalar(0).requires_grad();
  Adam adam({w}, {.lr = lr});
  double m = 0, v = 0;
  fmt::print("the gradient is {} at every step\n", gradient);
  fmt::print("{:>5}  {:>7}  {:>7}  {:>12}  {:>9}  {:>13}\n", "step", "m", "v", "uncorrected",
             "corrected", "Adam's / lr");
  for (int t = 1; t <= 10'000; ++t) {
    m = beta1 * m + (1 - beta1) * gradient;
    v = beta2 * v + (1 - beta2) * gradient * gradient;
    const double m_hat = m / (1 - std::pow(beta1, t));
    const double v_hat = v / (1 - std::pow(beta2, t));
    const double before = static_cast<double>(w.item());
    adam.minimize(w * static_cast<real>(gradient));
    const double step = before - static_cast<double>(w.item());
    if (t <= 3 || t == 12 || t == 100 || t == 1'000 || t == 10'000) {
      fmt::print("{:5}  {:7.4f}  {:7.4f}  {:12.3f}  {:9.3f}  {:13.3f}\n", t, m, v, m / std::sqrt(v),
                 m_hat / std::sqrt(v_hat), step / lr);
    }
  }
}
