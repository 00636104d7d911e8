// The main program from outside: its words and exit codes for bad input, and its results.
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/function_ref.h"
#include "data/synthetic_digits.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using Arguments = std::vector<std::string>;
using nlohmann::json;

namespace {

constexpr const char* train_images = "train-images-idx3-ubyte";
constexpr const char* train_labels = "train-labels-idx1-ubyte";
constexpr const char* test_images = "t10k-images-idx3-ubyte";

const TrainTest& digits() {
  static const TrainTest sets = synthetic_digits({.train = 300, .test = 200});
  return sets;
}

// Files of MNIST's form, small ones.
void write_digits(const Folder& folder) {
  write_mnist_files(folder, digits());
}

// A run of the program that takes no time: small networks, few epochs.
Finished small_run(const Folder& data, const Arguments& more) {
  Arguments arguments = {"--data", data.path(), "--teacher", "mlp:16", "--student", "mlp:8"};
  for (const char* word : {"--teacher-epochs", "1", "--epochs", "2", "--threads", "1"}) {
    arguments.emplace_back(word);
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program("mnist_distill", arguments);
}

// Checks that these arguments end the program with this exit code, no results, and an error that
// has `part` in its text.
void check_refused(const Arguments& arguments, int exit_code, const std::string& part) {
  const Finished run = run_program("mnist_distill", arguments);
  CAPTURE(part);
  CAPTURE(run.err);
  CHECK(run.exit_code == exit_code);
  CHECK(run.err.starts_with("mnist_distill: error: "));
  CHECK(contains(run.err, part));
  CHECK(run.out.empty());
}

// As above, with the program's data in a folder that `spoil` has spoiled.
void check_data_refused(FunctionRef<void(const Folder&)> spoil, const std::string& file,
                        const std::string& part) {
  const Folder folder;
  write_digits(folder);
  spoil(folder);
  check_refused({"--data", folder.path()}, 1, part);
  check_refused({"--data", folder.path()}, 1, folder.file(file));
}

// Text with every run of white space as one space: help is broken into lines.
std::string flowing(const std::string& text) {
  std::istringstream words(text);
  std::string flow;
  for (std::string word; words >> word;) flow += word + " ";
  return flow;
}

// Times and sizes out, at any depth: what differs from run to run.
void drop_measurements(json& value) {
  if (value.is_object()) value.erase("seconds");
  if (value.is_object()) value.erase("peak_resident_bytes");
  for (json& part : value) {
    if (part.is_structured()) drop_measurements(part);
  }
}

}  // namespace

TEST_CASE("mnist_distill refuses arguments out of range with exit code 2, and names them") {
  check_refused({"--temperature", "0"}, 2, "--temperature: the temperature must be a positive");
  check_refused({"--temperature", "hot"}, 2, "--temperature");
  check_refused({"--alpha", "2"}, 2, "--alpha: alpha, the weight of the hard labels, must be in");
  check_refused({"--student", "rnn:8"}, 2, "--student: \"rnn:8\" is not known");
  check_refused({"--teacher", "mlp:0"}, 2, "--teacher: \"mlp:0\" has a width");
  check_refused({"--epochs", "0"}, 2, "--epochs: must be at least 1; got 0");
  check_refused({"--teacher-epochs", "-1"}, 2, "--teacher-epochs");
  check_refused({"--patience", "2"}, 1, "--patience: it needs images to judge by");
  check_refused({"--optimizer", "adagrad"}, 2, "--optimizer");
  check_refused({"--validation-split", "1"}, 2, "--validation-split");
  check_refused({"--clip-norm", "-1"}, 2, "--clip-norm");
  check_refused({"--batch-size", "0"}, 2, "--batch-size");
  check_refused({"--lr", "0"}, 2, "--lr: must be above 0; got 0");
  check_refused({"--train-size", "0"}, 2, "--train-size");
  check_refused({"--threads", "0"}, 2, "--threads");
  check_refused({"--tempreature", "4"}, 2, "--tempreature");
  check_refused({"surplus"}, 2, "surplus");
  check_refused({"--seed"}, 2, "--seed");
}

TEST_CASE("mnist_distill refuses a folder without data, and names what is missing") {
  check_refused({"--data", "/no/such/folder"}, 1,
                "/no/such/folder: there is no such folder or file");
  const Folder empty;
  check_refused({"--data", empty.path()}, 1,
                empty.path() + " has no images of a kind that is known");
}

TEST_CASE("mnist_distill refuses broken files, and names them") {
  const Bytes images = images_file(digits().train), labels = labels_file(digits().train);
  check_data_refused(
      [&](const Folder& f) { f.write(train_images, images.substr(0, images.size() / 2)); },
      train_images, "its header promises 235200 bytes of images");
  check_data_refused([&](const Folder& f) { f.write(train_labels, "GIF89a and so on"); },
                     train_labels, "not an IDX file of labels: it begins with 0x47494638");
  check_data_refused(
      [&](const Folder& f) {
        f.write(train_images, labels);
        f.write(train_labels, images);
      },
      train_images, "images and labels swapped?");
  check_data_refused([&](const Folder& f) { f.write(train_labels, labels_file(digits().test)); },
                     train_labels, "has 300 images and");
  check_data_refused(
      [&](const Folder& f) {
        std::filesystem::remove(f.file(test_images));
        const Bytes whole =
            read_all(f.write_gzipped(test_images + std::string(".gz"), images_file(digits().test)));
        f.write(test_images + std::string(".gz"), whole.substr(0, whole.size() / 2));
      },
      test_images + std::string(".gz"), "its gzip stream breaks off");
  const Folder folder;
  write_digits(folder);
  Bytes high = labels;
  high.back() = 10;
  folder.write(train_labels, high);
  check_refused(
      {"--data", folder.path()}, 1,
      folder.file(train_labels) + ": label 299 is 10; labels of 10 classes go from 0 to 9");
}

TEST_CASE("mnist_distill refuses what it can only find out later with exit code 1") {
  const Folder data;
  write_digits(data);
  check_refused({"--data", data.path(), "--train-size", "301"}, 1,
                "--train-size: 301 asked of 300 training images");
  check_refused({"--data", data.path(), "--json", "/no/such/folder/out.json"}, 1,
                "--json: /no/such/folder/out.json: cannot be written");
}

TEST_CASE("mnist_distill --help tells what the options do, T among them") {
  const Finished run = run_program("mnist_distill", {"--help"});
  CHECK(run.exit_code == 0);
  CHECK(run.err.empty());
  const std::string help = flowing(run.out);
  CHECK(contains(help, "--temperature T"));
  CHECK(contains(help, "learns from softmax(z / T) of the teacher's logits z"));
  CHECK(contains(help, "alpha * CE + (1 - alpha) * T^2 * KL"));
}

TEST_CASE("mnist_distill shows progress in plain lines, the table, and writes its JSON") {
  const Folder data, out;
  write_digits(data);
  const Finished run = small_run(data, {"--json", out.file("run.json"), "--temperature", "5"});
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);

  // On stderr, which is no terminal here: a line an epoch, nothing drawn over, no colours.
  CHECK(contains(run.err, "300 images to learn from, 200 to be tested on"));
  CHECK(contains(run.err, "teacher: mlp:16, 12,730 parameters"));
  CHECK(contains(run.err, "epoch  2/2  loss"));
  CHECK_FALSE(contains(run.err, "\x1b"));
  CHECK_FALSE(contains(run.err, "\r"));

  for (const char* part : {"errors of 200", "\nteacher  ", "\nstudent, hard labels  mlp:8",
                           "\nstudent, distilled    mlp:8", "12,730", "6,370", "T = 5"}) {
    CAPTURE(part);
    CHECK(contains(run.out, part));
  }

  const json result = json::parse(read_all(out.file("run.json")));
  CHECK(result.at("schema_version") == 1);
  CHECK(result.contains("gain_recovered"));
  CHECK(result.at("options") == json{{"data", data.path()},
                                     {"teacher", "mlp:16"},
                                     {"student", "mlp:8"},
                                     {"temperature", 5.0},
                                     {"alpha", 0.1},
                                     {"teacher_epochs", 1},
                                     {"epochs", 2},
                                     {"batch_size", 128},
                                     {"lr", 1e-3},
                                     {"train_size", nullptr},
                                     {"teacher_dropout", 0.3},
                                     {"teacher_augment", "shift"},
                                     {"teacher_weights", nullptr},
                                     {"teacher_logits", nullptr},
                                     {"augment", "none"},
                                     {"repeats", 1},
                                     {"seed", 1},
                                     {"threads", 1},
                                     {"optimizer", "adam"},
                                     {"weight_decay", 0.0},
                                     {"schedule", "cosine"},
                                     {"clip_norm", 0.0},
                                     {"label_smoothing", 0.0},
                                     {"validation_split", 0.0},
                                     {"patience", 0}});
  for (const std::string name : {"teacher", "student_hard", "student_distilled"}) {
    CAPTURE(name);
    const json& network = result.at(name);
    const bool is_teacher = name == "teacher";
    const int width = is_teacher ? 16 : 8;
    CHECK(network.at("spec") == fmt::format("mlp:{}", width));
    CHECK(network.at("parameters") == 784 * width + width + 10 * width + 10);
    CHECK(network.at("bytes") == network.at("parameters").get<std::size_t>() * sizeof(real));
    CHECK(network.at("total") == 200);
    CHECK(network.at("errors") >= 0);
    CHECK(network.at("errors") <= 200);
    CHECK(network.at("seconds") > 0);
    CHECK(network.contains("agreement") == !is_teacher);
    CHECK(network.at("epochs").size() == (is_teacher ? 1 : 2));
    CHECK(network.at("epochs").back().at("errors") == network.at("errors"));
    for (const json& row : network.at("epochs")) {
      CHECK(row.at("loss") > 0);
      CHECK(row.at("seconds") >= 0);
      CHECK(row.at("peak_resident_bytes") > 1'000'000);
    }
    CHECK(network.at("epochs")[0].contains("soft") == (name == "student_distilled"));
  }
  const json& distilled = result.at("student_distilled");
  CHECK(distilled.at("agreement") == distilled.at("epochs").back().at("agreement"));
  const json& last = distilled.at("epochs").back();
  CHECK(last.at("loss").get<double>() ==
        doctest::Approx(0.1 * last.at("hard").get<double>() + 0.9 * last.at("soft").get<double>()));
}

TEST_CASE("mnist_distill judges by held-back images, and looks at the test images in the end") {
  const Folder data, out;
  write_digits(data);
  const Finished run = run_program("mnist_distill", {"--data",
                                                     data.path(),
                                                     "--teacher",
                                                     "mlp:16",
                                                     "--student",
                                                     "mlp:8",
                                                     "--teacher-epochs",
                                                     "2",
                                                     "--epochs",
                                                     "30",
                                                     "--validation-split",
                                                     "0.2",
                                                     "--patience",
                                                     "1",
                                                     "--optimizer",
                                                     "adamw",
                                                     "--schedule",
                                                     "constant",
                                                     "--weight-decay",
                                                     "0.01",
                                                     "--clip-norm",
                                                     "0.5",
                                                     "--label-smoothing",
                                                     "0.1",
                                                     "--threads",
                                                     "1",
                                                     "--json",
                                                     out.file("j"),
                                                     "--report",
                                                     out.file("page.html")});
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(contains(run.err, "validation errors"));
  CHECK_FALSE(contains(run.err, "test errors"));
  const json result = json::parse(read_all(out.file("j")));
  for (const char* const name : {"teacher", "student_hard", "student_distilled"}) {
    const json& network = result.at(name);
    CAPTURE(name);
    CHECK(network.at("total") == 200);
    CHECK(network.at("errors") <= 200);
    CHECK(network.at("epochs").size() < 30);  // patience came to its end
    for (const json& row : network.at("epochs")) {
      CHECK(row.at("validation_errors") <= 60);
      CHECK(row.at("gradient_norm") > 0);
      CHECK_FALSE(row.contains("errors"));
    }
  }
  CHECK(result.at("student_hard").contains("agreement"));
}

TEST_CASE("mnist_distill gives the same numbers for the same seed, others for another") {
  const Folder data, out;
  write_digits(data);
  const auto numbers = [&](const std::string& seed) {
    const std::string file = out.file("run.json");  // written over by each run
    const Finished run =
        small_run(data, {"--seed", seed, "--train-size", "100", "--quiet", "--json", file});
    REQUIRE(run.exit_code == 0);
    CHECK(run.err.empty());  // --quiet: nothing but the results
    CHECK(contains(run.out, "student, distilled"));
    json result = json::parse(read_all(file));
    drop_measurements(result);
    CHECK(result.at("options").at("train_size") == 100);
    result.erase("options");
    return result;
  };
  const json first = numbers("1");
  CHECK(numbers("1") == first);
  CHECK(numbers("2") != first);
}

TEST_CASE("mnist_distill makes its own digits where no folder is given") {
  const Finished run =
      run_program("mnist_distill", {"--teacher", "mlp:", "--student", "mlp:", "--teacher-epochs",
                                    "1", "--epochs", "1", "--train-size", "200", "--threads", "1"});
  CAPTURE(run.err);
  CHECK(run.exit_code == 0);
  CHECK(contains(run.err, "synthetic digits: 200 images to learn from, 4,000 to be tested on"));
  CHECK(contains(run.out, "errors of 4,000"));
}

TEST_CASE("mnist_distill --repeats trains several pairs of students, each from other weights") {
  const Folder data, out;
  write_digits(data);
  const std::string file = out.path() + "/result.json";
  const Finished run = small_run(data, {"--repeats", "2", "--json", file, "--quiet"});
  REQUIRE(run.exit_code == 0);
  CHECK(contains(run.out, "Mean errors of 2 students"));
  const json result = json::parse(read_all(file));
  REQUIRE(result.at("repeats").size() == 2);
  CHECK(result.at("repeats")[0].at("student_hard") == result.at("student_hard"));
  const auto loss = [&](std::size_t i) {
    return result.at("repeats")[i].at("student_distilled").at("epochs")[0].at("loss");
  };
  CHECK(loss(0) != loss(1));
}

TEST_CASE("mnist_distill takes convolutional networks, and asks the teacher about changed images") {
  const Folder data;
  write_digits(data);
  const Finished run =
      run_program("mnist_distill", {"--data", data.path(), "--teacher", "cnn-tiny", "--student",
                                    "cnn:2,3,8", "--teacher-augment", "distort", "--augment",
                                    "shift", "--teacher-epochs", "1", "--epochs", "1"});
  CHECK(run.exit_code == 0);
  CHECK(contains(run.out, "cnn:2,3,8"));
  check_refused({"--augment", "blur"}, 2,
                "--augment: blur is none of crop, cutout, distort, flip, none, shift");
  check_refused({"--augment", "none+flip"}, 2, "--augment: none+flip is none of");
  check_refused({"--augment", "flip+"}, 2, "--augment: flip+ is none of");
}

// The address sanitizer keeps what was freed for a while, to catch who still uses it.
#ifdef __SANITIZE_ADDRESS__
constexpr bool keeps_freed_memory = true;
#else
constexpr bool keeps_freed_memory = false;
#endif

TEST_CASE("mnist_distill's memory does not grow after the second epoch, convolutions or not" *
          doctest::skip(keeps_freed_memory)) {
  const Folder data, out;
  write_digits(data);
  for (const char* teacher : {"mlp:64", "cnn:8,16,32"}) {
    const std::string file = out.file("run.json");
    const Finished run =
        run_program("mnist_distill", {"--data", data.path(), "--teacher", teacher, "--student",
                                      "mlp:8", "--teacher-epochs", "6", "--epochs", "1", "--quiet",
                                      "--teacher-augment", "distort", "--json", file});
    REQUIRE(run.exit_code == 0);
    const json epochs = json::parse(read_all(file)).at("teacher").at("epochs");
    const auto peak = [&](std::size_t epoch) {
      return epochs.at(epoch - 1).at("peak_resident_bytes").get<double>();
    };
    CHECK(peak(2) > 0);
    CHECK(peak(6) - peak(2) < 1e6);  // the system counts in pages and lazily
  }
}

TEST_CASE("mnist_distill --list-models prints the networks that have a name, with their sizes") {
  const Finished run = run_program("mnist_distill", {"--list-models"});
  CHECK(run.exit_code == 0);
  CHECK(contains(run.out, "lenet5"));
  CHECK(contains(run.out, "61,706"));     // LeNet-5's parameters
  CHECK(contains(run.out, "2,392,800"));  // 784 · 1200 + 1200² + 1200 · 10
}

TEST_CASE("with --detect-anomaly the op and the layer of the first infinity are named") {
  const Folder folder;
  write_digits(folder);
  check_refused({"--data", folder.path(), "--lr", "1e30", "--teacher", "mlp:32,16",
                 "--detect-anomaly", "--quiet"},
                1,
                "teacher.4 (Linear): detect_anomaly: linear_relu made the first value that is not "
                "finite: ");
}
