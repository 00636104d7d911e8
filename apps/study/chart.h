// A chart of lines as an SVG document, 720 × 440, for light and dark colour schemes: what a study
// measured against what it varied. Each line is named at its right end, in a column where no two
// names overlap.
#pragma once

#include <string>
#include <vector>

namespace limbeck {

struct Point {
  double x, y;
  double spread = 0;  // a standard deviation; an error bar of y ± spread if above 0
};

// A line through its points in the order given; six colours, seven markers. A point with a
// coordinate that is not finite is a gap in the line.
struct Series {
  std::string name;
  std::vector<Point> points{};
};

// A dashed line across the chart, to compare with; none is drawn for a y that is not finite.
struct Level {
  std::string name;
  double y;
  int series = -1;  // the one whose colour it has, or −1: grey
};

struct Chart {
  std::string title, x_label, y_label;
  bool log_x = false;  // ticks at the x that occur if these are at most 12
  std::vector<Series> series{};
  std::vector<Level> levels{};
};

// The y axis begins at 0 if all values are above 0 and some are near it. Error: no point with
// finite coordinates, x of 0 or less on a logarithmic axis, a level of a series that there is not,
// more names than have room, a range that a double cannot hold.
std::string svg(const Chart& chart);

}  // namespace limbeck
