// Mixup and cutmix: worked numbers, λ's distribution, the box at the border, the same batches for
// the same seed, and what is refused.
#include "data/mixup.h"

#include <numeric>
#include <set>

#include "data/data_loader.h"
#include "nn/losses.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Images of one pixel value each: image i is all i.
Dataset plain_images(Index count, const Shape& image) {
  Dataset data{.image = image, .classes = 4, .pixels = {}, .class_ids = {}};
  for (Index i = 0; i < count; ++i) {
    data.pixels.insert(data.pixels.end(), static_cast<std::size_t>(image.size()),
                       static_cast<std::uint8_t>(i));
    data.class_ids.push_back(static_cast<std::int32_t>(i % 4));
  }
  return data;
}

constexpr double tolerance = 1e-5;

}  // namespace

TEST_CASE("mixup is each image's share of itself and of the other") {
  Tensor images = Tensor::from({3, 1, 1, 2}, {0, 1, 10, 20, 100, 200});
  mix(images, {.share = 0.3, .others = {1, 2, 2}});
  CHECK(difference(images, {7, 14.3, 73, 146, 100, 200}) < tolerance);
}

TEST_CASE("mixed labels are probabilities, whose cross-entropy is the mixed one") {
  const Tensor z = Tensor::from({1, 5}, {1, 2, real(0.5), -1, 0});
  const std::vector<std::int32_t> labels = {1, 2};
  const Mixture mixture{.share = 0.3, .others = {1, 0}};
  const Tensor targets = mixed_targets(labels, mixture, 5);
  CHECK(difference(targets, {0, 0.3, 0.7, 0, 0, 0, 0.7, 0.3, 0, 0}) < tolerance);
  CHECK(soft_cross_entropy(z, slice_rows(targets, 0, 1)).item() ==
        doctest::Approx(1.624437940).epsilon(tolerance));
  const std::vector<std::int32_t> first = {1}, second = {2};
  CHECK(
      soft_cross_entropy(z, slice_rows(targets, 0, 1)).item() ==
      doctest::Approx(0.3 * cross_entropy(z, first).item() + 0.7 * cross_entropy(z, second).item())
          .epsilon(tolerance));
  // Two images of one class are of that class.
  CHECK(difference(mixed_targets(std::vector<std::int32_t>{2, 2}, mixture, 3), {0, 0, 1, 0, 0, 1}) <
        tolerance);
}

TEST_CASE("an answer to a mixed image is neither the answers mixed nor the logits") {
  // The two wrong targets, by their worked numbers: they differ from one another, too.
  const Tensor v = Tensor::from({2, 5}, std::vector<real>{2, 4, 1, -2, 0.5, 0.5, -1, 3, 1, -2});
  const Tensor a = slice_rows(v, 0, 1), b = slice_rows(v, 1, 2);
  const Tensor answers = softmax(a) * 0.3 + softmax(b) * 0.7;
  const Tensor logits = softmax(a * 0.3 + b * 0.7);
  CHECK(difference(answers, {0.079585372, 0.256665062, 0.575656985, 0.076857465, 0.011235116}) <
        tolerance);
  CHECK(difference(logits, {0.155304565, 0.099026563, 0.662081146, 0.066379490, 0.017208236}) <
        tolerance);
}

TEST_CASE("cutmix's box has its worked place, and the share that is left is the true one") {
  const CutBox box = cut_box(28, 28, 0.6, 3, 20);
  CHECK(box.x0 == 0);
  CHECK(box.x1 == 11);
  CHECK(box.y0 == 12);
  CHECK(box.y1 == 28);
  Tensor images = concat_rows({Tensor::zeros({1, 2, 28, 28}), Tensor::full({1, 2, 28, 28}, 1)});
  const double share = cut_and_mix(images, {.share = 0.6, .others = {1, 0}}, 3, 20);
  CHECK(share == doctest::Approx(0.775510204).epsilon(1e-9));
  // What is in the box, in both channels and nowhere else, is the other's.
  for (Index c = 0; c < 2; ++c) {
    for (Index y = 0; y < 28; ++y) {
      for (Index x = 0; x < 28; ++x) {
        const bool inside = x < 11 && y >= 12;
        const Index at = (c * 28 + y) * 28 + x;
        CHECK(images.data()[at] == (inside ? 1 : 0));
        CHECK(images.data()[2 * 28 * 28 + at] == (inside ? 0 : 1));
      }
    }
  }
  CHECK(cut_box(28, 28, 1, 5, 5).area() == 0);
  CHECK(cut_box(28, 28, 0, 14, 14).area() == 28 * 28);
}

TEST_CASE("lambda has the mean and the variance of Beta(alpha, alpha)") {
  for (const double alpha : {0.1, 0.5, 1.0, 4.0}) {
    CAPTURE(alpha);
    Rng rng(3);
    constexpr int n = 20'000;
    double sum = 0, squares = 0;
    for (int i = 0; i < n; ++i) {
      const double x = sample_beta(alpha, rng);
      REQUIRE(x >= 0);
      REQUIRE(x <= 1);
      sum += x;
      squares += (x - 0.5) * (x - 0.5);
    }
    const double variance = 1 / (8 * alpha + 4);  // of which 1/√n is a sixth to a half percent
    CHECK(sum / n == doctest::Approx(0.5).epsilon(0.03));
    CHECK(squares / n == doctest::Approx(variance).epsilon(0.03));
  }
}

TEST_CASE("a loader mixes the images of a batch, the same for the same seed, anew every epoch") {
  const Dataset data = plain_images(40, {1, 12, 12});
  const auto epochs = [&](BatchAugmentation how) {
    Rng rng(5);
    DataLoader loader(data, {.batch_size = 16, .shuffle = true, .mix = std::move(how)}, rng);
    std::vector<Tensor> all;
    std::vector<Batch> batches;
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (Batch& batch : loader) batches.push_back(std::move(batch));
    }
    return batches;
  };
  const auto plain = epochs({});
  for (const auto& make : {mixup, cutmix}) {
    // (With α = 50 the share is near a half, so that every box has pixels.)
    const auto first = epochs(make({.alpha = 50})), second = epochs(make({.alpha = 50}));
    for (std::size_t i = 0; i < first.size(); ++i) {
      CHECK(same_bits(first[i].images, second[i].images));
      CHECK(first[i].indices == plain[i].indices);  // the order of images is the same
      CHECK_FALSE(same_bits(first[i].images, plain[i].images));
      CHECK(std::ranges::all_of(first[i].class_ids, [](auto label) { return label == -1; }));
    }
    CHECK_FALSE(same_bits(first[0].images, first[3].images));
    const auto never = epochs(make({.probability = 0}));
    for (std::size_t i = 0; i < never.size(); ++i) {
      CHECK(same_bits(never[i].images, plain[i].images));
      CHECK(never[i].class_ids == plain[i].class_ids);
    }
  }
}

TEST_CASE("a mixed image lies between two of its batch, by one share for all") {
  Rng rng(1);
  Batch batch;
  batch.images = random_tensor({8, 1, 3, 3}, 2);
  batch.class_ids.assign(8, 1);
  const Tensor before = batch.images.clone();
  mixup({.alpha = 1})(batch, rng);
  // The sum over the batch stays: each image gives λ once and 1 − λ once.
  CHECK(sum(batch.images).item() == doctest::Approx(sum(before).item()).epsilon(1e-4));
  std::multiset<real> pixels(before.values().begin(), before.values().end());
  batch.images = before.clone();
  cutmix({.alpha = 1})(batch, rng);
  CHECK(std::multiset<real>(std::as_const(batch.images).values().begin(),
                            std::as_const(batch.images).values().end()) == pixels);
}

TEST_CASE("mixing refuses numbers out of range, places that are none, and views") {
  CHECK(error_of([] { mixup({.alpha = 0}); }) == "mixup: alpha must be a positive number; got 0");
  CHECK(error_of([] { cutmix({.probability = 2}); }) ==
        "cutmix: the probability must be in [0, 1]; got 2");
  Tensor images = Tensor::zeros({2, 1, 2, 2});
  CHECK(error_of([&] { mix(images, {.others = {0}}); }) ==
        "mixup: 2 images need as many others; got 1");
  CHECK(error_of([&] {
          cut_and_mix(images, {.others = {0, 2}}, 0, 0);
        }) == "cutmix: image 2 asked of 2");
  CHECK(error_of([] { mixed_targets(std::vector<std::int32_t>{-1}, {.others = {0}}, 3); }) ==
        "mixed_targets: label -1 of image 0 is not one of the 3 classes 0 to 2");
  const Dataset data = plain_images(4, {1, 2, 2});
  Rng rng(1);
  CHECK(error_of([&] { DataLoader(data, {.views = 2, .mix = mixup()}, rng); }) ==
        "DataLoader: images that are mixed with others do not come again: views must be 0");
}
