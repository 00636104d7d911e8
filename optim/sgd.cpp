#include "optim/sgd.h"

#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {

Sgd::Sgd(std::vector<Tensor> parameters, const SgdOptions& options)
    : Optimizer(std::move(parameters), options.lr), options_(options) {
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail("Sgd", "momentum must be in [0, 1); got {}", options.momentum);
  }
  if (options.nesterov && options.momentum == 0) fail("Sgd", "nesterov needs a momentum above 0");
  if (!(options.weight_decay >= 0)) {
    fail("Sgd", "weight_decay must be at least 0; got {}", options.weight_decay);
  }
  if (options.momentum == 0) return;
  // A buffer of zeros becomes g at the first step by the rule of the later ones.
  for (const Tensor& w : this->parameters()) buffers_.push_back(Tensor::zeros(w.shape()));
}

void Sgd::update(std::size_t i, Tensor& parameter, const Tensor& gradient) {
  const auto rate = static_cast<real>(lr());
  const auto decay = static_cast<real>(options_.weight_decay);
  const auto momentum = static_cast<real>(options_.momentum);
  const bool nesterov = options_.nesterov;
  real* const w = parameter.data();
  const real* const dw = gradient.data();
  if (momentum == 0) {
    parallel_for(parameter.size(), update_grain, [=](Index begin, Index end) {
      for (Index j = begin; j < end; ++j) w[j] -= rate * (dw[j] + decay * w[j]);
    });
    return;
  }
  real* const b = buffers_[i].data();
  parallel_for(parameter.size(), update_grain, [=](Index begin, Index end) {
    for (Index j = begin; j < end; ++j) {
      const real g = dw[j] + decay * w[j];
      b[j] = momentum * b[j] + g;
      w[j] -= rate * (nesterov ? g + momentum * b[j] : b[j]);
    }
  });
}

}  // namespace limbeck
