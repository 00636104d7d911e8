#include "apps/study/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace limbeck::detail {
namespace {

// Six of the eight colours of Okabe and Ito ("Color Universal Design", 2008), which the colour
// blind can tell apart; their yellow and black are lost on a white and on a black ground.
constexpr const char* style =
    "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:12px}"
    ".title{font-size:15px;font-weight:600}"
    ".ground{fill:#fff}.edge{stroke:#fff}.ink{fill:#1f2328;color:#1f2328}"
    ".muted{fill:#59636e;color:#59636e}.grid{stroke:#e1e5ea}.axis{stroke:#8c959f}"
    ".c0{color:#0072b2}.c1{color:#d55e00}.c2{color:#009e73}"
    ".c3{color:#cc79a7}.c4{color:#e69f00}.c5{color:#56b4e9}"
    "@media (prefers-color-scheme:dark){"
    ".ground{fill:#0d1117}.edge{stroke:#0d1117}.ink{fill:#e6edf3;color:#e6edf3}"
    ".muted{fill:#9198a1;color:#9198a1}.grid{stroke:#262c36}.axis{stroke:#656c76}"
    ".c0{color:#0f7fc4}}";

// The bytes of UTF-8 that begin a character; the others continue one.
bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// The bytes of as many of a word's first characters as fit; a byte that continues a character adds
// no width, so none is cut in two.
std::size_t size_within(const std::string& word, double width) {
  std::size_t size = 1;
  while (size < word.size() && text_width(word.substr(0, size + 1)) <= width) ++size;
  return size;
}

// A character as XML may hold it, which has no place for control characters.
std::string escaped(char c) {
  if (c == '&') return "&amp;";
  if (c == '<') return "&lt;";
  if (c == '>') return "&gt;";
  if (c == '"') return "&quot;";
  return std::string(1, c >= 0 && c < ' ' ? ' ' : c);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) safe += escaped(c);
  return safe;
}

double text_width(std::string_view text) {
  return 7.0 * static_cast<double>(std::ranges::count_if(text, begins_character));
}

double widest(const std::vector<std::string>& texts) {
  double width = 0;
  for (const std::string& text : texts) width = std::max(width, text_width(text));
  return width;
}

std::vector<std::string> wrapped(std::string_view text, double width) {
  std::vector<std::string> lines;
  std::string line, word;
  for (std::istringstream words{std::string(text)}; words >> word;) {
    if (!line.empty() && text_width(line + " " + word) > width) {
      lines.push_back(std::exchange(line, ""));
    }
    while (text_width(word) > width) {  // then it begins a line
      const std::size_t size = size_within(word, width);
      lines.push_back(word.substr(0, size));
      word.erase(0, size);
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

std::string text_at(double x, double y, std::string_view attributes, std::string_view text) {
  return fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" {}>{}</text>\n", x, y, attributes,
                     escaped(text));
}

std::string line_from_to(double x1, double y1, double x2, double y2, std::string_view attributes) {
  return fmt::format("<line x1=\"{:.2f}\" y1=\"{:.2f}\" x2=\"{:.2f}\" y2=\"{:.2f}\" {}/>\n", x1, y1,
                     x2, y2, attributes);
}

std::string document(double width, double height, std::string_view title, std::string_view body) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:g}\" height=\"{1:g}\" "
      "viewBox=\"0 0 {0:g} {1:g}\" role=\"img\" aria-label=\"{2}\">\n<title>{2}</title>\n"
      "<style>{3}</style>\n<rect class=\"ground\" width=\"{0:g}\" height=\"{1:g}\"/>\n{4}</svg>\n",
      width, height, escaped(title), style, body);
}

}  // namespace limbeck::detail
