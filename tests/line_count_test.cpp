// How many lines there are: what the top README says of each folder is counted anew, and the
// library stays small enough to read.
#include <algorithm>

#include "core/text.h"
#include "tests/markdown.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

struct Count {
  int lines = 0;
  int code = 0;  // lines that are neither blank nor only a comment
};

Count count_lines(const std::string& text) {
  Count count;
  for (const std::string& line : lines_of(text)) {
    ++count.lines;
    const std::string words = trimmed(line);
    if (!words.empty() && !words.starts_with("//")) ++count.code;
  }
  return count;
}

// Of a folder's sources and those of folders in it; but nn/distill/ is not counted for nn/.
Count count_folder(const std::string& folder) {
  Count sum;
  for (const std::string& file : all_sources()) {
    if (!file.starts_with(folder)) continue;
    if (folder == "nn/" && file.starts_with("nn/distill/")) continue;
    const Count count = count_lines(read_text(file));
    sum.lines += count.lines;
    sum.code += count.code;
  }
  return sum;
}

// A row of the table of folders, with what is counted in its second and third cell.
std::string with_counts(const std::string& row, const Count& count) {
  const std::size_t second = row.find('|', 1), third = row.find('|', second + 1);
  const std::size_t fourth = row.find('|', third + 1);
  return fmt::format("{}| {} | {} {}", row.substr(0, second), thousands(count.lines),
                     thousands(count.code), row.substr(fourth));
}

}  // namespace

TEST_CASE("lines of code are those that are neither blank nor a comment") {
  const Count count = count_lines("// Doubles.\n\nint twice(int x) {  // x\n  return 2 * x;\n}\n");
  CHECK(count.lines == 5);
  CHECK(count.code == 3);
  CHECK(with_counts("| `a/` | 1 | 2 | text | begin |", {.lines = 1234, .code = 987}) ==
        "| `a/` | 1,234 | 987 | text | begin |");
  CHECK(thousands(1234567) == "1,234,567");
  CHECK(thousands(123) == "123");
}

TEST_CASE("the top README counts the lines of each folder") {
  const Lines readme = lines_of(read_text("README.md"));
  REQUIRE_MESSAGE(!readme.empty(), "run from the root of the project");
  for (const char* folder : {"core/", "nn/", "nn/distill/", "optim/", "data/", "apps/", "tests/"}) {
    const std::string begin = fmt::format("| `{}` |", folder);
    const auto of_folder = [&](const std::string& line) { return line.starts_with(begin); };
    const auto row = std::ranges::find_if(readme, of_folder);
    REQUIRE_MESSAGE(row != readme.end(), folder << " has no row in the table of README.md");
    REQUIRE_MESSAGE(std::ranges::count(*row, '|') >= 5, "too few columns: " << *row);
    const std::string right = with_counts(*row, count_folder(folder));
    if (*row != right) FAIL_CHECK("the row in README.md should be\n" << right);
  }
}

TEST_CASE("the library is small enough to read, and so is the usual file") {
  int code = 0;
  for (const char* folder : {"core/", "nn/", "nn/distill/", "optim/", "data/"}) {
    code += count_folder(folder).code;
  }
  CHECK(code > 1'000);  // it did look
  CHECK(code < 8'000);
  std::vector<int> lengths;
  for (const std::string& file : all_sources()) {
    lengths.push_back(count_lines(read_text(file)).lines);
  }
  std::ranges::sort(lengths);
  REQUIRE(!lengths.empty());
  CHECK(lengths[lengths.size() / 2] <= 200);
}
