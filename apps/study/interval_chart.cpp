#include "apps/study/interval_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/study/axis.h"
#include "apps/study/svg.h"
#include "core/error.h"

namespace limbeck {
namespace {

using detail::Axis, detail::Range, detail::Tick;

constexpr double width = 720, margin = 16, row_height = 22;

double half_of(const IntervalRow& row) {
  return std::isfinite(row.half) && row.half > 0 ? row.half : 0;
}

Axis x_axis(const IntervalChart& chart, double left, double right) {
  Range range;
  for (const IntervalRow& row : chart.rows) {
    if (!std::isfinite(row.mean)) continue;
    range.take(row.mean - half_of(row)), range.take(row.mean + half_of(row));
  }
  if (!std::isfinite(range.low)) {
    fail("svg", "the chart \"{}\" has no row with a finite mean", chart.title);
  }
  if (chart.reference) range.take(*chart.reference);
  range = range.opened();
  const double step = detail::round_step(range.high - range.low, 8);
  return {range, left, right, false, detail::round_ticks(range.low, range.high, step)};
}

// c2 below the line, c1 above it, grey where the interval touches it.
const char* colour_of(const IntervalRow& row, const std::optional<double>& reference) {
  if (!reference) return "c0";
  if (std::abs(row.mean - *reference) <= half_of(row) || half_of(row) == 0) return "muted";
  return row.mean < *reference ? "c2" : "c1";
}

std::string draw_row(const IntervalRow& row, const Axis& x, double y, const char* colour) {
  const double at = x.at(row.mean), half = half_of(row);
  std::string out = fmt::format("<g class=\"{}\">\n", colour);
  std::string title = fmt::format("{}: {}", row.name, detail::number(row.mean));
  if (half > 0) {
    out += fmt::format(
        "<path class=\"bar\" stroke=\"currentColor\" stroke-width=\"2\" fill=\"none\" "
        "d=\"M{0:.2f},{2:.2f}H{1:.2f}M{0:.2f},{3:.2f}v8M{1:.2f},{3:.2f}v8\"/>\n",
        x.at(row.mean - half), x.at(row.mean + half), y, y - 4);
    title += " ± " + detail::number(half);
  }
  return out + fmt::format(
                   "<circle class=\"marker edge\" fill=\"currentColor\" cx=\"{:.2f}\" "
                   "cy=\"{:.2f}\" r=\"4.5\"><title>{}</title></circle>\n</g>\n",
                   at, y, detail::escaped(title));
}

}  // namespace

std::string svg(const IntervalChart& chart) {
  std::string body;
  double top = margin;
  for (const std::string& line : detail::wrapped(chart.title, (width - 2 * margin) / 1.3)) {
    body += detail::text_at(margin, top + 14, "class=\"ink title\"", line);
    top += 20;
  }
  double names = 0;
  for (const IntervalRow& row : chart.rows) names = std::max(names, detail::text_width(row.name));
  top += 8;
  const double left = margin + std::min(names, width / 2) + 14, right = width - margin - 14;
  const double bottom = top + row_height * static_cast<double>(chart.rows.size());
  const Axis x = x_axis(chart, left, right);
  for (const Tick& tick : x.ticks) {
    const double at = x.at(tick.value);
    body += detail::line_from_to(at, top, at, bottom, "class=\"grid\"");
    body += detail::text_at(at, bottom + 18, "class=\"muted x-tick\" text-anchor=\"middle\"",
                            tick.label);
  }
  if (chart.reference) {
    const double at = x.at(*chart.reference);
    body += detail::line_from_to(at, top, at, bottom,
                                 "class=\"level muted\" stroke=\"currentColor\" "
                                 "stroke-width=\"1.5\" stroke-dasharray=\"6 4\"");
  }
  double y = top + row_height / 2;
  for (const IntervalRow& row : chart.rows) {
    body += detail::text_at(left - 14, y + 4, "class=\"ink row\" text-anchor=\"end\"", row.name);
    if (std::isfinite(row.mean)) body += draw_row(row, x, y, colour_of(row, chart.reference));
    y += row_height;
  }
  const double end = bottom + (chart.x_label.empty() ? 34 : 54);
  if (!chart.x_label.empty()) {
    body += detail::text_at((left + right) / 2, end - margin,
                            "class=\"muted\" text-anchor=\"middle\"", chart.x_label);
  }
  return detail::document(width, end, chart.title, body);
}

}  // namespace limbeck
