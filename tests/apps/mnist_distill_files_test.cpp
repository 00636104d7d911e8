// What mnist_distill keeps and takes: weights, logits, checkpoints.
#include <csignal>
#include <nlohmann/json.hpp>

#include "core/files/npy.h"
#include "nn/export/onnx.h"
#include "nn/model_spec.h"
#include "nn/saved_model.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"
#include "nn/weights.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using Arguments = std::vector<std::string>;
using nlohmann::json;

namespace {

const DigitsInFiles& drawn() {
  static const DigitsInFiles digits({.train = 300, .test = 200});
  return digits;
}

const TrainTest& digits() {
  return drawn().sets;
}

const Folder& data() {
  return drawn().folder;
}

Arguments small(const Arguments& more) {
  Arguments all = {"--data",           data().path(), "--student", "mlp:8", "--epochs", "2",
                   "--teacher-epochs", "2",           "--threads", "1",     "--quiet"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Finished run(const Arguments& more) {
  const Finished finished = run_program("mnist_distill", small(more));
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 0);
  return finished;
}

void check_refused(const Arguments& more, const std::string& part) {
  const Finished finished = run_program("mnist_distill", small(more));
  CAPTURE(part);
  CAPTURE(finished.err);
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.err, part));
  CHECK(finished.out.empty());
}

// A run's result without what differs from run to run.
json result(const std::string& file) {
  json all = json::parse(read_all(file));
  all.erase("options");
  for (json& network : all) {
    if (!network.is_object()) continue;
    network.erase("seconds");
    for (json& epoch : network.at("epochs")) {
      epoch.erase("seconds");
      epoch.erase("peak_resident_bytes");
    }
  }
  return all;
}

}  // namespace

TEST_CASE("mnist_distill --save keeps the networks, which make the errors that it told") {
  const Folder out;
  run({"--teacher", "cnn-tiny", "--repeats", "2", "--temperature", "3", "--save", out.path(),
       "--json", out.file("run.json")});
  const json told = json::parse(read_all(out.file("run.json")));
  const auto check = [&](const std::string& file, const json& network) {
    SavedModel saved = load_model(out.file(file));
    CHECK(saved.info.spec == network.at("spec").get<std::string>());
    CHECK(count_errors(saved.network, digits().test) == network.at("errors").get<Index>());
    CHECK(saved.info.more.at("errors") ==
          fmt::format("{} of 200", network.at("errors").get<int>()));
    CHECK(saved.info.more.at("seed") == "1");
    CHECK(saved.info.more.contains("temperature") == contains(file, "distilled"));
  };
  check("teacher.safetensors", told.at("teacher"));
  check("student-hard.safetensors", told.at("student_hard"));
  check("student-distilled.safetensors", told.at("student_distilled"));
  check("student-distilled-2.safetensors", told.at("repeats")[1].at("student_distilled"));
  CHECK(load_model(out.file("student-distilled.safetensors")).info.more.at("temperature") == "3");
}

TEST_CASE("a teacher's weights, or its logits, teach what the teacher itself taught") {
  const Folder out;
  const Arguments teacher = {"--teacher", "mlp:16"};
  run({"--teacher", "mlp:16", "--save", out.path(), "--save-logits", out.file("logits.npy"),
       "--json", out.file("trained.json")});
  SavedModel saved = load_model(out.file("teacher.safetensors"));
  CHECK(difference(read_npy(out.file("logits.npy")), logits_of(saved.network, digits().train)) <
        1e-5);
  run({"--teacher-weights", out.file("teacher.safetensors"), "--json", out.file("weights.json")});
  const Finished from_logits =
      run({"--teacher-logits", out.file("logits.npy"), "--json", out.file("logits.json")});
  CHECK(contains(from_logits.out, "What the teacher says of training image"));
  CHECK(!contains(from_logits.out, "\nteacher"));

  const json trained = result(out.file("trained.json")), weights = result(out.file("weights.json")),
             logits = result(out.file("logits.json"));
  CHECK(weights.at("student_distilled") == trained.at("student_distilled"));
  CHECK(weights.at("teacher").at("errors") == trained.at("teacher").at("errors"));
  CHECK(weights.at("teacher").at("epochs").empty());
  CHECK(logits.at("teacher").is_null());
  CHECK(logits.at("student_distilled").at("epochs").back().at("loss").get<double>() ==
        doctest::Approx(trained.at("student_distilled").at("epochs").back().at("loss")));
}

TEST_CASE("a teacher from elsewhere has its own names for tensors and its own form of images") {
  const InputOptions input{.mean = {0.1307}, .std = {0.3081}};
  Rng rng(3);
  Sequential teacher = prepared(make_model("mlp:16", {1, 28, 28}, 10, {}, rng), input);
  train_classifier(teacher, digits().train, {.epochs = 4, .batch_size = 20, .lr = 3e-3});
  const std::vector<NamedTensor> state = named_state(teacher);
  REQUIRE(state.size() == 4);
  const Folder out;
  const std::string file = out.file("theirs.safetensors");
  write_safetensors(file, {.tensors = {{"module.fc1.bias", state[1].tensor},
                                       {"module.fc1.weight", state[0].tensor},
                                       {"module.fc2.bias", state[3].tensor},
                                       {"module.fc2.weight", state[2].tensor}},
                           .metadata = {}});
  Arguments all =
      small({"--teacher", "mlp:16", "--teacher-weights", file, "--teacher-mean", "0.1307",
             "--teacher-std", "0.3081", "--save", out.path(), "--json", out.file("run.json")});
  std::erase(all, "--quiet");
  const Finished told = run_program("mnist_distill", all);
  CAPTURE(told.err);
  CHECK(told.exit_code == 0);
  const Index errors = count_errors(teacher, digits().test);
  CHECK(contains(told.err, "  module.fc1.weight  →  1.weight  (16, 784)\n"));
  CHECK(contains(told.err, fmt::format("by itself it makes {} errors of 200", errors)));
  const json run_json = json::parse(read_all(out.file("run.json")));
  CHECK(run_json.at("teacher").at("errors") == errors);
  CHECK(run_json.at("options").at("teacher_mean") == "0.1307");

  // What was saved has the form of its images with it.
  SavedModel saved = load_model(out.file("teacher.safetensors"));
  CHECK(count_errors(saved.network, digits().test) == errors);
  run({"--teacher-weights", out.file("teacher.safetensors"), "--json", out.file("again.json")});
  CHECK(json::parse(read_all(out.file("again.json"))).at("student_distilled").at("errors") ==
        run_json.at("student_distilled").at("errors"));

  check_refused({"--teacher-weights", file, "--teacher", "mlp:17"},
                "its tensors do not fit the network, which has 0 layers of bias (10), weight "
                "(10, 16) where the file has 1\n  the network");
  check_refused({"--teacher-mean", "0.5"}, "they are for --teacher-weights");
  out.write("x.pt", Bytes("PK\x03\x04", 4) + Bytes(26, '\0') + "x/data.pkl");
  check_refused({"--teacher-weights", out.file("x.pt")}, "it is a file of torch.save");
}

TEST_CASE("a teacher in an ONNX file teaches what the same one in our file does") {
  const Folder out;
  run({"--teacher", "mlp:16", "--save", out.path(), "--json", out.file("trained.json")});
  const std::string file = out.file("teacher.onnx");
  SavedModel teacher = load_model(out.file("teacher.safetensors"));
  export_onnx(teacher.network, {1, 28, 28}, file);
  const json trained = json::parse(read_all(out.file("trained.json")));
  const int errors = trained.at("teacher").at("errors").get<int>();
  Arguments arguments = small(
      {"--teacher-onnx", file, "--save", out.file("students"), "--json", out.file("onnx.json")});
  std::erase(arguments, "--quiet");
  const Finished told = run_program("mnist_distill", arguments);
  CHECK(told.exit_code == 0);
  CHECK(contains(told.err, "teacher: " + file +
                               ": limbeck, operator set 13: (1, 28, 28) → (10); "
                               "1 Flatten, 2 Gemm, 1 Relu"));
  CHECK(contains(told.err, fmt::format("by itself it makes {} errors of 200", errors)));
  const json onnx = json::parse(read_all(out.file("onnx.json")));
  CHECK(onnx.at("options").at("teacher_onnx") == file);
  CHECK(onnx.at("teacher").at("spec") == "teacher.onnx");
  CHECK(onnx.at("teacher").at("errors") == errors);
  CHECK(onnx.at("teacher").at("parameters") == trained.at("teacher").at("parameters"));
  CHECK(onnx.at("student_distilled").at("epochs").back().at("loss").get<double>() ==
        doctest::Approx(trained.at("student_distilled").at("epochs").back().at("loss")));
  CHECK_FALSE(std::filesystem::exists(out.file("students/teacher.safetensors")));

  Rng rng(1);
  Sequential other = make_model("mlp:4", {1, 20, 28}, 10, {}, rng);
  export_onnx(other, {1, 20, 28}, file);
  check_refused({"--teacher-onnx", file},
                file + " answers (10) to images (1, 20, 28); these are (1, 28, 28), of 10 classes");
  check_refused({"--teacher-onnx", "x", "--teacher-logits", "y"}, "--teacher-onnx: ");
  check_refused({"--teacher-onnx", "x", "--teacher-weights", "y"}, "--teacher-onnx: ");
}

TEST_CASE("files of a teacher that do not fit are refused") {
  const Folder out;
  const std::string file = out.file("x.safetensors");
  check_refused({"--teacher-weights", file}, file + ": cannot be opened: No such file");
  out.write("x.safetensors", "GIF89a, for one");
  check_refused({"--teacher-weights", file}, "not a safetensors file");
  Rng rng(1);
  Sequential other = make_model("mlp:4", {1, 20, 28}, 10, {}, rng);
  save_model(other, file, {.spec = "mlp:4", .image = {1, 20, 28}, .classes = 10});
  check_refused({"--teacher-weights", file},
                file + " is for images (1, 20, 28) of 10 classes; these are (1, 28, 28) of 10");
  write_npy(out.file("x.npy"), Tensor::zeros({299, 10}));
  check_refused({"--teacher-logits", out.file("x.npy")},
                "a row of logits is needed for each of 300 images; got (299, 10)");
  write_npy(out.file("x.npy"), Tensor::zeros({300, 9}));
  check_refused({"--teacher-logits", out.file("x.npy")}, "the teacher tells 9 classes apart");
  check_refused({"--teacher-logits", "x", "--teacher-weights", "y"}, "--teacher-logits: ");
  check_refused({"--teacher-logits", "x", "--train-size", "5"}, "--teacher-logits: ");
  check_refused({"--teacher-logits", "x", "--augment", "shift"}, "--teacher-logits: ");
  check_refused({"--teacher-logits", "x", "--save-logits", "y"}, "--teacher-logits: ");
}

TEST_CASE("where results cannot be kept is said before any training") {
  check_refused({"--save-logits", "/no/folder/x.npy"},
                "--save-logits: /no/folder/x.npy: cannot be written");
  check_refused({"--json", data().path()}, "--json: " + data().path() + ": cannot be written");
  check_refused({"--save", data().file("train-images-idx3-ubyte") + "/x"}, "--save: ");
  check_refused({"--resume", "/no/folder"}, "--resume: /no/folder is not a folder");
  const Folder out;
  check_refused({"--resume", out.path()}, "--resume: " + out.path() + " has no checkpoints");
  check_refused({"--resume", out.path(), "--checkpoint", out.path()}, "leave out --checkpoint");
}

TEST_CASE("a finished run's checkpoints give its results again; those of another run are refused") {
  const Folder out, kept;
  const Arguments first = {"--teacher", "mlp:16", "--checkpoint",
                           kept.path(), "--json", out.file("first.json")};
  run(first);
  run({"--teacher", "mlp:16", "--resume", kept.path(), "--json", out.file("again.json")});
  CHECK(result(out.file("first.json")) == result(out.file("again.json")));
  check_refused(first, kept.path() + " has checkpoints of a run; go on with --resume");
  check_refused({"--teacher", "mlp:16", "--resume", kept.path(), "--temperature", "7"},
                "it belongs to another run: temperature is 4.0 there and 7.0 here");
}

TEST_CASE("mnist_distill --export-c writes the distilled student in floats and in bytes") {
  const Folder out;
  const Finished finished =
      run({"--teacher", "mlp:16", "--export-c", out.file("student.h"), "--export-c-int8",
           out.file("8-bit.h"), "--json", out.file("run.json")});
  const json told = json::parse(read_all(out.file("run.json")));
  const int errors = told.at("student_distilled").at("errors");
  const Bytes floats = read_all(out.file("student.h")), bytes = read_all(out.file("8-bit.h"));
  CHECK(contains(floats, "void student_predict(const float *image, float *logits)"));
  CHECK(contains(floats, fmt::format("{} errors of 200 test images", errors)));
  CHECK(contains(bytes, "void net_8_bit_predict(const float *image, float *logits)"));
  CHECK(contains(bytes, fmt::format("in floats {}, of 200 test images", errors)));
  CHECK(contains(finished.out, "In 8 bits the distilled student makes "));
  check_refused({"--export-c", out.file("---.h")}, "---.h");
}

TEST_CASE("mnist_distill --bits trains the distilled student on in integers, and writes those") {
  const Folder out, kept;
  const Arguments all = {"--teacher",       "mlp:16",
                         "--bits",          "2",
                         "--bits-epochs",   "1",
                         "--export-c-int8", out.file("bits.h"),
                         "--json",          out.file("run.json"),
                         "--checkpoint",    kept.path()};
  const Finished finished = run(all);
  const json told = json::parse(read_all(out.file("run.json")));
  CHECK(told.at("options").at("bits") == 2);
  CHECK(told.at("student_rounded").at("epochs").empty());
  const json& trained = told.at("student_integers");
  CHECK(trained.at("epochs").size() == 1);
  CHECK(told.at("options").at("bits_lr") == 1e-3);  // of 2 bits that of --lr
  CHECK(trained.at("bytes") == trained.at("parameters"));
  const int errors = trained.at("errors");
  CHECK(trained.at("epochs")[0].at("errors") == errors);
  CHECK(contains(finished.out, "\nrounded to 2 bits     mlp:8"));
  CHECK(contains(finished.out, "\ntrained in 2 bits     mlp:8"));
  CHECK(contains(finished.out,
                 fmt::format("In 2 bits the distilled student makes {} errors", errors)));
  CHECK(contains(read_all(out.file("bits.h")), fmt::format("{} errors, in floats", errors)));
  // The same again from its checkpoints.
  Arguments again = all;
  again[10] = "--resume";
  run(again);
  CHECK(json::parse(read_all(out.file("run.json"))).at("student_integers").at("errors") == errors);
  check_refused({"--teacher", "mlp:16", "--bits", "4", "--method", "sp"},
                "--bits: sp looks into the student");
}

TEST_CASE("mnist_distill --log-dir tells every epoch once, also over a stop") {
  const Folder out, kept, log;
  const Arguments one = {"--teacher", "mlp:16", "--log-dir", log.path()};
  Arguments first = one, again = one;
  first.insert(first.end(), {"--checkpoint", kept.path()});
  again.insert(again.end(), {"--resume", kept.path()});
  run(first);
  const Bytes table = read_all(log.file("epochs.csv"));
  CHECK(table.starts_with("network,epoch,loss,"));
  CHECK(std::ranges::count(table, '\n') == 1 + 2 + 2 + 2);
  // As if the program had been killed in the last training.
  std::filesystem::remove(kept.file("student-distilled.checkpoint"));
  run(again);
  const Bytes after = read_all(log.file("epochs.csv"));
  CHECK(std::ranges::count(after, '\n') == 1 + 2 + 2 + 2);
  CHECK(contains(after, "\nstudent-distilled,2,"));
  for (const char* network : {"teacher", "student-hard", "student-distilled"}) {
    CHECK(!std::filesystem::is_empty(log.file(network)));
  }
}

TEST_CASE("mnist_distill --report writes one page with its results in it") {
  const Folder out;
  run({"--teacher", "mlp:16", "--report", out.file("report.html"), "--json", out.file("run.json")});
  const Bytes page = read_all(out.file("report.html"));
  CHECK(page.starts_with("<!DOCTYPE html>"));
  const json told = json::parse(read_all(out.file("run.json")));
  CHECK(contains(page, fmt::format("\"errors\":{}", told.at("teacher").at("errors").get<int>())));
  check_refused({"--teacher-logits", "x", "--report", out.file("x.html")}, "--teacher-logits: ");
}
