// The studies from outside: each at its smallest, its files, and going on after a stop.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "nn/distill/methods/method_table.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using nlohmann::ordered_json;

namespace {

// Files of MNIST's form with a few digits in them.
const Folder& digits() {
  static const DigitsInFiles drawn({.train = 240, .test = 100});
  return drawn.folder;
}

Finished study(const std::string& name, const Folder& out,
               const std::vector<std::string>& more = {}, const char* teacher = "mlp:16") {
  std::vector<std::string> arguments = {
      name,        "--quick",   "--data", digits().path(), "--out", out.path(),         "--teacher",
      teacher,     "--student", "mlp:8",  "--epochs",      "1",     "--teacher-epochs", "1",
      "--threads", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program("distill_study", arguments);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace

TEST_CASE("each study prints its table and leaves it as CSV and JSON, with a chart") {
  struct Expected {
    std::string name, columns;
    std::size_t rows;
    bool chart;
  };
  for (const Expected& e : {
           Expected{"temperature", "student,T,errors,deviation", 6, true},
           Expected{"alpha", "T,T squared,alpha,errors,deviation", 16, true},
           Expected{"noise", "\"labels replaced, %\",learned from,errors,deviation", 9, true},
           Expected{"few", "labels,learned from,images,errors,deviation", 5, true},
           Expected{"omit", "left out,errors,on them,of,best bias,errors then,on them then", 3,
                    false},
           Expected{"softness",
                    "T,p(0),p(1),p(2),p(3),p(4),p(5),p(6),p(7),p(8),p(9),\"entropy, bits\"", 7,
                    true},
           Expected{"hinton2015", ",the paper,here", 9, false},
           Expected{"best", ",model,errors,deviation", 3, false},
           Expected{"standardised", "student,method,T,errors,± 95 %,seeds", 8, true},
           Expected{"schedule", "student,T,errors,± 95 %,to constant,±,seeds", 9, true},
           Expected{"chain", "student,learned from,errors,± 95 %,to the first,±,seeds", 10, true},
       }) {
    CAPTURE(e.name);
    const Folder out;
    const Finished run = study(e.name, out);
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    const std::string csv = read_all(out.file(e.name + ".csv"));
    CHECK(first_line(csv) == e.columns);
    CHECK(std::ranges::count(csv, '\n') == static_cast<std::ptrdiff_t>(e.rows) + 1);
    const ordered_json result = ordered_json::parse(read_all(out.file(e.name + ".json")));
    CHECK(result.at("study") == e.name);
    CHECK(result.at("rows").size() == e.rows);
    CHECK_FALSE(result.at("found").get<std::string>().empty());
    CHECK(contains(run.out, result.at("found").get<std::string>()));
    CHECK(std::filesystem::exists(out.file(e.name + ".svg")) == e.chart);
    if (e.chart) CHECK(contains(read_all(out.file(e.name + ".svg")), "</svg>"));
  }
}

TEST_CASE("a study that is started again does only what is not done") {
  const Folder out;
  const Finished first = study("temperature", out, {"--seeds", "2"});
  REQUIRE(first.exit_code == 0);
  CHECK(contains(first.err, "[ 12/12]"));  // hard labels and five temperatures, each twice
  const Finished again = study("temperature", out, {"--seeds", "2"});
  CHECK(again.out == first.out);
  CHECK(contains(again.err, "12 of 12 runs are done already"));
  CHECK_FALSE(contains(again.err, "[ 12/12]"));

  // Stopped in the middle of the last line: that run is done again, with the same result.
  const std::string file = out.file("temperature.runs.jsonl"), whole = read_all(file);
  out.write("temperature.runs.jsonl", whole.substr(0, whole.size() - 20));
  const Finished mended = study("temperature", out, {"--seeds", "2"});
  CHECK(mended.out == first.out);
  CHECK(contains(mended.err, "11 of 12 runs are done already"));
  CHECK_FALSE(contains(mended.err, "epochs"));  // the teacher is in the folder
  CHECK(read_all(file) == whole);

  // Other options are other runs.
  const Finished other = study("temperature", out, {"--alpha", "0.5"});
  CHECK(contains(other.err, "1 of 6 runs are done already"));  // on hard labels alpha is nothing
  const Finished taught = study("temperature", out, {}, "mlp:20");
  CHECK(contains(taught.err, "1 of 6 runs are done already"));
}

TEST_CASE(
    "methods tries each as often, compares with kd by the same seeds, and goes on after a stop") {
  const Folder out;
  const std::vector<std::string> some = {"--method", "labels", "rkd", "at", "--seeds", "2"};
  const Finished run = study("methods", out, some);
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(contains(run.err, "[ 15/15]"));  // five tries for each of three: at finds no maps
  CHECK(contains(run.err, "[  6/6]"));
  const std::string name = "methods-mlp-8-of-mlp-16";
  const ordered_json result = ordered_json::parse(read_all(out.file(name + ".json")));
  const ordered_json& rows = result.at("rows");
  REQUIRE(rows.size() == 3);
  double kd = 0;
  for (const ordered_json& row : rows) {
    if (row.at("method") == "kd") kd = row.at("errors").get<double>();
  }
  for (const ordered_json& row : rows) {
    CAPTURE(row.dump());
    CHECK(row.at("ms a step").get<double>() > 0);
    CHECK(row.at("± 95 %").is_number());
    if (row.at("method") == "kd") {
      CHECK(row.at("to kd").is_null());
    } else {
      CHECK(row.at("to kd").get<double>() == doctest::Approx(row.at("errors").get<double>() - kd));
    }
  }
  for (const char* said : {"5 tries each", "Not with this student: at: it compares feature maps",
                           "Of 2 differences, 0.1 would lie outside"}) {
    CHECK(contains(result.at("found").get<std::string>(), said));
  }
  CHECK(contains(read_all(out.file(name + ".svg")), "</svg>"));
  const Finished again = study("methods", out, some);
  CHECK(again.out == run.out);
  CHECK(contains(again.err, "15 of 15 runs are done already"));
  // One more method: its own tries and runs alone.
  const Finished more =
      study("methods", out, {"--method", "labels", "rkd", "std:dkd", "--seeds", "2"});
  CHECK(contains(more.err, "15 of 20 runs are done already"));
  CHECK(study("methods", out, {"--method", "telepathy"}).exit_code == 2);
}

TEST_CASE("methods compares one method with kd, of students that are written layer by layer") {
  const Folder out;
  const std::string spec = "layers: flatten, linear 4" + std::string(40, ' ') + ", relu, linear";
  const Finished run =
      run_program("distill_study", {"methods",   "--quick",  "--data",           digits().path(),
                                    "--out",     out.path(), "--teacher",        "mlp:8",
                                    "--student", spec,       "--method",         "labels",
                                    "--epochs",  "1",        "--teacher-epochs", "1",
                                    "--seeds",   "2",        "--threads",        "1"});
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(contains(run.out, "By chance alone the difference would lie outside of its interval once"));
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(out.path())) {
    files.push_back(entry.path().filename().string());
  }
  CHECK(std::ranges::count_if(files, [](const std::string& file) {
          return file.starts_with("methods-layers--flatten--linear-4") &&
                 contains(file, "-of-mlp-8.");
        }) == 3);
}

TEST_CASE("a finished run whose errors are none is told by its name") {
  const Folder out;
  const std::vector<std::string> some = {"--method", "labels", "--seeds", "1"};
  REQUIRE(study("methods", out, some).exit_code == 0);
  std::string runs = read_all(out.file("methods.runs.jsonl"));
  const std::size_t at = runs.find("\"result\"");
  runs.insert(runs.find_first_of("0123456789", runs.find("\"errors\"", at)), "1.5e");
  out.write("methods.runs.jsonl", runs);
  const Finished again = study("methods", out, some);
  CHECK(again.exit_code == 1);
  CHECK(contains(again.err, "for errors, which is no count; mend or remove its line"));
}

TEST_CASE("every method of the table has as many tries as the others") {
  const Folder out;
  const Finished run = study("methods", out, {"--seeds", "1"});
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  // One finds no maps in a perceptron, and kd is there in two ways.
  const std::size_t tried = methods().size() - 1 + 1;
  CHECK(contains(run.err, fmt::format("/{}] ", 5 * tried)));
  CHECK(contains(run.err, fmt::format("/{}] ", tried)));
  CHECK(contains(run.out, "\nstd:kd "));
  CHECK(contains(run.out, "One seed tells nothing of chance"));
}

TEST_CASE("an option that a study has is used, and one that it has not is refused") {
  const Folder out;
  REQUIRE(study("schedule", out, {"--seeds", "1"}).exit_code == 0);
  // As they stand in what is done already, whatever program did it.
  CHECK(contains(read_all(out.file("schedule.runs.jsonl")), "\"0.1 * labels + 0.9 * kd(T=1..4)\""));
  const Finished half = study("schedule", out, {"--seeds", "1", "--alpha", "0.5"});
  CHECK_FALSE(contains(half.err, "done already"));
  CHECK(contains(read_all(out.file("schedule.runs.jsonl")), "\"0.5 * labels + 0.5 * kd(T=1..4)\""));
  for (const auto& [name, option] :
       {std::pair{"temperature", "--temperature"}, std::pair{"alpha", "--alpha"},
        std::pair{"methods", "--alpha"}, std::pair{"methods", "--temperature"},
        std::pair{"standardised", "--alpha"}, std::pair{"schedule", "--temperature"}}) {
    const Finished run = study(name, out, {option, "0.5"});
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(contains(run.err, option));
  }
  for (const char* name : {"alpha", "noise", "few", "omit", "softness", "best", "chain"}) {
    const Finished run = study(name, out, {"--student", "mlp:6"});
    CAPTURE(name);
    CHECK(run.exit_code == 2);
    CHECK(contains(run.err, fmt::format("--student: {} is a study of one student; got 2", name)));
  }
}

TEST_CASE("a file of runs that is none is refused, with its line") {
  const Folder out;
  out.write("omit.runs.jsonl", "{\"run\": 1, \"result\": 2}\nnonsense\n");
  const Finished run = study("omit", out);
  CHECK(run.exit_code == 1);
  CHECK(contains(run.err, "distill_study: error: study: line 2 of " + out.file("omit.runs.jsonl")));
}

TEST_CASE("--validation judges on images held out of the training set") {
  const Folder out;
  const Finished run = study("omit", out, {"--validation"});
  CHECK(contains(run.err, "200 images to learn from, 40 to be judged by"));
}

TEST_CASE("distill_study refuses what it cannot do, with the exit code of its kind") {
  CHECK(run_program("distill_study", {}).exit_code == 2);
  CHECK(run_program("distill_study", {"humidity"}).exit_code == 2);
  const Folder out;
  CHECK(study("alpha", out, {"--seeds", "0"}).exit_code == 2);
  const Finished far = study("softness", out, {"--image", "100"});
  CHECK(far.exit_code == 1);
  CHECK(contains(far.err, "--image: 100 asked of 100 test images"));
  CHECK(
      contains(study("softness", out, {"--digit", "10"}).err, "--digit: 10 is none of 10 classes"));
  CHECK(
      contains(run_program("distill_study", {"omit", "--out", "/proc/no"}).err, "cannot be made"));
}

TEST_CASE("what begins with normalize+ in a study knows the images") {
  const auto first_errors = [](const std::string& teacher) {
    const Folder out;
    const Finished run = study("softness", out, {}, teacher.c_str());
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    return read_all(out.file("softness.csv"));
  };
  CHECK(first_errors("normalize+mlp:16") != first_errors("mlp:16"));
}
