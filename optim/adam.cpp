#include "optim/adam.h"

#include <cmath>

#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : Adam(std::move(parameters), options, Decay::in_gradient) {}

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options, Decay decay)
    : Optimizer(std::move(parameters), options.lr), options_(options), decay_(decay) {
  if (!(options.beta1 >= 0 && options.beta1 < 1) || !(options.beta2 >= 0 && options.beta2 < 1)) {
    fail("Adam", "beta1 and beta2 must be in [0, 1); got {} and {}", options.beta1, options.beta2);
  }
  if (!(options.eps >= 0)) fail("Adam", "eps must be at least 0; got {}", options.eps);
  if (!(options.weight_decay >= 0)) {
    fail("Adam", "weight_decay must be at least 0; got {}", options.weight_decay);
  }
  for (const Tensor& w : this->parameters()) {
    moments_.push_back({Tensor::zeros(w.shape()), Tensor::zeros(w.shape())});
  }
}

void Adam::update(std::size_t i, Tensor& parameter, const Tensor& gradient) {
  const auto t = static_cast<double>(step_);
  const double m_correction = 1 - std::pow(options_.beta1, t);
  const double v_correction = 1 - std::pow(options_.beta2, t);
  const auto beta1 = static_cast<real>(options_.beta1);
  const auto beta2 = static_cast<real>(options_.beta2);
  const auto rest1 = static_cast<real>(1 - options_.beta1);
  const auto rest2 = static_cast<real>(1 - options_.beta2);
  const auto rate = static_cast<real>(lr() / m_correction);
  const auto v_scale = static_cast<real>(1 / std::sqrt(v_correction));
  const auto eps = static_cast<real>(options_.eps);
  const bool decoupled = decay_ == Decay::decoupled;
  const auto in_gradient = static_cast<real>(decoupled ? 0 : options_.weight_decay);
  const auto shrink = static_cast<real>(decoupled ? 1 - lr() * options_.weight_decay : 1);
  real* const w = parameter.data();
  real* const m = moments_[i].m.data();
  real* const v = moments_[i].v.data();
  const real* const dw = gradient.data();
  parallel_for(parameter.size(), update_grain, [=](Index begin, Index end) {
    for (Index j = begin; j < end; ++j) {
      const real g = dw[j] + in_gradient * w[j];
      m[j] = beta1 * m[j] + rest1 * g;
      v[j] = beta2 * v[j] + rest2 * g * g;
      w[j] = shrink * w[j] - rate * m[j] / (std::sqrt(v[j]) * v_scale + eps);
    }
  });
}

AdamW::AdamW(std::vector<Tensor> parameters, const AdamWOptions& options)
    : Adam(std::move(parameters),
           {.lr = options.lr,
            .beta1 = options.beta1,
            .beta2 = options.beta2,
            .eps = options.eps,
            .weight_decay = options.weight_decay},
           Decay::decoupled) {}

}  // namespace limbeck
