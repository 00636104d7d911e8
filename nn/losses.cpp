#include "nn/losses.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

void check_pair(const char* op, const Tensor& a, const Tensor& b) {
  if (a.shape().rank() != 2 || a.shape() != b.shape() || a.size() == 0) {
    fail(op, "both must be (N, C), with at least one case and class; got {} and {}", a.shape(),
         b.shape());
  }
}

void check_alike(const char* op, const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.size() == 0) {
    fail(op, "both must have one shape, with at least one element; got {} and {}", a.shape(),
         b.shape());
  }
}

void check_weights(const char* op, const char* name, std::span<const double> weights) {
  const auto is_bad = [](double w) { return !(w >= 0) || !std::isfinite(w); };
  const auto bad = std::ranges::find_if(weights, is_bad);
  if (bad != weights.end()) fail(op, "{} must be numbers of at least 0; one is {}", name, *bad);
}

// The labels' weights together, which the weighted mean is divided by.
double total_weight(const Tensor& logits, std::span<const std::int32_t> class_ids,
                    std::span<const double> weights) {
  if (static_cast<Index>(weights.size()) != logits.dim(1)) {
    fail("cross_entropy", "{} class_weights for {} classes; logits {}", weights.size(),
         logits.dim(1), logits.shape());
  }
  check_weights("cross_entropy", "class_weights", weights);
  double total = 0;
  for (const std::int32_t label : class_ids) total += weights[static_cast<std::size_t>(label)];
  if (!(total > 0)) {
    fail("cross_entropy", "the class_weights of the {} labels are all 0: there is no mean of them",
         class_ids.size());
  }
  return total;
}

// Σ row(n, d, log_p) over the rows of logits, by several threads where that pays: d, a row of dz,
// is at first softmax(z), and log_p its logarithm. The rows' values are added in order.
template <class Row>
double sum_over_rows(Tensor& dz, const Tensor& logits, const Row& row) {
  const Index classes = logits.dim(1);
  std::vector<double> values(static_cast<std::size_t>(logits.dim(0)));
  constexpr Index grain = 8192;  // classes, which take about 20 µs
  const auto rows = [&, pd = dz.data(), pz = logits.data()](Index begin, Index end) {
    Scratch<real> log_probs(classes);
    for (Index n = begin; n < end; ++n) {
      real* const d = pd + n * classes;
      log_softmax_row(log_probs.data(), d, pz + n * classes, classes, real{1});
      values[static_cast<std::size_t>(n)] = row(n, d, log_probs.data());
    }
  };
  parallel_for(logits.dim(0), grain / classes + 1, rows);
  return std::accumulate(values.begin(), values.end(), 0.0);
}

Tensor weighted_cross_entropy(const Tensor& logits, std::span<const std::int32_t> class_ids,
                              const CrossEntropyOptions& options) {
  const std::vector<double>& weights = options.class_weights;
  const double total = total_weight(logits, class_ids, weights);
  const double elsewhere = options.label_smoothing / static_cast<double>(logits.dim(1));
  double all = 0;
  for (const double w : weights) all += w;

  Tensor dz = Tensor::empty(logits.shape());
  const double loss = sum_over_rows(dz, logits, [&](Index n, real* d, const real* log_p) {
    const auto label = static_cast<std::size_t>(class_ids[static_cast<std::size_t>(n)]);
    // Σ_j w_j t_j, which without weights is 1
    const double row = (1 - options.label_smoothing) * weights[label] + elsewhere * all;
    double value = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      const double t = j == label ? 1 - options.label_smoothing + elsewhere : elsewhere;
      const double target = weights[j] * t;
      // (0 · −∞ is left out; NaN is not.)
      if (target > 0 || std::isnan(log_p[j])) value -= target * static_cast<double>(log_p[j]);
      d[j] = static_cast<real>((row * static_cast<double>(d[j]) - target) / total);
    }
    return value;
  });
  return record("cross_entropy", Tensor::scalar(static_cast<real>(loss / total)), {logits}, {},
                [dz](const Tensor& dy) -> Gradients { return {dz * dy}; });
}

}  // namespace

void check_logits(const char* op, const Tensor& logits) {
  if (logits.shape().rank() != 2 || logits.size() == 0) {
    fail(op, "the logits must be (N, C), with at least one case and class; got {}", logits.shape());
  }
}

void check_class_ids(const char* op, const Tensor& logits,
                     std::span<const std::int32_t> class_ids) {
  if (static_cast<Index>(class_ids.size()) != logits.dim(0)) {
    fail(op, "{} labels for {} cases; logits {}", class_ids.size(), logits.dim(0), logits.shape());
  }
  for (std::size_t n = 0; n < class_ids.size(); ++n) {
    if (class_ids[n] < 0 || class_ids[n] >= logits.dim(1)) {
      fail(op, "label {} of case {} is not one of the {} classes 0 to {}", class_ids[n], n,
           logits.dim(1), logits.dim(1) - 1);
    }
  }
}

Tensor cross_entropy(const Tensor& logits, std::span<const std::int32_t> class_ids,
                     const CrossEntropyOptions& options) {
  check_logits("cross_entropy", logits);
  check_class_ids("cross_entropy", logits, class_ids);
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    fail("cross_entropy", "label_smoothing must be in [0, 1]; got {}", options.label_smoothing);
  }
  if (!options.class_weights.empty()) return weighted_cross_entropy(logits, class_ids, options);
  const Index cases = logits.dim(0);
  const Index classes = logits.dim(1);
  const auto elsewhere = static_cast<real>(options.label_smoothing / static_cast<double>(classes));
  const auto at_label = static_cast<real>(1 - options.label_smoothing) + elsewhere;
  const auto n = static_cast<real>(cases);

  Tensor dz = Tensor::empty(logits.shape());  // the gradient falls off on the way to the value
  const double loss = sum_over_rows(dz, logits, [&](Index row, real* d, const real* log_p) {
    const Index label = class_ids[static_cast<std::size_t>(row)];
    const real there = (d[label] - at_label) / n;
    double value = -static_cast<double>(at_label * log_p[label]);
    for (Index j = 0; j < classes; ++j) {
      if (elsewhere > 0 && j != label) value -= static_cast<double>(elsewhere * log_p[j]);
      d[j] = (d[j] - elsewhere) / n;
    }
    d[label] = there;
    return value;
  });
  return record("cross_entropy", Tensor::scalar(static_cast<real>(loss) / n), {logits}, {},
                [dz](const Tensor& dy) -> Gradients { return {dz * dy}; });
}

Tensor soft_cross_entropy(const Tensor& logits, const Tensor& probs) {
  check_pair("soft_cross_entropy", logits, probs);
  return -sum(probs * log_softmax(logits)) / static_cast<real>(logits.dim(0));
}

Tensor kl_div(const Tensor& log_probs, const Tensor& target_probs) {
  check_pair("kl_div", log_probs, target_probs);
  constexpr auto at_most = static_cast<real>(1e-3);  // of a logarithm, with room for rounding
  const auto n = static_cast<real>(log_probs.dim(0));
  double loss = 0;
  const std::span<const real> log_q = log_probs.values(), p = target_probs.values();
  for (std::size_t i = 0; i < p.size(); ++i) {
    const real t = p[i];
    if (t < 0 || log_q[i] > at_most) {
      fail("kl_div",
           "logarithms of probabilities, at most 0, are needed, and probabilities to compare them "
           "with; got {} and {}: kl_div(log_softmax(z, T), softmax(v, T))",
           log_q[i], t);
    }
    if (t != 0) loss += static_cast<double>(t * (std::log(t) - log_q[i]));
  }
  return record("kl_div", Tensor::scalar(static_cast<real>(loss) / n), {log_probs, target_probs},
                [log_probs, target_probs, n](const Tensor& dy) -> Gradients {
                  Tensor dlq, dt;
                  if (log_probs.wants_grad()) dlq = target_probs * (-dy / n);
                  if (target_probs.wants_grad()) {
                    dt = Tensor::zeros(target_probs.shape());
                    for (std::size_t i = 0; i < dt.values().size(); ++i) {
                      const real t = target_probs.values()[i];
                      if (t > 0) {
                        dt.values()[i] = dy.item() * (std::log(t) - log_probs.values()[i] + 1) / n;
                      }
                    }
                  }
                  return {dlq, dt};
                });
}

namespace {

// What binary_cross_entropy_with_logits is of: logits, targets, and a weight p for each column.
struct Answers {
  Tensor logits, targets;
  std::vector<real> weights;

  real weight(std::size_t i) const { return weights[i % weights.size()]; }
};

Answers answers_of(const char* op, const Tensor& logits, const Tensor& targets,
                   const std::vector<double>& pos_weight) {
  check_alike(op, logits, targets);
  for (const real t : targets.values()) {
    if (!(t >= 0 && t <= 1)) fail(op, "targets must be in [0, 1]; one is {}", t);
  }
  check_weights(op, "pos_weight", pos_weight);
  const int rank = logits.shape().rank();
  const Index columns = rank == 0 ? 1 : logits.dim(rank - 1);
  if (pos_weight.size() > 1 && static_cast<Index>(pos_weight.size()) != columns) {
    fail(op, "pos_weight must be one number or one for each of {} columns; got {} of them", columns,
         pos_weight.size());
  }
  Answers answers{logits, targets, {}};
  for (const double p : pos_weight) answers.weights.push_back(static_cast<real>(p));
  if (pos_weight.empty()) answers.weights = {1};
  return answers;
}

// −ln σ(−z) = ln(1 + eᶻ), where eᶻ may be too large for a number. NaN stays.
real softplus(real z) {
  return std::max(z, real{0}) + std::log1p(std::exp(-std::abs(z)));
}

real sigmoid_of(real z) {
  return 1 / (1 + std::exp(-z));
}

}  // namespace

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets,
                                        const BinaryCrossEntropyOptions& options) {
  constexpr const char* op = "binary_cross_entropy_with_logits";
  const Answers answers = answers_of(op, logits, targets, options.pos_weight);
  const auto size = static_cast<real>(logits.size());
  double loss = 0;
  for (std::size_t i = 0; i < logits.values().size(); ++i) {
    const real z = logits.values()[i], t = targets.values()[i];
    if (t > 0) loss += static_cast<double>(answers.weight(i) * t * softplus(-z));
    if (t < 1) loss += static_cast<double>((1 - t) * softplus(z));
  }
  return record(
      op, Tensor::scalar(static_cast<real>(loss / static_cast<double>(size))), {logits, targets},
      [answers, size](const Tensor& dy) -> Gradients {
        // The gradient of every element, of z or of t.
        const auto gradient = [&](const auto& slope) {
          Tensor d = Tensor::empty(answers.logits.shape());
          for (std::size_t i = 0; i < d.values().size(); ++i) {
            const real z = answers.logits.values()[i], t = answers.targets.values()[i];
            d.values()[i] = dy.item() * slope(z, t, answers.weight(i)) / size;
          }
          return d;
        };
        Tensor dz, dt;
        if (answers.logits.wants_grad()) {
          dz = gradient([](real z, real t, real p) {
            return (1 - t) * sigmoid_of(z) - p * t * sigmoid_of(-z);
          });
        }
        if (answers.targets.wants_grad()) {
          dt = gradient([](real z, real, real p) { return p * softplus(-z) - softplus(z); });
        }
        return {dz, dt};
      });
}

Tensor mse(const Tensor& a, const Tensor& b) {
  check_alike("mse", a, b);
  const Tensor difference = a - b;
  return mean(difference * difference);
}

Tensor smooth_l1(const Tensor& a, const Tensor& b, const SmoothL1Options& options) {
  check_alike("smooth_l1", a, b);
  constexpr double largest = 1e30;
  if (!(options.beta >= 0 && options.beta <= largest)) {
    fail("smooth_l1", "beta must be from 0 to {:g}; got {}", largest, options.beta);
  }
  const auto beta = static_cast<real>(options.beta);
  const Tensor distance = abs(a - b);
  if (beta == 0) return mean(distance);
  // With c the part of d up to β: c² / 2β + (d − c).
  const Tensor near = clamp(distance, 0, static_cast<double>(beta));
  return mean(near * (near / (2 * beta)) + (distance - near));
}

}  // namespace limbeck
