#include "tests/markdown.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace limbeck::testing {
namespace {

namespace fs = std::filesystem;

// Moves what stands between backticks to `code` and leaves spaces in its place, so that nothing in
// it is taken for a link.
std::string without_code(std::string line, int number, std::vector<Piece>& code) {
  for (std::size_t open = 0; (open = line.find('`', open)) != std::string::npos;) {
    const std::size_t close = line.find('`', open + 1);
    if (close == std::string::npos) break;
    code.push_back({line.substr(open + 1, close - open - 1), number});
    std::fill(line.begin() + static_cast<std::ptrdiff_t>(open),
              line.begin() + static_cast<std::ptrdiff_t>(close) + 1, ' ');
    open = close + 1;
  }
  return line;
}

void find_links(const std::string& line, int number, std::vector<Piece>& links) {
  for (std::size_t at = 0; (at = line.find("](", at)) != std::string::npos;) {
    at += 2;
    const std::size_t close = line.find(')', at);
    if (close == std::string::npos) return;
    links.push_back({split(line.substr(at, close - at), ' ')[0], number});
  }
}

// The length of the character that begins at text[i], and whether an anchor keeps it. Of those
// beyond ASCII, punctuation, arrows and mathematical signs (E2 in UTF-8), × and ÷, and what stands
// before À in Latin-1 (C2), go.
std::pair<std::size_t, bool> kept(const std::string& text, std::size_t i) {
  const auto byte = static_cast<unsigned char>(text[i]);
  if (byte < 0x80) return {1, std::isalnum(byte) || byte == '-' || byte == '_' || byte == ' '};
  const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
  const std::string character = text.substr(i, length);
  return {length, byte != 0xE2 && byte != 0xC2 && character != "×" && character != "÷"};
}

Lines files_of_tree(FunctionRef<bool(const fs::path&)> wanted) {
  Lines found;
  auto entry = fs::recursive_directory_iterator(".");
  for (; entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name == "build" || name.starts_with('.'))) {
      entry.disable_recursion_pending();
    } else if (wanted(entry->path())) {
      found.push_back(entry->path().lexically_normal().string());
    }
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

Lines lines_of(const std::string& text) {
  std::istringstream in(text);
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string read_text(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

Lines split(const std::string& text, char separator) {
  Lines parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) part = trimmed(part);
  return parts;
}

Markdown parse_markdown(const std::string& text) {
  Markdown found;
  const Lines lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    const std::string line = trimmed(lines[i]);
    if (line.starts_with("```")) {
      Block block{.language = line.substr(3),
                  .before = i == 0 ? "" : lines[i - 1],
                  .lines = {},
                  .line = number};
      while (++i < lines.size() && trimmed(lines[i]) != "```") block.lines.push_back(lines[i]);
      found.blocks.push_back(block);
      continue;
    }
    const std::size_t level = line.find_first_not_of('#');
    if (level != 0 && level != std::string::npos && line[level] == ' ') {
      found.headings.push_back({trimmed(line.substr(level)), number});
    }
    find_links(without_code(lines[i], number, found.code), number, found.links);
  }
  return found;
}

Lines anchors(const std::vector<Piece>& headings) {
  Lines found;
  for (const Piece& heading : headings) {
    std::string name;
    for (std::size_t i = 0; i < heading.text.size();) {
      const auto [length, keep] = kept(heading.text, i);
      if (keep) name += heading.text.substr(i, length);
      i += length;
    }
    for (char& c : name) {
      c = c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    std::string unique = name;
    for (int again = 1; std::ranges::find(found, unique) != found.end(); ++again) {
      unique = name + "-" + std::to_string(again);
    }
    found.push_back(unique);
  }
  return found;
}

Lines all_readmes() {
  return files_of_tree([](const fs::path& file) { return file.filename() == "README.md"; });
}

Lines all_sources() {
  return files_of_tree(
      [](const fs::path& file) { return file.extension() == ".h" || file.extension() == ".cpp"; });
}

void check_readmes(
    FunctionRef<Lines(const std::string& readme, const std::string& text)> complaints) {
  const Lines readmes = all_readmes();
  REQUIRE_MESSAGE(!readmes.empty(), "run from the root of the project");
  for (const std::string& readme : readmes) {
    for (const std::string& complaint : complaints(readme, read_text(readme))) {
      FAIL_CHECK(complaint);
    }
  }
}

}  // namespace limbeck::testing
