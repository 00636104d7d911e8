// Datasets, batches, their loader, and augmentation.
#include "data/data_loader.h"

#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Image i is 1 × 2 × 2, all pixels i, label i mod 3.
Dataset numbered(Index n) {
  Dataset data{.image = {1, 2, 2}, .classes = 3, .pixels = {}, .class_ids = {}};
  for (Index i = 0; i < n; ++i) {
    data.pixels.insert(data.pixels.end(), 4, static_cast<std::uint8_t>(i));
    data.class_ids.push_back(static_cast<std::int32_t>(i % 3));
  }
  return data;
}

// Which image came at each place of an epoch. Checks on the way that pixels, labels and indices
// belong together.
std::vector<Index> epoch_order(DataLoader& loader) {
  std::vector<Index> order;
  for (const Batch& batch : loader) {
    for (std::size_t i = 0; i < batch.indices.size(); ++i) {
      const Index image = batch.indices[i];
      CHECK(batch.images.values()[4 * i] == static_cast<real>(image) / 255);
      CHECK(batch.class_ids[i] == image % 3);
      order.push_back(image);
    }
  }
  return order;
}

bool is_permutation_of(std::vector<Index> order, Index n) {
  std::ranges::sort(order);
  for (Index i = 0; i < n; ++i) {
    if (order[static_cast<std::size_t>(i)] != i) return false;
  }
  return static_cast<Index>(order.size()) == n;
}

}  // namespace

TEST_CASE("a batch is bytes over 255, with labels and places") {
  const Dataset data = numbered(5);
  const std::vector<Index> picks = {4, 0};
  const Batch batch = make_batch(data, picks);
  CHECK(batch.images.shape() == Shape{2, 1, 2, 2});
  const double pixel = 4.0 / 255;
  CHECK(difference(batch.images, {pixel, pixel, pixel, pixel, 0, 0, 0, 0}) < 1e-7);
  CHECK(batch.class_ids == std::vector<std::int32_t>{1, 0});
  CHECK(batch.indices == picks);
}

TEST_CASE("every image comes once in an epoch, the rest in a last, smaller batch") {
  const Dataset data = numbered(10);
  Rng rng(1);
  DataLoader loader(data, {.batch_size = 4}, rng);
  CHECK(loader.batches() == 3);
  std::vector<Index> sizes;
  for (const Batch& batch : loader) sizes.push_back(batch.images.dim(0));
  CHECK(sizes == std::vector<Index>{4, 4, 2});
  CHECK(epoch_order(loader) == std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("shuffling depends on the seed and on the epoch alone") {
  const Dataset data = numbered(100);
  const auto two_epochs = [&](std::uint64_t seed) {
    Rng rng(seed);
    DataLoader loader(data, {.batch_size = 7, .shuffle = true}, rng);
    const auto first = epoch_order(loader);
    return std::pair(first, epoch_order(loader));
  };
  const auto [first, second] = two_epochs(1);
  CHECK(is_permutation_of(first, 100));
  CHECK(is_permutation_of(second, 100));
  CHECK(first != second);
  CHECK(two_epochs(1) == std::pair(first, second));
  CHECK(two_epochs(2).first != first);
}

TEST_CASE("an epoch given up half-way does not disturb the next") {
  const Dataset data = numbered(100);
  Rng rng(1);
  DataLoader loader(data, {.batch_size = 2, .shuffle = true}, rng);
  for (const Batch& batch : loader) {
    if (batch.indices[0] >= 0) break;
  }
  CHECK(is_permutation_of(epoch_order(loader), 100));
}

TEST_CASE("what goes wrong on the loader's thread is thrown to the caller") {
  const Dataset data = numbered(10);
  Rng rng(1);
  const Augmentation broken = [](std::span<real>, const Shape&, Rng&) {
    fail("augment", "no such luck");
  };
  DataLoader loader(data, {.batch_size = 2, .augment = broken}, rng);
  CHECK(error_of([&] { epoch_order(loader); }) == "augment: no such luck");
}

TEST_CASE("a shift moves the picture and fills with background") {
  const std::vector<real> picture = {1, 2, 3,  //
                                     4, 5, 6,  //
                                     7, 8, 9};
  const auto shifted = [&](Index right, Index down) {
    std::vector<real> image = picture;
    shift(image, {1, 3, 3}, right, down);
    return image;
  };
  CHECK(shifted(0, 0) == picture);
  CHECK(shifted(1, 0) == std::vector<real>{0, 1, 2, 0, 4, 5, 0, 7, 8});
  CHECK(shifted(-2, 1) == std::vector<real>{0, 0, 0, 3, 0, 0, 6, 0, 0});
  CHECK(shifted(0, -1) == std::vector<real>{4, 5, 6, 7, 8, 9, 0, 0, 0});
  CHECK(shifted(3, 0) == std::vector<real>(9, 0));
  CHECK(shifted(0, 5) == std::vector<real>(9, 0));
}

TEST_CASE("random shifts reach every place up to k pixels away, equally often") {
  const Augmentation augment = random_shift(2);
  Rng rng(3);
  std::vector<Index> counts(49, 0);
  constexpr Index draws = 25'000;
  for (Index i = 0; i < draws; ++i) {
    std::vector<real> image(49, 0);
    image[24] = 1;  // the middle of 7 × 7
    augment(image, {1, 7, 7}, rng);
    ++counts[static_cast<std::size_t>(std::ranges::find(image, real{1}) - image.begin())];
  }
  for (Index y = 0; y < 7; ++y) {
    for (Index x = 0; x < 7; ++x) {
      const bool within = std::abs(x - 3) <= 2 && std::abs(y - 3) <= 2;
      const auto count = static_cast<double>(counts[static_cast<std::size_t>(7 * y + x)]);
      // 1,000 expected at each of 25 places; a standard deviation is 31.
      CHECK(std::abs(count - (within ? 1000 : 0)) < (within ? 5 * 31 : 1));
    }
  }
  CHECK(contains(error_of([] { random_shift(-1); }), "-1"));
}

TEST_CASE("selecting and sampling take images with their labels") {
  const Dataset data = numbered(50);
  const std::vector<Index> picks = {9, 3};
  const Dataset two = data.select(picks);
  CHECK(two.pixels_of(0)[0] == 9);
  CHECK(two.class_ids == std::vector<std::int32_t>{0, 0});
  Rng rng(1);
  const Dataset some = data.sample(50, rng);
  std::vector<Index> seen;
  for (Index i = 0; i < 50; ++i) seen.push_back(some.pixels_of(i)[0]);
  CHECK(is_permutation_of(seen, 50));
  CHECK(contains(error_of([&] { data.sample(51, rng); }), "51"));
  CHECK(contains(error_of([&] { data.sample(0, rng); }), "0"));
  const std::vector<Index> far = {50};
  CHECK(contains(error_of([&] { data.select(far); }), "50"));
}

TEST_CASE("a loader refuses an empty dataset and batches of nothing") {
  Rng rng(1);
  const Dataset none = numbered(0), some = numbered(3);
  CHECK(contains(error_of([&] { DataLoader(none, {}, rng); }), "empty"));
  CHECK(contains(error_of([&] { DataLoader(some, {.batch_size = 0}, rng); }), "got 0"));
}
