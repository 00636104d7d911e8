// The benchmark from outside: its lines, and its refusals.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/apps/mpirun.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"
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
  CHECK(row.at("gflops").get<double>() > 0);
  CHECK(row.at("share_of_peak").get<double>() > 0);
  CHECK(row.at("share_of_peak").get<double>() < 1.2);  // the peak is measured on the same machine
  CHECK(row.at("images_per_s").get<double>() == doctest::Approx(1e3 / row.at("ms").get<double>()));
}

TEST_CASE("bench --csv writes the same figures to a file") {
  const Folder folder;
  const Finished run = run_program("bench", {"--json", "--only", "tiny_infer_1", "--threads", "1",
                                             "--csv", folder.file("b.csv")});
  REQUIRE(run.exit_code == 0);
  const std::string csv = read_all(folder.file("b.csv"));
  CHECK(csv.starts_with("name,ms,images_per_s,floor_ms,gflops,share_of_peak\r\ntiny_infer_1,"));
  CHECK(std::ranges::count(csv, '\n') == 2);
}

TEST_CASE("bench --profile says where a step goes, and little of it is done by one thread alone") {
  const std::regex alone(R"(all +([0-9.]+) +([0-9.]+), ([0-9.]+) % of the step)");
  const auto percent_of = [&](const char* row) {
    const Finished run = run_program("bench", {"--profile", "--only", row});
    CAPTURE(run.out);
    REQUIRE(run.exit_code == 0);
    CHECK(contains(run.out, "linear_relu, backward"));
    CHECK(contains(run.out, "cross_entropy"));
    std::smatch found;
    REQUIRE(std::regex_search(run.out, found, alone));
    return std::stod(found[3]);
  };
  // Beside other work a single try may tell of that.
  const auto is_below = [&](const char* row, double percent) {
    return percent_of(row) < percent || percent_of(row) < percent || percent_of(row) < percent;
  };
  CHECK(is_below("mlp_teacher_train", 2));
  CHECK(is_below("cnn_student_train", 6));
}

TEST_CASE("bench names its rows to who asks for another") {
  const Finished run = run_program("bench", {"--only", "gpu"});
  CHECK(run.exit_code == 1);
  CHECK(
      contains(run.err, "bench: error: --only: there is no row gpu; there are: mlp_teacher_train"));
}

TEST_CASE("bench_sweep prints, writes and draws its sizes, and says what is out of line") {
  const Folder out;
  const std::string csv = out.file("sizes.csv"), picture = out.file("sizes.svg");
  for (const auto& sweep :
       {std::pair{"linear", "forward,32 wide,1,"}, std::pair{"head", "forward,32 wide,1,"},
        std::pair{"convolution", "forward,1→16 1×1,14²,"}}) {
    const std::string what = sweep.first, first = sweep.second;
    CAPTURE(first);
    const Finished run =
        run_program("bench_sweep", {what, "--quick", "--seconds", "0.02", "--threads", "1", "--csv",
                                    csv, "--picture", picture});
    REQUIRE(run.exit_code == 0);
    CHECK((contains(run.out, "No size is out of line.") || contains(run.out, "Out of line:\n")));
    CHECK(read_all(csv).starts_with("pass,row,column,ms,gflops,plain_ms,plain_gflops\n" +
                                    std::string(first)));
    CHECK(contains(read_all(picture), "times the plain way"));
  }
  const Finished unwritten = run_program("bench_sweep", {"linear", "--csv", "/no/such/folder/a"});
  CHECK(unwritten.exit_code == 1);
  CHECK(unwritten.out == "");  // at once
  CHECK(contains(unwritten.err, "--csv: "));
}

TEST_CASE("bench_growth and bench_sweep refuse to run on no thread") {
  for (const auto& [name, arguments] :
       {std::pair{"bench_growth", std::vector<std::string>{"--threads", "0"}},
        std::pair{"bench_sweep", std::vector<std::string>{"linear", "--threads", "0"}}}) {
    const Finished run = run_program(name, arguments);
    CHECK(run.exit_code == 2);
    CHECK(contains(run.err, "--threads: must be at least 1; got 0"));
  }
}

TEST_CASE("bench_growth looks whether its picture can be written before it measures") {
  const Finished run = run_program("bench_growth", {"--chart", "/no/such/folder/a.svg"});
  CHECK(run.exit_code == 1);
  CHECK(contains(run.err, "--chart: "));
  CHECK(run.out == "");
}

TEST_CASE("bench_ranks tells what the sums of two ranks take, and what more would bring") {
  const Folder folder;
  const std::string chart = folder.file("ranks.svg");
  const std::vector<std::string> some = {"--network", "mlp:8", "--rounds", "1", "--svg", chart};
  const Finished alone = run_program("bench_ranks", some);
  CAPTURE(alone.err);
  REQUIRE(alone.exit_code == 0);
  for (const char* const said : {"1 rank × ", "ranks  strong, 1 Gbit/s", "\n  512  ",
                                 "Assumed: work that divides evenly", "50 % of a step"}) {
    CHECK(contains(alone.out, said));
  }
  CHECK(contains(read_all(chart), "weak, 100 Gbit/s"));
  CHECK(run_program("bench_ranks", {"--overlap", "1"}).exit_code == 2);

  if (!can_run_ranks()) return;
  std::vector<std::string> words = {std::filesystem::absolute(LIMBECK_BIN).string() +
                                    "/bench_ranks"};
  words.insert(words.end(), some.begin(), some.end());
  const Finished two = run_as_ranks(2, words);
  CAPTURE(two.err);
  REQUIRE(two.exit_code == 0);
  for (const char* const said : {"As a wire: ", "2 ranks × ", "hidden, %", "by the model"}) {
    CHECK(contains(two.out, said));
  }
}
