#include "nn/distill/ensemble.h"

#include <cmath>

#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"

namespace limbeck {
namespace {

// Weights as they are given, made to sum to 1.
std::vector<double> shares(std::vector<double> weights, std::size_t members) {
  if (weights.empty()) return weights;
  if (weights.size() != members) {
    fail("Ensemble", "{} weights for {} members", weights.size(), members);
  }
  double sum = 0;
  for (const double w : weights) {
    if (!(w >= 0) || !std::isfinite(w)) {
      fail("Ensemble", "weights must be numbers of at least 0; one is {}", w);
    }
    sum += w;
  }
  if (!(sum > 0)) fail("Ensemble", "the weights are all 0: there is no mean of the members");
  for (double& w : weights) w /= sum;
  return weights;
}

}  // namespace

Ensemble::Ensemble(std::vector<Module*> members, const Options& options)
    : members_(std::move(members)), options_(options) {
  if (members_.empty()) fail("Ensemble", "at least one member is needed");
  check_temperature("Ensemble", options.temperature);
  options_.weights = shares(options.weights, members_.size());
}

std::string Ensemble::describe() const {
  if (options_.weights.empty()) return fmt::format("Ensemble({})", members_.size());
  std::string text = fmt::format("Ensemble({}, weights", members_.size());
  for (const double w : options_.weights) text += fmt::format(" {:.4g}", w);
  return text + ')';
}

Tensor Ensemble::member_logits(const Tensor& x) {
  std::vector<Tensor> columns;  // of each member, (C, N)
  for (Module* const member : members_) {
    const Tensor v = (*member)(x);
    if (v.shape().rank() != 2 || (!columns.empty() && v.dim(1) != columns[0].dim(0))) {
      fail("Ensemble", "its members must all give logits (N, C); got {} from member {}", v.shape(),
           columns.size());
    }
    columns.push_back(permute(v, {1, 0}));
  }
  return permute(concat_rows(columns), {1, 0});
}

Tensor Ensemble::average(const Tensor& member_logits, double temperature) const {
  const auto members = static_cast<Index>(members_.size());
  const Index classes = member_logits.dim(1) / members;
  const Tensor columns = permute(member_logits, {1, 0});
  const bool logits = options_.averaging == Averaging::logits;
  const std::vector<double>& weights = options_.weights;
  Tensor sum;
  for (Index i = 0; i < members; ++i) {
    const Tensor v = permute(slice_rows(columns, i * classes, (i + 1) * classes), {1, 0});
    Tensor answer = logits ? v : softmax(v, temperature);
    if (!weights.empty()) {
      answer = answer * static_cast<real>(weights[static_cast<std::size_t>(i)]);
    }
    sum = sum.defined() ? sum + answer : answer;
  }
  const Tensor mean = weights.empty() ? sum * (real{1} / static_cast<real>(members)) : sum;
  constexpr auto least =
      static_cast<real>(1e-30);  // a class that all rule out gets a logit all the same
  return logits ? mean : log(mean + least) * static_cast<real>(temperature);
}

Tensor Ensemble::forward(const Tensor& x) {
  return average(member_logits(x), options_.temperature);
}

void Ensemble::parts(Parts& parts) {
  for (std::size_t i = 0; i < members_.size(); ++i) parts(std::to_string(i), *members_[i]);
}

}  // namespace limbeck
