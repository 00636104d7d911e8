// The benchmark from outside: its lines, and its refusals.
#include <nlohmann/json.hpp>

#include "tests/apps/run_program.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("bench --json prints a line of figures for the row that is asked for") {
  const Finished run = run_program("bench", {"--json", "--only", "tiny_infer_1", "--threads", "1"});
  REQUIRE(run.exit_code == 0);
  const auto row = nlohmann::json::parse(run.out);  // one line, one object
  CHECK(row.at("name") == "tiny_infer_1");
  CHECK(row.at("ms").get<double>() > 0);
  CHECK(row.at("floor_ms").get<double>() > 0);
  CHECK(row.at("images_per_s").get<double>() == doctest::Approx(1e3 / row.at("ms").get<double>()));
}

TEST_CASE("bench names its rows to who asks for another") {
  const Finished run = run_program("bench", {"--only", "gpu"});
  CHECK(run.exit_code == 1);
  CHECK(
      contains(run.err, "bench: error: --only: there is no row gpu; there are: mlp_teacher_train"));
}

TEST_CASE("bench_growth refuses to run on no thread") {
  const Finished run = run_program("bench_growth", {"--threads", "0"});
  CHECK(run.exit_code == 2);
  CHECK(contains(run.err, "--threads: must be at least 1; got 0"));
}
