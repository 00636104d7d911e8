#include "apps/study/statistics.h"

#include <fmt/format.h>

#include <numbers>

#include "apps/study/table.h"
#include "core/error.h"

namespace limbeck {
namespace {

// P(|X| < t), a finite sum in θ = atan(t / √n) (Abramowitz and Stegun, "Handbook of Mathematical
// Functions", 26.7.3 and 26.7.4):
//   n even  sin θ (1 + 1/2 cos² θ + 1·3/(2·4) cos⁴ θ + …), n/2 terms
//   n odd   2/π (θ + sin θ (cos θ + 2/3 cos³ θ + 2·4/(3·5) cos⁵ θ + …)), (n − 1)/2 terms
double within(double t, int n) {
  const double theta = std::atan(t / std::sqrt(n)), c = std::cos(theta);
  const bool odd = n % 2 == 1;
  double term = odd ? c : 1, sum = 0;
  for (int k = odd ? 3 : 2; k <= n; k += 2) {
    sum += term;
    term *= (k - 1) * c * c / k;
  }
  return odd ? 2 / std::numbers::pi * (theta + std::sin(theta) * sum) : std::sin(theta) * sum;
}

}  // namespace

double student_t_quantile(double p, int degrees) {
  if (!(p > 0 && p < 1) || degrees < 1) {
    fail("student_t_quantile",
         "p in (0, 1) and at least one degree of freedom are needed; got {}"
         " and {}",
         p, degrees);
  }
  if (p < 0.5) return -student_t_quantile(1 - p, degrees);
  double low = 0, high = 1;
  while (within(high, degrees) < 2 * p - 1 && high < 1e300) high *= 2;
  for (int halving = 0; halving < 100; ++halving) {
    const double middle = (low + high) / 2;
    (within(middle, degrees) < 2 * p - 1 ? low : high) = middle;
  }
  return low;
}

Estimate estimate_of(const std::vector<double>& values) {
  const Spread spread = spread_of(values);
  const auto n = static_cast<int>(values.size());
  if (n == 1) return {.mean = spread.mean};
  return {.mean = spread.mean,
          .half = student_t_quantile(0.975, n - 1) * spread.deviation / std::sqrt(n)};
}

Estimate paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) {
    fail("paired_difference", "pairs are needed; got {} values and {}", a.size(), b.size());
  }
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return estimate_of(differences);
}

std::string text_of(const Estimate& e) {
  if (!e.half) return fmt::format("{:.4g}", e.mean);
  return fmt::format("{:.1f} ± {:.1f}", e.mean, *e.half);
}

std::string verdict_of(const Estimate& more) {
  if (!more.half) return "of one seed";
  if (more.differs_from_0()) return more.mean < 0 ? "fewer" : "more";
  return *more.half == 0 && more.mean != 0 ? "the same with each seed"
                                           : "no difference within the interval";
}

std::string signed_text_of(const Estimate& e) {
  if (!e.half) return fmt::format("{:+.4g}", e.mean);
  return fmt::format("{:+.1f} ± {:.1f}", e.mean, *e.half);
}

}  // namespace limbeck
