// Axes: where values lie in a picture, and which are written beside it.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace limbeck::detail {

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void take(double value);
  // Widened by a tenth if its ends are too close to tell apart. Error: an end beyond ±1e300, where
  // double would overflow in what follows.
  Range opened() const;
};

// A value on an axis and how it is written there.
struct Tick {
  double value;
  std::string label;
};

// A range laid onto the pixels from `start` to `end`.
struct Axis {
  Range range;
  double start, end;
  bool log = false;
  std::vector<Tick> ticks = {};

  double at(double value) const;
};

// The step of the form 1, 2 or 5 × 10^k that cuts `span` (above 0) into at most `parts`.
double round_step(double span, int parts);

// The multiples of a round step within [low, high], with the decimals that the step has.
std::vector<Tick> round_ticks(double low, double high, double step);

// For a logarithmic axis: 1, 2, 5 × 10^k within [low, high], only 10^k if that is more than four
// decades, or multiples of a round step if these would be fewer than two. Wants 0 < low < high.
std::vector<Tick> log_ticks(double low, double high);

// A value in up to six digits: 0.25, 12000, 2.5·10⁻⁷.
std::string number(double value);

// "10⁻³" for −3
std::string power_of_ten(int exponent);

}  // namespace limbeck::detail
