// What a training has, sets and gives back, whatever happens. For the loop alone
// (nn/train/trainer.cpp).
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "nn/module.h"
#include "nn/train/train_options.h"
#include "optim/average.h"

namespace limbeck::detail {

// What is trained, by names that say whose it is: the model, and what the loss has beside it.
inline std::vector<std::pair<std::string, Module*>> learners(Module& model,
                                                             const TrainOptions& options) {
  std::vector<std::pair<std::string, Module*>> all = {{"model.", &model}};
  for (std::size_t i = 0; i < options.with.size(); ++i) {
    if (options.with[i] == nullptr) fail("train", "module {} of `with` is null", i);
    all.emplace_back(fmt::format("with.{}.", i), options.with[i]);
  }
  return all;
}

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
