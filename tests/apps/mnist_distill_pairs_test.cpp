// What mnist_distill's options do together: two of them in a run, each of which works alone.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/channel_statistics.h"
#include "nn/normalize.h"
#include "nn/saved_model.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using Arguments = std::vector<std::string>;
using nlohmann::json;

namespace {

const DigitsInFiles& drawn() {
  static const DigitsInFiles digits({.train = 200, .test = 60});
  return digits;
}

const TrainTest& digits() {
  return drawn().sets;
}

const Folder& data() {
  return drawn().folder;
}

// A run of small networks and of one epoch each, where `more` says nothing else.
Finished run(const Arguments& more, const std::string& student = "mlp:8") {
  Arguments all = {"--data", data().path(), "--student", student, "--threads", "1"};
  for (const char* option : {"--teacher-epochs", "--epochs"}) {
    if (std::ranges::find(more, option) == more.end()) all.insert(all.end(), {option, "1"});
  }
  all.insert(all.end(), more.begin(), more.end());
  return run_program("mnist_distill", all);
}

// What a run of such options writes as JSON, and what it says.
json results(Arguments more, std::string* said = nullptr) {
  const Folder out;
  more.insert(more.end(), {"--json", out.file("run.json"), "--teacher", "mlp:12"});
  const Finished finished = run(more);
  CAPTURE(finished.err);
  REQUIRE(finished.exit_code == 0);
  if (said != nullptr) *said = finished.err;
  return json::parse(read_all(out.file("run.json")));
}

// That this ends the program before any training, with this error.
void check_refused(const Arguments& more, const std::string& error,
                   const std::string& student = "mlp:8") {
  const Finished finished = run(more, student);
  CAPTURE(error);
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.err, "mnist_distill: error: " + error));
  CHECK(!contains(finished.err, "loss"));
  CHECK(finished.out.empty());
}

// That this fails after the trainings, and what was trained is told all the same.
void check_told_and_failed(Arguments more, const std::string& error) {
  const Folder out;
  more.insert(more.end(), {"--json", out.file("run.json"), "--teacher", "mlp:12"});
  const Finished finished = run(more);
  CAPTURE(error);
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.err, error));
  CHECK(contains(finished.out, "\nstudent, distilled"));
  CHECK(json::parse(read_all(out.file("run.json"))).contains("student_distilled"));
}

}  // namespace

TEST_CASE("a student that cannot become what is asked for is refused before any training") {
  const Folder out;
  const std::string tanh = "layers: flatten, linear 8, tanh, linear";
  check_refused({"--export-c", out.file("net.h")}, "--export-c: export: ", "vit-tiny");
  check_refused({"--export-c-int8", out.file("net.h")}, "--export-c-int8: export: ", tanh);
  check_refused({"--bits", "4"}, "--bits: export: ", tanh);
  check_refused({"--bits", "4", "--bits-epochs", "1", "--batch-size", "100", "--schedule",
                 "one-cycle", "--teacher-epochs", "9", "--epochs", "9"},
                "--bits-epochs: one_cycle: ");
  if (sizeof(real) == sizeof(float)) {
    check_refused({"--bits", "8", "--size", "96x96"},
                  "--bits: FakeQuantized: a sum over 9216 weights");
  }
}

TEST_CASE("what was trained is told also where what comes after it fails") {
  check_told_and_failed({"--bits", "2", "--bits-lr", "1e30"}, "nan");
}

TEST_CASE("a page has students whose layers it cannot compute, but no sheet for them") {
  const Folder out;
  const Finished finished = run({"--teacher", "mlp:12", "--report", out.file("page.html"),
                                 "--export-onnx", out.file("net.onnx")},
                                "layers: flatten, linear 8, tanh, linear");
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 0);
  const Bytes page = read_all(out.file("page.html"));
  CHECK(contains(page, "\"models\":{\"hard\":{\"bytes\":25480}"));
  CHECK(std::filesystem::exists(out.file("net.onnx")));
}

TEST_CASE("--normalise is of all networks that are made here, whoever is between them") {
  const json assisted = results({"--normalise", "--assistant", "mlp:10"});
  CHECK(assisted.at("steps")[0].at("spec") == "normalize+mlp:10");
  CHECK(assisted.at("options").at("assistants")[0] == "normalize+mlp:10");
  // A teacher from a file is taken as it is, and generations are like it.
  const Folder out;
  results({"--save", out.path()});
  const std::string file = out.file("teacher.safetensors");
  const json born = results({"--normalise", "--generations", "1", "--teacher-weights", file});
  CHECK(born.at("teacher").at("spec") == "mlp:12");
  CHECK(born.at("steps")[0].at("spec") == "mlp:12");
  CHECK(born.at("student_hard").at("spec") == "normalize+mlp:8");
}

TEST_CASE("what begins with normalize+ knows the images, whichever network alone says so") {
  const auto check_statistics = [](const std::string& file) {
    SavedModel saved = load_model(file);
    CHECK(saved.info.spec.starts_with("normalize+"));
    const auto& first = dynamic_cast<Normalize&>(saved.network[0]);
    const ChannelStatistics channels = channel_statistics(digits().train);
    CHECK(first.mean.item() == doctest::Approx(channels.mean[0]));
    CHECK(first.deviation.item() == doctest::Approx(channels.deviation[0]));
  };
  const Folder out;
  results({"--assistant", "normalize+mlp:10", "--save", out.path()});
  check_statistics(out.file("assistant-1.safetensors"));
  results({"--generations", "1", "--teacher-weights", out.file("assistant-1.safetensors"), "--save",
           out.path()});
  check_statistics(out.file("generation-1.safetensors"));
}

TEST_CASE("--teacher-mean and its like are refused where they cannot be meant") {
  const Folder out;
  results({"--save", out.path()});
  const std::string file = out.file("teacher.safetensors");
  check_refused({"--teacher-weights", file, "--teacher-mean", "0.1,0.2,0.3"}, "--teacher-mean: ");
  check_refused({"--teacher-weights", file, "--teacher-std", "1,2"},
                "--teacher-std: there are 2 numbers, and 1 channels");
  // A file that says how its network wants images is believed.
  results({"--teacher-weights", file, "--teacher-mean", "0.1307", "--save", out.path()});
  results({"--teacher-weights", file, "--teacher-mean", "0.1307"});
  const std::string itself = out.file("teacher.safetensors") + " says itself";
  check_refused({"--teacher-weights", file, "--teacher-mean", "0.9"}, "--teacher-mean: " + itself);
  check_refused({"--teacher-weights", file, "--teacher-std", "5"}, "--teacher-std: " + itself);
  check_refused({"--teacher-weights", file, "--teacher-input", "flat"},
                "--teacher-input: " + itself);
  const Finished predict = run_program(
      "mnist_predict", {file, "--data", data().path(), "--index", "0", "--mean", "0.9"});
  CHECK(predict.exit_code == 1);
  CHECK(contains(predict.err, "--mean: " + itself));
}

TEST_CASE("a page of a run in few bits has what the table has") {
  const Folder out;
  std::string said;
  const json told = results({"--assistant", "mlp:10", "--bits", "4", "--bits-epochs", "1",
                             "--report", out.file("page.html")},
                            &said);
  CHECK(contains(said, "\ntrained in 4 bits: mlp:8"));  // no step of the chain, which is done
  CHECK(told.contains("student_integers"));
  const Bytes page = read_all(out.file("page.html"));
  for (const char* const part : {"student_rounded: rounded", "rounded to ${bits} bits",
                                 "student_integers: trained", "trained in ${bits} bits"}) {
    CAPTURE(part);
    CHECK(contains(page, part));
  }
}

TEST_CASE("students that teach one another: their options, their time, and how many they may be") {
  const Folder out;
  const json mutual = results({"--mutual", "2", "--report", out.file("page.html")});
  CHECK(mutual.at("options").at("temperature") == 1);
  CHECK(mutual.at("options").at("alpha").is_null());
  CHECK(contains(read_all(out.file("page.html")), "\"temperature\":1.0,\"classes\""));
  const double seconds = mutual.at("student_distilled").at("seconds");
  CHECK(seconds > 0);
  CHECK(mutual.at("peers")[0].at("seconds") == seconds);
  CHECK(results({"--mutual", "2", "--alpha", "0.4"}).at("options").at("alpha") == 0.4);
  check_refused({"--mutual", "2", "--alpha", "1"}, "--alpha: at 1 students with --mutual learn");
  for (const char* const option : {"--mutual", "--generations"}) {
    CAPTURE(option);
    const Finished many = run({option, "101"});
    CHECK(many.exit_code == 2);
    CHECK(contains(many.err, "there may be 1 to 100 of them; got 101"));
  }
}
