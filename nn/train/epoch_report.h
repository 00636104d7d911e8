// What a training says of itself while it works: after a batch, and after an epoch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/shape.h"

namespace limbeck {

// Where a run is, after a batch: for a progress bar.
struct Progress {
  Index epoch, epochs;   // epochs count from 1
  Index batch, batches;  // of this epoch, from 1
  double loss;           // of this batch
};

// How an epoch went. Losses are means over its images.
struct EpochReport {
  Index epoch = 0, epochs = 0;    // which, from 1, of how many
  double loss = 0;                // what was minimised
  double hard = 0;                // CE(z, y), not yet weighted by α; of the images that have a
                                  // label, NaN where none has
  double soft = 0;                // T² · KL, not yet weighted by 1 − α; 0 without a teacher
  double lr = 0;                  // the learning rate at its end
  double seconds = 0;             // of training, without the evaluation
  std::optional<Index> errors{};  // on the test set, if one was given
  std::optional<double> agreement{};    // with the teacher there, in [0, 1], if there is one
  std::vector<std::string> warnings{};  // sentences for people
};

}  // namespace limbeck
