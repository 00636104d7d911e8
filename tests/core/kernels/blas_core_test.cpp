// Where BLAS has no kernels for the processor, our own products take its place, and it is said.
#include "core/kernels/blas_core.h"

#include <filesystem>

#include "core/built_for.h"
#include "core/kernels/gemm.h"
#include "core/kernels/packed_product.h"
#include "core/kernels/plain.h"
#include "core/kernels/processor_features.h"
#include "core/parallel.h"
#include "tests/apps/run_program.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;
using detail::Feature;

namespace {

std::uint64_t features(std::initializer_list<Feature> list) {
  std::uint64_t bits = 0;
  for (const Feature f : list) bits |= std::uint64_t{1} << static_cast<unsigned>(f);
  return bits;
}

const auto sse = [] { return features({Feature::bit_of__SSE3__}); };
const auto avx = [] { return features({Feature::bit_of__SSE3__, Feature::bit_of__AVX__}); };
const auto avx2 = [] { return features({Feature::bit_of__FMA__, Feature::bit_of__AVX2__}); };
const auto avx512 = [] {
  return features({Feature::bit_of__FMA__, Feature::bit_of__AVX2__, Feature::bit_of__AVX512F__});
};

}  // namespace

TEST_CASE("BLAS falls short where its kernels leave AVX2 unused, and only there") {
  struct Case {
    const char* core;
    bool on_sse, on_avx, on_avx2, on_avx512;
  };
  const Case cases[] = {
      {"Prescott", false, false, true, true},       {"Core2", false, false, true, true},
      {"Nehalem", false, false, true, true},        {"Sandybridge", false, false, true, true},
      {"Barcelona", false, false, true, true},      {"Piledriver", false, false, true, true},
      {"Unknown", false, false, true, true},        {"Haswell", false, false, false, false},
      {"Zen", false, false, false, false},          {"SkylakeX", false, false, false, false},
      {"Cooperlake", false, false, false, false},   {"neoversen1", false, false, false, false},
      {"of the future", false, false, false, false}};
  for (const Case& c : cases) {
    CAPTURE(c.core);
    CHECK(blas_falls_short(c.core, sse()) == c.on_sse);
    CHECK(blas_falls_short(c.core, avx()) == c.on_avx);
    CHECK(blas_falls_short(c.core, avx2()) == c.on_avx2);
    CHECK(blas_falls_short(c.core, avx512()) == c.on_avx512);
  }
  CHECK_FALSE(blas_falls_short("Prescott", 0));  // not an x86-64
}

TEST_CASE("the line says for what BLAS takes the processor, and what to set") {
  CHECK(contains(blas_complaint("Prescott", avx512(), true), "this processor for a Prescott"));
  CHECK(contains(blas_complaint("Prescott", avx512(), true), "OPENBLAS_CORETYPE=SKYLAKEX\n"));
  CHECK(contains(blas_complaint("Prescott", avx2(), true), "OPENBLAS_CORETYPE=HASWELL\n"));
  CHECK(contains(blas_complaint("Prescott", avx2(), true), "the library's own are used"));
  CHECK(contains(blas_complaint("Prescott", avx2(), false), "was not built for this processor"));
}

TEST_CASE("packed products of any sizes are their three loops") {
  struct Sizes {
    Index m, n, k;
  };
  // One row, few rows, many; of little depth; over the edges of blocks and of tiles; empty.
  for (const Sizes& sizes : {Sizes{1, 50, 7},
                             {1, 1, 3},
                             {5, 33, 40},
                             {70, 9, 3},
                             {70, 65, 17},
                             {150, 40, 900},
                             {20, 1100, 21},
                             {90, 35, 0},
                             {0, 4, 4},
                             {4, 0, 4}}) {
    const Index m = sizes.m, n = sizes.n, k = sizes.k;
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        for (const bool accumulate : {false, true}) {
          CAPTURE(m);
          CAPTURE(n);
          CAPTURE(k);
          const Index a_row = (transpose_a ? m : k) + 2, b_row = (transpose_b ? k : n) + 3;
          const Tensor a = random_tensor({transpose_a ? k : m, a_row}, 1);
          const Tensor b = random_tensor({transpose_b ? n : k, b_row}, 2);
          const GemmSizes s{.m = m,
                            .n = n,
                            .k = k,
                            .transpose_a = transpose_a,
                            .transpose_b = transpose_b,
                            .accumulate = accumulate,
                            .c_row = n + 1,
                            .a_row = a_row,
                            .b_row = b_row};
          Tensor c = Tensor::full({m, n + 1}, 7), expected = Tensor::full({m, n + 1}, 7);
          packed_product(c.data(), a.data(), b.data(), s);
          plain_gemm(expected.data(), a.data(), b.data(), s);
          if (m > 0) CHECK(difference(c, expected) < 5e-5);  // and what is beside C stays
        }
      }
    }
  }
}

TEST_CASE("a product is its three loops, by BLAS or by our own, on one thread and on three") {
  const int before = threads();
  for (const int count : {1, 3}) {
    set_threads(count);
    for (const Index m : {1, 8, 300}) {
      for (const Index n : {1, 10, 290}) {
        const GemmSizes s{.m = m, .n = n, .k = 120, .transpose_a = m == 300};
        const Tensor a = random_tensor({m, s.k}, 1), b = random_tensor({s.k, n}, 2);
        Tensor c = Tensor::zeros({m, n}), expected = Tensor::zeros({m, n});
        gemm(c.data(), a.data(), b.data(), s);
        plain_gemm(expected.data(), a.data(), b.data(), s);
        CHECK(difference(c, expected) < 1e-5);
      }
    }
  }
  set_threads(before);
}

TEST_CASE("with BLAS's kernels of 2004 a process says so once, and its products are right") {
  if (plain_kernels() || !blas_falls_short("Prescott", detail::built_for)) {
    MESSAGE("skipped: BLAS is not asked, or does not fall short of what this is built for");
    return;
  }
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const Finished run = run_command(
      {"env", "OPENBLAS_CORETYPE=Prescott", self, "-sf=*tests/core/*",
       "-tc=a product is its three loops*,a product split among*,convolution is its loop nest*"});
  CAPTURE(run.out);
  CHECK(run.exit_code == 0);
  const std::size_t line = run.err.find("limbeck: OpenBLAS takes this processor for a Prescott");
  REQUIRE(line != std::string::npos);
  CHECK(run.err.find("limbeck: OpenBLAS", line + 1) == std::string::npos);
}
