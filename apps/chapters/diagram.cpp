#include "apps/chapters/diagram.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/study/svg.h"

namespace limbeck::detail {

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

std::string arrow(double x1, double y1, double x2, double y2) {
  const double length = std::hypot(x2 - x1, y2 - y1);
  const double along_x = (x2 - x1) / length, along_y = (y2 - y1) / length;
  const double neck_x = x2 - 8 * along_x, neck_y = y2 - 8 * along_y;
  return line_from_to(x1, y1, neck_x, neck_y, "class=\"axis\" stroke-width=\"1.5\"") +
         fmt::format("<path class=\"muted\" d=\"M{:.2f},{:.2f}L{:.2f},{:.2f}L{:.2f},{:.2f}z\"/>\n",
                     x2, y2, neck_x - 4 * along_y, neck_y + 4 * along_x, neck_x + 4 * along_y,
                     neck_y - 4 * along_x);
}

std::string box(double x, double y, double width, double height) {
  return fmt::format(
      "<rect class=\"ground axis\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
      "rx=\"6\"/>\n",
      x, y, width, height);
}

std::string grid(double x, double y, const Tensor& matrix, std::string_view title, CellRole role) {
  std::string out = text_at(x, y - 8, "class=\"muted\"", title);
  const Index columns = matrix.shape().last();
  for (Index i = 0; i < matrix.size(); ++i) {
    const Index row = i / columns, column = i % columns;
    const double left = x + cell_width * static_cast<double>(column);
    const double top = y + cell_height * static_cast<double>(row);
    const std::string cell_role = role(row, column);
    out += fmt::format(
        "<rect class=\"ground axis\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{}\" height=\"{}\"/>\n",
        left, top, cell_width, cell_height);
    out += text_at(
        left + cell_width / 2, top + cell_height / 2 + 4,
        fmt::format("class=\"{}\" text-anchor=\"middle\"{}", cell_role,
                    cell_role.starts_with('c') ? " fill=\"currentColor\" font-weight=\"700\"" : ""),
        fmt::format("{:g}", static_cast<double>(matrix.values()[static_cast<std::size_t>(i)])));
  }
  return out;
}

}  // namespace limbeck::detail
