// The worked examples of data/README.md: every number there is checked here.
#include "data/data_loader.h"
#include "data/idx.h"
#include "data/resampling.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Bytes bytes(std::initializer_list<int> values) {
  Bytes all;
  for (const int value : values) all += static_cast<char>(value);
  return all;
}

}  // namespace

TEST_CASE("chapter data: an IDX file, byte by byte") {
  const Folder folder;
  const std::string images =
      folder.write("images", bytes({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3}) +
                                 bytes({0, 128, 255, 255, 0, 51}));
  const std::string labels = folder.write("labels", bytes({0, 0, 8, 1, 0, 0, 0, 2, 7, 9}));
  const Dataset data = read_idx(images, labels, 10);
  CHECK(data.image == Shape{1, 1, 3});
  CHECK(data.class_ids == std::vector<std::int32_t>{7, 9});
  const std::vector<Index> second = {1};
  CHECK(difference(make_batch(data, second).images, {1, 0, 0.2}) < 1e-6);
}

TEST_CASE("chapter data: bilinear interpolation of four neighbours") {
  std::vector<real> image = {10, 20, 30, 40};  // 2 × 2
  const Sources sources{
      .height = 2, .width = 2, .x = {real(0.25), 0, 1, 5}, .y = {real(0.5), 0, 1, 5}};
  resample(image, sources);
  CHECK(image[0] == doctest::Approx(0.5 * (0.75 * 10 + 0.25 * 20) + 0.5 * (0.75 * 30 + 0.25 * 40)));
  CHECK(image[0] == doctest::Approx(22.5));
  CHECK(image[1] == 10);
  CHECK(image[2] == 40);
  CHECK(image[3] == 0);  // outside
}

TEST_CASE("chapter data: 60,000 images make 468 batches of 128 and one of 96") {
  Dataset data{.image = {1, 1, 1}, .classes = 1, .pixels = {}, .class_ids = {}};
  data.pixels.resize(60'000);
  data.class_ids.resize(60'000);
  Rng rng(1);
  DataLoader loader(data, {.batch_size = 128}, rng);
  CHECK(loader.batches() == 469);
  Index last = 0;
  for (const Batch& batch : loader) last = batch.images.dim(0);
  CHECK(last == 96);
}
