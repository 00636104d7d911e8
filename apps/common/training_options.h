// How networks are trained, as options that programs share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/train/train_options.h"

namespace limbeck {

class Options;

// The part of TrainOptions that has options of its own.
struct TrainingSettings {
  std::string optimizer = "adam";
  std::string schedule = "cosine";
  double weight_decay = 0;
  double clip_norm = 0;         // 0: none
  double label_smoothing = 0;   // of trainings on labels alone
  double validation_split = 0;  // 0: no validation set
  Index patience = 0;           // 0: all epochs

  // Error: patience without a validation set.
  void check() const;
  // Into the options of a training; those of label smoothing too, if it is on labels alone.
  void apply(TrainOptions& options, bool on_labels) const;
  // Adds them to a program's options in JSON.
  void add_to(nlohmann::ordered_json& options) const;
};

void add_options(Options& options, TrainingSettings& settings);

}  // namespace limbeck
