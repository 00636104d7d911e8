#include "nn/distill/ensemble.h"

#include "core/activation.h"
#include "core/arithmetic.h"
#include "core/error.h"
#include "core/softmax.h"

namespace limbeck {

Ensemble::Ensemble(std::vector<Module*> members, const Options& options)
    : members_(std::move(members)), options_(options) {
  if (members_.empty()) fail("Ensemble", "at least one member is needed");
  check_temperature("Ensemble", options.temperature);
}

std::string Ensemble::describe() const {
  return fmt::format("Ensemble({})", members_.size());
}

Tensor Ensemble::forward(const Tensor& x) {
  const bool logits = options_.averaging == Averaging::logits;
  const auto t = static_cast<real>(options_.temperature);
  Tensor sum;
  for (Module* const member : members_) {
    const Tensor v = (*member)(x);
    const Tensor answer = logits ? v : softmax(v * (1 / t));
    sum = sum.defined() ? sum + answer : answer;
  }
  const Tensor mean = sum * (real{1} / static_cast<real>(members_.size()));
  constexpr auto least =
      static_cast<real>(1e-30);  // a class that all rule out gets a logit all the same
  return logits ? mean : log(mean + least) * t;
}

void Ensemble::parts(Parts& parts) {
  for (std::size_t i = 0; i < members_.size(); ++i) parts(std::to_string(i), *members_[i]);
}

}  // namespace limbeck
