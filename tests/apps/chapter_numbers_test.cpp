// The worked examples of the chapters: what a chapter quotes is what its program prints.
#include <fstream>
#include <set>
#include <sstream>

#include "tests/apps/run_program.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The lines of a text without the spaces at their ends.
std::set<std::string> lines_of(std::istream& text) {
  std::set<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    line.erase(line.find_last_not_of(' ') + 1);
    lines.insert(line);
  }
  return lines;
}

// The lines that a program prints, but its titles "--- …", and that a chapter does not quote.
std::vector<std::string> not_quoted(const std::string& program, const std::string& chapter) {
  const Finished run = run_program(program, {});
  REQUIRE(run.exit_code == 0);
  std::ifstream file(chapter);
  REQUIRE_MESSAGE(file, "run from the root of the project");
  const std::set<std::string> quoted = lines_of(file);
  std::istringstream printed(run.out);
  std::vector<std::string> missing;
  for (const std::string& line : lines_of(printed)) {
    if (!line.starts_with("---") && !quoted.contains(line)) missing.push_back(line);
  }
  return missing;
}

}  // namespace

TEST_CASE("the numbers of a chapter are those that its program prints") {
  CHECK(joined(not_quoted("examples/nn_numbers", "nn/README.md")) == "");
  CHECK(joined(not_quoted("examples/distill_numbers", "nn/distill/README.md")) == "");
}
