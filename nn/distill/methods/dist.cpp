#include "nn/distill/methods/dist.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {
namespace {

constexpr double epsilon = 1e-8;

// A row of a matrix, or a column: `size` numbers that lie `stride` apart.
struct Line {
  Index size, stride;

  // By differences from the first number, so that of equal numbers none is off by rounding.
  double mean(const double* x) const {
    double sum = 0;
    for (Index i = 0; i < size; ++i) sum += x[i * stride] - x[0];
    return x[0] + sum / static_cast<double>(size);
  }
};

// r(a, b), whose gradient with respect to a, times `weight`, is added to g. 0 where a or b is
// constant: there a norm has no derivative.
double correlation(const Line& line, const double* a, const double* b, double weight, double* g) {
  const double mean_a = line.mean(a), mean_b = line.mean(b);
  double aa = 0, bb = 0, ab = 0;
  for (Index i = 0; i < line.size * line.stride; i += line.stride) {
    const double x = a[i] - mean_a, y = b[i] - mean_b;
    aa += x * x, bb += y * y, ab += x * y;
  }
  if (aa == 0 || bb == 0) return ab;  // 0, but for NaN
  const double norm_a = std::sqrt(aa), norm_b = std::sqrt(bb), d = norm_a * norm_b + epsilon;
  const double r = ab / d;
  for (Index i = 0; i < line.size * line.stride; i += line.stride) {
    g[i] += weight / d * ((b[i] - mean_b) - r * norm_b / norm_a * (a[i] - mean_a));
  }
  return r;
}

// softmax(x / T) of each row, in double.
std::vector<double> softened(const Tensor& x, double t) {
  const Index classes = x.dim(1);
  const auto c = static_cast<std::size_t>(classes);
  std::vector<double> probs(static_cast<std::size_t>(x.size()));
  detail::for_rows(x.dim(0), classes, [&](Index begin, Index end) {
    std::vector<double> row(c);
    detail::Softened soft;
    for (Index at = begin * classes; at < end * classes; at += classes) {
      std::copy_n(x.data() + at, classes, row.begin());
      soft.set(row, t);
      std::ranges::copy(soft.probs, probs.begin() + at);
    }
  });
  return probs;
}

double sum_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double number : x) sum += number;
  return sum;
}

}  // namespace

Tensor dist_loss(const Tensor& z, const Tensor& v, const DistOptions& options, double done) {
  const char* const op = "dist_loss";
  const double t = options.temperature(done), beta = options.beta, gamma = options.gamma;
  check_temperature(op, t);
  detail::check_at_least_0(op, "beta", beta);
  detail::check_at_least_0(op, "gamma", gamma);
  detail::check_both(op, z, v);
  const Index cases = z.dim(0), classes = z.dim(1);
  const auto n = static_cast<double>(cases), c = static_cast<double>(classes);
  const std::vector<double> q = softened(z, t), p = softened(v, t);
  std::vector<double> g(q.size());  // the gradient, first with respect to q, then to z
  std::vector<double> within(static_cast<std::size_t>(classes));
  std::vector<double> between(static_cast<std::size_t>(cases));
  detail::for_rows(classes, cases, [&](Index begin, Index end) {
    for (Index j = begin; j < end; ++j) {
      within[static_cast<std::size_t>(j)] =
          correlation({cases, classes}, &q[0] + j, &p[0] + j, -gamma / c, &g[0] + j);
    }
  });
  detail::for_rows(cases, classes, [&](Index begin, Index end) {
    const auto width = static_cast<std::size_t>(classes);
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const std::size_t at = i * width;
      between[i] = correlation({classes, 1}, &q[at], &p[at], -beta / n, &g[at]);
      detail::through_softmax(std::span(&q[at], width), t, std::span(&g[at], width));
    }
  });
  Tensor dz = Tensor::empty(z.shape());
  std::ranges::transform(g, dz.data(), [](double x) { return static_cast<real>(x); });
  const double loss = beta * (1 - sum_of(between) / n) + gamma * (1 - sum_of(within) / c);
  return record(op, Tensor::scalar(static_cast<real>(loss)), {z}, {},
                [dz](const Tensor& dy) -> Gradients { return {dz * dy}; });
}

Term dist(const DistOptions& options) {
  return {
      .name = "dist",
      .value =
          [options](const TermStep& s) { return dist_loss(s.student, s.teacher, options, s.done); },
      .description = fmt::format("dist(T={}, beta={}, gamma={})", options.temperature.str(),
                                 options.beta, options.gamma),
      .temperature = options.temperature,
      .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
