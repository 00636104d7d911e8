#include "core/random.h"

#include <numeric>

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

using Words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox4x32-10 gives its published answers") {  // kat_vectors of the authors' Random123
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a seed sets the sequence, and another seed gives another") {
  Rng a(7), b(7), c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t word = a.next();
    CHECK(word == b.next());
    differs |= word != c.next();
  }
  CHECK(differs);
  CHECK(Rng(0).next() == 0x6627e8d5);  // counter 0, key 0: the first known answer
}

TEST_CASE("words can be had from the middle of the sequence, in parts of any length") {
  Rng rng(3);
  std::vector<std::uint32_t> whole(300);
  for (auto& w : whole) w = rng.next();
  for (const std::size_t first : {0U, 4U, 64U, 128U}) {
    std::vector<std::uint32_t> part(101);
    Rng(3).words_from(static_cast<Index>(first), part);
    CHECK(std::equal(part.begin(), part.end(), whole.begin() + static_cast<Index>(first)));
  }
  std::vector<std::uint32_t> part(4);
  CHECK(contains(error_of([&] { rng.words_from(2, part); }), "multiple of 4"));
}

TEST_CASE("children and forks differ from each other and from their parent") {
  Rng parent(5);
  std::vector<std::uint32_t> firsts = {Rng(5).next(), parent.child(0).next(),
                                       parent.child(1).next(), parent.child(0).child(0).next(),
                                       parent.child(1).child(0).next()};
  CHECK(parent.child(1).next() == Rng(5).child(1).next());
  firsts.push_back(parent.fork().next());
  firsts.push_back(parent.fork().next());
  std::ranges::sort(firsts);
  CHECK(std::ranges::adjacent_find(firsts) == firsts.end());
}

TEST_CASE("uniform and normal numbers have their means and variances") {
  Rng rng(1);
  constexpr int n = 200'000;
  double u1 = 0, u2 = 0, n1 = 0, n2 = 0, n4 = 0;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    u1 += u, u2 += u * u;
    const double x = rng.normal();
    n1 += x, n2 += x * x, n4 += x * x * x * x;
  }
  // Five standard errors of each mean.
  CHECK(std::abs(u1 / n - 0.5) < 5 * std::sqrt(1.0 / 12 / n));
  CHECK(std::abs(u2 / n - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / n));
  CHECK(std::abs(n1 / n) < 5 * std::sqrt(1.0 / n));
  CHECK(std::abs(n2 / n - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(n4 / n - 3) < 5 * std::sqrt(96.0 / n));
}

TEST_CASE("integers below n are all equally likely") {
  Rng rng(2);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70'000; ++i) ++counts[static_cast<std::size_t>(rng.below(7))];
  for (const int c : counts) CHECK(std::abs(c - 10'000) < 500);
  CHECK(rng.below(1) == 0);
  CHECK(contains(error_of([&] { rng.below(0); }), "at least 1; got 0"));
}

TEST_CASE("a permutation has every number once, and moves most of them") {
  Rng rng(4);
  std::vector<Index> order = rng.permutation(1000);
  Index fixed = 0;
  for (std::size_t i = 0; i < order.size(); ++i) fixed += order[i] == static_cast<Index>(i);
  CHECK(fixed < 10);  // one on average, and ten has probability 1e-7
  std::ranges::sort(order);
  std::vector<Index> identity(1000);
  std::iota(identity.begin(), identity.end(), Index{0});
  CHECK(order == identity);
  CHECK(rng.permutation(0).empty());
}

TEST_CASE("a uniform tensor stays below its upper end, also where rounding would reach it") {
  Rng rng(5);
  // Between 1 and the next number below it, half of all draws round up to 1.
  const real low = std::nextafter(real{1}, real{0});
  const Tensor x = uniform({1000}, low, 1, rng);
  CHECK(std::ranges::all_of(x.values(), [&](real v) { return v == low; }));
  const Tensor constant = uniform({3}, 2, 2, rng);
  CHECK(difference(constant, {2, 2, 2}) == 0);
}

TEST_CASE("tensors without values have their shapes, and take no numbers") {
  Rng rng(8), untouched(8);
  {
    const WithoutValues shapes_alone;
    CHECK(uniform({3, 4}, -1, 1, rng).shape() == Shape{3, 4});
    CHECK(normal({5}, 0, 1, rng).shape() == Shape{5});
  }
  CHECK(same_bits(uniform({3, 4}, -1, 1, rng), uniform({3, 4}, -1, 1, untouched)));
}
