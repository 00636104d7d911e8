// What a training says of itself while it works: after a batch, and after an epoch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nn/train/loss.h"

namespace limbeck {

// Where a run is, after a batch: for a progress bar.
struct Progress {
  Index epoch, epochs;   // epochs count from 1
  Index batch, batches;  // of this epoch, from 1
  double loss;           // of this batch
};

// A number of one's own about a network (TrainOptions::metrics).
struct MetricValue {
  std::string name;  // the metric's, after "validation_" where it is of that set
  double value = 0;  // as it was worked out
};

// How an epoch went. Losses are means over its images.
struct EpochReport {
  Index epoch = 0, epochs = 0;  // which, from 1, of how many
  double loss = 0;              // what was minimised
  // What that is the sum of, each a mean over the epoch and not yet weighted, with the mean of its
  // weights, and of its gradient's lengths if there are some. Training on labels has "hard", the
  // cross-entropy; distillation has "hard", over the images that have a label, NaN where none has,
  // and "soft", T² · KL.
  std::vector<TermValue> terms{};
  double lr = 0;                             // the learning rate at its end
  double seconds = 0;                        // of training, without the evaluation
  std::optional<double> gradient_norm{};     // mean before clipping, where it is clipped
  std::optional<Index> errors{};             // on the test set, if one was given
  std::optional<double> agreement{};         // with the teacher there, in [0, 1], if any
  std::optional<Index> validation_errors{};  // on the validation set, if there is one
  std::vector<MetricValue> metrics{};        // of one's own
  std::vector<std::string> warnings{};       // sentences for people

  // The value of the term of this name; NaN if there is none.
  double term(std::string_view name) const;
};

// One of a report's numbers, for tables and files.
struct ReportNumber {
  std::string name;             // "loss", "hard", "errors", …: a column
  std::optional<double> value;  // none: not known, as with a test set that was not given
  bool whole = false;           // a count
};

// All numbers of a report under the names that they have in every log, in this order: "loss", the
// terms, "errors", "agreement", "validation_errors", "gradient_norm", the metrics, "lr", "seconds".
// A term has its value, "kd"; its weight, "kd-weight", but for "hard" and "soft"; and "kd-gradient"
// where its gradient's length is known.
std::vector<ReportNumber> numbers_of(const EpochReport& report);

// Of the epochs with a validation set, the first with the fewest errors there; without one the
// last. Error: no epochs.
const EpochReport& best_of(const std::vector<EpochReport>& reports);

}  // namespace limbeck
