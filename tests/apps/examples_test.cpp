// The examples, whose code the READMEs show: every one runs to its end.
#include <filesystem>
#include <map>

#include "tests/apps/run_program.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("every example runs to its end") {
  const std::filesystem::path folder = "apps/examples";
  if (!std::filesystem::is_directory(folder)) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string name = "examples/" + entry.path().stem().string();
    const std::map<std::string, std::vector<std::string>> shorter = {
        {"examples/vit_student", {"--quick"}}, {"examples/product_ladder", {"130"}}};
    const auto found = shorter.find(name);
    const Finished run =
        run_program(name, found != shorter.end() ? found->second : std::vector<std::string>{});
    CAPTURE(name);
    CAPTURE(run.err);
    CHECK(run.exit_code == 0);
  }
}

TEST_CASE("the ladder of products refuses what is no size") {
  for (const char* size : {"0", "-3", "12x", "", "8193"}) {
    const Finished run = run_program("examples/product_ladder", {size});
    CAPTURE(size);
    CHECK(run.exit_code == 1);
    CHECK(contains(run.err, "the matrices' size is a number from 1 to 8,192"));
  }
}
