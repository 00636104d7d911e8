#include "nn/losses.h"

#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"

namespace limbeck {
namespace {

void check_pair(const char* op, const Tensor& a, const Tensor& b) {
  if (a.shape().rank() != 2 || a.shape() != b.shape() || a.size() == 0) {
    fail(op, "both must be (N, C), with at least one case and class; got {} and {}", a.shape(),
         b.shape());
  }
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
  const Index cases = logits.dim(0);
  const Index classes = logits.dim(1);
  const auto elsewhere = static_cast<real>(options.label_smoothing / static_cast<double>(classes));
  const auto at_label = static_cast<real>(1 - options.label_smoothing) + elsewhere;
  const auto n = static_cast<real>(cases);

  Tensor dz = Tensor::empty(logits.shape());  // the gradient falls off on the way to the value
  double loss = 0;
  real* d = dz.data();
  const real* z = logits.data();
  for (const std::int32_t label : class_ids) {
    log_softmax_row(d, z, classes, 1);
    for (Index j = 0; j < classes; ++j) {
      const real target = j == label ? at_label : elsewhere;
      if (target > 0) loss -= static_cast<double>(target * d[j]);
      d[j] = (std::exp(d[j]) - target) / n;
    }
    d += classes;
    z += classes;
  }
  return record("cross_entropy", Tensor::scalar(static_cast<real>(loss) / n), {logits}, {},
                [dz](const Tensor& dy) -> Gradients { return {dz * dy}; });
}

Tensor soft_cross_entropy(const Tensor& logits, const Tensor& probs) {
  check_pair("soft_cross_entropy", logits, probs);
  return -sum(probs * log_softmax(logits)) / static_cast<real>(logits.dim(0));
}

Tensor kl_div(const Tensor& log_probs, const Tensor& target_probs) {
  check_pair("kl_div", log_probs, target_probs);
  const auto n = static_cast<real>(log_probs.dim(0));
  double loss = 0;
  for (std::size_t i = 0; i < log_probs.values().size(); ++i) {
    const real t = target_probs.values()[i];
    if (t != 0) loss += static_cast<double>(t * (std::log(t) - log_probs.values()[i]));
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

Tensor mse(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) {
    fail("mse", "both must have one shape; got {} and {}", a.shape(), b.shape());
  }
  const Tensor difference = a - b;
  return mean(difference * difference);
}

}  // namespace limbeck
