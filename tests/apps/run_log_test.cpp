// The log of a run: its table and its event files, and how it goes on where it was.
#include "apps/common/run_log.h"

#include <sstream>

#include "core/function_ref.h"
#include "data/synthetic_digits.h"
#include "nn/model_spec.h"
#include "tests/apps/event_reader.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Lines, each split at its commas.
std::vector<std::vector<std::string>> table_in(const std::string& file) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(read_all(file));
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> row(1);
    for (const char c : line) c == ',' ? row.emplace_back() : row.back() += c, void();
    rows.push_back(row);
  }
  return rows;
}

// "teacher 1", … as the table has them.
std::string owners_in(const std::string& file) {
  std::string owners;
  const auto rows = table_in(file);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    owners += (i > 1 ? ", " : "") + rows[i].at(0) + " " + rows[i].at(1);
  }
  return owners;
}

EpochReport report_of(Index epoch) {
  return {.epoch = epoch,
          .epochs = 9,
          .loss = 1.0 / static_cast<double>(epoch),
          .terms = {{.name = "hard", .weight = 0.1, .value = 0.5},
                    {.name = "soft", .weight = 0.9, .value = 0.25}},
          .lr = 1e-3,
          .seconds = 2,
          .errors = 300 - epoch,
          .agreement = 0.875};
}

// Tells a log of epochs `from` to `to` of a network, as a training does.
void train(RunLog& log, const std::string& network, Index from, Index to) {
  TrainOptions options;
  log.follow(options, network, 4, from - 1);
  for (Index epoch = from; epoch <= to; ++epoch) options.on_epoch(report_of(epoch));
}

}  // namespace

TEST_CASE("the log of a run has a row an epoch in its table, and an event file a network") {
  const Folder folder;
  const TrainTest digits = synthetic_digits({.train = 200, .test = 100});
  RunLog log(folder.file("log"), LogStart::anew);
  std::vector<EpochReport> told;  // by what on_epoch called before
  TrainOptions options{.epochs = 2, .test = &digits.test};
  options.on_epoch = [&](const EpochReport& report) { told.push_back(report); };
  log.follow(options, "student-hard-2");
  Rng rng(1);
  Sequential net = make_model("mlp:8", digits.train.image, 10, {}, rng);
  const std::vector<EpochReport> reports = train_classifier(net, digits.train, options);
  CHECK(told.size() == 2);

  const auto rows = table_in(folder.file("log/epochs.csv"));
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == std::vector<std::string>{"network", "epoch", "loss", "hard", "soft", "errors",
                                            "agreement", "lr", "temperature", "seconds"});
  const auto steps = steps_of(read_all(event_file_in(folder.file("log/student-hard-2"))));
  REQUIRE(steps.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const EpochReport& report = reports[i];
    const std::vector<std::string>& row = rows[i + 1];
    REQUIRE(row.size() == 10);
    CHECK(row[0] == "student-hard-2");
    CHECK(row[1] == std::to_string(i + 1));
    // Read back to the last bit: the table loses nothing.
    CHECK(std::stod(row[2]) == report.loss);
    CHECK(std::stod(row[3]) == report.term("hard"));
    CHECK(row[4] == "");
    CHECK(std::stoll(row[5]) == report.errors);
    CHECK(row[6] == "");  // it has no teacher
    CHECK(std::stod(row[7]) == report.lr);
    CHECK(row[8] == "");
    CHECK(std::stod(row[9]) == report.seconds);
    CHECK(steps[i].step == report.epoch);
    CHECK(steps[i].scalars ==
          std::map<std::string, float>{{"loss", static_cast<float>(report.loss)},
                                       {"hard", static_cast<float>(report.term("hard"))},
                                       {"errors", static_cast<float>(*report.errors)},
                                       {"lr", static_cast<float>(report.lr)},
                                       {"seconds", static_cast<float>(report.seconds)}});
  }
}

TEST_CASE("a log that is resumed repeats no epoch and keeps what is done") {
  const Folder folder;
  const std::string table = folder.file("epochs.csv");
  {
    RunLog log(folder.path(), LogStart::anew);
    train(log, "teacher", 1, 2);
    train(log, "student", 1, 5);
    CHECK(owners_in(table) ==
          "teacher 1, teacher 2, student 1, student 2, student 3, student 4, student 5");
  }
  // The training was saved after its epoch 3 and stopped after 5, within a row.
  std::ofstream(table, std::ios::app) << "student,6,0.1";
  RunLog log(folder.path(), LogStart::resumed);
  train(log, "student", 4, 6);
  CHECK(owners_in(table) ==
        "teacher 1, teacher 2, student 1, student 2, student 3, student 4, student 5, student 6");
  CHECK(table_in(table)[8] == std::vector<std::string>{"student", "6", "0.16666666666666666", "0.5",
                                                       "0.25", "294", "0.875", "0.001", "4", "2"});
  const auto steps = steps_of(read_all(event_file_in(folder.file("student"))));
  CHECK(numbers_of(steps) == std::vector<Index>{1, 2, 3, 4, 5, 6});
  CHECK(steps[5].scalars.at("temperature") == 4);
  CHECK(steps[5].scalars.at("agreement") == 0.875f);
  CHECK(steps_of(read_all(event_file_in(folder.file("teacher")))).size() == 2);

  SUBCASE("a log started anew holds nothing of the one before") {
    RunLog anew(folder.path(), LogStart::anew);
    train(anew, "teacher", 1, 1);
    CHECK(owners_in(table) == "teacher 1");
    CHECK(steps_of(read_all(event_file_in(folder.file("teacher")))).size() == 1);
  }
  SUBCASE("a network's first epochs are begun again if none is done") {
    train(log, "student", 1, 1);
    CHECK(owners_in(table) == "teacher 1, teacher 2, student 1");
  }
}

TEST_CASE(
    "terms and metrics of one's own get columns when they come, and older rows leave them empty") {
  const Folder folder;
  const std::string table = folder.file("epochs.csv");
  RunLog log(folder.path(), LogStart::anew);
  train(log, "teacher", 1, 1);
  TrainOptions options;
  log.follow(options, "student");
  EpochReport report = report_of(1);
  report.terms.push_back({.name = "hint", .weight = 3, .value = 0.75, .gradient = 0.125});
  report.validation_errors = 12;
  report.metrics.push_back({"recall", 0.5});
  options.on_epoch(report);
  options.on_epoch(report_of(2));
  const auto rows = table_in(table);
  REQUIRE(rows.size() == 4);
  const auto last_five = [](const std::vector<std::string>& row) {
    return std::vector<std::string>(row.end() - 5, row.end());
  };
  CHECK(last_five(rows[0]) == std::vector<std::string>{"hint", "hint-weight", "hint-gradient",
                                                       "validation_errors", "recall"});
  CHECK(last_five(rows[1]) == std::vector<std::string>(5));
  CHECK(last_five(rows[2]) == std::vector<std::string>{"0.75", "3", "0.125", "12", "0.5"});
  CHECK(last_five(rows[3]) == std::vector<std::string>(5));
  for (const auto& row : rows) CHECK(row.size() == 15);
  RunLog resumed(folder.path(), LogStart::resumed);  // it knows the columns that there are
  train(resumed, "student", 2, 2);
  CHECK(table_in(table)[3].size() == 15);
}

TEST_CASE("a log that begins in the middle of a training is resumed by its epochs") {
  const Folder folder;
  RunLog log(folder.path(), LogStart::resumed);  // there is none yet
  train(log, "student", 6, 9);
  train(log, "student", 8, 8);
  CHECK(owners_in(folder.file("epochs.csv")) == "student 6, student 7, student 8");
  CHECK(numbers_of(steps_of(read_all(event_file_in(folder.file("student"))))) ==
        std::vector<Index>{6, 7, 8});
}

TEST_CASE("a log says what it cannot write, and names it") {
  const Folder folder;
  const std::string file = folder.write("file", "text");
  const auto refused = [](FunctionRef<void()> work, const std::string& part) {
    const std::string error = error_of(work);
    CAPTURE(error);
    CHECK(contains(error, part));
  };
  refused([&] { RunLog(file, LogStart::anew); }, "run_log: " + file + ": cannot be made a folder");
  refused([&] { RunLog(file + "/log", LogStart::anew); },
          "run_log: " + file + "/log: cannot be made a folder: Not a directory");

  std::filesystem::create_directories(folder.file("a/epochs.csv"));
  refused([&] { RunLog(folder.file("a"), LogStart::anew); },
          "run_log: " + folder.file("a/epochs.csv") + ": cannot be written: Is a directory");

  RunLog log(folder.file("b"), LogStart::anew);
  folder.write("b/teacher", "a file where a folder belongs");
  TrainOptions options;
  refused([&] { log.follow(options, "teacher"); },
          "event_file: " + folder.file("b/teacher") + ": cannot be used as a folder");

  // The disk is full when an epoch is over.
  log.follow(options, "student");
  const std::string table = folder.file("b/epochs.csv");
  std::filesystem::remove(table);
  std::filesystem::create_symlink("/dev/full", table);
  refused([&] { options.on_epoch(report_of(1)); },
          "run_log: " + table + ": cannot be written: No space left on device");

  std::filesystem::remove(table);
  folder.write("b/epochs.csv", "day,rain\n1,2\n");
  RunLog other(folder.file("b"), LogStart::resumed);
  refused([&] { other.follow(options, "student"); },
          "run_log: " + table + ": it has other columns than this program writes");
}
