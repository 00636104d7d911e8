// Datasets, batches, and their loader.
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

TEST_CASE("of batches that fail on several threads the first is told, after those before it") {
  const Dataset data = numbered(40);
  for (const int count : {1, 4}) {
    Rng rng(1);
    const Augmentation broken = [](std::span<real> image, const Shape&, Rng&) {
      const auto i = static_cast<int>(std::lround(image[0] * 255));
      if (i >= 12) fail("augment", "no image {}", i / 12 * 12);
    };
    DataLoader loader(data, {.batch_size = 4, .augment = broken, .threads = count}, rng);
    Index batches = 0;
    CHECK(error_of([&] {
            for (auto batch = loader.begin(); !(batch == loader.end()); ++batch) {
              CHECK((*batch).indices[0] == 4 * batches++);
            }
          }) == "augment: no image 12");
    CHECK(batches == 3);
  }
}

TEST_CASE("the batches are the same for any number of the loader's threads") {
  const Dataset data = numbered(50);
  const auto three_epochs = [&](int count) {
    Rng rng(1);
    DataLoader loader(data,
                      {.batch_size = 4,
                       .shuffle = true,
                       .augment = random_shift(1),
                       .mix = mixup(),
                       .threads = count},
                      rng);
    std::vector<real> all;
    for (int epoch = 0; epoch < 3; ++epoch) {
      for (const Batch& batch : loader) {
        all.insert(all.end(), batch.images.values().begin(), batch.images.values().end());
        all.insert(all.end(), batch.indices.begin(), batch.indices.end());
        if (epoch == 1 && batch.indices[0] > 40) break;  // given up on the way
      }
    }
    return all;
  };
  const std::vector<real> one = three_epochs(1);
  for (const int count : {2, 3, 16}) CHECK(three_epochs(count) == one);
}

TEST_CASE("augmentation depends on seed, epoch and place, not on batches or threads") {
  const Dataset data = numbered(20);
  const Augmentation noise = [](std::span<real> image, const Shape&, Rng& rng) {
    for (real& pixel : image) pixel = static_cast<real>(rng.uniform());
  };
  const auto two_epochs = [&](Index batch_size, int thread_count) {
    const int before = threads();
    set_threads(thread_count);
    Rng rng(1);
    DataLoader loader(data, {.batch_size = batch_size, .shuffle = true, .augment = noise}, rng);
    std::vector<real> pixels;
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (const Batch& batch : loader) {
        pixels.insert(pixels.end(), batch.images.values().begin(), batch.images.values().end());
      }
    }
    set_threads(before);
    return pixels;
  };
  const std::vector<real> pixels = two_epochs(7, 1);
  CHECK(pixels == two_epochs(7, 2));
  CHECK(pixels == two_epochs(20, 1));
  std::vector<real> different = pixels;
  std::ranges::sort(different);
  CHECK(std::ranges::adjacent_find(different) == different.end());  // new for every image, twice
}

TEST_CASE("parts of a batch are together the batch, and are changed as there") {
  const Dataset data = numbered(23);
  const Augmentation noise = [](std::span<real> pixels, const Shape&, Rng& rng) {
    for (real& pixel : pixels) pixel += static_cast<real>(rng.uniform());
  };
  const auto batches = [&](int part, int parts, const BatchAugmentation& mix) {
    Rng rng(3);
    DataLoader loader(data,
                      {.batch_size = 7,
                       .shuffle = true,
                       .augment = noise,
                       .mix = mix,
                       .part = part,
                       .parts = parts},
                      rng);
    std::vector<Batch> all;
    for (const Batch& batch : loader) all.push_back(batch);
    return all;
  };
  for (const BatchAugmentation& mix : {BatchAugmentation(), mixup()}) {
    const std::vector<Batch> whole = batches(0, 1, mix);  // of 7, 7, 7 and 2 images
    for (std::size_t b = 0; b < whole.size(); ++b) {
      std::vector<real> pixels;
      std::vector<Index> indices;
      for (int part = 0; part < 3; ++part) {
        const Batch batch = batches(part, 3, mix)[b];
        if (b == 3 && part == 0) {  // none for it: another's image, the first
          CHECK(batch.indices == std::vector<Index>{whole[b].indices[0]});
          continue;
        }
        pixels.insert(pixels.end(), batch.images.values().begin(), batch.images.values().end());
        indices.insert(indices.end(), batch.indices.begin(), batch.indices.end());
        CHECK(batch.class_ids.size() == batch.indices.size());
      }
      CHECK(std::ranges::equal(pixels, whole[b].images.values()));
      CHECK(indices == whole[b].indices);
    }
  }
  Rng rng(1);
  CHECK_THROWS_WITH_AS(DataLoader(data, {.part = 2, .parts = 2}, rng),
                       "DataLoader: there is no part 2 of 2", Error);
}

TEST_CASE("with so many views an image comes again as it came so many epochs ago") {
  const Dataset data = numbered(20);
  const Augmentation noise = [](std::span<real> image, const Shape&, Rng& rng) {
    for (real& pixel : image) pixel = static_cast<real>(rng.uniform());
  };
  Rng rng(1);
  DataLoader loader(data, {.batch_size = 7, .shuffle = true, .augment = noise, .views = 2}, rng);
  // For each epoch the first pixel of each image, by its place in the dataset.
  std::vector<std::vector<real>> epochs(5, std::vector<real>(20));
  for (std::size_t epoch = 0; epoch < epochs.size(); ++epoch) {
    for (const Batch& batch : loader) {
      CHECK(batch.view == static_cast<Index>(epoch % 2));
      for (std::size_t i = 0; i < batch.indices.size(); ++i) {
        epochs[epoch][static_cast<std::size_t>(batch.indices[i])] = batch.images.values()[4 * i];
      }
    }
  }
  CHECK(epochs[0] == epochs[2]);
  CHECK(epochs[0] == epochs[4]);
  CHECK(epochs[1] == epochs[3]);
  std::vector<real> different = epochs[0];
  different.insert(different.end(), epochs[1].begin(), epochs[1].end());
  std::ranges::sort(different);
  CHECK(std::ranges::adjacent_find(different) == different.end());
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

TEST_CASE("a loader refuses to have no thread") {
  const Dataset data = numbered(4);
  Rng rng(1);
  CHECK(error_of([&] { DataLoader(data, {.threads = 0}, rng); }) ==
        "DataLoader: threads must be at least 1; got 0");
}

TEST_CASE("a loader refuses an empty dataset and batches of nothing") {
  Rng rng(1);
  const Dataset none = numbered(0), some = numbered(3);
  CHECK(contains(error_of([&] { DataLoader(none, {}, rng); }), "empty"));
  CHECK(contains(error_of([&] { DataLoader(some, {.batch_size = 0}, rng); }), "got 0"));
  const Dataset three = numbered(3);
  const std::string views = error_of([&] { DataLoader(three, {.views = -1}, rng); });
  CHECK(views == "DataLoader: views must be at least 0; got -1");
}

TEST_CASE("a loader does not take a dataset that ends before it, and checks the one it takes") {
  static_assert(!std::is_constructible_v<DataLoader, Dataset, DataLoaderOptions, Rng&>);
  static_assert(std::is_constructible_v<DataLoader, const Dataset&, DataLoaderOptions, Rng&>);
  Rng rng(1);
  Dataset short_of_pixels = numbered(4);
  short_of_pixels.pixels.pop_back();
  CHECK(error_of([&] { DataLoader(short_of_pixels, {}, rng); }) ==
        "DataLoader: the dataset has 15 pixels; 4 images of (1, 2, 2) have 16");
  for (const std::int32_t label : {-2, 3}) {
    Dataset strange = numbered(4);
    strange.class_ids[2] = label;
    CHECK(error_of([&] { DataLoader(strange, {}, rng); }) ==
          fmt::format("DataLoader: the dataset's label {} of image 2 is none of 3 classes", label));
  }
  Dataset unlabelled = numbered(4);
  unlabelled.class_ids[2] = -1;
  CHECK(error_of([&] { DataLoader(unlabelled, {}, rng); }) == "(no error)");
}

TEST_CASE("drop_last leaves out a last batch that is smaller, and no other") {
  Rng rng(1);
  const Dataset ten = numbered(10);
  for (const auto& [batch_size, batches] : {std::pair<Index, Index>{3, 3}, {5, 2}, {10, 1}}) {
    DataLoader loader(ten, {.batch_size = batch_size, .shuffle = true, .drop_last = true}, rng);
    CHECK(loader.batches() == batches);
    CHECK(static_cast<Index>(epoch_order(loader).size()) == batches * batch_size);
  }
  CHECK(contains(error_of([&] { DataLoader(ten, {.batch_size = 11, .drop_last = true}, rng); }),
                 "10 images make no batch of 11"));
}
