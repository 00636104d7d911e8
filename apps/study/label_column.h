// The names beside a chart: a column in which no two overlap.
#pragma once

#include <string>
#include <vector>

namespace limbeck::detail {

constexpr double line_height = 15;  // pixels

// A name in the column; y is the middle of it, at first of what it names.
struct Label {
  double y;
  std::string key;  // the line and marker before the name, drawn about (0, 0)
  std::vector<std::string> lines;

  double height() const { return line_height * static_cast<double>(lines.size()); }
};

// Moves labels, sorted by y, as little as keeps them apart and between `top` and `bottom`. Error:
// more lines than have room.
void spread_out(std::vector<Label>& labels, double top, double bottom);

}  // namespace limbeck::detail
