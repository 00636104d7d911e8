#include "nn/distill/ensemble.h"

#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"

namespace limbeck {

Ensemble::Ensemble(std::vector<Module*> members, const Options& options)
    : members_(std::move(members)), options_(options) {
  if (members_.empty()) fail("Ensemble", "at least one member is needed");
  check_temperature("Ensemble", options.temperature);
}

std::string Ensemble::describe() const {
  return fmt::format("Ensemble({})", members_.size());
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
  Tensor sum;
  for (Index i = 0; i < members; ++i) {
    const Tensor v = permute(slice_rows(columns, i * classes, (i + 1) * classes), {1, 0});
    const Tensor answer = logits ? v : softmax(v, temperature);
    sum = sum.defined() ? sum + answer : answer;
  }
  const Tensor mean = sum * (real{1} / static_cast<real>(members));
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
