// Teacher, student on hard labels and distilled student on synthetic digits, from start to end. In
// float only: the double build need not learn the same once more.
#ifndef LIMBECK_REAL_DOUBLE
#include "core/parallel.h"
#include "data/synthetic_digits.h"
#include "nn/distill/distiller.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

struct Trio {
  Index teacher, hard, distilled;  // errors of 1,000
};

// A seed of its own for digits, weights and order. The two students begin alike and see the images
// in the same order.
Trio errors_of_all_three(std::uint64_t seed) {
  const auto [train, test] = synthetic_digits({.train = 1000, .test = 1000, .seed = seed});
  const auto make = [&](Index width, std::size_t layers, double dropout, std::uint64_t stream) {
    std::vector<Index> widths(layers, width);
    widths.insert(widths.begin(), 784);
    widths.push_back(10);
    Rng rng = Rng(seed).child(stream);
    return mlp(widths, {.dropout = dropout}, rng);
  };
  Sequential teacher = make(128, 2, 0.3, 0);
  Sequential hard = make(100, 1, 0, 1), distilled = make(100, 1, 0, 1);
  const TrainOptions options{.epochs = 40, .batch_size = 50, .lr = 2e-3, .seed = seed};
  TrainOptions teacher_options = options;
  teacher_options.epochs = 20;
  teacher_options.augment = random_shift(2);

  for (const auto& reports :
       {train_classifier(teacher, train, teacher_options), train_classifier(hard, train, options),
        Distiller(teacher, distilled, {.temperature = 4, .alpha = 0.1}).fit(train, options)}) {
    CHECK(reports[4].loss < 0.7 * reports[0].loss);
    CHECK(reports.back().loss < 0.7 * reports[4].loss);
  }
  return {count_errors(teacher, test), count_errors(hard, test), count_errors(distilled, test)};
}

}  // namespace

TEST_CASE("on synthetic digits the loss falls and the distilled student beats the plain one") {
  const int before = threads();
  set_threads(1);  // networks this small gain nothing by a second
  constexpr int seeds = 3;
  double teacher = 0, hard = 0, distilled = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Trio errors = errors_of_all_three(seed);
    teacher += static_cast<double>(errors.teacher) / seeds;
    hard += static_cast<double>(errors.hard) / seeds;
    distilled += static_cast<double>(errors.distilled) / seeds;
  }
  set_threads(before);
  CAPTURE(teacher);
  CAPTURE(hard);
  CAPTURE(distilled);
  // Measured on twelve seeds: teachers make 49 to 80 errors, plain students 89 to 125 (mean 114),
  // distilled ones 69 to 111 (mean 91). The gain of a seed is 23 errors with a standard deviation
  // of 7, that of the mean of three thus 23 with one of 4.
  // The sizes were chosen for it, from nine tried: soft targets take more steps. With students of
  // 32 units and 20 epochs there was no gain (1,000 images, four seeds: 123 plain, 130 distilled;
  // 500 images, six seeds: 170 and 171), and with 60 epochs there was (three seeds: 116 and 93).
  CHECK(hard < 150);
  CHECK(distilled < hard - 10);
  CHECK(teacher < distilled);
}
#endif
