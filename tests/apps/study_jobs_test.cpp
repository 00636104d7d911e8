// Runs of a study that several processes do: how they are dealt, and the program with --jobs.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "apps/study/crew.h"
#include "apps/study/dealer.h"
#include "core/function_ref.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/mpirun.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// What came of a deal at the first process, which this one is.
struct Dealt {
  std::vector<Json> results{};
  std::vector<std::size_t> begun{};  // in this order
  std::vector<std::size_t> done{};
  std::string error{}, said{};
};

// (The tasks run no parallel loop: threads do not come along into a fork.)
Dealt deal(
    int jobs, const std::vector<Task>& tasks, const std::vector<std::size_t>& there = {},
    FunctionRef<void()> on_failure = [] {}) {
  Dealt all;
  const DealHooks hooks{
      .find = [&](std::size_t i) -> std::optional<Json> {
        const bool found = std::ranges::find(there, i) != there.end();
        return found ? std::optional<Json>(fmt::format("found {}", i)) : std::nullopt;
      },
      .began = [&](std::size_t i) { all.begun.push_back(i); },
      .done = [&](std::size_t i, const Json&, double, const Standing&) { all.done.push_back(i); },
      .failed =
          [&](const std::string& why) {
            all.said = why;
            on_failure();
          },
      .show = [](const Standing&) {}};
  try {
    with_jobs(jobs, [&](Crew& crew) {
      Dealer dealer(crew);
      all.results = dealer.deal(tasks, hooks, [](std::size_t i) { return fmt::format("t{}", i); });
    });
  } catch (const Error& error) {
    all.error = error.what();
  }
  return all;
}

Task task(double cost, const Json& result, const std::vector<std::size_t>& after = {}) {
  return {.cost = cost, .work = [result] { return result; }, .after = after};
}

const Folder& digits() {
  static const DigitsInFiles drawn({.train = 240, .test = 100});
  return drawn.folder;
}

std::vector<std::string> arguments(const std::string& name, const Folder& out,
                                   const std::vector<std::string>& more = {},
                                   const char* epochs = "1") {
  std::vector<std::string> all = {name,        "--quick",  "--data",           digits().path(),
                                  "--out",     out.path(), "--teacher",        "mlp:16",
                                  "--student", "mlp:8",    "--teacher-epochs", "1",
                                  "--epochs",  epochs,     "--threads",        "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Finished study(const std::string& name, const Folder& out,
               const std::vector<std::string>& more = {}) {
  return run_program("distill_study", arguments(name, out, more));
}

// A file's lines in the order of letters, without the times of steps that they tell.
std::vector<std::string> sorted_lines(const std::string& path) {
  std::vector<std::string> lines;
  std::istringstream in(read_all(path));
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line.substr(0, line.find(",\"ms_a_step\"")));
  }
  std::ranges::sort(lines);
  return lines;
}

// A shell's lines with a study of hours in the background, $p; how it ends is $code, and which
// processes of it are left, "left: PID" each.
Finished with_long_study(const Folder& out, const std::string& lines) {
  std::string words;
  for (const std::string& word : arguments("temperature", out, {"--jobs", "2"}, "1000000")) {
    words += " '" + word + "'";
  }
  const std::string program = std::filesystem::absolute(LIMBECK_BIN).string() + "/distill_study";
  const std::string err = out.file("err");
  return run_command(
      {"sh", "-c",
       fmt::format("'{0}'{1} 2> '{2}' & p=$!\n"
                   // Until two students are at work, of whom nothing is said but by the teacher.
                   "for i in $(seq 200); do grep -q 'errors' '{2}' && break; sleep 0.1; done\n"
                   "jobs=$(grep -l \"^PPid:[[:space:]]*$p$\" /proc/[0-9]*/status 2> /dev/null | "
                   "cut -d/ -f3)\n"
                   "{3}\n"
                   "wait $p; echo code $?; sleep 0.3\n"
                   "for j in $p $jobs; do "
                   // (Those that nobody has waited for yet are dead, too.)
                   "grep -q '^State:[[:space:]]*[^ZX[:space:]]' /proc/$j/status 2> /dev/null && "
                   "echo left $j; done\n"
                   "cat '{2}' >&2",
                   program, words, err, lines)});
}

}  // namespace

TEST_CASE("work is dealt the longest first, counted with what waits for it, and comes in order") {
  const std::vector<Task> free = {task(1, "a"), task(6, "b"), task(3, "c"), task(9, "d")};
  const Dealt all = deal(2, free);
  CHECK(all.error == "");
  CHECK(all.results == std::vector<Json>{"a", "b", "c", "d"});
  CHECK(all.begun == std::vector<std::size_t>{3, 1, 2, 0});
  CHECK(all.done.size() == 4);
  // The last waits for the first, which so comes before the others.
  std::vector<Task> tied = {task(1, "a"), task(6, "b"), task(3, "c"), task(9, "d", {0})};
  tied[0].learn = [](const Json&) {};
  tied[0].only_for_others = true;
  const Dealt after = deal(2, tied);
  CHECK(after.results == all.results);
  REQUIRE(after.begun.size() == 4);
  CHECK(after.begun[0] == 0);
  // One process goes by the list.
  CHECK(deal(1, free).begun == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(deal(1, tied).results == all.results);
}

TEST_CASE("what is there is not done again, nor what only that needed") {
  std::vector<Task> tasks = {task(1, "a"), task(1, "b", {0}), task(1, "c")};
  tasks[0].learn = [](const Json&) {};
  tasks[0].only_for_others = true;
  for (const int jobs : {1, 3}) {
    CAPTURE(jobs);
    const Dealt all = deal(jobs, tasks, {1});
    CHECK(all.begun == std::vector<std::size_t>{2});
    CHECK(all.results == std::vector<Json>{{}, "found 1", "c"});
    CHECK(deal(jobs, tasks, {0, 1, 2}).begun.empty());
    CHECK(deal(jobs, {}).results.empty());
  }
}

TEST_CASE("a result that others need is known wherever they are done, and later to all") {
  int known = 0;
  const Json bytes = Json::binary({0, 255, 10});
  for (const int jobs : {1, 2, 4}) {
    CAPTURE(jobs);
    std::vector<Task> tasks = {task(1, bytes)};
    tasks[0].learn = [&](const Json& result) { known = static_cast<int>(result.get_binary()[1]); };
    tasks[0].only_for_others = true;
    for (int i = 0; i < 6; ++i) {
      tasks.push_back({.work = [&]() -> Json {
                         return {{"known", known}, {"by", getpid()}};
                       },
                       .after = {0}});
    }
    known = 0;
    const Dealt all = deal(jobs, tasks);
    CHECK(all.error == "");
    for (std::size_t i = 1; i < all.results.size(); ++i) {
      CHECK(all.results[i].at("known") == 255);
      CHECK((all.results[i].at("by") == getpid()) == (jobs == 1));
    }
    CHECK(known == 255);
  }
}

TEST_CASE("a job that dies is named with its run and its signal, and the others end theirs") {
  // 1 ends so while 2 is at work, which goes on until the first process has heard of it.
  const auto with_end = [](FunctionRef<void()> end) {
    const Folder folder;
    const auto wait_for = [&](const char* name) {
      for (int ms = 0; ms < 60'000 && !std::filesystem::exists(folder.file(name)); ++ms) {
        usleep(1000);
      }
    };
    std::vector<Task> tasks = {task(1, "a")};
    tasks.push_back({.cost = 9, .work = [&]() -> Json {
                       wait_for("begun");
                       end();
                       return {};
                     }});
    tasks.push_back({.cost = 8, .work = [&]() -> Json {
                       folder.write("begun", "");
                       wait_for("told");
                       return "slow";
                     }});
    return deal(2, tasks, {}, [&] { folder.write("told", ""); });
  };
  const Dealt killed = with_end([] { std::raise(SIGKILL); });
  CHECK(killed.error.starts_with("study: job "));
  CHECK(killed.error.ends_with(" was ended by signal 9 (Killed) in the run \"t1\""));
  CHECK(killed.error == "study: " + killed.said);     // while 2 went on
  CHECK(killed.done == std::vector<std::size_t>{2});  // and 0 was not begun any more
  CHECK(std::ranges::find(killed.begun, 0U) == killed.begun.end());

  CHECK(contains(with_end([] { _exit(3); }).error, " ended with code 3 in the run \"t1\""));
  const Dealt failed = with_end([] { fail("fit", "the loss is not finite"); });
  CHECK(failed.error == "study: t1: fit: the loss is not finite");
  CHECK(failed.done == std::vector<std::size_t>{2});
}

TEST_CASE("who asks for work late, when a deal is over, is dealt that of the next once") {
  const std::vector<std::size_t> expected = {0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<Task> tasks;
  for (const std::size_t i : expected) tasks.push_back(task(1, i));
  bool there = true;
  const DealHooks hooks{
      .find = [&](std::size_t) { return there ? std::optional<Json>("found") : std::nullopt; },
      .began = [](std::size_t) {},
      .done = [](std::size_t, const Json&, double, const Standing&) {},
      .failed = [](const std::string&) {},
      .show = [](const Standing&) {}};
  const auto title = [](std::size_t i) { return fmt::format("t{}", i); };
  for (int time = 0; time < 20; ++time) {
    std::vector<Json> results;
    with_jobs(3, [&](Crew& crew) {
      Dealer dealer(crew);
      there = true;
      dealer.deal(tasks, hooks, title);
      there = false;
      results = dealer.deal(tasks, hooks, title);
    });
    CHECK(results == std::vector<Json>(expected.begin(), expected.end()));
  }
}

TEST_CASE("a job that cannot even begin says why") {
  std::string error = "none";
  try {
    with_jobs(2, [](Crew& crew) {
      if (!crew.is_first()) fail("load", "no images");
      Dealer dealer(crew);
      dealer.deal({{.work = [] { return Json(); }}},
                  {.find = [](std::size_t) { return std::nullopt; },
                   .began = [](std::size_t) {},
                   .done = [](std::size_t, const Json&, double, const Standing&) {},
                   .failed = [](const std::string&) {},
                   .show = [](const Standing&) {}},
                  [](std::size_t) { return "t"; });
    });
  } catch (const Error& e) {
    error = e.what();
  }
  CHECK(error.starts_with("study: job "));
  CHECK(error.ends_with(" cannot go on: load: no images between two runs"));
}

TEST_CASE("a study of several jobs finds what one process finds, and files the same runs") {
  // One with teachers that its runs ask for, one with one for all, one that asks it about images.
  for (const char* const name : {"noise", "schedule", "best"}) {
    CAPTURE(name);
    const Folder one, three;
    const std::string runs = fmt::format("{}.runs.jsonl", name);
    const Finished alone = study(name, one);
    const Finished shared = study(name, three, {"--jobs", "3"});
    CAPTURE(shared.err);
    REQUIRE(shared.exit_code == 0);
    CHECK(contains(shared.err, "3 jobs of 1 thread each"));
    CHECK(shared.out == alone.out);
    CHECK(sorted_lines(three.file(runs)) == sorted_lines(one.file(runs)));
    CHECK(sorted_lines(three.file("networks.runs.jsonl")) ==
          sorted_lines(one.file("networks.runs.jsonl")));
    CHECK(read_all(three.file(fmt::format("{}.csv", name))) ==
          read_all(one.file(fmt::format("{}.csv", name))));
  }
}

TEST_CASE("a study goes on with another number of jobs, and does only what is missing") {
  const Folder out;
  const Finished whole = study("temperature", out, {"--seeds", "2"});
  REQUIRE(whole.exit_code == 0);
  const std::vector<std::string> lines = sorted_lines(out.file("temperature.runs.jsonl"));
  std::string kept;
  for (std::size_t i = 0; i < 5; ++i) kept += lines[i] + "\n";
  out.write("temperature.runs.jsonl", kept + lines[5].substr(0, 30));
  for (const char* const jobs : {"3", "2"}) {
    const Finished again = study("temperature", out, {"--seeds", "2", "--jobs", jobs});
    CAPTURE(again.err);
    CHECK(again.out == whole.out);
    CHECK(contains(again.err, *jobs == '3' ? "5 of 12 runs are" : "12 of 12 runs are"));
    CHECK_FALSE(contains(again.err, "epochs"));  // the teacher is in the folder
    CHECK(sorted_lines(out.file("temperature.runs.jsonl")) == lines);
  }
}

TEST_CASE("the ranks of mpirun share a study as jobs do, and their first works, too") {
  if (!can_run_ranks()) return;
  const std::string program = std::filesystem::absolute(LIMBECK_BIN).string() + "/distill_study";
  const auto by_ranks = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = {program};
    all.insert(all.end(), words.begin(), words.end());
    return run_as_ranks(3, all);
  };
  const Folder one, three;
  const Finished shared = by_ranks(arguments("noise", three));
  CAPTURE(shared.err);
  REQUIRE(shared.exit_code == 0);
  CHECK(contains(shared.err, "3 ranks of 1 thread each"));
  CHECK(shared.out == study("noise", one).out);
  CHECK(sorted_lines(three.file("noise.runs.jsonl")) == sorted_lines(one.file("noise.runs.jsonl")));
  // What ranks did jobs go on with, and the other way round.
  CHECK(contains(study("noise", three, {"--jobs", "2"}).err, "9 of 9 runs are done already"));
  CHECK(contains(by_ranks(arguments("noise", one)).err, "9 of 9 runs are done already"));
  // What is wrong is said once.
  const Finished wrong = by_ranks(arguments("softness", one, {"--image", "100"}));
  CHECK(wrong.exit_code == 1);
  const std::size_t said = wrong.err.find("error: --image: 100 asked of 100 test images");
  CHECK(said != std::string::npos);
  CHECK(wrong.err.find("error: ", said + 1) == std::string::npos);
  CHECK(contains(by_ranks(arguments("noise", one, {"--jobs", "2"})).err,
                 "--jobs: 2 jobs of one rank; take more ranks instead"));
}

TEST_CASE("jobs end with the study, however it ends") {
  for (const char* const how : {"kill -INT $p", "kill -TERM $p", "kill -KILL $p"}) {
    CAPTURE(how);
    const Folder out;
    const Finished run = with_long_study(out, how);
    CAPTURE(run.out + run.err);
    const bool at_once = contains(how, "KILL");
    CHECK(contains(run.out, at_once ? "code 137" : "code 130"));
    CHECK(contains(run.err, "stopped; the same command goes on from here") == !at_once);
    CHECK_FALSE(contains(run.out, "left"));
  }
  const Folder out;
  const Finished run = with_long_study(out,
                                       "kill -KILL $(echo $jobs | cut -d' ' -f1)\nsleep 1\n"
                                       "kill -TERM $p 2> /dev/null");
  CAPTURE(run.out + run.err);
  CHECK(contains(run.err, "was ended by signal 9 (Killed) in the run"));
  CHECK(contains(run.err, "; the others end the runs that they are at"));
  CHECK(contains(run.out, "code 130"));
  CHECK_FALSE(contains(run.out, "left"));
}

TEST_CASE("distill_study refuses a number of jobs that is none") {
  const Folder out;
  for (const char* const jobs : {"0", "1025", "-1", "two", ""}) {
    const Finished run = study("omit", out, {"--jobs", jobs});
    CAPTURE(jobs);
    CHECK(run.exit_code == 2);
    CHECK(contains(run.err, "--jobs"));
  }
}
