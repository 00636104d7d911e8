// LIMBECK_TRACE, seen from outside: it is read when a program begins.
#include <filesystem>
#include <fstream>
#include <regex>

#include "tests/apps/run_program.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Finished look_inside(const std::string& trace) {
  const std::string program = std::filesystem::absolute(LIMBECK_BIN "/examples/look_inside");
  return run_command({"env", "LIMBECK_TRACE=" + trace, program});
}

int count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<int>(std::distance(std::sregex_iterator(text.begin(), text.end(), regex), {}));
}

}  // namespace

TEST_CASE("LIMBECK_TRACE=1 prints every op with shapes, time and layer") {
  const Finished traced = look_inside("1");
  REQUIRE(traced.exit_code == 0);
  CAPTURE(traced.err);
  const std::string layer = R"(linear_relu +\(4, 784\) \(32, 784\) \(32\) )";
  CHECK(
      count(traced.err, "forward +" + layer + R"(→ \(4, 32\) +\d+ µs  student\.1 \(Linear\)\n)") ==
      2);  // for the loss, and before the NaN
  CHECK(count(traced.err,
              "backward +" + layer + R"(← \(4, 32\) +\d+ µs  student\.1 \(Linear\)\n)") == 1);
  CHECK(count(traced.err, R"(backward +cross_entropy +\(4, 10\) ← \(\) +\d+ µs)") == 1);
  CHECK(count(traced.err, "\n") == count(traced.err, "(for|back)ward "));
}

TEST_CASE("without LIMBECK_TRACE, or with 0, nothing is printed, and results are the same") {
  const Finished plain = look_inside(""), off = look_inside("0"), traced = look_inside("1");
  CHECK(plain.err == "");
  CHECK(off.err == "");
  CHECK(plain.out == off.out);
  CHECK(plain.out == traced.out);
}

TEST_CASE("look_inside shows a summary, a graph, and two errors with their layers") {
  const Finished run = look_inside("");
  for (const char* part :
       {"25,120", "digraph {", "student.3.weight\\n(10, 32)",
        "student.1 (Linear): linear: the input has 100 features and the layer takes 784",
        "student.4 (Function): detect_anomaly: log made the first value that is not finite: "}) {
    CAPTURE(run.out);
    CHECK(contains(run.out, part));
  }
}

TEST_CASE("graphviz reads what to_dot writes") {
  const Finished run = look_inside("");
  const std::string out = run.out;
  const auto begin = out.find("digraph"), end = out.find("\n}\n");
  REQUIRE(end != std::string::npos);
  const std::string file = std::filesystem::temp_directory_path() / "limbeck-look-inside.dot";
  std::ofstream(file) << out.substr(begin, end + 3 - begin);
  const Finished dot = run_command({"dot", "-Tplain", file});
  std::filesystem::remove(file);
  if (dot.exit_code == 127) {
    MESSAGE("skipped: graphviz's dot is not installed");
    return;
  }
  CHECK(dot.exit_code == 0);
  CHECK(dot.err == "");
  CHECK(contains(dot.out, "student.1.weight"));
}
