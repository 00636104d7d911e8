#include "apps/study/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

std::string cell(const Row& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
  return value.dump();
}

// The number of characters that a text takes on a line; "±" and "é" are one each.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string csv_field(const Row& value) {
  if (value.is_null()) return "";
  if (!value.is_string()) return value.dump();
  std::string quoted = "\"";
  for (const char c : value.get<std::string>()) quoted += c == '"' ? "\"\"" : std::string(1, c);
  quoted += '"';
  const std::string plain = value.get<std::string>();
  return plain.find_first_of(",\"\r\n") == std::string::npos ? plain : quoted;
}

}  // namespace

std::string text_of(const Table& table) {
  if (table.empty()) return "";
  std::vector<std::vector<std::string>> lines(table.size() + 1);
  std::vector<bool> right;
  for (const auto& entry : table.front().items()) {
    const std::string& name = entry.key();
    lines[0].push_back(name);
    right.push_back(
        std::ranges::none_of(table, [&](const Row& r) { return r.at(name).is_string(); }));
    for (std::size_t i = 0; i < table.size(); ++i) lines[i + 1].push_back(cell(table[i].at(name)));
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t column = 0; column < line.size(); ++column) {
      std::size_t widest = 0;
      for (const auto& other : lines) widest = std::max(widest, width_of(other[column]));
      const std::string gap(widest - width_of(line[column]), ' ');
      if (column > 0) row += "  ";
      row += right[column] ? gap + line[column] : line[column] + gap;
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

std::string csv_of(const Table& table) {
  std::string text;
  const auto add_line = [&text](const std::vector<std::string>& fields) {
    for (const std::string& field : fields) text += (&field == fields.data() ? "" : ",") + field;
    text += "\r\n";
  };
  std::vector<std::string> names;
  if (!table.empty()) {
    for (const auto& [name, value] : table.front().items()) names.push_back(csv_field(name));
  }
  add_line(names);
  for (const Row& row : table) {
    std::vector<std::string> fields;
    for (const auto& [name, value] : row.items()) fields.push_back(csv_field(value));
    add_line(fields);
  }
  return text;
}

Spread spread_of(const std::vector<double>& values) {
  if (values.empty()) fail("spread_of", "at least one number is needed");
  const auto n = static_cast<double>(values.size());
  Spread spread;
  for (const double v : values) spread.mean += v / n;
  double squares = 0;
  for (const double v : values) squares += (v - spread.mean) * (v - spread.mean);
  if (values.size() > 1) spread.deviation = std::sqrt(squares / (n - 1));
  return spread;
}

std::string text_of(const Spread& spread) {
  if (spread.deviation == 0) return fmt::format("{:.4g}", spread.mean);
  return fmt::format("{:.1f} ± {:.1f}", spread.mean, spread.deviation);
}

}  // namespace limbeck
