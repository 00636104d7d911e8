// What the chapters' drawings share: rounding, and arrows, boxes and grids of numbers as elements
// of an SVG document (apps/study/svg.h).
#pragma once

#include <string>
#include <string_view>

#include "core/tensor.h"

namespace limbeck::detail {

// To a thousandth: the last bits of a sum of floats depend on the machine, a picture must not.
double rounded(double value);

// A line with a head at its end, in the muted ink.
std::string arrow(double x1, double y1, double x2, double y2);

// A rounded frame around a place for text.
std::string box(double x, double y, double width, double height);

// What stands in the cells: "ink", "muted", or "c0" to "c5" (apps/study/svg.h).
using CellRole = std::string (*)(Index row, Index column);

inline constexpr double cell_width = 34, cell_height = 24;

// The numbers of a matrix, or of a vector as one row, in cells; (x, y) is the upper left corner,
// and `title` stands above it.
std::string grid(
    double x, double y, const Tensor& matrix, std::string_view title,
    CellRole role = [](Index, Index) -> std::string { return "ink"; });

}  // namespace limbeck::detail
