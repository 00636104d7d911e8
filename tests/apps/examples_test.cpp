// The examples, whose code the READMEs show: every one runs to its end.
#include <filesystem>

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
    // This one takes minutes.
    const std::vector<std::string> arguments = name == "examples/vit_student"
                                                   ? std::vector<std::string>{"--quick"}
                                                   : std::vector<std::string>{};
    const Finished run = run_program(name, arguments);
    CAPTURE(name);
    CAPTURE(run.err);
    CHECK(run.exit_code == 0);
  }
}
