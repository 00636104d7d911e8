// Runs that are killed, or told to stop, and go on: they end with the bits of one that never was.
#include <chrono>
#include <csignal>
#include <random>

#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using Arguments = std::vector<std::string>;

namespace {

// Digits for a run of a fraction of a second.
const Folder& data() {
  static const DigitsInFiles digits({.train = 1500, .test = 50});
  return digits.folder;
}

// The program's words for that run; its networks go to out/.
Arguments words(const Folder& out, const Arguments& more) {
  Arguments all = {std::filesystem::absolute(LIMBECK_BIN).string() + "/mnist_distill",
                   "--data",
                   data().path(),
                   "--teacher",
                   "cnn:4,8,16",
                   "--student",
                   "mlp:64",
                   "--batch-size",
                   "32",
                   "--teacher-epochs",
                   "3",
                   "--teacher-augment",
                   "distort",
                   "--epochs",
                   "5",
                   "--threads",
                   "1",
                   "--save",
                   out.path(),
                   "--quiet"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const std::vector<std::string> networks = {"teacher.safetensors", "student-hard.safetensors",
                                           "student-distilled.safetensors"};

// What the networks' files hold.
std::vector<Bytes> saved(const Folder& out) {
  std::vector<Bytes> all;
  for (const std::string& name : networks) all.push_back(read_all(out.file(name)));
  return all;
}

struct Undisturbed {
  std::vector<Bytes> networks;
  double seconds;
};

const Undisturbed& undisturbed() {
  static const Undisturbed result = [] {
    const Folder out;
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(run_command(words(out, {})).exit_code == 0);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    return Undisturbed{saved(out), time.count()};
  }();
  return result;
}

// Runs the program and sends it this signal after so many seconds.
Finished run_and_signal(const char* signal, double seconds, const Arguments& command) {
  // In the foreground: else timeout sends the signal twice, to the program and to its group.
  Arguments all = {"timeout", "--foreground", "--preserve-status",
                   "-s",      signal,         fmt::format("{:.3f}", seconds)};
  all.insert(all.end(), command.begin(), command.end());
  return run_command(all);
}

// Goes on to the end, or begins anew where the first run left no checkpoint, and compares.
void finish_and_compare(const Folder& out, const Folder& kept) {
  const bool there = std::filesystem::exists(kept.file("teacher.checkpoint"));
  const Finished rest = run_command(words(out, {there ? "--resume" : "--checkpoint", kept.path()}));
  CAPTURE(rest.err);
  CHECK(rest.exit_code == 0);
  CHECK(saved(out) == undisturbed().networks);
}

}  // namespace

// Under the sanitizers a run takes five times as long.
#ifdef __SANITIZE_ADDRESS__
constexpr int kills = 8;
#else
constexpr int kills = 40;
#endif

TEST_CASE("after forty kills at random moments, each run goes on to the same bits") {
  Rng rng(std::random_device{}());
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    const Folder out, kept;
    const double moment = rng.uniform(0.02, 1) * undisturbed().seconds;
    CAPTURE(moment);
    const Finished run = run_and_signal("KILL", moment, words(out, {"--checkpoint", kept.path()}));
    killed += run.exit_code == 128 + SIGKILL ? 1 : 0;
    finish_and_compare(out, kept);
  }
  CHECK(killed > kills / 2);
}

TEST_CASE("SIGTERM stops a run after its batch, with a word how to go on") {
  for (const double share : {0.3, 0.6, 0.9}) {
    const Folder out, kept;
    const Finished run = run_and_signal("TERM", share * undisturbed().seconds,
                                        words(out, {"--checkpoint", kept.path()}));
    CAPTURE(run.err);
    if (run.exit_code != 0) {  // the machine may have been quicker this time
      CHECK(run.exit_code == 130);
      CHECK(run.err.starts_with("mnist_distill: stopped after batch "));
      CHECK(contains(run.err, "; go on with --resume " + kept.path() + " and the same options"));
    }
    finish_and_compare(out, kept);
  }
}
