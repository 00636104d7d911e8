#include "data/formats/csv_text.h"

#include <algorithm>

namespace limbeck::detail {

std::vector<CsvLine> lines_of(std::string_view text) {
  std::vector<CsvLine> lines;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (Index number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      lines.push_back({.text = line, .number = number});
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

char separator_of(std::string_view line) {
  for (const char separator : {',', ';', '\t'}) {
    if (line.find(separator) != std::string_view::npos) return separator;
  }
  return ',';
}

std::string_view bare(std::string_view field) {
  constexpr std::string_view spaces = " \t\r";
  const std::size_t first = field.find_first_not_of(spaces);
  if (first == std::string_view::npos) return {};
  field = field.substr(first, field.find_last_not_of(spaces) - first + 1);
  if (field.size() >= 2 && field.front() == '"' && field.back() == '"') {
    field = field.substr(1, field.size() - 2);
  }
  return field;
}

std::string_view CsvFields::next() {
  bool quoted = false;
  const char* p = at_;
  for (; p != end_ && (quoted || *p != separator_); ++p) quoted = quoted != (*p == '"');
  const std::string_view field(at_, static_cast<std::size_t>(p - at_));
  pass(p);
  return field;
}

}  // namespace limbeck::detail
