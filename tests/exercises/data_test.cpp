// Exercises of data/README.md. Write the bodies, take away doctest::skip() or run
//   build/float/tests/run --no-skip -tc='exercise data*'
#include <charconv>
#include <sstream>

#include "data/dataset.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Labelled points as text, a line each: a class id, a comma, and so many bytes with commas between,
//   2,0,255,17
// Points of D numbers become images (1, 1, D). Error, with the number of the line, counted from 1:
// it has other than 1 + D fields, one that is not a whole number, a class outside [0, classes), or
// a byte outside [0, 255].
Dataset read_csv([[maybe_unused]] const std::string& text, [[maybe_unused]] Index columns,
                 [[maybe_unused]] Index classes) {
  fail("exercise", "not done yet");
}

// An order in which every class comes once in each run of `classes` places, for a set with the same
// number of images of every class: all images once, which of a class, and the classes within a run,
// at random.
std::vector<Index> balanced_order([[maybe_unused]] const Dataset& data, [[maybe_unused]] Rng& rng) {
  fail("exercise", "not done yet");
}

struct Mixed {
  Tensor images;  // (N, C, H, W)
  Tensor probs;   // (N, classes)
};

// Mixup (Zhang, Cissé, Dauphin, Lopez-Paz, ICLR 2018): image i becomes λ x_i + (1 − λ) x_j with
// j = partner[i], and its target the same mixture of the two labels' one-hot rows.
Mixed mixup([[maybe_unused]] const Batch& batch, [[maybe_unused]] std::span<const Index> partner,
            [[maybe_unused]] Index classes, [[maybe_unused]] double lambda) {
  fail("exercise", "not done yet");
}

}  // namespace

TEST_CASE("exercise data 1: a reader of small tables" * doctest::skip()) {
  const Dataset data = read_csv("2,0,255,17\n0,1,2,3\n", 3, 3);
  CHECK(data.image == Shape{1, 1, 3});
  CHECK(data.class_ids == std::vector<std::int32_t>{2, 0});
  CHECK(data.pixels == std::vector<std::uint8_t>{0, 255, 17, 1, 2, 3});
  CHECK(read_csv("", 3, 3).size() == 0);
  for (const char* wrong :
       {"0,1", "0,1,2,3,4", "0,1,x,3", "0,1,,3", "0,1,2.5,3", "3,1,2,3", "-1,1,2,3", "0,1,2,256"}) {
    CAPTURE(wrong);
    const std::string text = std::string("1,1,1,1\n") + wrong + "\n";
    const std::string error = error_of([&] { read_csv(text, 3, 3); });
    CHECK(contains(error, "read_csv"));
    CHECK(contains(error, "line 2"));
  }
}

TEST_CASE("exercise data 2: an order in which every class comes as often" * doctest::skip()) {
  Dataset data{.image = {1, 1, 1}, .classes = 3, .pixels = {}, .class_ids = {}};
  for (int i = 0; i < 300; ++i) {  // all of class 0, then all of 1, then all of 2
    data.pixels.push_back(0);
    data.class_ids.push_back(i / 100);
  }
  Rng rng(1), same(1), other(2);
  const std::vector<Index> order = balanced_order(data, rng);
  REQUIRE(order.size() == 300);
  int kinds = 0;  // bits: which class comes first in a run
  for (std::size_t run = 0; run < 300; run += 3) {
    std::vector<std::int32_t> classes;
    for (std::size_t i = run; i < run + 3; ++i) {
      classes.push_back(data.class_ids[static_cast<std::size_t>(order[i])]);
    }
    kinds |= 1 << classes[0];
    std::ranges::sort(classes);
    REQUIRE(classes == std::vector<std::int32_t>{0, 1, 2});
  }
  CHECK(kinds == 7);
  CHECK(order == balanced_order(data, same));
  CHECK(order != balanced_order(data, other));
  std::vector<Index> sorted = order;
  std::ranges::sort(sorted);
  CHECK(std::ranges::adjacent_find(sorted) == sorted.end());
}

TEST_CASE("exercise data 3: mixup of images and of their labels" * doctest::skip()) {
  const Batch batch{.images = Tensor::from({2, 1, 1, 2}, {1, 0, 0, real(0.5)}),
                    .class_ids = {2, 0},
                    .indices = {0, 1}};
  const std::vector<Index> partner = {1, 1};
  const Mixed mixed = mixup(batch, partner, 3, 0.75);
  REQUIRE(mixed.images.shape() == Shape{2, 1, 1, 2});
  CHECK(difference(mixed.images, {0.75, 0.125, 0, 0.5}) < 1e-6);
  REQUIRE(mixed.probs.shape() == Shape{2, 3});
  CHECK(difference(mixed.probs, {0.25, 0, 0.75, 1, 0, 0}) < 1e-6);  // mixed with itself: itself
}
