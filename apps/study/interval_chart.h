// A chart of named numbers with their intervals as an SVG document, 720 wide, for light and dark
// colour schemes: a row each, from the top down, and a line to compare with.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace limbeck {

// A row; one whose mean is not finite has its name alone.
struct IntervalRow {
  std::string name;
  double mean;
  double half = 0;  // the interval is mean ± half; none is drawn if it is not above 0
};

struct IntervalChart {
  std::string title{}, x_label{};
  std::vector<IntervalRow> rows{};
  // A line across all rows; those whose interval it does not touch have a colour of their own on
  // each side of it, the others are grey.
  std::optional<double> reference{};
};

// Error: no row with a finite mean, a range that a double cannot hold.
std::string svg(const IntervalChart& chart);

}  // namespace limbeck
