// Shifts by whole pixels. Distortion has a file of its own.
#include "data/augment.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

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

TEST_CASE("a flip mirrors each row of each plane, as often as its probability says") {
  const std::vector<real> image = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};  // (2, 2, 3)
  const std::vector<real> mirrored = {3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10};
  Rng rng(1);
  const auto flipped = [&](const Augmentation& augment) {
    std::vector<real> changed = image;
    augment(changed, {2, 2, 3}, rng);
    return changed;
  };
  CHECK(flipped(random_flip(1)) == mirrored);
  CHECK(flipped(random_flip(0)) == image);
  CHECK(flipped(both(random_flip(1), random_flip(1))) == image);
  int mirrors = 0;
  constexpr int n = 10'000;
  for (int i = 0; i < n; ++i) mirrors += flipped(random_flip()) == mirrored;
  CHECK(std::abs(mirrors - n / 2) < 5 * 50);  // a standard deviation is 50
  CHECK(contains(error_of([] { random_flip(-0.1); }), "in [0, 1]; got -0.1"));
}

TEST_CASE("both augmentations come one after the other") {
  const Augmentation twice = [](std::span<real> image, const Shape&, Rng&) { image[0] *= 2; };
  const Augmentation more = [](std::span<real> image, const Shape&, Rng&) { image[0] += 1; };
  Rng rng(1);
  real pixel = 3;
  both(twice, more)({&pixel, 1}, {1, 1, 1}, rng);
  CHECK(pixel == 7);
}

TEST_CASE("either of two augmentations is taken as often as its probability says") {
  const auto set_to = [](real value) {
    return [value](std::span<real> image, const Shape&, Rng&) { image[0] = value; };
  };
  const Augmentation mixed = either(0.7, set_to(1), set_to(2));
  Rng rng(1);
  int first = 0;
  constexpr int n = 10'000;
  for (int i = 0; i < n; ++i) {
    real pixel = 0;
    mixed({&pixel, 1}, {1, 1, 1}, rng);
    REQUIRE((pixel == 1 || pixel == 2));
    first += pixel == 1;
  }
  CHECK(first == doctest::Approx(0.7 * n).epsilon(5 * std::sqrt(0.7 * 0.3 / n) / 0.7));
  CHECK(contains(error_of([&] { either(1.5, set_to(1), set_to(2)); }), "in [0, 1]; got 1.5"));
}
