// Tables of a study, its statistics and its runs.
#include <fmt/format.h>

#include "apps/study/interval_chart.h"
#include "apps/study/omission.h"
#include "apps/study/runs.h"
#include "apps/study/statistics.h"
#include "apps/study/table.h"
#include "core/function_ref.h"
#include "tests/apps/xml_reader.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// By this process, from and into a file.
std::vector<Json> results_alone(const std::vector<Run>& runs, RunFile& file,
                                FunctionRef<void(const std::string&)> say) {
  const RunStore store{
      .find = [&](const Run& run) -> std::optional<Json> {
        const Json* const found = file.find(run.what);
        return found != nullptr ? std::optional(*found) : std::nullopt;
      },
      .add = [&](const Run& run, const Json& result) { file.add(run.what, result); }};
  std::vector<Json> results;
  with_jobs(1, [&](Crew& crew) {
    Dealer dealer(crew);
    results = results_of(runs, store, {.say = say}, dealer);
  });
  return results;
}

}  // namespace

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

TEST_CASE("quantiles of Student's t are those of the printed tables, for odd and even degrees") {
  struct Printed {
    int degrees;
    double t95, t975, t995;
  };
  for (const Printed& row : {Printed{1, 6.314, 12.706, 63.657}, Printed{2, 2.920, 4.303, 9.925},
                             Printed{3, 2.353, 3.182, 5.841}, Printed{4, 2.132, 2.776, 4.604},
                             Printed{5, 2.015, 2.571, 4.032}, Printed{9, 1.833, 2.262, 3.250},
                             Printed{10, 1.812, 2.228, 3.169}, Printed{30, 1.697, 2.042, 2.750},
                             Printed{120, 1.658, 1.980, 2.617}}) {
    CAPTURE(row.degrees);
    CHECK(std::abs(student_t_quantile(0.95, row.degrees) - row.t95) < 0.0006);
    CHECK(std::abs(student_t_quantile(0.975, row.degrees) - row.t975) < 0.0006);
    CHECK(std::abs(student_t_quantile(0.995, row.degrees) - row.t995) < 0.0006);
    CHECK(student_t_quantile(0.025, row.degrees) == -student_t_quantile(0.975, row.degrees));
  }
  // One degree is Cauchy's distribution, tan(π (p − 1/2)); two have a closed form, too.
  CHECK(student_t_quantile(0.75, 1) == doctest::Approx(1));
  CHECK(student_t_quantile(0.9, 2) == doctest::Approx(0.8 / std::sqrt(2 * 0.9 * 0.1)));
  CHECK(std::abs(student_t_quantile(0.5, 7)) < 1e-12);
  CHECK(contains(error_of([] { student_t_quantile(1, 3); }), "p in (0, 1)"));
  CHECK(contains(error_of([] { student_t_quantile(0.9, 0); }), "at least one degree"));
}

TEST_CASE("an estimate is the mean with t s / sqrt(n), and of pairs that of their differences") {
  const Estimate e = estimate_of({1, 2, 3, 4});  // s² = 5/3, t(0.975, 3) = 3.182
  CHECK(e.mean == doctest::Approx(2.5));
  REQUIRE(e.half);
  CHECK(*e.half == doctest::Approx(3.1824 * std::sqrt(5.0 / 3 / 4)).epsilon(1e-4));
  CHECK(e.differs_from_0());
  CHECK(text_of(e) == "2.5 ± 2.1");
  // What a seed does to both is not in the difference.
  const Estimate d = paired_difference({101, 202, 303}, {100, 200, 300});
  CHECK(d.mean == doctest::Approx(2));
  CHECK(*d.half == doctest::Approx(4.3027 / std::sqrt(3)).epsilon(1e-4));
  CHECK_FALSE(d.differs_from_0());
  CHECK(signed_text_of(d) == "+2.0 ± 2.5");
  // Always 2: how far chance moves it is not told, so it has no colour in a chart either.
  CHECK_FALSE(paired_difference({3, 4}, {1, 2}).differs_from_0());
  CHECK_FALSE(paired_difference({1, 2}, {1, 2}).differs_from_0());
  CHECK(verdict_of(paired_difference({3, 4}, {1, 2})) == "the same with each seed");
  CHECK(verdict_of(paired_difference({1, 2}, {1, 2})) == "no difference within the interval");
  CHECK(verdict_of(paired_difference({1, 2}, {2, 1})) == "no difference within the interval");
  CHECK(verdict_of(paired_difference({9, 19, 29}, {1, 10, 20})) == "more");
  CHECK(verdict_of(paired_difference({1, 10, 20}, {9, 19, 29})) == "fewer");
  CHECK(verdict_of(paired_difference({1}, {2})) == "of one seed");
  // One number has no interval, so nothing is told.
  const Estimate one = estimate_of({7});
  CHECK_FALSE(one.half);
  CHECK_FALSE(one.differs_from_0());
  CHECK(text_of(one) == "7");
  CHECK(signed_text_of(one) == "+7");
  CHECK(error_of([] {
          paired_difference({1, 2}, {1});
        }) == "paired_difference: pairs are needed; got 2 values and 1");
  CHECK(contains(error_of([] { estimate_of({}); }), "at least one number"));
}

TEST_CASE("a chart of intervals has a row each, coloured where its interval misses the line") {
  const IntervalChart chart{
      .title = "a & b",
      .x_label = "difference",
      .rows = {{"less", -4, 1}, {"like", 1, 2}, {"one", 3}, {"more", 8, 1}, {"none", NAN}},
      .reference = 0};
  const std::string document = svg(chart);
  CHECK(texts_of(with_role(document, "row")) == Texts{"less", "like", "one", "more", "none"});
  const std::vector<Element> markers = with_role(document, "marker");
  REQUIRE(markers.size() == 4);
  CHECK(with_role(document, "bar").size() == 3);
  // x is linear: from −4 to 1 as far as from 3 to 8, and rows are apart alike.
  const auto x = [&](std::size_t i) { return markers[i].number("cx"); };
  const auto y = [&](std::size_t i) { return markers[i].number("cy"); };
  CHECK(x(1) - x(0) == doctest::Approx(x(3) - x(2)).epsilon(1e-3));
  CHECK(x(2) < x(3));
  CHECK(y(1) - y(0) == doctest::Approx(y(3) - y(2)).epsilon(1e-3));
  std::vector<std::string> colours;
  for (const Element& g : with_name(document, "g")) colours.push_back(g.at("class"));
  CHECK(colours == Texts{"c2", "muted", "muted", "c1"});
  CHECK(contains(error_of([] {
                   svg(IntervalChart{.title = "t", .rows = {{"a", NAN}}});
                 }),
                 "the chart \"t\" has no row with a finite mean"));
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
         results_alone(runs, file, [&](const std::string& l) { lines.push_back(l); })) {
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
  CHECK(error_of([&] { results_alone(failing, file, [](const std::string&) {}); }) == "run: no");
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
  const Json run = Json::parse(R"({"errors": [3, -5], "bias": -0.5, "name": "NaN"})");
  CHECK(count_in(run, "errors/0") == 3);
  CHECK(number_in(run, "bias") == -0.5);
  for (const char* const key : {"errors/1", "errors/2", "errors", "name", "nothing"}) {
    CHECK(contains(error_of([&] { count_in(run, key); }),
                   fmt::format(" for {}, which is no count", key)));
  }
  for (const char* const key : {"name", "errors", "nothing"}) {
    CHECK(contains(error_of([&] { number_in(run, key); }),
                   fmt::format(" for {}, which is no number", key)));
  }
  CHECK(contains(error_of([] { count_in(Json(3), "errors"); }), "null for errors"));
  CHECK(count_of(Json(7), "errors") == 7);
  CHECK(count_of(Json(7.0), "errors") == 7);
  CHECK(count_of(Json(0), "errors") == 0);
}

TEST_CASE(
    "a spec of any length and letters is a part of a file's name, and different ones differ") {
  CHECK(in_file("mlp:30,30") == "mlp-30-30");
  CHECK(in_file("vit-tiny") == "vit-tiny");
  const std::string layers = "layers: conv 16 3 pad 1, relu, residual(conv 16 3), flatten, linear";
  std::vector<std::string> names;
  for (const std::string& spec :
       {layers, layers + ", relu", std::string("normalize+mlp:8"), std::string("normalize-mlp:8"),
        "mlp:8" + std::string(300, '8')}) {
    CAPTURE(spec);
    const std::string name = in_file(spec);
    CHECK(name.size() <= 57);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
    CHECK(std::ranges::find(names, name) == names.end());
    names.push_back(name);
  }
}

TEST_CASE("of classes without a test image nothing is said in per cent") {
  const Dataset test{
      .image = {1, 1, 1}, .classes = 4, .pixels = {0, 0, 0, 0}, .class_ids = {1, 1, 1, 2}};
  CHECK(images_of({1, 2}, test) == 4);
  CHECK(share_read({.missing = {1}, .on_missing_with_bias = 1}, test) == "66.7 %");
  CHECK(share_read({.missing = {3}}, test) == "none, as there are no images of them,");
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
