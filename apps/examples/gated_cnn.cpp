// A network of one's own by its name: made, trained a little, saved, and loaded by what the file
// says of it.
#include "apps/examples/gated_cnn.h"

#include <fmt/format.h>

#include <filesystem>

#include "data/synthetic_digits.h"
#include "nn/model_spec.h"
#include "nn/saved_model.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"

namespace limbeck {
namespace {

const bool known = register_model("gated-cnn", gated_cnn, "convolutions with gates");

}  // namespace
}  // namespace limbeck

using namespace limbeck;

int main() {
  const TrainTest digits = synthetic_digits({.train = 1'000, .test = 500});
  Rng rng(1);
  Sequential net = make_model("gated-cnn", digits.train.image, 10, {}, rng);
  train_classifier(net, digits.train, {.epochs = 3, .batch_size = 32, .lr = 3e-3});

  const std::string file =
      (std::filesystem::temp_directory_path() / "gated-cnn.safetensors").string();
  save_model(net, file, {.spec = "gated-cnn", .image = digits.train.image, .classes = 10});
  SavedModel again = load_model(file);
  fmt::print("{} of {} parameters, known by its name: {}\n", again.info.spec,
             again.network.parameter_count(), known);
  fmt::print("errors of {}: {} before it was saved, {} after it was loaded\n", digits.test.size(),
             count_errors(net, digits.test), count_errors(again.network, digits.test));
  std::filesystem::remove(file);
}
