// Code in the READMEs cannot rot: each C++ block stands, word for word, in a file of the tree,
// which is compiled. The line above a block says in which:
//
//   <!-- from apps/examples/first.cpp -->
//   ```cpp
//   Rng rng(42);
//   ```
#include "core/function_ref.h"
#include "tests/markdown.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Lines without the spaces that all of them (but empty ones) begin with.
Lines without_indentation(Lines lines) {
  std::size_t common = std::string::npos;
  for (const std::string& line : lines) common = std::min(common, line.find_first_not_of(' '));
  for (std::string& line : lines) line.erase(0, common);
  return lines;
}

// Whether `block` is a contiguous run of the lines of `source`.
bool occurs(const Lines& block, const Lines& source) {
  const Lines wanted = without_indentation(block);
  const auto length = static_cast<std::ptrdiff_t>(block.size());
  for (auto at = source.begin(); source.end() - at >= length; ++at) {
    if (without_indentation({at, at + length}) == wanted) return true;
  }
  return false;
}

bool is_cpp(const Block& block) {
  return block.language == "cpp" || block.language == "c++" || block.language == "C++";
}

// The file named in "<!-- from PATH -->"; "" for any other line, and for other files than .h and
// .cpp.
std::string source_named_by(const std::string& line) {
  const std::string before = "<!-- from ", after = " -->";
  const std::string comment = trimmed(line);
  if (!comment.starts_with(before) || !comment.ends_with(after)) return "";
  const std::string file =
      comment.substr(before.size(), comment.size() - before.size() - after.size());
  return file.ends_with(".h") || file.ends_with(".cpp") ? file : "";
}

// What is wrong with the C++ blocks of a README: a sentence each.
Lines complaints(const std::string& readme, const std::string& text,
                 FunctionRef<std::string(const std::string& file)> read) {
  Lines found;
  for (const Block& block : parse_markdown(text).blocks) {
    if (!is_cpp(block)) continue;
    const std::string where = fmt::format("{}:{}", readme, block.line);
    const std::string file = source_named_by(block.before);
    if (file.empty()) {
      found.push_back(where + ": no line <!-- from PATH.cpp --> above the block");
    } else if (block.lines.empty()) {
      found.push_back(where + ": the block is empty");
    } else if (!occurs(block.lines, lines_of(read(file)))) {
      found.push_back(where + ": the block does not stand in " + file);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("the check of the READMEs finds blocks that stand in no source") {
  const auto check = [](const std::string& text) {
    const auto read = [](const std::string& file) -> std::string {
      if (file == "core/a.h") return "int a();\n";
      if (file != "apps/examples/a.cpp") return "";
      return "int main() {\n  one();\n  if (two()) {\n    three();\n  }\n\n  four();\n}\n";
    };
    return joined(complaints("README.md", text, read));
  };
  const std::string from = "<!-- from apps/examples/a.cpp -->\n```cpp\n";
  CHECK(check("No code.\n```sh\nmake\n```\n") == "");
  CHECK(check(from + "one();\nif (two()) {\n  three();\n}\n```\n") == "");
  CHECK(check(from + "  one();\n```\n" + from + "}\n\nfour();\n```\n") == "");
  CHECK(
      check("1. In a list:\n   <!-- from apps/examples/a.cpp -->\n   ```cpp\n   one();\n   ```") ==
      "");
  CHECK(check("<!-- from core/a.h -->\n```cpp\nint a();\n```") == "");

  const std::string absent = "README.md:2: the block does not stand in apps/examples/a.cpp";
  CHECK(check(from + "two();\n```") == absent);
  CHECK(check(from + "one();\nfour();\n```") == absent);            // not contiguous
  CHECK(check(from + "if (two()) {\nthree();\n}\n```") == absent);  // indented otherwise
  CHECK(check(from + "one()\n```") == absent);                      // half a line
  CHECK(check(from + "int main() {\n  one();\n") == "");            // closed by the end
  CHECK(check(from + "```") == "README.md:2: the block is empty");
  const std::string unnamed = ": no line <!-- from PATH.cpp --> above the block";
  CHECK(check("```cpp\none();\n```") == "README.md:1" + unnamed);
  CHECK(check("```c++\none();\n```") == "README.md:1" + unnamed);
  CHECK(check("<!-- from apps/examples/a.cpp -->\n\n```cpp\none();\n```") ==
        "README.md:3" + unnamed);
  CHECK(check("<!-- from core/a.py -->\n```cpp\none();\n```") == "README.md:2" + unnamed);
  CHECK(check("<!-- from apps/examples/b.cpp -->\n```cpp\none();\n```") ==
        "README.md:2: the block does not stand in apps/examples/b.cpp");
}

TEST_CASE("every C++ block in a README stands in a file that is compiled") {
  check_readmes([](const std::string& readme, const std::string& text) {
    return complaints(readme, text, read_text);
  });
}
