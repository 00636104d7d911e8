// The main program by several processes: the results of one, told once; going on with others.
#include <nlohmann/json.hpp>

#include "tests/apps/mnist_files.h"
#include "tests/apps/mpirun.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using nlohmann::json;

namespace {

std::string data() {
  static const DigitsInFiles digits({.train = 300, .test = 100});
  return digits.folder.path();
}

Finished distill(int ranks, const std::vector<std::string>& more) {
  std::vector<std::string> words = {std::filesystem::absolute(LIMBECK_BIN).string() +
                                    "/mnist_distill"};
  for (const std::string& word : std::vector<std::string>{
           "--data", data(), "--teacher", "mlp:16", "--student", "mlp:8", "--teacher-epochs", "2",
           "--epochs", "2", "--threads", "1", "--augment", "shift"}) {
    words.push_back(word);
  }
  words.insert(words.end(), more.begin(), more.end());
  return run_as_ranks(ranks, words);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("two ranks distil as one does, and the first writes and prints") {
  if (!can_run_ranks()) return;
  const Folder folder;
  const auto run = [&](int ranks) {
    const std::string file = folder.file(std::to_string(ranks) + ".json");
    const Finished finished = distill(ranks, {"--json", file, "--save", folder.path()});
    CAPTURE(finished.err);
    CHECK(finished.exit_code == 0);
    CHECK(count_of(finished.out, "student, distilled") == 1);
    CHECK(count_of(finished.err, "300 images to learn from") == 1);
    return json::parse(read_all(file));
  };
  const json alone = run(1), together = run(2);
  CHECK(together.at("options").at("ranks") == 2);
  for (const char* network : {"teacher", "student_hard", "student_distilled"}) {
    CAPTURE(network);
    const json &a = alone.at(network).at("epochs"), &b = together.at(network).at("epochs");
    REQUIRE(a.size() == b.size());
    for (std::size_t e = 0; e < a.size(); ++e) {
      const double loss = a[e].at("loss");
      CHECK(b[e].at("loss").get<double>() == doctest::Approx(loss).epsilon(1e-4));
    }
  }
}

TEST_CASE("a run of two ranks goes on with three and with one; what all refuse is told once") {
  if (!can_run_ranks()) return;
  const Folder folder;
  const std::string place = folder.file("run");
  CHECK(distill(2, {"--checkpoint", place}).exit_code == 0);
  const Finished refused = distill(2, {"--checkpoint", place});
  CHECK(refused.exit_code != 0);
  CHECK(count_of(refused.err, "has checkpoints of a run") == 1);
  for (const int ranks : {3, 1}) {
    std::filesystem::remove(place + "/student-distilled.checkpoint");
    const Finished resumed = distill(ranks, {"--resume", place});
    CAPTURE(resumed.err);
    CHECK(resumed.exit_code == 0);
    CHECK(count_of(resumed.out, "student, distilled") == 1);
  }
}
