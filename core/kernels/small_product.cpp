#include "core/kernels/small_product.h"

#include <algorithm>

#include "core/kernels/product_tile.h"
#include "core/kernels/vector.h"

namespace limbeck {
namespace {

// What is narrower than a tile. A block of C of `rows` × `vectors` registers: each step over k
// loads a row of B and multiplies it with one number of each row of A. Eight to sixteen independent
// sums keep the multipliers busy.
template <int rows, int vectors>
void block(real* c, const real* a, const real* b, const SmallProductSizes& s) {
  Vector sum[rows][vectors];
  for (int i = 0; i < rows; ++i) {
    for (int v = 0; v < vectors; ++v) {
      sum[i][v] = s.accumulate ? load(c + i * s.c_row + v * lanes) : Vector{};
    }
  }
  for (Index k = 0; k < s.depth; ++k) {
    Vector row[vectors];
    for (int v = 0; v < vectors; ++v) row[v] = load(b + k * s.b_row + v * lanes);
    for (int i = 0; i < rows; ++i) {
      const Vector factor = splat(a[i * s.a_row + k * s.a_depth]);
      for (int v = 0; v < vectors; ++v) sum[i][v] += factor * row[v];
    }
  }
  for (int i = 0; i < rows; ++i) {
    for (int v = 0; v < vectors; ++v) store(c + i * s.c_row + v * lanes, sum[i][v]);
  }
}

// All rows of a panel of columns.
template <int rows, int vectors>
void panel(real* c, const real* a, const real* b, const SmallProductSizes& s) {
  Index i = 0;
  for (; i + rows <= s.rows; i += rows) {
    block<rows, vectors>(c + i * s.c_row, a + i * s.a_row, b, s);
  }
  for (; i < s.rows; ++i) block<1, vectors>(c + i * s.c_row, a + i * s.a_row, b, s);
}

}  // namespace

void small_product(real* c, const real* a, const real* b, const SmallProductSizes& s) {
  Index j = 0;
  for (; j + tile_width <= s.columns; j += tile_width) {
    for (Index i = 0; i < s.rows; i += tile_rows) {
      product_tile(std::min<Index>(tile_rows, s.rows - i), {.c = c + i * s.c_row + j,
                                                            .c_row = s.c_row,
                                                            .a = a + i * s.a_row,
                                                            .a_row = s.a_row,
                                                            .a_column = s.a_depth,
                                                            .b = b + j,
                                                            .b_row = s.b_row,
                                                            .depth = s.depth,
                                                            .accumulate = s.accumulate});
    }
  }
  for (; j + 2 * lanes <= s.columns; j += 2 * lanes) panel<8, 2>(c + j, a, b + j, s);
  for (; j < s.columns; j += lanes) panel<8, 1>(c + j, a, b + j, s);
}

void row_products(real* y, const real* x, const real* b, const RowProductSizes& s) {
  const Index whole = s.depth / lanes * lanes;
  constexpr int together = 4;  // rows: sums that do not wait for one another
  for (Index i = 0; i < s.rows; i += together) {
    const auto count = static_cast<int>(std::min<Index>(together, s.rows - i));
    const real* rows[together];
    for (int r = 0; r < together; ++r) rows[r] = b + (i + std::min(r, count - 1)) * s.b_row;
    Vector sum[together] = {};
    for (Index k = 0; k < whole; k += lanes) {
      const Vector v = load(x + k);
      for (int r = 0; r < together; ++r) sum[r] += v * load(rows[r] + k);
    }
    for (int r = 0; r < count; ++r) {
      real total = s.accumulate ? y[i + r] : 0;
      for (Index l = 0; l < lanes; ++l) total += sum[r][l];
      for (Index k = whole; k < s.depth; ++k) total += x[k] * rows[r][k];
      y[i + r] = total;
    }
  }
}

}  // namespace limbeck
