// What the READMEs refer to is there: files and headings behind links, pictures, and files named
// between backticks. Their commands are checked in tests/apps/readme_commands_test.cpp, their C++
// in tests/snippets_test.cpp.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "tests/markdown.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

namespace fs = std::filesystem;

// A file or folder that a README names, from the folder of the README.
fs::path beside(const std::string& readme, const std::string& name) {
  return (fs::path(readme).parent_path() / name).lexically_normal();
}

// What is wrong with the target of a link in a README of this text; "" if nothing.
std::string wrong_link(const std::string& readme, const std::string& text,
                       const std::string& target) {
  if (target.starts_with("https://") || target.starts_with("http://")) return "";
  const std::size_t hash = target.find('#');
  const std::string name = target.substr(0, hash);
  const fs::path file = beside(readme, name);
  if (name.starts_with('/') || file.string().starts_with("..")) {
    return "the link " + target + " leads out of the tree";
  }
  if (!fs::exists(file)) return "the link " + target + " leads nowhere";
  if (hash == std::string::npos) return "";
  const std::string target_text = name.empty() ? text : read_text(file.string());
  const Lines known = anchors(parse_markdown(target_text).headings);
  const bool there = std::ranges::find(known, target.substr(hash + 1)) != known.end();
  return there ? "" : "no heading for the link " + target;
}

// "apps/NAME.cpp", "DIR/epochs.csv" and "apps/*/": names with a part for the reader to fill in.
bool is_pattern(const std::string& name) {
  if (name.find('*') != std::string::npos) return true;
  return std::ranges::any_of(fs::path(name), [](const fs::path& part) {
    const std::string word = part.stem().string();
    const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    return word != "README" && word.size() > 1 && std::ranges::all_of(word, capital);
  });
}

// Whether code between backticks is the name of a file: one word, and a known extension.
bool is_file_name(const std::string& code) {
  constexpr std::array extensions = {".h",  ".cpp", ".md",   ".py",  ".mjs",  ".js",
                                     ".sh", ".css", ".html", ".svg", ".cmake"};
  const bool word = std::ranges::all_of(code, [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
  return word && !is_pattern(code) &&
         std::ranges::find(extensions, fs::path(code).extension()) != extensions.end();
}

// The folder that the first cell of a table's row names, as "| `core/` | …"; "" for other lines.
std::string folder_of_row(const std::string& line) {
  if (!line.starts_with("| `")) return "";
  const std::string name = line.substr(3, line.find('`', 3) - 3);
  return name.ends_with('/') ? name : "";
}

// What is wrong with a file's name; "" if nothing. With folders in it, it counts from the root or
// from the README. Without, a source is one of the row's folder, or of any folder outside of such
// rows.
std::string wrong_file(const std::string& readme, const std::string& folder,
                       const std::string& name) {
  const bool built = name.starts_with("build/") || name.starts_with('/');
  if (built || fs::exists(name) || fs::exists(beside(readme, name))) return "";
  if (fs::exists(beside(readme, folder + name))) return "";
  const std::string missing = "there is no file " + folder + name;
  if (!folder.empty() || name.find('/') != std::string::npos) return missing;
  const std::string extension = fs::path(name).extension().string();
  if (extension != ".h" && extension != ".cpp") return "";
  const auto named_so = [&](const std::string& file) { return file.ends_with("/" + name); };
  return std::ranges::any_of(all_sources(), named_so) ? "" : missing;
}

// What a README refers to and is not there: a sentence each.
Lines complaints(const std::string& readme, const std::string& text) {
  Lines found;
  const auto add = [&](int line, const std::string& complaint) {
    if (!complaint.empty()) found.push_back(fmt::format("{}:{}: {}", readme, line, complaint));
  };
  const Markdown markdown = parse_markdown(text);
  for (const Piece& link : markdown.links) add(link.line, wrong_link(readme, text, link.text));
  const Lines lines = lines_of(text);
  for (const Piece& code : markdown.code) {
    if (!is_file_name(code.text)) continue;
    const std::string& line = lines[static_cast<std::size_t>(code.line) - 1];
    add(code.line, wrong_file(readme, folder_of_row(line), code.text));
  }
  return found;
}

}  // namespace

TEST_CASE("anchors of headings follow GitHub's rule") {
  const std::string text =
      "# A heading, `with code`\n```sh\n# none\n```\n## A heading, with code\n"
      "## T² and α: 2 × 3 – why?\n#none\n";
  CHECK(joined(anchors(parse_markdown(text).headings)) ==
        "a-heading-with-code\na-heading-with-code-1\nt-and-α-2--3--why");
}

TEST_CASE("the check of the READMEs finds what is not there") {
  const auto check = [](const std::string& text) {
    return joined(complaints("nn/README.md", text));
  };
  const std::string at = "nn/README.md:1: ";
  CHECK(check("[a](linear.h), [b](distill/) and ![c](../core/shape.h \"title\")") == "");
  CHECK(check("[a](https://example.org/none) and `[b](none)`") == "");
  CHECK(check("```\n[a](none)\n```\n") == "");
  CHECK(check("[a](none.md)") == at + "the link none.md leads nowhere");
  CHECK(check("\n![a](none.svg)") == "nn/README.md:2: the link none.svg leads nowhere");
  CHECK(check("[`x`](none.h)") == at + "the link none.h leads nowhere");
  CHECK(check("[a](core/shape.h)") == at + "the link core/shape.h leads nowhere");
  CHECK(check("[a](../../)") == at + "the link ../../ leads out of the tree");
  CHECK(check("[a](/tmp)") == at + "the link /tmp leads out of the tree");
  CHECK(check("# Here\n[a](#here)") == "");
  CHECK(check("[a](#none)") == at + "no heading for the link #none");
  CHECK(check("[a](../README.md#none)") == at + "no heading for the link ../README.md#none");
  CHECK(check("[a](../README.md#limbeck)") == "");

  CHECK(check("`core/shape.h`, `linear.h`, `shape.h`, `apps/NAME.cpp`, `DIR/none.h`") == "");
  CHECK(check("`tests/*/*.cpp`, `build/none.h`, `none.md`, `2.5` and `include none.h`") == "");
  CHECK(check("`core/none.h`") == at + "there is no file core/none.h");
  CHECK(check("`none.h`") == at + "there is no file none.h");
  CHECK(check("`none/README.md`") == at + "there is no file none/README.md");
  CHECK(check("| `train/` | `trainer.h` |\n") == "");
  CHECK(check("| `distill/` | `shape.h` |\n") == at + "there is no file distill/shape.h");
}

TEST_CASE("every link, picture and file in a README is there") {
  check_readmes(complaints);
}
