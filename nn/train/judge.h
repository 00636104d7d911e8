// What a training asks after each epoch: how good is the model now, and was it ever better? For the
// loop alone (nn/train/trainer.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/train/train_options.h"

namespace limbeck::detail {

// The images that a training learns from, and those that choose.
struct HeldOut {
  std::vector<Index> learned{};         // of the training set, in order; empty: all
  std::optional<Dataset> validation{};  // drawn from it
};

// As validation_split and seed say. Error: a share that leaves none to learn from or takes none.
HeldOut hold_out(const Dataset& train, const TrainOptions& options);

// Error: a test or a validation set that cannot judge, for it is empty or has an image without a
// label.
void check_judges(const TrainOptions& options, const HeldOut& held);

// Writes into the report what the sets that there are say of the model; the validation set may be
// null, and so may the teacher's decisions on the test set.
void judge(EpochReport& report, Module& model, const TrainOptions& options,
           const Dataset* validation, const std::vector<std::int32_t>* teacher_decisions);

// Copies of tensors, kept in memory and put back.
class KeptTensors {
 public:
  // Keeps them as they are.
  explicit KeptTensors(std::vector<NamedTensor> tensors);

  void keep();      // anew
  void put_back();  // into the tensors themselves
  // The copies, under their names.
  const std::vector<NamedTensor>& copies() const { return copies_; }

 private:
  std::vector<NamedTensor> tensors_, copies_;
};

}  // namespace limbeck::detail
