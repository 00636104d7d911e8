// A learning rate that falls when a training makes no progress: by what is measured, not by the
// step.
//
//   Plateau plateau({.patience = 3});
//   for (...) {                                          // an epoch
//     adam.set_lr(1e-3 * plateau.factor());
//     ...
//     plateau.report(loss_on_the_validation_set);
//   }
#pragma once

#include <optional>

#include "core/shape.h"

namespace limbeck {

// When a plateau is one, and what follows.
struct PlateauOptions {
  double factor = 0.1;  // of one drop, in (0, 1)
  Index patience = 10;  // reports in a row without progress that are borne; the next one is a drop
  double threshold = 1e-4;  // progress is a metric below the best by more than this share of it
  double floor = 0;         // the factor never falls below this
};

// What a Plateau remembers: what a program keeps to go on after a stop.
struct PlateauState {
  double factor = 1;             // of the base rate
  std::optional<double> best{};  // the lowest metric so far; none at first
  Index waited = 0;              // reports since the last progress or drop
};

// A factor of the learning rate that begins at 1 and drops when patience is over, as PyTorch's
// ReduceLROnPlateau in mode "min". A schedule may be a factor as well.
class Plateau {
 public:
  // Error: an option out of its range.
  explicit Plateau(const PlateauOptions& options = {});

  // Takes a number that should become small, after an epoch say, and returns the factor from then
  // on. (Report −x of an x that should become large.) One that is not finite is no progress.
  double report(double metric);

  double factor() const { return state_.factor; }  // of the base rate, until the next report
  // What it remembers, to be kept and brought back.
  const PlateauState& state() const { return state_; }
  void set_state(const PlateauState& state) { state_ = state; }

 private:
  PlateauOptions options_;
  PlateauState state_;
};

}  // namespace limbeck
