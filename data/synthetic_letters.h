// Synthetic letters: the capitals A to Z drawn as synthetic_digits draws its digits, a second set
// that needs no file, of other classes and more of them.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace limbeck {

// How many letters, and which.
struct SyntheticLettersOptions {
  Index train = 26'000;    // images to learn from
  Index test = 5'200;      // images to be judged by, of the same kind
  std::uint64_t seed = 1;  // another one draws other images
  double difficulty = 1;   // scales all distortion; 0: every letter as in the copybook
};

// 28 × 28, grey, 26 classes in equal parts and random order, 0 an A and 25 a Z; the same for any
// number of threads. Error: fewer than one image in either set, or a difficulty outside of 0 to 10.
TrainTest synthetic_letters(const SyntheticLettersOptions& options = {});

// "A" to "Z".
std::vector<std::string> letter_names();

}  // namespace limbeck
