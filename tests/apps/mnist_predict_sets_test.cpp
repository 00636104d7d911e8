// mnist_predict on many pictures, folders and standard input, in colours, and on whole sets.
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/ops/softmax.h"
#include "nn/train/evaluate.h"
#include "tests/apps/trained_digits.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("pictures that cannot be read are named, the others answered, and the exit code is 1") {
  Trained& t = trained();
  const std::string text = t.folder.write("bad.png", "no picture");
  const Arguments pictures = {t.model, t.png_of(0), text, t.png_of(1), "/no/such.png"};
  const Finished run = predict(pictures);
  CHECK(run.exit_code == 1);
  CHECK(contains(run.err, text + ": neither a PNG"));
  CHECK(contains(run.err, "/no/such.png: cannot be opened"));
  CHECK(contains(run.err, "mnist_predict: error: pictures: 2 of 4 could not be read\n"));
  CHECK(std::ranges::count(run.out, '\n') == 3);
  CHECK(contains(run.out, "\n" + t.png_of(1) + " "));
  Arguments as_json = pictures;
  as_json.emplace_back("--json");
  const json images = json::parse(predict(as_json).out).at("images");
  REQUIRE(images.size() == 4);
  const auto failed = std::ranges::find_if(images, [&](auto& i) { return i.at("file") == text; });
  REQUIRE(failed != images.end());
  CHECK(contains(failed->at("error").get<std::string>(), "neither a PNG"));
  CHECK_FALSE(failed->contains("class"));
}

TEST_CASE("an answer that is not finite is named, and the others are given") {
  Trained& t = trained();
  Rng rng(1);
  Sequential net = make_model("mlp:4", {1, 28, 28}, 10, {}, rng);
  // Lights one unit by the pixel in the corner alone, and of that all classes too much.
  const real large = 100 * std::sqrt(std::numeric_limits<real>::max());
  net.parameters()[0].values()[0] = large;
  Tensor weight = net.parameters()[2];
  for (real& w : weight.values()) w = std::abs(w) * large;
  const std::string file = t.folder.file("overflows.safetensors");
  save_model(net, file, {.spec = "mlp:4", .image = {1, 28, 28}, .classes = 10});
  std::vector<std::uint8_t> corner(784);
  corner[0] = 255;
  const std::string bad = t.folder.write("corner.png", grey_png(28, 28, corner));
  for (const int others : {2, 20}) {  // one by one, and at once
    Arguments pictures = {file, "--as-is", bad};
    for (int i = 0; i < others; ++i) pictures.push_back(t.png_of(i));
    const std::string error = bad + ": the network's answer is not finite";
    const Finished run = predict(pictures);
    CHECK(run.exit_code == 1);
    CHECK(contains(run.err, "mnist_predict: error: predict: " + error + "\n"));
    CHECK(
        contains(run.err, fmt::format("1 of {} could not be read or have no answer", others + 1)));
    CHECK(std::ranges::count(run.out, '\n') == 1 + others);
    pictures.emplace_back("--json");
    const json images = json::parse(predict(pictures).out).at("images");
    REQUIRE(images.size() == static_cast<std::size_t>(others) + 1);
    CHECK(std::ranges::count_if(images, [&](const json& image) {
            return image.value("error", "") == "predict: " + error && image.at("file") == bad;
          }) == 1);
  }
}

TEST_CASE("a folder within that cannot be read is named, and the other pictures are answered") {
  Trained& t = trained();
  const Folder pictures;
  const std::string closed = pictures.file("closed");
  std::filesystem::create_directories(closed);
  std::filesystem::copy_file(t.png_of(0), pictures.file("0.png"));
  std::filesystem::copy_file(t.png_of(1), pictures.file("1.png"));
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  const Finished run = predict({t.model, pictures.path()});
  std::filesystem::permissions(closed, std::filesystem::perms::owner_all);
  CHECK(std::ranges::count(run.out, '\n') == 3);
  if (geteuid() == 0) return;  // who may read all
  CHECK(run.exit_code == 1);
  CHECK(contains(run.err, closed + ": the folder cannot be read: Permission denied"));
  CHECK(contains(run.err, "1 of 3 could not be read\n"));
}

TEST_CASE("a set whose classes have other names than the network's is refused") {
  Trained& t = trained();
  const auto list = [](Arguments names) { return json(names).dump(); };
  Arguments names = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  const std::string file = t.folder.file("named.safetensors");
  save_model(t.network, file,
             {.spec = "mlp:32",
              .image = {1, 28, 28},
              .classes = 10,
              .more = {{"class_names", list(names)}}});
  const Folder set;
  write_mnist_files(set, t.digits);
  set.write("class_names.txt", fmt::format("{}\n", fmt::join(names, "\n")));
  CHECK(predict({file, "--data", set.path()}).exit_code == 0);
  std::swap(names[1], names[9]);
  const std::string other =
      set.write("class_names.txt", fmt::format("{}\n", fmt::join(names, "\n")));
  for (const Arguments& more : {Arguments{}, Arguments{"--index", "1"}}) {
    Arguments all = {file, "--data", set.path()};
    all.insert(all.end(), more.begin(), more.end());
    check_refused(all, 1, set.path() + " call class 1 \"j\", the network in " + file + " \"b\"");
  }
  CHECK(predict({file, "--data", set.path(), "--class-names", other}).exit_code == 0);
  CHECK(predict({t.model, "--data", set.path()}).exit_code == 0);  // has no names
}

TEST_CASE("a folder of pictures, in batches, gets the answers of each picture by itself") {
  Trained& t = trained();
  const Folder pictures;
  std::filesystem::create_directories(pictures.file("inner"));
  for (Index i = 0; i < 60; ++i) {
    const auto pixels = t.digits.test.pixels_of(i);
    pictures.write(fmt::format("{}{:02}.PNG", i < 30 ? "" : "inner/", i),
                   grey_png(28, 28, {pixels.begin(), pixels.end()}));
  }
  pictures.write("notes.txt", "no picture, and not read");
  const json all = predict_json({t.model, pictures.path()}).at("images");
  REQUIRE(all.size() == 60);
  CHECK(all[0].at("file") == pictures.file("00.PNG"));
  CHECK(all[59].at("file") == pictures.file("inner/59.PNG"));
  const Tensor probs = softmax(logits_of(t.network, t.digits.test));
  for (std::size_t i = 0; i < 600; ++i) {
    CHECK(all[i / 10].at("probabilities")[i % 10].get<double>() ==
          doctest::Approx(static_cast<double>(probs.values()[i])).epsilon(1e-3));
  }
  const Folder empty;
  check_refused({t.model, empty.path()}, 1, empty.path() + ": a folder without pictures");
}

TEST_CASE("a picture comes on standard input, once") {
  Trained& t = trained();
  const std::string program = std::filesystem::absolute(LIMBECK_BIN).string() + "/mnist_predict";
  const auto piped = [&](const std::string& arguments) {
    return run_command(
        {"sh", "-c", "cat " + t.png_of(4) + " | " + program + " " + t.model + arguments});
  };
  const Finished run = piped(" - --json");
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(json::parse(run.out).at("images")[0].at("probabilities") ==
        predict_json({t.model, t.png_of(4)}).at("images")[0].at("probabilities"));
  const Finished twice = piped(" - -");
  CHECK(twice.exit_code == 1);
  CHECK(contains(twice.err, "standard input: there is nothing to read, or no more"));
}

TEST_CASE("a network in colours reads pictures in colours, and scales others whole") {
  const Folder folder;
  Rng rng(1);
  Sequential net = make_model("mlp:6", {3, 4, 4}, 3, {}, rng);
  net.eval();
  const std::string file = folder.file("net.safetensors");
  save_model(net, file, {.spec = "mlp:6", .image = {3, 4, 4}, .classes = 3});
  const Dataset data = random_images({3, 4, 4}, 3, 1, 7);
  const Tensor probs = softmax(logits_of(net, data));
  const auto check_answer = [&](const json& answer, std::size_t image) {
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(answer.at("probabilities")[c].get<double>() ==
            doctest::Approx(static_cast<double>(probs.values()[3 * image + c])).epsilon(1e-4));
    }
  };
  // Each pixel of the larger picture four times: the mean of four is the one.
  Dataset large{.image = {3, 8, 8}, .classes = 3, .pixels = {}, .class_ids = {0}};
  for (Index c = 0; c < 3; ++c) {
    for (Index p = 0; p < 64; ++p) {
      const auto at = static_cast<std::size_t>(16 * c + p / 16 * 4 + p % 8 / 2);
      large.pixels.push_back(data.pixels_of(1)[at]);
    }
  }
  const std::string small_png = folder.write("0.png", png_of(data, 0));
  const std::string large_ppm = folder.write("1.ppm", pnm_of(large, 0));
  const std::string names = folder.write("names", "cat\ndog\nemu\n");
  const json answers =
      predict_json({file, small_png, large_ppm, "--class-names", names}).at("images");
  check_answer(answers[0], 0);
  check_answer(answers[1], 1);
  CHECK(answers[1].at("class_name") ==
        Arguments{"cat", "dog", "emu"}[answers[1].at("class").get<std::size_t>()]);
  check_refused({file, large_ppm, "--as-is"}, 1,
                large_ppm + ": it is 8 x 8 and cannot be taken as it is");
  check_refused({file, small_png, "--class-names", folder.write("two", "a\nb\n")}, 1,
                "two has 2 names; there are 3 classes");
}

TEST_CASE("--whole scales all of a grey picture, where otherwise the ink is cut out of it") {
  Trained& t = trained();
  std::vector<std::uint8_t> large(56 * 56);
  const auto pixels = t.digits.test.pixels_of(6);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = pixels[i / 112 * 28 + i % 56 / 2];
  const std::string file = t.folder.write("large.png", grey_png(56, 56, large));
  const auto probabilities = [&](const Arguments& arguments) {
    return predict_json(arguments).at("images")[0].at("probabilities");
  };
  CHECK(probabilities({t.model, file, "--whole"}) == probabilities({t.model, t.png_of(6)}));
  CHECK(probabilities({t.model, file}) != probabilities({t.model, t.png_of(6)}));
}

TEST_CASE("--top shows the likeliest classes in percent, from the likeliest on") {
  Trained& t = trained();
  const json answer = predict_json({t.model, t.png_of(3), "--top", "3"}).at("images")[0];
  REQUIRE(answer.at("top").size() == 3);
  CHECK(answer.at("top")[0].at("class") == answer.at("class"));
  CHECK(answer.at("top")[1].at("class") == answer.at("runner_up"));
  for (const json& one : answer.at("top")) {
    const auto c = one.at("class").get<std::size_t>();
    CHECK(one.at("percent").get<double>() ==
          doctest::Approx(100 * answer.at("probabilities")[c].get<double>()));
  }
  const std::string first = fmt::format("{} {:.2f} %", answer.at("class").get<int>(),
                                        answer.at("top")[0].at("percent").get<double>());
  const Finished one = predict({t.model, t.png_of(3), "--top", "3"});
  CHECK(contains(one.out, t.png_of(3) + ": " + first + ", "));
  const Finished several = predict({t.model, t.png_of(3), t.png_of(4), "--top", "99"});
  CHECK(several.exit_code == 0);
  CHECK(contains(several.out, " 10. "));
  CHECK_FALSE(contains(several.out, " 11. "));
}

TEST_CASE("a whole set is judged: its errors, and which classes are taken for which") {
  Trained& t = trained();
  const json all = predict_json({t.model, "--data", t.folder.path()});
  const Index errors = count_errors(t.network, t.digits.test);
  CHECK(all.at("total") == 60);
  CHECK(all.at("errors") == errors);
  Index right = 0, sum = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    for (std::size_t j = 0; j < 10; ++j) {
      const auto count = all.at("confusion")[i][j].get<Index>();
      sum += count;
      right += i == j ? count : 0;
    }
  }
  CHECK(sum == 60);
  CHECK(right == 60 - errors);
  const Finished text = predict({t.model, "--data", t.folder.path(), "--train"});
  CHECK(text.out.starts_with(
      fmt::format("1,500 training images: {} errors, ", count_errors(t.network, t.digits.train))));
  CHECK(contains(text.out, "\nclass  images  errors  taken for\n"));
  check_refused(
      {t.model, "--data", "letters"}, 1,
      "--data: synthetic letters have 26 classes; the network in " + t.model + " knows 10");
}
