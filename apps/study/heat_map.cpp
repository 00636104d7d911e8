#include "apps/study/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/study/axis.h"
#include "apps/study/svg.h"
#include "core/error.h"

namespace limbeck {
namespace {

using detail::Axis, detail::Tick;

// Evenly spaced stops of even steps of lightness, L from 0.26 to 0.93 in Ottosson's Oklab (2020),
// through violet, blue, teal and green to yellow; grey prints keep the order.
using Colour = std::array<double, 3>;
constexpr std::array<Colour, 7> ramp = {{{51, 5, 83},
                                         {57, 45, 139},
                                         {15, 93, 176},
                                         {28, 141, 163},
                                         {40, 186, 148},
                                         {145, 218, 120},
                                         {242, 239, 111}}};

constexpr double margin = 16, between = 22, line_height = 16, bar_width = 14;
constexpr double usual_width = 720, smallest_cell = 4, largest_cell = 30;
constexpr double largest_height = 600, least_bar = 120;  // of cells; of the bar of colours

// The colour at a place of the ramp from 0, dark, to 1.
std::string ramp_colour(double place) {
  const double at = std::clamp(place, 0.0, 1.0) * (ramp.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(at), ramp.size() - 2);
  const double share = at - static_cast<double>(below);
  std::string text = "#";
  for (std::size_t i = 0; i < 3; ++i) {
    const double value = ramp[below][i] + share * (ramp[below + 1][i] - ramp[below][i]);
    text += fmt::format("{:02x}", static_cast<int>(std::lround(value)));
  }
  return text;
}

// What a value on the scale stands for, as it is written.
std::string meaning(double value, bool powers_of_ten) {
  if (!powers_of_ten) return detail::number(value);
  if (value == std::floor(value) && std::abs(value) < 1000) {
    return detail::power_of_ten(static_cast<int>(value));
  }
  return fmt::format("{:.3g}", std::pow(10, value));
}

void check(const std::vector<HeatMap>& maps, double low, double high) {
  if (maps.empty()) fail("svg", "there is no heat map to draw");
  const double size = std::max(std::abs(low), std::abs(high));
  if (!(high - low > 1e-9 * size) || !std::isfinite(high - low)) {
    fail("svg", "a scale of colours wants two finite ends, low below high; got {:g} to {:g}", low,
         high);
  }
  for (const HeatMap& map : maps) {
    const std::size_t cells = map.rows.size() * map.columns.size();
    if (cells == 0 || map.values.size() != cells) {
      fail("svg", "the heat map \"{}\" has {} rows, {} columns and {} values", map.title,
           map.rows.size(), map.columns.size(), map.values.size());
    }
    if (map.value_label != maps[0].value_label || map.powers_of_ten != maps[0].powers_of_ten) {
      fail("svg", "maps with one scale need one meaning of the values; \"{}\" and \"{}\" differ",
           maps[0].title, map.title);
    }
  }
}

std::vector<Tick> bar_ticks(double low, double high, bool powers_of_ten) {
  std::vector<Tick> ticks = detail::round_ticks(low, high, detail::round_step(high - low, 6));
  if (!powers_of_ten) return ticks;
  // Only whole powers, if the scale holds two.
  const auto broken = [](const Tick& tick) { return tick.value != std::floor(tick.value); };
  if (std::floor(high) - std::ceil(low) >= 1) std::erase_if(ticks, broken);
  for (Tick& tick : ticks) tick.label = meaning(tick.value, true);
  return ticks;
}

// The space on the left of a map's cells.
double head_width(const HeatMap& map) {
  return detail::widest(map.rows) + 6 + (map.row_label.empty() ? 0 : line_height + 4);
}

std::vector<std::string> title_lines(const HeatMap& map, double cell) {
  const double width = head_width(map) + cell * static_cast<double>(map.columns.size());
  return detail::wrapped(map.title, width / 1.1);
}

// The measures that all maps share, in pixels.
struct Layout {
  double cell;         // a cell's side
  double top, bottom;  // of the bar and of the highest map's cells
  double bar_left, width, height;
  bool upright;  // the columns' names, where they would not fit side by side
};

Layout layout_of(const std::vector<HeatMap>& maps, const std::vector<Tick>& ticks) {
  double heads = 0, columns = 0, rows = 0, titles = 0, names = 0, labels = 0, bar = bar_width + 8;
  for (const HeatMap& map : maps) {
    heads += head_width(map) + between;
    columns += static_cast<double>(map.columns.size());
    rows = std::max(rows, static_cast<double>(map.rows.size()));
    names = std::max(names, detail::widest(map.columns));
    if (!map.column_label.empty()) labels = line_height + 4;
  }
  for (const Tick& tick : ticks) {
    bar = std::max(bar, bar_width + 8 + detail::text_width(tick.label));
  }
  if (!maps[0].value_label.empty()) bar += line_height + 4;

  const double fit = (usual_width - 2 * margin - heads - bar) / columns;
  const double cell =
      std::floor(std::clamp(std::min(fit, largest_height / rows), smallest_cell, largest_cell));
  for (const HeatMap& map : maps) {
    titles = std::max(titles, static_cast<double>(title_lines(map, cell).size()));
  }
  const bool upright = names > cell - 2;
  const double top = margin + titles * line_height + 8;
  const double bottom = top + std::max(rows * cell, least_bar);
  const double below = (upright ? names + 8 : line_height + 4) + labels;
  const double bar_left = margin + heads + columns * cell;
  return {cell,
          top,
          bottom,
          bar_left,
          bar_left + bar + margin,
          std::max(top + rows * cell + below, bottom) + margin,
          upright};
}

// Text that runs upwards, its middle or its end at (x, y).
std::string upward(double x, double y, const char* anchor, std::string_view text) {
  return fmt::format(
      "<text class=\"muted\" text-anchor=\"{}\" "
      "transform=\"translate({:.2f} {:.2f}) rotate(-90)\">{}</text>\n",
      anchor, x, y, detail::escaped(text));
}

std::string draw_cells(const HeatMap& map, double left, const Layout& l, const Axis& scale) {
  std::string out;
  const double side = l.cell < 10 ? l.cell : l.cell - 1;  // a gap between cells if they are large
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    const std::size_t row = i / map.columns.size(), column = i % map.columns.size();
    const double value = map.values[i];
    const bool empty = std::isnan(value);
    out += fmt::format(
        "<rect {} x=\"{:g}\" y=\"{:g}\" width=\"{:g}\" height=\"{:g}\"><title>{}, {}: "
        "{}</title></rect>\n",
        empty ? "class=\"cell grid\" fill=\"none\""
              : fmt::format("class=\"cell\" fill=\"{}\"", ramp_colour(scale.at(value))),
        left + static_cast<double>(column) * l.cell, l.top + static_cast<double>(row) * l.cell,
        side, side, detail::escaped(map.rows[row]), detail::escaped(map.columns[column]),
        empty ? "empty" : meaning(value, map.powers_of_ten));
  }
  return out;
}

// The names of rows and columns, so many that they do not touch, and what rows and columns are.
std::string draw_names(const HeatMap& map, double edge, double left, const Layout& l) {
  std::string out;
  const auto stride = static_cast<std::size_t>(std::ceil(11 / l.cell));
  const double rows = static_cast<double>(map.rows.size()) * l.cell;
  const double columns = static_cast<double>(map.columns.size()) * l.cell;
  const auto middle = [&](std::size_t i) { return (static_cast<double>(i) + 0.5) * l.cell; };
  for (std::size_t i = 0; i < map.rows.size(); i += stride) {
    out += detail::text_at(left - 6, l.top + middle(i) + 4, "class=\"muted\" text-anchor=\"end\"",
                           map.rows[i]);
  }
  const double below = l.top + rows;
  for (std::size_t i = 0; i < map.columns.size(); i += stride) {
    out += l.upright ? upward(left + middle(i) + 4, below + 6, "end", map.columns[i])
                     : detail::text_at(left + middle(i), below + line_height,
                                       "class=\"muted\" text-anchor=\"middle\"", map.columns[i]);
  }
  const double names = l.upright ? detail::widest(map.columns) + 8 : line_height + 4;
  if (!map.row_label.empty()) out += upward(edge + 12, l.top + rows / 2, "middle", map.row_label);
  if (!map.column_label.empty()) {
    out += detail::text_at(left + columns / 2, below + names + line_height,
                           "class=\"muted\" text-anchor=\"middle\"", map.column_label);
  }
  return out;
}

std::string draw_map(const HeatMap& map, double edge, const Layout& l, const Axis& scale) {
  const std::vector<std::string> title = title_lines(map, l.cell);
  const double left = edge + head_width(map);
  std::string out;
  double y = l.top - 12 - line_height * static_cast<double>(title.size() - 1);
  for (const std::string& line : title) {
    out += detail::text_at(edge, y, "class=\"ink title\" style=\"font-size:13px\"", line);
    y += line_height;
  }
  return out + draw_cells(map, left, l, scale) + draw_names(map, edge, left, l);
}

std::string draw_bar(const HeatMap& map, const Layout& l, const Axis& scale, double right) {
  std::string out = "<linearGradient id=\"ramp\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">\n";
  for (std::size_t i = 0; i < ramp.size(); ++i) {
    const double place = static_cast<double>(i) / (ramp.size() - 1);
    out += fmt::format("<stop offset=\"{:.4f}\" stop-color=\"{}\"/>\n", place, ramp_colour(place));
  }
  out += fmt::format(
      "</linearGradient>\n<rect x=\"{:g}\" y=\"{:g}\" width=\"{:g}\" height=\"{:g}\" "
      "fill=\"url(#ramp)\"/>\n",
      l.bar_left, l.top, bar_width, l.bottom - l.top);
  for (const Tick& tick : scale.ticks) {
    const double y = l.bottom + scale.at(tick.value) * (l.top - l.bottom);
    out += detail::line_from_to(l.bar_left + bar_width, y, l.bar_left + bar_width + 4, y,
                                "class=\"axis\"");
    out +=
        detail::text_at(l.bar_left + bar_width + 8, y + 4, "class=\"muted bar-tick\"", tick.label);
  }
  return out + upward(right - margin, (l.top + l.bottom) / 2, "middle", map.value_label);
}

}  // namespace

std::string svg(const std::vector<HeatMap>& side_by_side, double low, double high) {
  check(side_by_side, low, high);
  const HeatMap& first = side_by_side[0];
  const Axis scale = {{low, high}, 0, 1, false, bar_ticks(low, high, first.powers_of_ten)};
  const Layout layout = layout_of(side_by_side, scale.ticks);
  std::string body, titles;
  double edge = margin;
  for (const HeatMap& map : side_by_side) {
    body += draw_map(map, edge, layout, scale);
    edge += head_width(map) + layout.cell * static_cast<double>(map.columns.size()) + between;
    if (!map.title.empty()) titles += (titles.empty() ? "" : "; ") + map.title;
  }
  return detail::document(layout.width, layout.height, titles,
                          body + draw_bar(first, layout, scale, layout.width));
}

}  // namespace limbeck
