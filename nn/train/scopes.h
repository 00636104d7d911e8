// What a training sets and gives back, whatever happens. For the loop alone (nn/train/trainer.cpp).
#pragma once

#include <deque>
#include <vector>

#include "core/error.h"
#include "nn/module.h"
#include "optim/average.h"

namespace limbeck::detail {

// The model, and what is trained with it, in training mode while it lives; then each part as it
// was.
class TrainMode {
 public:
  TrainMode(Module& model, const std::vector<Module*>& with) {
    add(model);
    for (Module* const module : with) add(*module);
  }

 private:
  void add(Module& module) {
    modes_.emplace_back(module);
    module.train();
    if (module.is_training()) return;
    fail("train", "the model cannot be trained while an EvalMode holds it in evaluation mode");
  }

  std::deque<RestoreModes> modes_;
};

// The averages in the model while it lives; then its own weights again, also after an exception.
class Averaged {
 public:
  explicit Averaged(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->swap();
  }
  ~Averaged() {
    if (average_ != nullptr) average_->swap();
  }
  Averaged(const Averaged&) = delete;
  Averaged& operator=(const Averaged&) = delete;

 private:
  WeightAverage* average_;
};

}  // namespace limbeck::detail
