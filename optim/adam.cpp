#include "optim/adam.h"

#include <cmath>

#include "core/error.h"

namespace limbeck {

Adam::Adam(ParameterGroups parameters, const AdamOptions& options)
    : Adam(std::move(parameters), options, Decay::in_gradient) {}

Adam::Adam(ParameterGroups parameters, const AdamOptions& options, Decay decay)
    : Optimizer(std::move(parameters), options.lr, options.weight_decay),
      options_(options),
      decay_(decay),
      m_(zeros_like_parameters()),
      v_(zeros_like_parameters()) {
  if (!(options.beta1 >= 0 && options.beta1 < 1) || !(options.beta2 >= 0 && options.beta2 < 1)) {
    fail("Adam", "beta1 and beta2 must be in [0, 1); got {} and {}", options.beta1, options.beta2);
  }
  if (!(options.eps >= 0)) fail("Adam", "eps must be at least 0; got {}", options.eps);
}

void Adam::update(std::size_t i, Index begin, std::span<const real> gradient) {
  const auto t = static_cast<double>(updates(i));
  const double m_correction = 1 - std::pow(options_.beta1, t);
  const double v_correction = 1 - std::pow(options_.beta2, t);
  const auto beta1 = static_cast<real>(options_.beta1);
  const auto beta2 = static_cast<real>(options_.beta2);
  const auto rest1 = static_cast<real>(1 - options_.beta1);
  const auto rest2 = static_cast<real>(1 - options_.beta2);
  const auto rate = static_cast<real>(lr(i) / m_correction);
  const auto v_scale = static_cast<real>(1 / std::sqrt(v_correction));
  const auto eps = static_cast<real>(options_.eps);
  const bool decoupled = decay_ == Decay::decoupled;
  const auto in_gradient = static_cast<real>(decoupled ? 0 : weight_decay(i));
  const auto shrink = static_cast<real>(decoupled ? 1 - lr(i) * weight_decay(i) : 1);
  real* const w = parameters()[i].data() + begin;
  real* const m = m_[i].data() + begin;
  real* const v = v_[i].data() + begin;
  for (std::size_t j = 0; j < gradient.size(); ++j) {
    const real g = gradient[j] + in_gradient * w[j];
    m[j] = beta1 * m[j] + rest1 * g;
    v[j] = beta2 * v[j] + rest2 * g * g;
    w[j] = shrink * w[j] - rate * m[j] / (std::sqrt(v[j]) * v_scale + eps);
  }
}

std::vector<NamedTensor> Adam::named_state() {
  std::vector<NamedTensor> state = numbered("m", m_);
  for (const NamedTensor& v : numbered("v", v_)) state.push_back(v);
  state.push_back({"updates", all_updates()});
  return state;
}

std::string Adam::describe() const {
  return fmt::format("{}(beta1 = {}, beta2 = {}, eps = {}, weight_decay = {})",
                     decay_ == Decay::decoupled ? "AdamW" : "Adam", options_.beta1, options_.beta2,
                     options_.eps, options_.weight_decay);
}

AdamW::AdamW(ParameterGroups parameters, const AdamWOptions& options)
    : Adam(std::move(parameters),
           {.lr = options.lr,
            .beta1 = options.beta1,
            .beta2 = options.beta2,
            .eps = options.eps,
            .weight_decay = options.weight_decay},
           Decay::decoupled) {}

}  // namespace limbeck
