// Tables of numbers as colours, in an SVG document for light and dark colour schemes: maps side by
// side with one scale of colours and one bar that explains it.
#pragma once

#include <string>
#include <vector>

namespace limbeck {

struct HeatMap {
  std::string title;
  std::vector<std::string> rows{}, columns{};  // their names
  std::vector<double> values{};                // (rows, columns), row-major; NaN: an empty cell
  std::string row_label{}, column_label{}, value_label{};
  bool powers_of_ten = false;  // a value v stands for 10^v and is written so
};

// Values at and below `low`, −∞ too, have the darkest colour, those at and above `high` the
// lightest; a tooltip tells each cell's value. Error: no map, a map without cells or with another
// number of values than cells, low not below high, maps of different value_label or powers_of_ten.
std::string svg(const std::vector<HeatMap>& side_by_side, double low, double high);

}  // namespace limbeck
