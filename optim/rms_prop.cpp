#include "optim/rms_prop.h"

#include <cmath>

#include "core/error.h"

namespace limbeck {

RmsProp::RmsProp(ParameterGroups parameters, const RmsPropOptions& options)
    : Optimizer(std::move(parameters), options.lr, options.weight_decay),
      options_(options),
      v_(zeros_like_parameters()) {
  if (!(options.alpha >= 0 && options.alpha < 1)) {
    fail("RmsProp", "alpha must be in [0, 1); got {}", options.alpha);
  }
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail("RmsProp", "momentum must be in [0, 1); got {}", options.momentum);
  }
  if (!(options.eps >= 0)) fail("RmsProp", "eps must be at least 0; got {}", options.eps);
  if (options.momentum > 0) buffers_ = zeros_like_parameters();
  if (options.centered) means_ = zeros_like_parameters();
}

void RmsProp::update(std::size_t i, Index begin, std::span<const real> gradient) {
  const auto rate = static_cast<real>(lr(i));
  const auto decay = static_cast<real>(weight_decay(i));
  const auto alpha = static_cast<real>(options_.alpha);
  const auto rest = static_cast<real>(1 - options_.alpha);
  const auto momentum = static_cast<real>(options_.momentum);
  const auto eps = static_cast<real>(options_.eps);
  const auto elements = [begin](Tensor& t) { return t.data() + begin; };
  real* const w = elements(parameters()[i]);
  real* const v = elements(v_[i]);
  real* const b = buffers_.empty() ? nullptr : elements(buffers_[i]);
  real* const mean = means_.empty() ? nullptr : elements(means_[i]);
  for (std::size_t j = 0; j < gradient.size(); ++j) {
    const real g = gradient[j] + decay * w[j];
    v[j] = alpha * v[j] + rest * g * g;
    real square = v[j];
    if (mean != nullptr) {
      mean[j] = alpha * mean[j] + rest * g;
      square -= mean[j] * mean[j];
      if (square < 0) square = 0;  // NaN stays
    }
    real step = g / (std::sqrt(square) + eps);
    if (b != nullptr) step = b[j] = momentum * b[j] + step;
    w[j] -= rate * step;
  }
}

std::vector<NamedTensor> RmsProp::named_state() {
  std::vector<NamedTensor> state = numbered("v", v_);
  for (const NamedTensor& b : numbered("b", buffers_)) state.push_back(b);
  for (const NamedTensor& mean : numbered("mean", means_)) state.push_back(mean);
  return state;
}

std::string RmsProp::describe() const {
  return fmt::format(
      "RmsProp(alpha = {}, eps = {}, weight_decay = {}, momentum = {}, centered = {})",
      options_.alpha, options_.eps, options_.weight_decay, options_.momentum, options_.centered);
}

}  // namespace limbeck
