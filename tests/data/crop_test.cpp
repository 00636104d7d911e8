// Crops and holes: where they may lie, by all places that they take.
#include "data/crop.h"

#include <set>

#include "tests/testing.h"

using namespace limbeck;

namespace {

// What becomes of an image whose elements are 1, 2, 3, …, in so many tries.
std::set<std::vector<real>> results(const Augmentation& augment, const Shape& shape, int tries) {
  std::set<std::vector<real>> all;
  Rng rng(1);
  for (int i = 0; i < tries; ++i) {
    std::vector<real> image(static_cast<std::size_t>(shape.size()));
    for (std::size_t p = 0; p < image.size(); ++p) image[p] = static_cast<real>(p + 1);
    augment(image, shape, rng);
    all.insert(image);
  }
  return all;
}

}  // namespace

TEST_CASE("a random crop is one of all windows of the image with its margin") {
  // A margin of one row above and below, and of one column on both sides.
  const auto all = results(random_crop(0.5), {1, 2, 2}, 500);
  CHECK(all.size() == 9);
  CHECK(all.contains({1, 2, 3, 4}));
  CHECK(all.contains({0, 0, 0, 1}));  // up and to the left of the image
  CHECK(all.contains({4, 0, 0, 0}));
  CHECK(all.contains({2, 0, 4, 0}));
  CHECK(results(random_crop(0.5), {2, 1, 2}, 200).contains({0, 1, 0, 3}));  // channels alike
  CHECK(results(random_crop(0), {1, 3, 3}, 9).size() == 1);
}

TEST_CASE("cutout makes a square hole, which may lie in part outside") {
  const auto all = results(cutout(0.5), {2, 2, 3}, 500);
  // A hole of one pixel: any of six, in both channels.
  CHECK(all.size() == 6);
  CHECK(all.contains({0, 2, 3, 4, 5, 6, 0, 8, 9, 10, 11, 12}));
  CHECK(all.contains({1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 0}));
  // Two by two around each of four pixels: all four places that begin one before it.
  const auto large = results(cutout(1), {1, 2, 2}, 200);
  CHECK(large ==
        std::set<std::vector<real>>{{0, 2, 3, 4}, {0, 0, 3, 4}, {0, 2, 0, 4}, {0, 0, 0, 0}});
  CHECK(results(cutout(0), {1, 2, 2}, 9) == std::set<std::vector<real>>{{1, 2, 3, 4}});
}

TEST_CASE("shares outside of 0 to 1 are refused") {
  using testing::contains, testing::error_of;
  CHECK(contains(error_of([] { random_crop(-0.1); }), "random_crop: the margin must be in [0, 1]"));
  CHECK(contains(error_of([] { cutout(1.5); }), "cutout: the share must be in [0, 1]"));
}
