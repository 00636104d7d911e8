// The main program's methods: that each reaches the student, what is refused, and going on.
#include <nlohmann/json.hpp>

#include "nn/distill/methods/method_table.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using Arguments = std::vector<std::string>;
using nlohmann::json;

namespace {

const Folder& data() {
  static const DigitsInFiles digits({.train = 300, .test = 100});
  return digits.folder;
}

// A run of small networks and few epochs.
Finished run(const Arguments& more) {
  Arguments all = {"--data", data().path(), "--student", "mlp:8", "--threads", "1"};
  for (const char* word : {"--teacher-epochs", "1", "--epochs", "2"}) all.emplace_back(word);
  all.insert(all.end(), more.begin(), more.end());
  return run_program("mnist_distill", all);
}

// What a run writes as JSON.
json results(Arguments more) {
  const Folder out;
  more.insert(more.end(), {"--json", out.file("run.json"), "--quiet", "--teacher", "mlp:16"});
  const Finished finished = run(more);
  CAPTURE(finished.err);
  REQUIRE(finished.exit_code == 0);
  return json::parse(read_all(out.file("run.json")));
}

// Checks that these arguments end the program before any training, with this error.
void check_refused(const Arguments& more, const std::string& error) {
  const Finished finished = run(more);
  CAPTURE(error);
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.err, "mnist_distill: error: " + error));
  CHECK(!contains(finished.err, "epoch"));
  CHECK(finished.out.empty());
}

}  // namespace

TEST_CASE("mnist_distill distils by a method or a sum of them, and tells each term") {
  const json sp = results({"--method", "sp"});
  CHECK(sp["options"]["objective"] == "labels + 3000 * sp");
  const json& epoch = sp["student_distilled"]["epochs"].back();
  CHECK(epoch["sp"].get<double>() > 0);
  CHECK(epoch["sp-weight"] == 3000);
  CHECK(epoch.contains("labels"));

  const json sum = results({"--objective", "labels + until(0.5)*100*fitnet + std:kd(T=2)"});
  CHECK(sum["student_distilled"]["epochs"].back()["hint-weight"] == 0);
  CHECK(sum["student_distilled"]["epochs"].back().contains("std-kd"));
  CHECK(!results({})["options"].contains("objective"));
}

TEST_CASE("--temperature and --alpha mean with --method kd what they mean without") {
  const Arguments numbers = {"--temperature", "2", "--alpha", "0.3"};
  Arguments named = numbers;
  named.insert(named.end(), {"--method", "kd"});
  const json without = results(numbers), with = results(named);
  CHECK(with["options"]["objective"] == "0.3 * labels + 0.7 * kd(T=2)");
  CHECK(with["student_hard"]["epochs"][0]["loss"] == without["student_hard"]["epochs"][0]["loss"]);
  const auto first = [](const json& run) {
    return run["student_distilled"]["epochs"][0]["loss"].get<double>();
  };
  CHECK(first(with) == doctest::Approx(first(without)).epsilon(1e-4));
}

TEST_CASE("methods that are wrong are refused before any training, by the option's name") {
  check_refused({"--method", "ddk"}, "--method: no method is called \"ddk\"; there are labels, ");
  check_refused({"--method", "dkd", "--method-options", "bet=3"},
                "--method-options: \"labels + warm_up(0.083) * dkd(bet=3)\", character 31: dkd has "
                "no option \"bet\"; it has T=4, alpha=1, beta=8");
  check_refused({"--method", "kd", "--temperature", "2", "--method-options", "T=3"},
                "--method-options: \"0.1 * labels + 0.9 * kd(T=2, T=3)\"");
  check_refused({"--method-options", "T=3"}, "--method-options: they need --method");
  check_refused({"--method", "pkt", "--temperature", "3"},
                "--temperature: pkt has no T; its options: student=, teacher=");
  check_refused({"--method", "dkd", "--alpha", "0.5"}, "--alpha: dkd has weights of its own");
  check_refused({"--objective", "kd", "--method", "kd"}, "--objective: it says all");
  check_refused({"--objective", "kd", "--alpha", "0.5"}, "--alpha: --objective says weights");
  check_refused({"--objective", "kd", "--temperature", "3"}, "--temperature: --objective says it");
  check_refused({"--objective", "kd+"}, "--objective: \"kd+\", character 4: a number or a method");
  check_refused({"--taps", "student=2"}, "--taps: they need --method");
  check_refused({"--method", "kd", "--taps", "student=2"}, "--taps: no method of \"0.1 * labels");
  check_refused({"--method", "sp", "--taps", "2,3"}, "--taps: student=PATH, teacher=PATH or both");
  check_refused({"--method", "sp", "--taps", "student=9"},
                "--taps: the student has no module \"9\"; what it has, and gives for an image: 0 ");
  check_refused({"--method", "at"}, "--method: \"labels + 1000 * at\", character 17: at: it");
  check_refused({"--method", "sp", "--teacher-logits", "logits.npy"},
                "--teacher-logits: sp looks at the teacher's features");
}

TEST_CASE("a run by another method is not gone on with") {
  const Folder kept;
  const Arguments first = {"--teacher", "mlp:16", "--quiet", "--method", "dkd", "--checkpoint"};
  Arguments words = first;
  words.push_back(kept.path());
  REQUIRE(run(words).exit_code == 0);
  words[5] = "--resume";
  CHECK(run(words).exit_code == 0);
  words[4] = "nkd";
  const Finished other = run(words);
  CAPTURE(other.err);
  CHECK(other.exit_code == 1);
  CHECK(contains(other.err, "objective"));
}

TEST_CASE("--list-methods prints each method with its options and usual weights") {
  const Finished list = run_program("mnist_distill", {"--list-methods"});
  CHECK(list.exit_code == 0);
  for (const MethodInfo& method : methods()) {
    CHECK(contains(list.out, method.name));
    CHECK(contains(list.out, method.what));
    CHECK(contains(list.out, "options: " + method.options_text()));
    CHECK(contains(list.out, "usual:   " + usual_objective(method.name)));
  }
}
