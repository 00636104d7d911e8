// A network that knows synthetic digits, in a file, for tests of mnist_predict.
#pragma once

#include <nlohmann/json.hpp>

#include "data/synthetic_digits.h"
#include "nn/model_spec.h"
#include "nn/saved_model.h"
#include "nn/train/trainer.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/picture_files.h"
#include "tests/apps/run_program.h"

namespace limbeck::testing {

using Arguments = std::vector<std::string>;
using nlohmann::json;

// A network that knows synthetic digits, in a file, beside the digits in MNIST's four.
class Trained {
 public:
  Trained() {
    Rng rng(1);
    network = make_model("mlp:32", digits.train.image, 10, {}, rng);
    train_classifier(network, digits.train, {.epochs = 4});
    save_model(network, model, {.spec = "mlp:32", .image = {1, 28, 28}, .classes = 10});
    write_mnist_files(folder, digits);
  }

  std::string png_of(Index i) const {
    const auto pixels = digits.test.pixels_of(i);
    return folder.write(fmt::format("digit{}.png", i),
                        grey_png(28, 28, {pixels.begin(), pixels.end()}));
  }

  TrainTest digits = synthetic_digits({.train = 1500, .test = 60});
  Sequential network;
  Folder folder;
  std::string model = folder.file("model.safetensors");
};

inline Trained& trained() {
  static Trained one;
  return one;
}

inline Finished predict(const Arguments& arguments) {
  return run_program("mnist_predict", arguments);
}

inline json predict_json(Arguments arguments) {
  arguments.emplace_back("--json");
  const Finished run = predict(arguments);
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(run.err.empty());
  return json::parse(run.out);
}

inline void check_refused(const Arguments& arguments, int exit_code, const std::string& part) {
  const Finished run = predict(arguments);
  CAPTURE(run.err);
  CHECK(run.exit_code == exit_code);
  CHECK(run.err.starts_with("mnist_predict: error: "));
  CHECK(contains(run.err, part));
  CHECK(run.out.empty());
}

}  // namespace limbeck::testing
