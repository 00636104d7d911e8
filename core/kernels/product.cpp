#include "core/kernels/product.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/kernels/panel_product.h"
#include "core/kernels/plain.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

// Whether packed panels are faster than BLAS: where one side is a batch, and laying out both
// operands costs more than it brings. (Of more than 256 images it does not, a few are multiplied
// where they lie, and of some short ones a tile would be mostly empty.) Without a transposed
// operand (dx) the weights would have to be laid out as well, and BLAS does that.
bool takes_panels(const GemmSizes& s) {
  if (plain_kernels()) return false;
  if (s.transpose_a) return s.k <= 256;  // dW: the batch is summed over
  return s.transpose_b && s.m <= 256 && (s.m >= 16 || s.k >= 64) && !takes_few_rows(s);
}

// Calls body(first, count) for parts of a product's rows, in parallel if each has enough to do.
// Not in whole tiles: 800 rows are 134 tiles of six, of which one of 64 threads would get three
// and the others two.
template <class Body>
void for_row_parts(Index rows, Index multiply_adds_a_row, const Body& body) {
  constexpr Index worth_a_thread = 500'000;  // multiply-adds: some 10 µs
  parallel_for(rows, worth_a_thread / (multiply_adds_a_row + 1) + 1,
               [&](Index begin, Index end) { body(begin, end - begin); });
}

// Every row of C becomes the bias: the product is then added to it, which costs nothing, since BLAS
// passes over C to clear it anyway.
void fill_rows(real* c, const real* bias, Index rows, Index columns) {
  parallel_for(rows, elementwise_grain / std::max<Index>(columns, 1) + 1,
               [=](Index begin, Index end) {
                 for (Index i = begin; i < end; ++i) std::copy_n(bias, columns, c + i * columns);
               });
}

void by_blas(real* c, const real* a, const real* b, GemmSizes s, const ProductEnd& end) {
  s.accumulate = end.bias != nullptr;
  if (end.bias != nullptr) fill_rows(c, end.bias, s.m, s.n);
  gemm(c, a, b, s);
  if (!end.relu) return;
  parallel_for(s.m * s.n, elementwise_grain, [c](Index begin, Index last) {
    for (Index i = begin; i < last; ++i) c[i] = std::max(c[i], real{0});
  });
}

// Cᵀ = B Aᵀ, of a transposed B: what lies in panels is A, of few rows, and C is written transposed.
void with_packed_a(real* c, const real* a, const real* b, const GemmSizes& s,
                   const ProductEnd& end) {
  const Panels batch = Panels::packed_transposed(a, s.k, s.m, s.k);
  for_row_parts(s.n, s.m * s.k, [&](Index first, Index count) {
    panel_product_transposed(
        c + first, s.n, {.data = b + first * s.k, .rows = count, .row = s.k, .column = 1}, batch,
        {.bias = end.bias != nullptr ? end.bias + first : nullptr, .relu = end.relu});
  });
}

Panels packed_b(const real* b, const GemmSizes& s) {
  constexpr Index worth_packing = 128;  // rows of C
  if (s.transpose_b) return Panels::packed_transposed(b, s.k, s.n, s.k);
  return s.m < worth_packing ? Panels::in_place(b, s.k, s.n, s.n)
                             : Panels::packed(b, s.k, s.n, s.n);
}

// Rows of C, of which B's panels are made once.
class WithPackedB {
 public:
  WithPackedB(const real* a, const real* b, const GemmSizes& s)
      : sizes_(s), a_(a), panels_(packed_b(b, s)) {}

  void rows(real* c, Index first, Index count, const ProductEnd& end = {}) const {
    const LeftFactor part =
        sizes_.transpose_a
            ? LeftFactor{.data = a_ + first, .rows = count, .row = 1, .column = sizes_.m}
            : LeftFactor{
                  .data = a_ + first * sizes_.k, .rows = count, .row = sizes_.k, .column = 1};
    panel_product(c, sizes_.n, part, panels_, end);
  }

 private:
  GemmSizes sizes_;
  const real* a_;
  Panels panels_;
};

}  // namespace

void product(real* c, const real* a, const real* b, const GemmSizes& s, const ProductEnd& end) {
  if (!takes_panels(s)) return by_blas(c, a, b, s, end);
  if (!s.transpose_a && s.m <= s.n) return with_packed_a(c, a, b, s, end);
  const WithPackedB result(a, b, s);
  for_row_parts(s.m, s.k * s.n,
                [&](Index first, Index count) { result.rows(c + first * s.n, first, count, end); });
}

void product_in_panels(TakePanel take, const real* a, const real* b, const GemmSizes& s) {
  const bool panels = takes_panels(s);
  constexpr Index few = 64;
  if (!panels &&
      s.m < few) {  // ten rows make no even parts for four threads: gemm() splits columns
    Scratch<real> c(s.m * s.n);
    gemm(c.data(), a, b, s);
    parallel_for(s.m * s.n, elementwise_grain / 2, [&](Index begin, Index end) {
      take(begin, c.values().subspan(static_cast<std::size_t>(begin),
                                     static_cast<std::size_t>(end - begin)));
    });
    return;
  }
  // (BLAS lays B out again for each of them in little time; our own product takes more.)
  const Index panel_elements =
      panels ? 24 * 1024 : (!plain_kernels() && without_blas() ? 512 : 128) * 1024;
  const Index most = std::max<Index>(panel_elements / (tile_rows * s.n + 1), 1) * tile_rows;
  std::optional<WithPackedB> packed;
  if (panels) packed.emplace(a, b, s);
  constexpr Index taking = 16;  // multiply-adds that take as long as taking an element, about
  for_row_parts(s.m, (s.k + taking) * s.n, [&](Index begin, Index all) {
    Scratch<real> panel(most * s.n);
    for (Index first = begin; first < begin + all; first += most) {
      const Index rows = std::min(most, begin + all - first);
      if (packed) {
        packed->rows(panel.data(), first, rows);
      } else {
        GemmSizes part = s;
        part.m = rows;
        part.a_row = s.transpose_a ? s.m : s.k;
        gemm(panel.data(), a + first * (s.transpose_a ? 1 : s.k), b, part);
      }
      take(first * s.n, panel.values().first(static_cast<std::size_t>(rows * s.n)));
    }
  });
}

}  // namespace limbeck
