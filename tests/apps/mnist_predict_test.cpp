// mnist_predict from outside: what it says of pictures and of images of a dataset, and its errors.
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "nn/export/onnx.h"
#include "nn/train/evaluate.h"
#include "nn/weights.h"
#include "tests/apps/trained_digits.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("mnist_predict --json has the probabilities that the network gives at T") {
  Trained& t = trained();
  const Tensor logits = logits_of(t.network, t.digits.test);
  const auto decisions = argmax_last(logits);
  for (const double temperature : {1.0, 3.0}) {
    const Tensor probs = softmax(logits, temperature);
    const json all = predict_json({t.model, "--data", t.folder.path(), "--temperature",
                                   std::to_string(temperature), "--index", "0", "7", "59"});
    CHECK(all.at("schema_version") == 1);
    CHECK(all.at("model") == t.model);
    CHECK(all.at("spec") == "mlp:32");
    CHECK(all.at("parameters") == 784 * 32 + 32 + 32 * 10 + 10);
    CHECK(all.at("temperature") == temperature);
    REQUIRE(all.at("images").size() == 3);
    for (const json& image : all.at("images")) {
      const auto i = image.at("index").get<std::size_t>();
      CHECK(image.at("label") == t.digits.test.class_ids[i]);
      CHECK(image.at("class") == decisions[i]);
      CHECK(image.at("microseconds") > 0);
      std::vector<double> expected;
      for (std::size_t c = 0; c < 10; ++c) expected.push_back(probs.values()[10 * i + c]);
      REQUIRE(image.at("probabilities").size() == 10);
      for (std::size_t c = 0; c < 10; ++c) {
        // A batch of one is summed in another order than all at once.
        CHECK(image.at("probabilities")[c].get<double>() ==
              doctest::Approx(expected[c]).epsilon(1e-3));
      }
      const auto runner_up = image.at("runner_up").get<std::size_t>();
      CHECK(image.at("probability") ==
            image.at("probabilities").at(image.at("class").get<std::size_t>()));
      CHECK(image.at("runner_up_probability") == image.at("probabilities")[runner_up]);
      std::ranges::sort(expected, std::ranges::greater());
      CHECK(image.at("runner_up_probability").get<double>() ==
            doctest::Approx(expected[1]).epsilon(1e-3));
    }
  }
}

TEST_CASE("mnist_predict says the same of a digit in a PNG, a PGM and the data") {
  Trained& t = trained();
  const auto pixels = t.digits.test.pixels_of(4);
  const std::string pgm =
      t.folder.write("digit4.pgm", grey_pgm(28, 28, {pixels.begin(), pixels.end()}));
  const json files = predict_json({t.model, t.png_of(4), pgm});
  const json data = predict_json({t.model, "--data", t.folder.path(), "--index", "4"});
  const json& expected = data.at("images")[0].at("probabilities");
  REQUIRE(files.at("images").size() == 2);
  CHECK(files.at("images")[0].at("file") == t.png_of(4));
  CHECK(files.at("images")[0].at("probabilities") == expected);
  CHECK(files.at("images")[1].at("file") == pgm);
  CHECK(files.at("images")[1].at("probabilities") == expected);
  CHECK_FALSE(files.at("images")[0].contains("label"));
}

TEST_CASE("mnist_predict draws one image beside its bars") {
  Trained& t = trained();
  const json answer = predict_json({t.model, t.png_of(2)}).at("images")[0];
  const Finished run = predict({t.model, t.png_of(2)});
  CHECK(run.exit_code == 0);
  CHECK(contains(run.out, "class  T = 1\n"));
  CHECK(contains(run.out, "█"));
  CHECK(contains(
      run.out,
      fmt::format("{}: class {} with a probability of {:.4f}, then {} with {:.4f}; ", t.png_of(2),
                  answer.at("class").get<int>(), answer.at("probability").get<double>(),
                  answer.at("runner_up").get<int>(),
                  answer.at("runner_up_probability").get<double>())));
  CHECK((contains(run.out, "µs\n") || contains(run.out, "ms\n")));
  const Finished training = predict(
      {t.model, "--data", t.folder.path(), "--train", "--index", "3", "--temperature", "2.5"});
  CHECK(contains(training.out, "class  T = 2.5\n"));
  CHECK(contains(training.out,
                 fmt::format("training image 3 (label {}): class ", t.digits.train.class_ids[3])));
}

TEST_CASE("mnist_predict puts several images into a table") {
  Trained& t = trained();
  const Finished files = predict({t.model, t.png_of(1), t.png_of(2), t.png_of(3)});
  CHECK(files.exit_code == 0);
  CHECK(std::ranges::count(files.out, '\n') == 4);
  CHECK(files.out.starts_with("image "));
  CHECK(contains(files.out, "class  probability  runner-up  probability  time\n"));
  CHECK(contains(files.out, fmt::format("\n{}  ", t.png_of(3))));
  CHECK_FALSE(contains(files.out, "label"));
  const Finished data = predict({t.model, "--data", t.folder.path(), "--index", "1", "12"});
  CHECK(contains(data.out, "label  class  probability"));
  CHECK(contains(data.out, fmt::format("\ntest image 12  {:>5}  ", t.digits.test.class_ids[12])));
}

TEST_CASE("mnist_predict --as-is leaves a light ground as it is") {
  Trained& t = trained();
  std::vector<std::uint8_t> light(784);
  const auto pixels = t.digits.test.pixels_of(5);
  for (std::size_t i = 0; i < 784; ++i) light[i] = static_cast<std::uint8_t>(255 - pixels[i]);
  const std::string file = t.folder.write("light.png", grey_png(28, 28, light));
  Dataset one = t.digits.test.select(std::vector<Index>{5});
  one.pixels = light;
  const Tensor expected = softmax(logits_of(t.network, one));
  const json answer = predict_json({t.model, file, "--as-is"}).at("images")[0];
  for (std::size_t c = 0; c < 10; ++c) {
    CHECK(answer.at("probabilities")[c].get<double>() ==
          doctest::Approx(static_cast<double>(expected.values()[c])).epsilon(1e-3));
  }
  CHECK(predict_json({t.model, file}).at("images")[0].at("probabilities") !=
        answer.at("probabilities"));
}

TEST_CASE("mnist_predict takes --model for a file that does not say what it is") {
  Trained& t = trained();
  const std::string bare = t.folder.file("bare.safetensors");
  save_weights(t.network, bare);
  check_refused({bare, t.png_of(0)}, 1,
                bare + ": it does not say what network its weights belong to");
  CHECK(predict_json({bare, t.png_of(0), "--model", "mlp:32"}).at("images")[0].at("class") ==
        predict_json({t.model, t.png_of(0)}).at("images")[0].at("class"));
  check_refused({bare, t.png_of(0), "--model", "mlp:33"}, 1, bare);
  check_refused({bare, t.png_of(0), "--model", "rnn:32"}, 2, "--model: \"rnn:32\" is not known");
  check_refused({t.model, t.png_of(0), "--model", "mlp:64"}, 1,
                "--model: " + t.model + " says that it is mlp:32, not mlp:64");
}

TEST_CASE("labels are read as the network counts classes, which sets of fewer do not shift") {
  Dataset data = random_images({1, 28, 28}, 5, 1, 1);
  for (std::int32_t& label : data.class_ids) ++label;
  const Folder folder;
  folder.write("train.csv", csv_file(data));
  folder.write("test.csv", csv_file(data));
  const json all = predict_json({trained().model, "--data", folder.path(), "--index", "4"});
  CHECK(all["images"][0]["label"] == 5);
}

TEST_CASE("mnist_predict prepares pictures for networks of other sizes, of one channel") {
  Trained& t = trained();
  Rng rng(1);
  Sequential small = make_model("mlp:4", {1, 14, 14}, 10, {}, rng);
  const std::string file = t.folder.file("small.safetensors");
  save_model(small, file, {.spec = "mlp:4", .image = {1, 14, 14}, .classes = 10});
  const Finished run = predict({file, t.png_of(0)});
  CHECK(run.exit_code == 0);
  check_refused({file, "--data", t.folder.path(), "--index", "0"}, 1,
                "--data: the images in " + t.folder.path() + " are (1, 28, 28); the network in " +
                    file + " takes (1, 14, 14)");
  Sequential colours = make_model("mlp:4", {3, 14, 14}, 10, {}, rng);
  save_model(colours, file, {.spec = "mlp:4", .image = {3, 14, 14}, .classes = 10});
  CHECK(predict({file, t.png_of(0)}).exit_code == 0);
  Sequential pairs = make_model("mlp:4", {2, 14, 14}, 10, {}, rng);
  save_model(pairs, file, {.spec = "mlp:4", .image = {2, 14, 14}, .classes = 10});
  check_refused({file, t.png_of(0)}, 1,
                file + ": it takes images of 2 channels; pictures have one or three");
  Sequential one = make_model("mlp:4", {1, 14, 14}, 1, {}, rng);
  save_model(one, file, {.spec = "mlp:4", .image = {1, 14, 14}, .classes = 1});
  check_refused({file, t.png_of(0)}, 1, file + ": it knows one class only");
}

TEST_CASE("mnist_predict names what it cannot use") {
  Trained& t = trained();
  const std::string text = t.folder.write("text.png", "no picture");
  check_refused({t.model, text}, 1, text + ": neither a PNG, JPEG, PGM nor PPM");
  check_refused({t.model, "/no/such.png"}, 1, "/no/such.png: cannot be opened");
  const std::string blank =
      t.folder.write("blank.png", grey_png(9, 9, std::vector<std::uint8_t>(81, 255)));
  check_refused({t.model, blank}, 1, blank + ": no ink");
  check_refused({t.model, blank, "--as-is"}, 1,
                blank + ": it is 9 x 9 and cannot be taken as it is");
  check_refused({"/no/such.safetensors", text}, 1, "/no/such.safetensors: cannot be opened");
  check_refused({text, text}, 1, "read_safetensors: " + text);
  check_refused({t.model, "--data", "/no/such", "--index", "1"}, 1,
                "/no/such: there is no such folder or file");
  check_refused({t.model, "--data", t.folder.path(), "--index", "60"}, 1,
                "--index: " + t.folder.path() + " has 60 test images, from 0 on; got 60");

  Rng rng(1);
  Sequential broken = make_model("mlp:4", {1, 28, 28}, 10, {}, rng);
  broken.parameters()[1].values()[0] = std::numeric_limits<real>::infinity();
  const std::string file = t.folder.file("broken.safetensors");
  save_model(broken, file, {.spec = "mlp:4", .image = {1, 28, 28}, .classes = 10});
  check_refused({file, t.png_of(0)}, 1, t.png_of(0) + ": the network's answer is not finite");
}

TEST_CASE("mnist_predict asks a network in an ONNX file, too") {
  Trained& t = trained();
  const std::string file = t.folder.file("network.onnx");
  export_onnx(t.network, {1, 28, 28}, file);
  const json onnx = predict_json({"--onnx", file, "--data", t.folder.path(), "--index", "0", "7"});
  const json ours = predict_json({t.model, "--data", t.folder.path(), "--index", "0", "7"});
  CHECK(onnx.at("model") == file);
  CHECK(onnx.at("spec") == "onnx");
  CHECK(onnx.at("parameters") == ours.at("parameters"));
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const json &image = onnx.at("images")[i], &same = ours.at("images")[i];
    CHECK(image.at("class") == same.at("class"));
    CHECK(image.at("probability").get<double>() ==
          doctest::Approx(same.at("probability").get<double>()).epsilon(1e-4));
  }
  // What stands where a MODEL would is a picture.
  CHECK(predict_json({"--onnx", file, t.png_of(0), t.png_of(1)}).at("images").size() == 2);
  check_refused({"--onnx", t.model, t.png_of(0)}, 1, "read_onnx: " + t.model + ": ");
  check_refused({"--onnx", file, "--model", "mlp:4", "image"}, 2, "no --model");
  check_refused({"--onnx", file, "image", "--data", "data", "--index", "1"}, 2, "IMAGE");
}

TEST_CASE("mnist_predict refuses arguments that do not go together with exit code 2") {
  check_refused({}, 2, "MODEL is required");
  check_refused({"model"}, 2, "IMAGE, or --data, is required");
  check_refused({"model", "image", "--data", "data", "--index", "1"}, 2, "IMAGE");
  check_refused({"model", "image", "--index", "1"}, 2, "--data");
  check_refused({"model", "image", "--train"}, 2, "--data");
  check_refused({"model", "--data", "data", "--index", "1", "--as-is"}, 2, "--as-is");
  check_refused({"model", "--data", "data", "--whole"}, 2, "--whole");
  check_refused({"model", "image", "--whole", "--as-is"}, 2, "--as-is");
  check_refused({"model", "--data", "data", "--top", "3"}, 2, "--top is of single images: --index");
  check_refused({"model", "--data", "data", "--temperature", "2"}, 2, "--temperature is of single");
  check_refused({"model", "image", "--top", "0"}, 2, "--top: must be at least 1");
  check_refused({"model", "--data", "data", "--index", "-1"}, 2, "--index: must be at least 0");
  check_refused({"model", "--data", "data", "--index", "one"}, 2, "--index");
  check_refused({"model", "image", "--temperature", "0"}, 2, "--temperature: the temperature must");
  CHECK(predict({"--help"}).exit_code == 0);
}
