#include "core/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace limbeck {
namespace {

// Philox on `lanes` counters side by side: inner loops of fixed length that the compiler turns into
// vector instructions. Word w of counter l is c[w][l].
template <std::size_t lanes>
void philox_rounds(std::array<std::array<std::uint32_t, lanes>, 4>& c,
                   std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    for (std::size_t l = 0; l < lanes; ++l) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0][l];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2][l];
      c[0][l] = static_cast<std::uint32_t>(p1 >> 32) ^ c[1][l] ^ key[0];
      c[2][l] = static_cast<std::uint32_t>(p0 >> 32) ^ c[3][l] ^ key[1];
      c[1][l] = static_cast<std::uint32_t>(p1);
      c[3][l] = static_cast<std::uint32_t>(p0);
    }
    key[0] += 0x9E3779B9;  // Weyl sequences: the golden ratio, and √3 − 1
    key[1] += 0xBB67AE85;
  }
}

thread_local bool without_values = false;

std::uint32_t low_word(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}
std::uint32_t high_word(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  std::array<std::array<std::uint32_t, 1>, 4> c;
  for (std::size_t w = 0; w < 4; ++w) c[w][0] = counter[w];
  philox_rounds<1>(c, key);
  return {c[0][0], c[1][0], c[2][0], c[3][0]};
}

Rng::Rng(std::uint64_t seed) : key_{low_word(seed), high_word(seed)} {}

std::array<std::uint32_t, 4> Rng::block(std::uint64_t number) const {
  return philox4x32({low_word(number), high_word(number), low_word(stream_), high_word(stream_)},
                    key_);
}

std::uint32_t Rng::next() {
  const std::uint64_t word = position_ % 4;
  if (word == 0) words_ = block(position_ / 4);
  ++position_;
  return words_[word];
}

double Rng::uniform() {
  return next() * 0x1p-32;
}

double Rng::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

double Rng::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));  // 1 − u is never 0
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

Index Rng::below(Index n) {
  if (n < 1) fail("Rng::below", "n must be at least 1; got {}", n);
  // Numbers past the last whole multiple of n would favour the small remainders: draw again.
  const auto range = static_cast<std::uint64_t>(n);
  const std::uint64_t excess = (UINT64_MAX % range + 1) % range;
  std::uint64_t bits = 0;
  do {
    bits = std::uint64_t{next()} << 32;
    bits |= next();
  } while (bits > UINT64_MAX - excess);
  return static_cast<Index>(bits % range);
}

std::vector<Index> Rng::permutation(Index n) {
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  for (Index i = n - 1; i > 0; --i) {
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(below(i + 1))]);
  }
  return order;
}

Rng Rng::fork() {
  const std::uint32_t a = next();
  const std::uint32_t b = next();
  return Rng({a, b}, 0);
}

// Child 0 must differ from the parent, whose own stream is 0 (or, being a child itself, i + 1): the
// stream becomes part of the key, and i + 1 the new stream.
Rng Rng::child(std::uint64_t i) const {
  const std::array<std::uint32_t, 4> mixed =
      philox4x32({low_word(stream_), high_word(stream_), 0xFFFFFFFF, 0xFFFFFFFF}, key_);
  return Rng({mixed[0], mixed[1]}, i + 1);
}

Rng::State Rng::state() const {
  return {std::uint64_t{key_[1]} << 32 | key_[0], stream_, position_};
}

void Rng::set_state(const State& state) {
  key_ = {low_word(state[0]), high_word(state[0])};
  stream_ = state[1];
  position_ = state[2];
  if (position_ % 4 != 0) words_ = block(position_ / 4);
}

void Rng::words_from(Index first, std::span<std::uint32_t> words) const {
  if (first % 4 != 0) fail("Rng::words_from", "first must be a multiple of 4; got {}", first);
  constexpr std::size_t lanes = 32;  // GCC unrolls a loop of 16 into scalar code, half as fast
  auto number = static_cast<std::uint64_t>(first) / 4;
  for (std::size_t done = 0; done < words.size(); done += 4 * lanes, number += lanes) {
    std::array<std::array<std::uint32_t, lanes>, 4> c;
    for (std::size_t l = 0; l < lanes; ++l) {
      c[0][l] = low_word(number + l);
      c[1][l] = high_word(number + l);
      c[2][l] = low_word(stream_);
      c[3][l] = high_word(stream_);
    }
    philox_rounds<lanes>(c, key_);
    const std::size_t count = std::min(4 * lanes, words.size() - done);
    for (std::size_t i = 0; i < count; ++i) words[done + i] = c[i % 4][i / 4];
  }
}

WithoutValues::WithoutValues() : before_(std::exchange(without_values, true)) {}

WithoutValues::~WithoutValues() {
  without_values = before_;
}

Tensor uniform(const Shape& shape, double low, double high, Rng& rng) {
  Tensor t = Tensor::empty(shape);
  if (without_values) return t;
  const auto above = static_cast<real>(high);
  const real below = low < high ? std::nextafter(above, static_cast<real>(low)) : above;
  for (real& x : t.values()) {
    x = static_cast<real>(rng.uniform(low, high));
    if (x >= above) x = below;  // 1 − 2⁻³² is 1 in float
  }
  return t;
}

Tensor normal(const Shape& shape, double mean, double stddev, Rng& rng) {
  Tensor t = Tensor::empty(shape);
  if (without_values) return t;
  for (real& x : t.values()) x = static_cast<real>(mean + stddev * rng.normal());
  return t;
}

}  // namespace limbeck
