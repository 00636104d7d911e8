// Affine maps, and bilinear resampling.
#include "data/resampling.h"

#include "data/augment.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Values = std::vector<real>;

Values mapped(Values image, Index height, Index width, const Affine& map) {
  resample(image, affine_sources(height, width, map));
  return image;
}

double largest_difference(const Values& a, const Values& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  }
  return largest;
}

}  // namespace

TEST_CASE("quarter turns, counter-clockwise where the angle is positive") {
  const Values picture = {1, 2, 3,  //
                          4, 5, 6,  //
                          7, 8, 9};
  const auto turned = [&](double angle) { return mapped(picture, 3, 3, {.rotation = angle}); };
  CHECK(largest_difference(turned(90), {3, 6, 9, 2, 5, 8, 1, 4, 7}) < 1e-5);
  CHECK(largest_difference(turned(-90), {7, 4, 1, 8, 5, 2, 9, 6, 3}) < 1e-5);
  CHECK(largest_difference(turned(180), {9, 8, 7, 6, 5, 4, 3, 2, 1}) < 1e-5);
  // With an even width the middle lies between pixels.
  CHECK(largest_difference(mapped({1, 2, 3, 4}, 2, 2, {.rotation = 90}), {2, 4, 1, 3}) < 1e-5);
}

TEST_CASE("twice the width stretches about the middle, half the height leaves background") {
  const Values picture = {0, 0, 0, 0,  //
                          0, 4, 8, 0,  //
                          0, 4, 8, 0,  //
                          0, 0, 0, 0};
  // Columns 0 … 3 come from 0.75, 1.25, 1.75, 2.25.
  CHECK(mapped(picture, 4, 4, {.scale_x = 2}) ==
        Values{0, 0, 0, 0, 3, 5, 7, 6, 3, 5, 7, 6, 0, 0, 0, 0});
  // Rows 0 … 3 come from −1.5, 0.5, 2.5, 4.5.
  CHECK(mapped(picture, 4, 4, {.scale_y = 0.5}) ==
        Values{0, 0, 0, 0, 0, 2, 4, 0, 0, 2, 4, 0, 0, 0, 0, 0});
}

TEST_CASE("a picture that leans moves its rows, those above the middle to the right") {
  CHECK(mapped({1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3, {.shear = 1}) ==
        Values{0, 1, 2, 4, 5, 6, 8, 9, 0});
}

TEST_CASE("moving by whole pixels is shift(), by half a pixel the mean of two") {
  const Tensor noise = random_tensor({7 * 5}, 2);
  const Values image(noise.values().begin(), noise.values().end());
  for (const auto& [right, down] : {std::pair(2, -1), std::pair(-3, 4), std::pair(9, 0)}) {
    Values shifted = image;
    shift(shifted, {1, 7, 5}, right, down);
    CHECK(mapped(image, 7, 5, {.right = double(right), .down = double(down)}) == shifted);
  }
  CHECK(mapped({2, 4, 8}, 1, 3, {.right = 0.5}) == Values{1, 3, 6});
  CHECK(mapped({2, 4, 8}, 3, 1, {.down = -0.5}) == Values{3, 6, 4});
  CHECK(mapped({0, 4, 8, 16}, 2, 2, {.right = 0.5, .down = 0.5}) == Values{0, 1, 2, 7});
}

TEST_CASE("sources go back where scaling, leaning, turning and moving, in this order, came from") {
  const Affine map{
      .rotation = 25, .scale_x = 1.3, .scale_y = 0.8, .shear = 0.4, .right = 1.5, .down = -2};
  const Sources sources = affine_sources(6, 9, map);
  const double angle = 25 * std::acos(-1.0) / 180;
  for (std::size_t i = 0; i < 6 * 9; ++i) {
    double x = sources.x[i] - 4.0, up = 2.5 - sources.y[i];
    x *= 1.3;
    up *= 0.8;
    x += 0.4 * up;
    const double turned_x = std::cos(angle) * x - std::sin(angle) * up;
    const double turned_up = std::sin(angle) * x + std::cos(angle) * up;
    CHECK(std::abs(turned_x + 1.5 + 4.0 - static_cast<double>(i % 9)) < 1e-5);
    CHECK(std::abs(2.5 - turned_up - 2.0 - static_cast<double>(i / 9)) < 1e-5);
  }
}

TEST_CASE("resampling refuses sources for another size") {
  CHECK(contains(error_of([] { mapped(Values(10), 3, 3, {}); }), "3 × 3; got one of 10 values"));
}
