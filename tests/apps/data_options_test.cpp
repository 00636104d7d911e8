// Programs on images of all kinds: whatever the files, the same run; colours, and names of classes.
#include <nlohmann/json.hpp>

#include "data/channel_statistics.h"
#include "data/load_images.h"
#include "nn/normalize.h"
#include "nn/saved_model.h"
#include "tests/apps/run_program.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using Arguments = std::vector<std::string>;
using nlohmann::json;

namespace {

// Images that can be learned: a bright place for each class.
Dataset placed(const Shape& image, Index classes, Index each, std::uint64_t seed) {
  Dataset data = random_images(image, classes, each, seed);
  for (Index i = 0; i < data.size(); ++i) {
    std::uint8_t* const pixels = data.pixels.data() + i * image.size();
    for (Index p = 0; p < image.size(); ++p) pixels[p] /= 4;
    pixels[data.label_of(i) * (image.size() / classes)] = 255;
  }
  return data;
}

Finished distill(const std::string& epochs, const Arguments& more) {
  Arguments all = {"--teacher",        "mlp:8",     "--student", "mlp:4",
                   "--teacher-epochs", epochs,      "--epochs",  epochs,
                   "--quiet",          "--threads", "1"};
  all.insert(all.end(), more.begin(), more.end());
  Finished run = run_program("mnist_distill", all);
  CAPTURE(run.err);
  CHECK(run.exit_code == 0);
  return run;
}

// What networks came to, epoch by epoch, but for times and memory.
json learned(const std::string& file) {
  json all = json::parse(read_all(file));
  json kept;
  for (const char* const network : {"teacher", "student_hard", "student_distilled"}) {
    for (const json& epoch : all.at(network).at("epochs")) kept.push_back(epoch.at("loss"));
    kept.push_back(all.at(network).at("errors"));
  }
  return kept;
}

}  // namespace

TEST_CASE("the same pixels from files of every kind train to the same bits") {
  const TrainTest sets{.train = placed({1, 8, 8}, 4, 30, 1), .test = placed({1, 8, 8}, 4, 10, 2)};
  const Folder folder;
  for (const char* const kind : {"idx", "csv"})
    std::filesystem::create_directory(folder.file(kind));
  folder.write("idx/a-train-images-idx3-ubyte", images_file(sets.train));
  folder.write("idx/a-train-labels-idx1-ubyte", labels_file(sets.train));
  folder.write("idx/a-t10k-images-idx3-ubyte", images_file(sets.test));
  folder.write("idx/a-t10k-labels-idx1-ubyte", labels_file(sets.test));
  folder.write("csv/a_train.csv", csv_file(sets.train));
  folder.write("csv/a_test.csv", csv_file(sets.test));
  folder.write("set.npz", npz_file(sets, true));
  const std::vector<std::string> names = {"0", "1", "2", "3"};
  write_pictures(folder, "png/train", sets.train, names, "png", png_of);
  write_pictures(folder, "png/test", sets.test, names, "png", png_of);
  json first;
  for (const char* const kind : {"idx", "csv", "set.npz", "png"}) {
    CAPTURE(kind);
    distill("2", {"--data", folder.file(kind), "--json", folder.file("run.json")});
    const json now = learned(folder.file("run.json"));
    if (first.is_null()) first = now;
    CHECK(now == first);
  }
}

TEST_CASE("images in colours and classes with names go through all programs") {
  const Dataset train = placed({3, 8, 8}, 24, 6, 1), test = placed({3, 8, 8}, 24, 2, 2);
  const Folder folder;
  std::vector<std::string> names;
  for (char c = 'a'; c < 'a' + 24; ++c) names.push_back(fmt::format("class-{}", c));
  write_pictures(folder, "set/train", train, names, "ppm", pnm_of);
  write_pictures(folder, "set/test", test, names, "ppm", pnm_of);
  const Finished run = distill(
      "60", {"--data", folder.file("set"), "--save", folder.file("saved"), "--report",
             folder.file("page.html"), "--export-onnx", folder.file("net.onnx"), "--export-c",
             folder.file("net.h"), "--export-c-int8", folder.file("small.h"), "--lr", "0.01"});
  CHECK(contains(run.out, " (class-"));
  CHECK(contains(read_all(folder.file("page.html")), R"("class_names":["class-a","class-b",)"));
  const std::string model = folder.file("saved/student-distilled.safetensors");
  const Finished answers = run_program(
      "mnist_predict", {model, "--data", folder.file("set"), "--index", "0", "47", "--json"});
  CAPTURE(answers.err);
  REQUIRE(answers.exit_code == 0);
  const json images = json::parse(answers.out).at("images");
  CHECK(images[0].at("label_name") == "class-a");
  CHECK(images[1].at("label_name") == "class-x");
  CHECK(images[1].at("class_name") == names[images[1].at("class").get<std::size_t>()]);
  const Finished table =
      run_program("mnist_predict", {model, "--data", folder.file("set"), "--index", "3", "4"});
  CHECK(contains(table.out, "test image 3  class-b"));
  const Finished one =
      run_program("mnist_predict", {model, "--data", folder.file("set"), "--index", "3"});
  CHECK(contains(one.out, "(label class-b)"));

  const Finished sheet = run_program("digit_sheet", {"--data", folder.file("set"), "--columns", "2",
                                                     "--out", folder.file("s.png")});
  CAPTURE(sheet.err);
  CHECK(sheet.exit_code == 0);
  CHECK(contains(sheet.out, "\nrow 24: class-x\n"));
  const Bytes png = read_all(folder.file("s.png"));
  CHECK(png.substr(16, 8) == word(2 * 10) + word(24 * 10));
  CHECK(png[25] == 2);  // red, green and blue
}

TEST_CASE("what was decided is said, and options overrule it") {
  const Folder folder;
  Dataset data = placed({1, 6, 4}, 3, 8, 1);
  folder.write("all.npz",
               zip_file({{"x.npy", npy_images(data)}, {"y.npy", npy_labels(data)}}, true));
  const auto sheet = [&](Arguments more) {
    more.insert(more.end(), {"--data", folder.path(), "--out", folder.file("s.png")});
    return run_program("digit_sheet", more);
  };
  CHECK(contains(sheet({}).err, "digit_sheet: error: load_images: " + folder.path() +
                                    ": there are no test images; --test-share 0.2 holds"));
  const Finished shared = sheet({"--test-share", "0.25", "--size", "4x4", "--classes", "5"});
  CHECK(shared.exit_code == 0);
  CHECK(contains(shared.err, "images of 6 x 4 are scaled to 4 x 4\n"));
  CHECK(contains(shared.err, "6 of 24 images are held back for the test, 0.25 of each class\n"));
  CHECK(contains(shared.err, "no training images of classes 3 and 4\n"));
  CHECK(contains(shared.out, "each of 5 classes"));
  for (const auto& [option, value, complaint] :
       {std::array<std::string, 3>{"--size", "28", "--size: must be HxW, 28x28 say; got 28"},
        {"--size", "4xx", "must be HxW"},
        {"--size", "0x0", "must be HxW"},
        {"--classes", "0", "must be at least 1"},
        {"--test-share", "1", "must be from 0 to below 1"}}) {
    const Finished refused = sheet({option, value});
    CHECK(refused.exit_code == 2);
    CHECK(contains(refused.err, complaint));
  }
  CHECK(sheet({"--transpose", "--no-transpose"}).exit_code == 2);
  CHECK(run_program("digit_sheet", {"--set", "letters"}).exit_code == 2);
}

TEST_CASE("letters are a set of their own in every program, with their names") {
  const Folder folder;
  const std::string model = folder.file("saved/student-distilled.safetensors");
  const Finished run = distill(
      "1", {"--data", "letters", "--save", folder.file("saved"), "--train-size", "2000",
            "--normalise", "--export-c", folder.file("net.h"), "--json", folder.file("run.json")});
  CHECK(contains(run.out, "normalize+mlp:4"));
  CHECK(contains(run.out, "What the teacher says of test image"));
  const json options = json::parse(read_all(folder.file("run.json"))).at("options");
  CHECK(options.at("data") == "letters");
  CHECK(options.at("teacher") == "normalize+mlp:8");
  const Finished judged = run_program("mnist_predict", {model, "--data", "letters"});
  CAPTURE(judged.err);
  CHECK(judged.exit_code == 0);
  CHECK(judged.out.starts_with("5,200 test images: "));
  CHECK(contains(judged.out, " ("));
  const Finished one =
      run_program("mnist_predict", {model, "--data", "letters", "--index", "0", "--json"});
  const json image = json::parse(one.out).at("images")[0];
  CHECK(image.at("label_name") ==
        std::string(1, static_cast<char>('A' + image["label"].get<int>())));
  const Finished sheet = run_program(
      "digit_sheet", {"--data", "letters", "--columns", "2", "--out", folder.file("s.png")});
  CHECK(contains(sheet.out, "\nrow 26: Z\n"));
  const Finished refused = run_program("digit_sheet", {"--data", "letters", "--size", "8x8"});
  CHECK(refused.exit_code == 1);
  CHECK(contains(refused.err, "--size: it is for images from files; synthetic letters are drawn"));
  CHECK(contains(run_program("digit_sheet", {"--data", "letters", "--classes", "10"}).err,
                 "--classes: synthetic letters have 26 classes; got 10"));
}

TEST_CASE("--class-names gives every program names for the classes") {
  const Folder folder;
  const TrainTest sets{.train = placed({1, 8, 8}, 4, 12, 1), .test = placed({1, 8, 8}, 4, 4, 2)};
  folder.write("set.npz", npz_file(sets, true));
  const std::string names = folder.write("names.txt", "ant\nbee\ncow\ndog\n");
  const std::string mapping = folder.write("set-mapping.txt", "0 65\n1 66\n2 67\n3 68\n");
  const auto sheet = [&](const std::string& file) {
    return run_program("digit_sheet", {"--data", folder.file("set.npz"), "--class-names", file,
                                       "--out", folder.file("s.png")});
  };
  CHECK(contains(sheet(names).out, "\nrow 4: dog\n"));
  CHECK(contains(sheet(mapping).out, "\nrow 4: D\n"));
  const Finished refused = sheet(folder.write("short.txt", "ant\n"));
  CHECK(refused.exit_code == 1);
  CHECK(contains(refused.err, "short.txt has 1 names; there are 4 classes"));
  const Finished run =
      distill("30", {"--data", folder.file("set.npz"), "--class-names", names, "--save",
                     folder.path(), "--report", folder.file("page.html"), "--lr", "0.01"});
  CHECK(contains(read_all(folder.file("page.html")), R"("class_names":["ant","bee","cow","dog"])"));
  const Finished one = run_program("mnist_predict", {folder.file("teacher.safetensors"), "--data",
                                                     folder.file("set.npz"), "--index", "0"});
  CHECK(contains(one.out, "(label ant)"));
}

TEST_CASE("--normalise is carried by files and exports, and goes on where it was") {
  const Folder folder;
  const TrainTest sets{.train = placed({3, 8, 8}, 3, 20, 1), .test = placed({3, 8, 8}, 3, 5, 2)};
  folder.write("set.npz", npz_file(sets, true));
  const Arguments common = {"--data", folder.file("set.npz"), "--normalise"};
  const auto with = [&](Arguments more) {
    more.insert(more.end(), common.begin(), common.end());
    return more;
  };
  distill("4", with({"--save", folder.file("a"), "--export-onnx", folder.file("net.onnx"),
                     "--export-c-int8", folder.file("net.h"), "--report", folder.file("p.html"),
                     "--json", folder.file("a.json")}));
  SavedModel teacher = load_model(folder.file("a/teacher.safetensors"));
  CHECK(teacher.info.spec == "normalize+mlp:8");
  const ChannelStatistics channels = channel_statistics(sets.train);
  for (std::size_t c = 0; c < 3; ++c) {
    const auto& first = dynamic_cast<Normalize&>(teacher.network[0]);
    CHECK(first.mean.values()[c] == doctest::Approx(channels.mean[c]));
    CHECK(first.deviation.values()[c] == doctest::Approx(channels.deviation[c]));
  }
  // A teacher from a file stays what it is; the student alone is made here.
  const Finished second =
      distill("4", with({"--teacher-weights", folder.file("a/teacher.safetensors"), "--json",
                         folder.file("b.json")}));
  const json a = json::parse(read_all(folder.file("a.json")));
  const json b = json::parse(read_all(folder.file("b.json")));
  CHECK(b.at("teacher").at("errors") == a.at("teacher").at("errors"));
  CHECK(b.at("student_hard").at("spec") == "normalize+mlp:4");
  CHECK(b.at("student_hard").at("epochs").back().at("loss") ==
        a.at("student_hard").at("epochs").back().at("loss"));
  // One channel that is the same everywhere has no deviation.
  TrainTest flat = sets;
  for (std::size_t i = 0; i < flat.train.pixels.size(); i += 192) {
    std::fill_n(flat.train.pixels.begin() + static_cast<std::ptrdiff_t>(i + 64), 64, 51);
  }
  folder.write("flat.npz", npz_file(flat, true));
  const Finished refused =
      run_program("mnist_distill", {"--data", folder.file("flat.npz"), "--normalise"});
  CHECK(refused.exit_code == 1);
  CHECK(contains(refused.err, "--teacher: normalize+: channel 1 is 0.2 in all"));
}
