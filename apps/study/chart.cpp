#include "apps/study/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/study/axis.h"
#include "apps/study/label_column.h"
#include "apps/study/svg.h"
#include "core/error.h"

namespace limbeck {
namespace {

using detail::Axis, detail::Label, detail::Range, detail::Tick;

constexpr double width = 720, height = 440, margin = 16;
constexpr double widest_name = 190, key_width = 32;
constexpr const char* dashes =
    "stroke=\"currentColor\" stroke-width=\"1.5\" stroke-dasharray=\"6 4\"";
constexpr std::size_t colours = 6;

// Seven shapes about a point: disc, square, triangle, diamond, triangle upside down, bar, plus.
// Seven shapes and six colours come together again only at the 43rd series.
constexpr std::array<const char*, 7> markers = {
    "m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "m-3.6,-3.6h7.2v7.2h-7.2z",
    "m0,-5l4.8,8.4h-9.6z",
    "m0,-5.2l5.2,5.2l-5.2,5.2l-5.2,-5.2z",
    "m0,5l4.8,-8.4h-9.6z",
    "m-5.5,-2.2h11v4.4h-11z",
    "m-1.8,-5.2h3.6v3.4h3.4v3.6h-3.4v3.4h-3.6v-3.4h-3.4v-3.6h3.4z"};

bool drawn(const Point& p) {
  return std::isfinite(p.x) && std::isfinite(p.y);
}
bool has_bar(const Point& p) {
  return std::isfinite(p.spread) && p.spread > 0;
}

std::string colour_of(int series) {
  return series < 0 ? "muted" : fmt::format("c{}", static_cast<std::size_t>(series) % colours);
}

// The rectangle that the axes enclose, and what is beside it.
struct Frame {
  double left, right, top, bottom;
  Axis x, y;
  std::vector<Label> labels;
};

void check(const Chart& chart) {
  bool any = false;
  for (const Series& series : chart.series) {
    for (const Point& p : series.points) {
      if (!drawn(p)) continue;
      any = true;
      if (chart.log_x && p.x <= 0) {
        fail("svg", "a logarithmic axis holds x above 0; \"{}\" has {}", series.name, p.x);
      }
    }
  }
  if (!any) fail("svg", "the chart \"{}\" has no point with finite coordinates", chart.title);
  for (const Level& level : chart.levels) {
    if (level.series < -1 || level.series >= static_cast<int>(chart.series.size())) {
      fail("svg", "the level \"{}\" has the colour of series {}; there are {}", level.name,
           level.series, chart.series.size());
    }
  }
}

Axis x_axis(const Chart& chart, double left, double right) {
  Range range;
  std::vector<double> values;
  for (const Series& series : chart.series) {
    for (const Point& p : series.points) {
      if (drawn(p)) range.take(p.x), values.push_back(p.x);
    }
  }
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  range = range.opened();
  Axis axis = {range, left + 14, right - 14, chart.log_x};
  if (!chart.log_x) {
    axis.ticks =
        detail::round_ticks(range.low, range.high, detail::round_step(range.high - range.low, 8));
  } else if (values.size() > 12) {
    axis.ticks = detail::log_ticks(range.low, range.high);
  } else {
    for (const double value : values) axis.ticks.push_back({value, detail::number(value)});
  }
  return axis;
}

// From a round value to a round value, a little beyond the data.
Axis y_axis(const Chart& chart, double bottom, double top) {
  Range range;
  for (const Series& series : chart.series) {
    for (const Point& p : series.points) {
      if (!drawn(p)) continue;
      const double bar = has_bar(p) ? p.spread : 0;
      range.take(p.y - bar), range.take(p.y + bar);
    }
  }
  for (const Level& level : chart.levels) {
    if (std::isfinite(level.y)) range.take(level.y);
  }
  const bool from_zero = range.low >= 0 && range.low <= 0.4 * range.high;
  if (from_zero) range.low = 0;
  range = range.opened();
  const double pad = 0.03 * (range.high - range.low);
  if (!from_zero) range.low -= pad;
  range.high += pad;
  const double step = detail::round_step(range.high - range.low, 6);
  range = {step * std::floor(range.low / step), step * std::ceil(range.high / step)};
  return {range, bottom, top, false, detail::round_ticks(range.low, range.high, step)};
}

std::string draw_axes(const Frame& f) {
  std::string out;
  for (const Tick& tick : f.y.ticks) {
    const double y = f.y.at(tick.value);
    out += detail::line_from_to(f.left, y, f.right, y, "class=\"grid\"");
    out += detail::text_at(f.left - 8, y + 4, "class=\"muted y-tick\" text-anchor=\"end\"",
                           tick.label);
  }
  double free_from = 0;  // where a label may begin without touching the one before
  for (const Tick& tick : f.x.ticks) {
    const double x = f.x.at(tick.value), half = detail::text_width(tick.label) / 2;
    out += detail::line_from_to(x, f.top, x, f.bottom, "class=\"grid\"");
    if (x - half < free_from) continue;
    out += detail::text_at(x, f.bottom + 18, "class=\"muted x-tick\" text-anchor=\"middle\"",
                           tick.label);
    free_from = x + half + 5;
  }
  return out + detail::line_from_to(f.left, f.bottom, f.right, f.bottom, "class=\"axis\"");
}

// The tag of a marker, still open.
std::string marker(std::size_t series, double x, double y, const char* role) {
  return fmt::format("<path class=\"{} edge\" fill=\"currentColor\" d=\"M{:.2f},{:.2f}{}\"", role,
                     x, y, markers[series % markers.size()]);
}

std::string draw_bar(double x, double low, double high) {
  return fmt::format(
      "<path class=\"bar\" stroke=\"currentColor\" "
      "d=\"M{0:.2f},{1:.2f}V{2:.2f}m-4,0h8M{0:.2f},{1:.2f}m-4,0h8\"/>\n",
      x, low, high);
}

// The line and its bars, then the markers above them.
std::string draw_series(const Frame& f, const Series& series, std::size_t index) {
  std::string out =
      fmt::format("<g class=\"{}\" fill=\"none\">\n", colour_of(static_cast<int>(index)));
  std::string line, bars, dots;
  const auto end_line = [&] {
    if (line.find(' ') != std::string::npos) {  // two points at least
      out += fmt::format(
          "<polyline stroke=\"currentColor\" stroke-width=\"2\" "
          "stroke-linejoin=\"round\" points=\"{}\"/>\n",
          line);
    }
    line.clear();
  };
  for (const Point& p : series.points) {
    if (!drawn(p)) {
      end_line();
      continue;
    }
    const double x = f.x.at(p.x), y = f.y.at(p.y);
    line += fmt::format("{}{:.2f},{:.2f}", line.empty() ? "" : " ", x, y);
    std::string title =
        fmt::format("{}: ({}, {}", series.name, detail::number(p.x), detail::number(p.y));
    if (has_bar(p)) {
      bars += draw_bar(x, f.y.at(p.y - p.spread), f.y.at(p.y + p.spread));
      title += " ± " + detail::number(p.spread);
    }
    dots += fmt::format("{}><title>{}</title></path>\n", marker(index, x, y, "marker"),
                        detail::escaped(title + ")"));
  }
  end_line();
  return out + bars + dots + "</g>\n";
}

std::string draw_levels(const Chart& chart, const Frame& f) {
  std::string out;
  for (const Level& level : chart.levels) {
    if (!std::isfinite(level.y)) continue;
    const double y = f.y.at(level.y);
    out +=
        detail::line_from_to(f.left, y, f.right, y,
                             fmt::format("class=\"level {}\" {}", colour_of(level.series), dashes));
  }
  return out;
}

// A label beside the last point of each series and beside each level, from the top down.
std::vector<Label> labels_of(const Chart& chart, const Axis& y) {
  std::vector<Label> labels;
  const auto add = [&](double value, const std::string& name, std::string key) {
    std::vector<std::string> lines = detail::wrapped(name, widest_name);
    if (!lines.empty()) labels.push_back({y.at(value), std::move(key), std::move(lines)});
  };
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    const auto last = std::find_if(series.points.rbegin(), series.points.rend(), drawn);
    if (last == series.points.rend()) continue;
    const std::string stroke = "stroke=\"currentColor\" stroke-width=\"2\"";
    add(last->y, series.name,
        fmt::format("<g class=\"{}\">{}{}</g>", colour_of(static_cast<int>(i)),
                    detail::line_from_to(-12, 0, 12, 0, stroke), marker(i, 0, 0, "key") + "/>"));
  }
  for (const Level& level : chart.levels) {
    if (!std::isfinite(level.y)) continue;
    add(level.y, level.name,
        detail::line_from_to(-12, 0, 12, 0,
                             fmt::format("class=\"{}\" {}", colour_of(level.series), dashes)));
  }
  std::ranges::stable_sort(labels, {}, &Label::y);
  return labels;
}

std::string draw_labels(const Frame& f) {
  std::string out;
  for (const Label& label : f.labels) {
    const double first = label.y - (label.height() - detail::line_height) / 2;
    out += fmt::format("<g transform=\"translate({:.2f} {:.2f})\">{}</g>\n", f.right + 22, first,
                       label.key);
    for (std::size_t i = 0; i < label.lines.size(); ++i) {
      out += detail::text_at(f.right + 8 + key_width,
                             first + 4 + detail::line_height * static_cast<double>(i),
                             "class=\"ink name\"", label.lines[i]);
    }
  }
  return out;
}

Frame frame_of(const Chart& chart, double top, double bottom) {
  const Axis y = y_axis(chart, bottom, top);
  double left = margin + 8, names = 0;
  for (const Tick& tick : y.ticks) {
    left = std::max(left, margin + 8 + detail::text_width(tick.label));
  }
  std::vector<Label> labels = labels_of(chart, y);
  for (const Label& label : labels) names = std::max(names, detail::widest(label.lines));
  const double right = width - margin - (labels.empty() ? 0 : names + key_width);
  detail::spread_out(labels, top - 10, bottom + 10);
  return {left, right, top, bottom, x_axis(chart, left, right), y, std::move(labels)};
}

}  // namespace

std::string svg(const Chart& chart) {
  check(chart);
  std::string head;
  double y = margin;
  for (const std::string& line : detail::wrapped(chart.title, (width - 2 * margin) / 1.3)) {
    head += detail::text_at(margin, y + 14, "class=\"ink title\"", line);
    y += 20;
  }
  if (!chart.y_label.empty()) {
    head += detail::text_at(margin, y + 16, "class=\"muted\"", chart.y_label);
    y += 20;
  }
  const Frame f = frame_of(chart, y + 14, height - (chart.x_label.empty() ? 34 : 54));
  std::string body = draw_axes(f) + draw_levels(chart, f);
  for (std::size_t i = 0; i < chart.series.size(); ++i) body += draw_series(f, chart.series[i], i);
  body += draw_labels(f);
  if (!chart.x_label.empty()) {
    body += detail::text_at((f.left + f.right) / 2, height - margin,
                            "class=\"muted\" text-anchor=\"middle\"", chart.x_label);
  }
  return detail::document(width, height, chart.title, head + body);
}

}  // namespace limbeck
