// The synthetic letters: their form, their seed, and that they can be told apart and learned.
#include "data/synthetic_letters.h"

#include "core/parallel.h"
#include "nn/model_spec.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The share of test images that are nearest, in pixels, to the mean of the training images of their
// own class.
double nearest_mean_accuracy(const TrainTest& sets) {
  const auto size = static_cast<std::size_t>(sets.train.image.size());
  const auto classes = static_cast<std::size_t>(sets.train.classes);
  std::vector<std::vector<double>> means(classes, std::vector<double>(size));
  std::vector<double> counts(classes);
  for (Index i = 0; i < sets.train.size(); ++i) {
    const auto c = static_cast<std::size_t>(sets.train.label_of(i));
    const auto pixels = sets.train.pixels_of(i);
    for (std::size_t p = 0; p < size; ++p) means[c][p] += pixels[p];
    ++counts[c];
  }
  Index right = 0;
  for (Index i = 0; i < sets.test.size(); ++i) {
    const auto pixels = sets.test.pixels_of(i);
    std::vector<double> distances(classes);
    for (std::size_t c = 0; c < classes; ++c) {
      for (std::size_t p = 0; p < size; ++p) {
        const double off = pixels[p] - means[c][p] / counts[c];
        distances[c] += off * off;
      }
    }
    const auto nearest = std::ranges::min_element(distances) - distances.begin();
    right += nearest == sets.test.label_of(i);
  }
  return static_cast<double>(right) / static_cast<double>(sets.test.size());
}

}  // namespace

TEST_CASE("synthetic letters are 26 classes in equal parts, with a name each") {
  const TrainTest sets = synthetic_letters({.train = 26 * 20, .test = 26 * 3});
  CHECK(sets.train.image == Shape{1, 28, 28});
  CHECK(sets.train.classes == 26);
  CHECK(sets.test.classes == 26);
  CHECK(sets.train.pixels.size() == 26 * 20 * 784);
  for (std::int32_t c = 0; c < 26; ++c) {
    CHECK(std::ranges::count(sets.train.class_ids, c) == 20);
    CHECK(std::ranges::count(sets.test.class_ids, c) == 3);
  }
  for (Index i = 0; i < sets.train.size(); ++i) {
    const auto ink =
        std::ranges::count_if(sets.train.pixels_of(i), [](std::uint8_t p) { return p > 128; });
    CHECK(ink >= 10);   // a stroke is there,
    CHECK(ink <= 400);  // and background too
  }
  CHECK(letter_names().size() == 26);
  CHECK(letter_names().front() == "A");
  CHECK(letter_names().back() == "Z");
}

TEST_CASE("the letters depend on the seed, and not on the number of threads") {
  const SyntheticLettersOptions small{.train = 300, .test = 100};
  const int before = threads();
  set_threads(1);
  const TrainTest one = synthetic_letters(small);
  set_threads(3);
  const TrainTest three = synthetic_letters(small);
  set_threads(before);
  CHECK(one.train.checksum() == three.train.checksum());
  CHECK(one.test.checksum() == three.test.checksum());
  CHECK(one.train.pixels != synthetic_letters({.train = 300, .test = 100, .seed = 2}).train.pixels);
}

TEST_CASE("letters differ from class to class, and are no print") {
  const SyntheticLettersOptions size{.train = 26 * 60, .test = 26 * 20};
  SyntheticLettersOptions easy = size;
  easy.difficulty = 0;
  CHECK(nearest_mean_accuracy(synthetic_letters(easy)) > 0.99);
  const double accuracy = nearest_mean_accuracy(synthetic_letters(size));
  CHECK(accuracy > 0.6);  // chance: 0.04
  CHECK(accuracy < 0.95);
}

TEST_CASE("a small network learns the letters") {
  const TrainTest sets = synthetic_letters({.train = 26 * 100, .test = 26 * 10});
  Rng rng(1);
  Sequential network = make_model("mlp:64", sets.train.image, 26, {}, rng);
  train_classifier(network, sets.train, {.epochs = 6, .batch_size = 64, .lr = 3e-3});
  CHECK(count_errors(network, sets.test) < sets.test.size() / 4);
}

TEST_CASE("synthetic_letters refuses sets of nothing and negative difficulty") {
  CHECK(error_of([] { synthetic_letters({.train = 0}); }) ==
        "synthetic_letters: both sets need at least one image; got 0 and 5200");
  CHECK(error_of([] { synthetic_letters({.difficulty = -1}); }) ==
        "synthetic_letters: difficulty must be from 0 to 10; got -1");
}
