#include "optim/sgd.h"

#include "core/error.h"

namespace limbeck {

Sgd::Sgd(ParameterGroups parameters, const SgdOptions& options)
    : Optimizer(std::move(parameters), options.lr, options.weight_decay), options_(options) {
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail("Sgd", "momentum must be in [0, 1); got {}", options.momentum);
  }
  if (options.nesterov && options.momentum == 0) fail("Sgd", "nesterov needs a momentum above 0");
  // A buffer of zeros becomes g at the first step by the rule of the later ones.
  if (options.momentum > 0) buffers_ = zeros_like_parameters();
}

std::string Sgd::describe() const {
  return fmt::format("Sgd(momentum = {}, nesterov = {}, weight_decay = {})", options_.momentum,
                     options_.nesterov, options_.weight_decay);
}

void Sgd::update(std::size_t i, Index begin, std::span<const real> gradient) {
  const auto rate = static_cast<real>(lr(i));
  const auto decay = static_cast<real>(weight_decay(i));
  const auto momentum = static_cast<real>(options_.momentum);
  real* const w = parameters()[i].data() + begin;
  if (momentum == 0) {
    for (std::size_t j = 0; j < gradient.size(); ++j) w[j] -= rate * (gradient[j] + decay * w[j]);
    return;
  }
  real* const b = buffers_[i].data() + begin;
  for (std::size_t j = 0; j < gradient.size(); ++j) {
    const real g = gradient[j] + decay * w[j];
    b[j] = momentum * b[j] + g;
    w[j] -= rate * (options_.nesterov ? g + momentum * b[j] : b[j]);
  }
}

}  // namespace limbeck
