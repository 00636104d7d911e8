#include "apps/study/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/error.h"

namespace limbeck::detail {
namespace {

// The ⌊x⌋ that was meant where x is a quotient such as 0.3 / 0.1.
double floor_of_quotient(double x) {
  return std::floor(x + 1e-9);
}

// In scientific notation with so many significant digits, without zeros at the end.
std::string scientific(double value, int digits) {
  const std::string text = fmt::format("{:.{}e}", value, std::max(digits - 1, 0));  // 2.50e-07
  const std::size_t e = text.find('e');
  const std::string power = power_of_ten(std::atoi(text.c_str() + e + 1));
  std::string factor = text.substr(0, e);
  if (factor.find('.') != std::string::npos) {
    factor.erase(factor.find_last_not_of('0') + 1);
    if (factor.ends_with('.')) factor.pop_back();
  }
  if (factor == "1") return power;
  return fmt::format("{}·{}", factor, power);
}

// A multiple of a round step, with the decimals that the step has.
std::string multiple(double value, double step) {
  if (value == 0) return "0";
  const int place = static_cast<int>(floor_of_quotient(std::log10(step)));
  if (std::abs(value) < 1e6 && place >= -4) {
    return fmt::format("{:.{}f}", value, std::max(0, -place));
  }
  return scientific(value, static_cast<int>(std::floor(std::log10(std::abs(value)))) - place + 1);
}

}  // namespace

void Range::take(double value) {
  low = std::min(low, value);
  high = std::max(high, value);
}

Range Range::opened() const {
  const double size = std::max(std::abs(low), std::abs(high));
  if (size > 1e300) fail("svg", "no axis holds {:g} to {:g}", low, high);
  if (high - low > 1e-9 * size) return *this;
  if (size < 1e-300) return {low, low + 1};
  return {low - 0.1 * size, high + 0.1 * size};
}

double Axis::at(double value) const {
  const auto place = [&](double v) { return log ? std::log10(v) : v; };
  const double low = place(range.low), high = place(range.high);
  return start + (place(value) - low) / (high - low) * (end - start);
}

double round_step(double span, int parts) {
  const double least = span / parts, power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::vector<Tick> round_ticks(double low, double high, double step) {
  std::vector<Tick> ticks;
  const double last = floor_of_quotient(high / step);
  for (double k = -floor_of_quotient(-low / step); k <= last; ++k) {
    ticks.push_back({k * step, multiple(k * step, step)});
  }
  return ticks;
}

std::vector<Tick> log_ticks(double low, double high) {
  std::vector<Tick> ticks;
  const bool powers_only = std::log10(high) - std::log10(low) > 4;
  const int last = static_cast<int>(std::floor(std::log10(high)));
  for (int k = static_cast<int>(std::floor(std::log10(low))); k <= last; ++k) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10, k);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      if (powers_only && factor > 1) continue;
      ticks.push_back({value, number(value)});
    }
  }
  return ticks.size() < 2 ? round_ticks(low, high, round_step(high - low, 5)) : ticks;
}

std::string number(double value) {
  const double size = std::abs(value);
  const bool usual = size >= 1e-4 && size < 1e5;
  if (value == 0 || usual || !std::isfinite(value)) return fmt::format("{:g}", value);
  return scientific(value, 6);
}

std::string power_of_ten(int exponent) {
  static constexpr const char* digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = "10";
  for (const char c : fmt::format("{}", exponent)) text += c == '-' ? "⁻" : digits[c - '0'];
  return text;
}

}  // namespace limbeck::detail
