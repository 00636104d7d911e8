// One matrix product, c = a b, from three loops to what the library and BLAS make of it: what each
// step up buys, on one thread. core/kernels/README.md tells the steps.
//
//   apps/examples/product_ladder [N]      matrices of N × N; 768, if not said otherwise
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "apps/common/timing.h"
#include "core/error.h"
#include "core/kernels/gemm.h"
#include "core/kernels/panel_product.h"
#include "core/parallel.h"
#include "core/random.h"

using namespace limbeck;

namespace {

// The definition, in the order in which it is written. b is read down its columns: each number is
// in another line of the cache than the one before.
void three_loops(real* c, const real* a, const real* b, Index n) {
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      real sum = 0;
      for (Index k = 0; k < n; ++k) sum += a[i * n + k] * b[k * n + j];
      c[i * n + j] = sum;
    }
  }
}

// The two inner loops change places: now rows of b and c are read as they lie, and the compiler
// makes vector code of the innermost.
void other_order(real* c, const real* a, const real* b, Index n) {
  std::fill_n(c, n * n, real{0});
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < n; ++k) {
      const real factor = a[i * n + k];
      for (Index j = 0; j < n; ++j) c[i * n + j] += factor * b[k * n + j];
    }
  }
}

// The same in blocks: a part of b is used for many rows of a while it is in the cache.
void blocked(real* c, const real* a, const real* b, Index n) {
  constexpr Index depth = 64, width = 512;  // of the part: 128 KB in float
  std::fill_n(c, n * n, real{0});
  for (Index j0 = 0; j0 < n; j0 += width) {
    const Index columns = std::min(width, n - j0);
    for (Index k0 = 0; k0 < n; k0 += depth) {
      const Index end = std::min(k0 + depth, n);
      for (Index i = 0; i < n; ++i) {
        real* const row = c + i * n + j0;
        for (Index k = k0; k < end; ++k) {
          const real factor = a[i * n + k];
          for (Index j = 0; j < columns; ++j) row[j] += factor * b[k * n + j0 + j];
        }
      }
    }
  }
}

// So far every multiplication loads and stores an element of c. Here a tile of c, 4 rows of two
// vectors, stays in registers while k runs: a row of b is loaded once for 4 rows of c.
void in_registers(real* c, const real* a, const real* b, Index n) {
  constexpr Index rows = 4, lanes = 8;
  using Vector = real __attribute__((vector_size(lanes * sizeof(real))));
  const Index whole_rows = n / rows * rows, whole_columns = n / (2 * lanes) * (2 * lanes);
  const auto by_definition = [=](Index i, Index j) {
    real sum = 0;
    for (Index k = 0; k < n; ++k) sum += a[i * n + k] * b[k * n + j];
    c[i * n + j] = sum;
  };
  const auto load = [](const real* from) {
    Vector v;
    std::memcpy(&v, from, sizeof v);
    return v;
  };
  for (Index j = 0; j < whole_columns; j += 2 * lanes) {
    for (Index i = 0; i < whole_rows; i += rows) {
      Vector tile[rows][2] = {};
      for (Index k = 0; k < n; ++k) {
        const Vector left = load(b + k * n + j), right = load(b + k * n + j + lanes);
        for (Index r = 0; r < rows; ++r) {
          const Vector factor = a[(i + r) * n + k] - Vector{};  // in all lanes
          tile[r][0] += factor * left;
          tile[r][1] += factor * right;
        }
      }
      for (Index r = 0; r < rows; ++r) std::memcpy(c + (i + r) * n + j, tile[r], sizeof tile[r]);
    }
  }
  for (Index i = 0; i < n; ++i) {
    for (Index j = i < whole_rows ? whole_columns : 0; j < n; ++j) by_definition(i, j);
  }
}

// Ours: the registers filled, and b laid out anew, so that what a tile needs next lies next.
void ours(real* c, const real* a, const real* b, Index n) {
  const Panels panels = Panels::packed(b, n, n, n);
  panel_product(c, n, {.data = a, .rows = n, .row = n, .column = 1}, panels);
}

// What decades have made of it: both operands laid out, in blocks for each cache.
void blas(real* c, const real* a, const real* b, Index n) {
  gemm(c, a, b, {.m = n, .n = n, .k = n});
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (Index i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a.data()[i] - b.data()[i])));
  }
  return largest;
}

Index size_of(int argc, char** argv) {
  Index n = 768;
  if (argc > 2) fail("product_ladder", "one number is what it takes, the matrices' size");
  if (argc == 2) {
    const char* const end = argv[1] + std::strlen(argv[1]);
    const auto [rest, error] = std::from_chars(argv[1], end, n);
    if (error != std::errc() || rest != end || n < 1 || n > 8192) {
      fail("product_ladder", "the matrices' size is a number from 1 to 8,192; got {}", argv[1]);
    }
  }
  return n;
}

void run(Index n) {
  struct Step {
    const char* name;
    void (*product)(real* c, const real* a, const real* b, Index n);
  };
  constexpr Step steps[] = {{"three loops", three_loops},
                            {"in another order", other_order},
                            {"blocked", blocked},
                            {"in registers", in_registers},
                            {"ours", ours},
                            {"BLAS", blas}};
  set_threads(1);
  Rng rng(1);
  const Tensor a = uniform({n, n}, -1, 1, rng), b = uniform({n, n}, -1, 1, rng);
  Tensor first;
  double first_ms = 0;
  const double operations = 2.0 * static_cast<double>(n * n * n);
  // Sums of n numbers below 1, added in another order.
  const double rounding = static_cast<double>(n) * std::numeric_limits<real>::epsilon();
  fmt::print("c = a b, {} × {}, one thread, {}\n\n", n, n, sizeof(real) == 8 ? "double" : "float");
  fmt::print("{:<18}{:>10}{:>12}{:>16}{:>12}\n", "", "ms", "GFLOP/s", "times the first", "off by");
  for (const Step& step : steps) {
    Tensor c = Tensor::empty({n, n});
    const double ms = best_ms(100, [&] { step.product(c.data(), a.data(), b.data(), n); });
    if (!first.defined()) first = c, first_ms = ms;
    const double off = largest_difference(c, first);
    fmt::print("{:<18}{:>10.2f}{:>12.1f}{:>16.1f}{:>12.1g}\n", step.name, ms, operations / ms / 1e6,
               first_ms / ms, off);
    if (off > rounding) fail("product_ladder", "{} is another product than the first", step.name);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(size_of(argc, argv));
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
