#include "core/kernels/packed_product.h"

#include <algorithm>

#include "core/kernels/panel_product.h"
#include "core/kernels/product_tile.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

constexpr Index width = Panels::width;
// Of a block: a panel of B of this depth stays in the first cache, the rows of A in the second, and
// the columns of B in the third.
constexpr Index depth_at_once = 1536 / sizeof(real);
constexpr Index rows_at_once = Index{16} * tile_rows;
constexpr Index columns_at_once = 64 * width;
constexpr Index few = 16;

// Rows [0, rows) of A, tile by tile, k by k: a tile's next numbers lie next.
void pack_rows(real* to, const real* a, Index rows, Index depth, Index row, Index column) {
  for (Index first = 0; first < rows; first += tile_rows) {
    const Index count = std::min<Index>(tile_rows, rows - first);
    const real* const from = a + first * row;
    for (Index k = 0; k < depth; ++k, to += tile_rows) {
      if (count == tile_rows) {  // a number known when compiling makes it a few instructions
        for (Index i = 0; i < tile_rows; ++i) to[i] = from[i * row + k * column];
      } else {
        for (Index i = 0; i < count; ++i) to[i] = from[i * row + k * column];
      }
    }
  }
}

// C (+)= A B for rows of A as pack_rows() lays them out, or where they are.
struct Block {
  real* c;
  Index c_row;
  const real* a;
  Index rows;
  Index a_tile, a_row, a_column;  // from a tile to the next, from a row to the next, a column
  bool accumulate;
};

// Calls body(panel, row) for every tile: a panel against all rows, which stay in the second cache,
// or, where the panels are so low that all fit into the first, in the order of C's memory.
template <class Body>
void for_tiles(Index rows, const Panels& panels, const Body& body) {
  if (panels.depth() > few) {
    for (Index p = 0; p < panels.count(); ++p) {
      for (Index i = 0; i < rows; i += tile_rows) body(p, i);
    }
  } else {
    for (Index i = 0; i < rows; i += tile_rows) {
      for (Index p = 0; p < panels.count(); ++p) body(p, i);
    }
  }
}

void multiply(const Block& x, const Panels& panels) {
  alignas(64) real tile[tile_rows * width];
  for_tiles(x.rows, panels, [&](Index p, Index i) {
    const Index rows = std::min<Index>(tile_rows, x.rows - i);
    const Index columns = std::min(width, panels.columns() - p * width);
    const bool whole = columns == width;
    const Panels::Panel panel = panels[p];
    real* const c = x.c + i * x.c_row + p * width;
    for (Index r = 0; r < rows; ++r) {  // there by the time that the sums are
      __builtin_prefetch(c + r * x.c_row, 1);
    }
    product_tile(rows, {.c = whole ? c : tile,
                        .c_row = whole ? x.c_row : width,
                        .a = x.a + i / tile_rows * x.a_tile,
                        .a_row = x.a_row,
                        .a_column = x.a_column,
                        .b = panel.data,
                        .b_row = panel.row,
                        .depth = panels.depth(),
                        .accumulate = whole && x.accumulate});
    for (Index r = 0; r < rows && !whole; ++r) {
      for (Index l = 0; l < columns; ++l) {
        real& sum = c[r * x.c_row + l];
        sum = (x.accumulate ? sum : real{0}) + tile[r * width + l];
      }
    }
  });
}

// What few rows, or a product of little depth, read too seldom is not laid out for them.
Panels panels_of(const real* b, Index k, Index j, Index depth, Index columns, const GemmSizes& s) {
  if (s.transpose_b) {
    return Panels::packed_transposed(b + j * s.b_row + k, depth, columns, s.b_row);
  }
  const real* const from = b + k * s.b_row + j;
  return s.m < 4 * few || s.k <= few ? Panels::in_place(from, depth, columns, s.b_row)
                                     : Panels::packed(from, depth, columns, s.b_row);
}

}  // namespace

void packed_product(real* c, const real* a, const real* b, const GemmSizes& s) {
  if (s.k == 0 && !s.accumulate) {
    for (Index i = 0; i < s.m; ++i) std::fill_n(c + i * s.c_row, s.n, real{0});
  }
  if (s.m == 0 || s.n == 0 || s.k == 0) return;
  const Index a_row = s.transpose_a ? 1 : s.a_row, a_column = s.transpose_a ? s.a_row : 1;
  const bool packs = s.n > 2 * width && s.k > few;
  Scratch<real> rows(packs ? rows_at_once * std::min(s.k, depth_at_once) : 0);
  for (Index j = 0; j < s.n; j += columns_at_once) {
    const Index columns = std::min(columns_at_once, s.n - j);
    for (Index k = 0; k < s.k; k += depth_at_once) {
      const Index depth = std::min(depth_at_once, s.k - k);
      const Panels panels = panels_of(b, k, j, depth, columns, s);
      for (Index i = 0; i < s.m; i += rows_at_once) {
        const Index count = std::min(rows_at_once, s.m - i);
        const real* const from = a + i * a_row + k * a_column;
        Block block{.c = c + i * s.c_row + j,
                    .c_row = s.c_row,
                    .a = from,
                    .rows = count,
                    .a_tile = tile_rows * a_row,
                    .a_row = a_row,
                    .a_column = a_column,
                    .accumulate = s.accumulate || k > 0};
        if (packs) {
          pack_rows(rows.data(), from, count, depth, a_row, a_column);
          block.a = rows.data();
          block.a_tile = tile_rows * depth;
          block.a_row = 1;
          block.a_column = tile_rows;
        }
        multiply(block, panels);
      }
    }
  }
}

}  // namespace limbeck
