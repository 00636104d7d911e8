// For looks at a loss beside the training: what they would leave behind. For the Distiller alone.
#pragma once

#include <algorithm>
#include <vector>

#include "nn/module.h"

namespace limbeck::detail {

// While it lives, the parameters of these modules get no gradient. When it dies their buffers and
// generators are as they were, so that a forward pass in between changes no bit of a training.
class Untouched {
 public:
  explicit Untouched(const std::vector<Module*>& modules) {
    for (Module* const module : modules) {
      for (const Tensor& parameter : module->parameters()) {
        if (parameter.wants_grad()) frozen_.push_back(parameter);
      }
      for (const auto& [name, rng] : module->named_generators()) {
        generators_.emplace_back(rng, rng->state());
      }
      for (const NamedTensor& buffer : module->named_buffers()) {
        buffers_.emplace_back(buffer.tensor, buffer.tensor.clone());
      }
    }
    for (Tensor& parameter : frozen_) parameter.requires_grad(false);
  }
  ~Untouched() {
    for (Tensor& parameter : frozen_) parameter.requires_grad(true);
    put_back();
  }
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;

  // Buffers and generators as they were, for the next look.
  void put_back() {
    for (auto& [rng, state] : generators_) rng->set_state(state);
    for (auto& [buffer, before] : buffers_) {
      std::ranges::copy(before.values(), buffer.values().begin());
    }
  }

 private:
  std::vector<Tensor> frozen_;
  std::vector<std::pair<Rng*, Rng::State>> generators_;
  std::vector<std::pair<Tensor, Tensor>> buffers_;  // and a copy
};

}  // namespace limbeck::detail
