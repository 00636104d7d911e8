// Twins: an op beside its definition, on shapes that are drawn at random.
//
// The usual run draws the same few every time. make fuzz-shapes SEED=7 CASES=1000 draws others.
#pragma once

#include "core/parallel.h"
#include "tests/testing.h"

namespace limbeck::testing {

// The seed of the draws, and how many a test makes where it usually makes `usual` of them: from the
// environment, LIMBECK_FUZZ_SEED and LIMBECK_FUZZ_CASES.
std::uint64_t fuzz_seed();
int fuzz_cases(int usual);

// A whole number from low to high, both included.
inline Index between(Index low, Index high, Rng& rng) {
  return low + rng.below(high - low + 1);
}

// One of these.
template <class T>
T one_of(std::initializer_list<T> choices, Rng& rng) {
  return *(choices.begin() + rng.below(static_cast<Index>(choices.size())));
}

// What is compared in float is off by rounding, relative to the largest element.
inline double twin_tolerance() {
  return sizeof(real) == 8 ? 1e-11 : 5e-5;
}

// Calls test(rng) for every draw, with one thread and with three in turn; a failure says which.
template <class Test>
void for_draws(int usual, const Test& test) {
  const int before = threads();
  for (int i = 0; i < fuzz_cases(usual); ++i) {
    CAPTURE(fuzz_seed());
    CAPTURE(i);
    set_threads(i % 2 == 0 ? 1 : 3);
    Rng rng = Rng(fuzz_seed()).child(static_cast<std::uint64_t>(i));
    test(rng);
  }
  set_threads(before);
}

}  // namespace limbeck::testing
