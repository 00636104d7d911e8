// Synthetic digits: handwriting-like images drawn by a program, for when there is no MNIST at hand.
//
// Each image starts from strokes of one of the ten digits (several ways of writing 1, 2, 4, 7 and
// 9), moves their control points, bends the whole by a smooth random field, slants, rotates and
// scales it, and draws it with a pen of random width, anti-aliased, with a little noise. Some come
// out hard to tell apart (a 4 that closes, a 1 with a long hook, a 7 with a bar), as in life.
#pragma once

#include "data/dataset.h"

namespace limbeck {

// How many digits, and which.
struct SyntheticDigitsOptions {
  Index train = 20'000;    // images to learn from
  Index test = 4'000;      // images to be judged by, of the same kind
  std::uint64_t seed = 1;  // another one draws other images
  double difficulty = 1;   // scales all distortion; 0: every digit as in the copybook
};

// 28 × 28, grey, ten classes in equal parts and random order; the same for any number of threads.
// Error: fewer than one image in either set, or a difficulty that is negative.
TrainTest synthetic_digits(const SyntheticDigitsOptions& options = {});

}  // namespace limbeck
