// Tables of a study, and its runs.
#include <fmt/format.h>

#include "apps/study/runs.h"
#include "apps/study/table.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("a table aligns its columns, numbers to the right, and counts characters, not bytes") {
  const Table table = {{{"model", "mlp:800"}, {"errors", 79.3333}, {"±", nullptr}},
                       {{"model", "π"}, {"errors", 1234}, {"±", 2}}};
  CHECK(text_of(table) ==
        "model    errors  ±\n"
        "mlp:800   79.33  -\n"
        "π          1234  2\n");
  CHECK(text_of(Table{}).empty());
}

TEST_CASE("CSV quotes what needs it and leaves empty what there is not") {
  const Table table = {{{"a, b", "x \"y\""}, {"c", nullptr}, {"d", 0.5}}};
  CHECK(csv_of(table) == "\"a, b\",c,d\r\n\"x \"\"y\"\"\",,0.5\r\n");
}

TEST_CASE("spread is the mean and the standard deviation with n - 1") {
  const Spread s = spread_of({1, 2, 3, 4});
  CHECK(s.mean == doctest::Approx(2.5));
  CHECK(s.deviation == doctest::Approx(std::sqrt(5.0 / 3)));
  CHECK(spread_of({7}).deviation == 0);
  CHECK(text_of(spread_of({79})) == "79");
  CHECK(text_of(spread_of({78, 80})) == "79.0 ± 1.4");
  CHECK(contains(error_of([] { spread_of({}); }), "at least one number"));
}

TEST_CASE("runs that are in the file are not done again, and the others are, in order") {
  const Folder folder;
  const std::string path = folder.file("x.runs.jsonl");
  std::vector<int> done;
  std::vector<std::string> lines;
  const auto all = [&](std::initializer_list<int> numbers) {
    std::vector<Run> runs;
    for (const int i : numbers) {
      runs.push_back({.what = {{"number", i}},
                      .title = fmt::format("run {}", i),
                      .cost = 1,
                      .work = [&done, i]() -> Json {
                        done.push_back(i);
                        return {{"errors", 10 * i}};
                      }});
    }
    RunFile file(path);
    std::vector<int> errors;
    for (const Json& r :
         results_of(runs, file, [&](const std::string& l) { lines.push_back(l); })) {
      errors.push_back(r.at("errors").get<int>());
    }
    return errors;
  };
  CHECK(all({1, 3}) == std::vector{10, 30});
  CHECK(all({3, 2, 1}) == std::vector{30, 20, 10});
  CHECK(done == std::vector{1, 3, 2});
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].starts_with("[  1/2] run 1  10 errors"));
  CHECK(lines[2] == "2 of 3 runs are done already");
  CHECK(lines[3].starts_with("[  3/3] run 2  20 errors"));

  // A failing run leaves those before it.
  RunFile file(path);
  std::vector<Run> failing = {
      {.what = {{"number", 4}}, .title = "4", .cost = 1, .work = []() -> Json {
         fail("run", "no");
       }}};
  CHECK(error_of([&] { results_of(failing, file, [](const std::string&) {}); }) == "run: no");
  CHECK(RunFile(path).find({{"number", 2}}) != nullptr);
  CHECK(RunFile(path).find({{"number", 4}}) == nullptr);
}

TEST_CASE("a count of a finished run that is none is refused with its name") {
  for (const char* const text : {"1e300", "-1", "0.5", "3e9", "\"NaN\"", "\"3\"", "null", "[3]"}) {
    CHECK(error_of([&] { count_of(Json::parse(text), "errors"); }) ==
          fmt::format("study: a finished run has {} for errors, which is no count; mend or remove "
                      "its line",
                      Json::parse(text).dump()));
  }
  CHECK(count_of(Json(7), "errors") == 7);
  CHECK(count_of(Json(7.0), "errors") == 7);
  CHECK(count_of(Json(0), "errors") == 0);
}

TEST_CASE("a line of runs that is nested too deep to be walked through is refused") {
  const Folder folder;
  const auto complaint_at = [&](std::size_t depth) {
    const std::string list = std::string(depth, '[') + std::string(depth, ']');
    const std::string path = folder.write("x.jsonl", "{\"run\": " + list + ", \"result\": {}}\n");
    return error_of([&] { RunFile{path}; });
  };
  CHECK(complaint_at(100) == "(no error)");
  for (const std::size_t depth : {std::size_t{200}, std::size_t{1'000'000}}) {
    CHECK(contains(complaint_at(depth), "line 1 of " + folder.file("x.jsonl") +
                                            " is not a finished run; mend or remove it"));
  }
}
