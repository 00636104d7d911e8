// The main program's chains: assistants, generations, students that teach one another; what is
// refused, what is told of each step, and going on in the midst of one.
#include <map>
#include <nlohmann/json.hpp>

#include "nn/saved_model.h"
#include "nn/train/evaluate.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using Arguments = std::vector<std::string>;
using nlohmann::json;

namespace {

const DigitsInFiles& drawn() {
  static const DigitsInFiles digits({.train = 300, .test = 100});
  return digits;
}

const TrainTest& digits() {
  return drawn().sets;
}

const Folder& data() {
  return drawn().folder;
}

// The words of a run of small networks and few epochs.
Arguments words(const Arguments& more) {
  Arguments all = {"--data", data().path(), "--teacher", "mlp:16", "--student", "mlp:8"};
  for (const char* word : {"--threads", "1", "--teacher-epochs", "2", "--epochs", "2"}) {
    all.emplace_back(word);
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Finished run(const Arguments& more) {
  Finished finished = run_program("mnist_distill", words(more));
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 0);
  return finished;
}

void check_refused(const Arguments& more, const std::string& error) {
  const Finished finished = run_program("mnist_distill", words(more));
  CAPTURE(error);
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.err, "mnist_distill: error: " + error));
  CHECK(!contains(finished.err, "loss"));
  CHECK(finished.out.empty());
}

// The share of the teacher's gain that a network of a run has, as its JSON says it.
void check_share(const json& all, const json& network) {
  const int hard = all.at("student_hard").at("errors"), teacher = all.at("teacher").at("errors");
  const json& told = network.at("gain_recovered");
  if (hard <= teacher) {
    CHECK(told.is_null());
  } else {
    const double won = hard - network.at("errors").get<int>();
    CHECK(told.get<double>() == doctest::Approx(won / (hard - teacher)));
  }
}

// That a file of --save holds a network of these errors and words.
void check_saved(const std::string& file, const json& network, const std::string& objective) {
  SavedModel saved = load_model(file);
  CHECK(saved.info.spec == network.at("spec").get<std::string>());
  CHECK(count_errors(saved.network, digits().test) == network.at("errors").get<Index>());
  CHECK(saved.info.more.at("objective") == objective);
}

}  // namespace

TEST_CASE("assistants stand between teacher and student, and each step is told of") {
  const Folder out;
  const Finished finished =
      run({"--assistant", "mlp:14", "mlp:10", "--json", out.file("j"), "--save", out.path(),
           "--log-dir", out.file("log"), "--report", out.file("page.html")});
  for (const char* const part :
       {"step 1 of 4, teacher: mlp:16", "step 2 of 4, assistant 1: mlp:14",
        "it learns 0.1 * labels + 0.9 * kd(T=4) from teacher", "step 3 of 4, assistant 2: mlp:10",
        "from assistant 1", "\nstudent, hard labels: mlp:8",
        "step 4 of 4, student, distilled: mlp:8", "its teacher is assistant 2"}) {
    CAPTURE(part);
    CHECK(contains(finished.err, part));
  }
  for (const char* const part : {"won back", "\nassistant 1           mlp:14", "\nassistant 2 "}) {
    CAPTURE(part);
    CHECK(contains(finished.out, part));
  }
  const json all = json::parse(read_all(out.file("j")));
  CHECK(all.at("options").at("assistants") == json{"mlp:14", "mlp:10"});
  REQUIRE(all.at("steps").size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const json& step = all.at("steps")[i];
    CHECK(step.at("name") == fmt::format("assistant {}", i + 1));
    CHECK(step.at("epochs").size() == 2);
    CHECK(step.at("epochs")[1].contains("hard"));
    CHECK(step.at("epochs")[1].contains("soft"));
    check_share(all, step);
    check_saved(out.file(fmt::format("assistant-{}.safetensors", i + 1)), step,
                "0.1 * labels + 0.9 * kd(T=4)");
  }
  const Bytes table = read_all(out.file("log/epochs.csv"));
  for (const char* const row :
       {"\nteacher,1,", "\nassistant-1,2,", "\nassistant-2,1,", "\nstudent-distilled,2,"}) {
    CHECK(contains(table, row));
  }
  CHECK(contains(read_all(out.file("page.html")), "\"name\":\"assistant 2\""));
}

TEST_CASE("generations are like the teacher, learn by its answers at T = 1, and answer together") {
  const Folder out;
  const Finished finished =
      run({"--generations", "2", "--json", out.file("j"), "--save", out.path()});
  CHECK(contains(finished.err, "step 2 of 4, generation 1: mlp:16"));
  CHECK(contains(finished.err, "it learns kd(T=1) from generation 1"));
  CHECK(contains(finished.out, "\ngenerations together  2 of them"));
  const json all = json::parse(read_all(out.file("j")));
  REQUIRE(all.at("steps").size() == 2);
  CHECK(all.at("steps")[0].at("epochs")[0].at("loss") !=
        all.at("steps")[1].at("epochs")[0].at("loss"));
  for (const json& step : all.at("steps")) {
    CHECK(step.at("spec") == "mlp:16");
    check_share(all, step);
  }
  check_share(all, all.at("together"));
  CHECK(all.at("together").at("parameters") == 2 * all.at("teacher").at("parameters").get<int>());
  check_saved(out.file("generation-2.safetensors"), all.at("steps")[1], "kd(T=1)");
  // By a method of one's own, from a teacher of a file.
  const Finished by_method = run({"--generations", "1", "--method", "dkpp", "--teacher-weights",
                                  out.file("teacher.safetensors")});
  CHECK(contains(by_method.err, "step 2 of 3, generation 1: mlp:16"));
  CHECK(contains(by_method.err, "it learns dkpp(T=1) from teacher"));
}

TEST_CASE("students teach one another in place of a distilled one, each repeat anew") {
  const Folder out;
  const Finished finished = run({"--mutual", "3", "--repeats", "2", "--json", out.file("j"),
                                 "--save", out.path(), "--report", out.file("page.html")});
  CHECK(contains(finished.err, "3 students learn 1 * labels + 1 * others(T=1) from one another"));
  CHECK(contains(finished.out, "\nstudent, mutual 3     mlp:8"));
  CHECK(contains(finished.out, "after mutual learning"));
  CHECK_FALSE(contains(finished.out, "distill"));
  const json all = json::parse(read_all(out.file("j")));
  CHECK(all.at("options").at("mutual") == 3);
  REQUIRE(all.at("repeats").size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const json& pair = all.at("repeats")[i];
    CHECK(pair.at("student_distilled").at("epochs")[0].contains("others-3"));
    REQUIRE(pair.at("peers").size() == 2);
    CHECK(pair.at("peers")[1].at("name") == "student, mutual 3");
    CHECK(pair.at("peers")[1].contains("agreement"));
    const std::string suffix = i == 0 ? "" : "-2";
    check_saved(out.file("student-mutual-1" + suffix + ".safetensors"),
                pair.at("student_distilled"), "1 * labels + 1 * others(T=1)");
    check_saved(out.file("student-mutual-3" + suffix + ".safetensors"), pair.at("peers")[1],
                "1 * labels + 1 * others(T=1)");
  }
  CHECK_FALSE(std::filesystem::exists(out.file("student-distilled.safetensors")));
  CHECK(contains(run({"--mutual", "2", "--temperature", "2", "--alpha", "0.4"}).err,
                 "0.4 * labels + 0.6 * others(T=2)"));
}

TEST_CASE("chains that cannot be are refused before any training") {
  check_refused({"--assistant", "mlp:12", "--generations", "2"},
                "--assistant: of --assistant, --generations and --mutual one alone");
  check_refused({"--mutual", "2", "--generations", "1"}, "--generations: of --assistant");
  check_refused({"--mutual", "2", "--method", "kd"}, "--mutual: students that teach one another");
  check_refused({"--mutual", "1"}, "--mutual: at least two students");
  check_refused({"--assistant", "mlp:12", "--teacher-logits", "logits.npy"},
                "--teacher-logits: --assistant needs a teacher to ask");
  check_refused({"--mutual", "2", "--teacher-logits", "logits.npy"},
                "--teacher-logits: --mutual needs a teacher");
  check_refused({"--assistant", "cnn:4,8,8", "--method", "at"}, "--method: \"labels + 1000 * at\"");
  const Finished spec = run_program("mnist_distill", words({"--assistant", "mlq:3"}));
  CHECK(spec.exit_code == 2);
  CHECK(contains(spec.err, "--assistant"));
}

TEST_CASE("a schedule that so few steps are too short for is refused before any training") {
  // 300 images: two epochs of batches of 128 are six steps, of 300 two.
  check_refused({"--schedule", "one-cycle", "--batch-size", "300"},
                "--teacher-epochs: one_cycle: the rise must be longer than one step and shorter "
                "than all; got 0.3 of 2 steps");
  // Of 200 images 140 are learned from, one batch of 150; of all of them two, and four steps.
  check_refused({"--schedule", "one-cycle", "--batch-size", "150", "--train-size", "200",
                 "--validation-split", "0.3"},
                "--teacher-epochs: one_cycle: ");
  const Finished student = run_program(
      "mnist_distill", {"--data", data().path(), "--schedule", "one-cycle", "--batch-size", "300",
                        "--teacher-epochs", "9", "--epochs", "2"});
  CHECK(student.exit_code == 1);
  CHECK(contains(student.err, "mnist_distill: error: --epochs: one_cycle: "));
  CHECK(!contains(student.err, "loss"));
  run({"--schedule", "one-cycle"});
}

TEST_CASE("a chain of which any step is missing goes on to the same bits") {
  const std::vector<Arguments> chains = {
      {"--assistant", "mlp:14", "mlp:10"}, {"--generations", "2"}, {"--mutual", "2"}};
  for (const Arguments& chain : chains) {
    CAPTURE(chain[0]);
    const auto with = [&](const Arguments& more) {
      Arguments all = chain;
      all.insert(all.end(), {"--quiet", "--batch-size", "16"});
      all.insert(all.end(), more.begin(), more.end());
      return all;
    };
    const auto saved = [](const Folder& out) {
      std::map<std::string, Bytes> files;
      for (const auto& entry : std::filesystem::directory_iterator(out.path())) {
        files[entry.path().filename().string()] = read_all(entry.path().string());
      }
      return files;
    };
    const Folder whole, kept;
    run(with({"--save", whole.path(), "--checkpoint", kept.path()}));
    std::vector<std::filesystem::path> steps;
    for (const auto& entry : std::filesystem::directory_iterator(kept.path())) {
      steps.push_back(entry.path());
    }
    REQUIRE(steps.size() == (chain[0] == "--mutual" ? 3 : 5));
    for (const std::filesystem::path& step : steps) {
      CAPTURE(step);
      const Folder out, rest;
      std::filesystem::copy(kept.path(), rest.path());
      std::filesystem::remove(rest.path() / step.filename());
      run(with({"--save", out.path(), "--resume", rest.path()}));
      CHECK(saved(out) == saved(whole));
    }
  }
}

TEST_CASE("a chain of other steps is not gone on with") {
  const Folder kept;
  run({"--quiet", "--assistant", "mlp:14", "--checkpoint", kept.path()});
  const Finished other = run_program(
      "mnist_distill", words({"--quiet", "--assistant", "mlp:12", "--resume", kept.path()}));
  CHECK(other.exit_code == 1);
  CHECK(contains(other.err, "it belongs to another run: assistants is"));
}
