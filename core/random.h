// Random numbers: Philox4x32-10, a counter-based generator, and what is drawn from it.
//
// Philox turns a counter and a key into four random words by ten rounds of multiplications, with no
// state between calls (Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3",
// SC 2011). The i-th number of a sequence can be computed without those before it, so that dropout
// or augmentation spread over any number of threads draws the same numbers.
//
// Everything random takes an Rng; there is no global one.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

// The ten rounds: a counter of four words and a key of two give four random words.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

// A sequence of random numbers, set by a seed. Copying copies the position too.
class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  std::uint32_t next();                     // 32 random bits
  double uniform();                         // in [0, 1), a multiple of 2⁻³²
  double uniform(double low, double high);  // in [low, high)
  double normal();                          // mean 0, standard deviation 1 (Box and Muller 1958)
  Index below(Index n);  // an integer in [0, n), all equally likely. Error: n < 1
  std::vector<Index> permutation(Index n);  // 0 … n − 1 in random order (Fisher and Yates)

  // A generator of its own, seeded by two words of this one: for a part of the program that draws a
  // number of times that the rest should not depend on.
  Rng fork();

  // Generator number i of a family that this one's seed sets, whatever was drawn from it: for work
  // on item i of many in parallel.
  Rng child(std::uint64_t i) const;

  // Where the generator is, and back there: what a program keeps to go on after a stop.
  using State = std::array<std::uint64_t, 3>;  // key, stream, words drawn
  State state() const;
  void set_state(const State& state);

  // words[i] = the i-th word from the start of this generator's sequence on: for filling large
  // arrays in parts. `first` is a multiple of 4.
  void words_from(Index first, std::span<std::uint32_t> words) const;

 private:
  Rng(std::array<std::uint32_t, 2> key, std::uint64_t stream) : key_(key), stream_(stream) {}

  std::array<std::uint32_t, 4> block(std::uint64_t number) const;

  std::array<std::uint32_t, 2> key_;
  std::uint64_t stream_ = 0;    // the upper half of the counter
  std::uint64_t position_ = 0;  // words drawn so far
  std::array<std::uint32_t, 4> words_{};
};

// New tensors with independent elements: uniform in [low, high), also once rounded; or normal.
Tensor uniform(const Shape& shape, double low, double high, Rng& rng);
Tensor normal(const Shape& shape, double mean, double stddev, Rng& rng);

// While one of these lives, these two leave the elements of what they make in this thread unset and
// take no numbers: for a network of which only the shapes, or what memory they take, are wanted.
class WithoutValues {
 public:
  WithoutValues();
  ~WithoutValues();
  WithoutValues(const WithoutValues&) = delete;
  WithoutValues& operator=(const WithoutValues&) = delete;

 private:
  bool before_;
};

}  // namespace limbeck
