#include "core/kernels/panel_product.h"

#include <algorithm>
#include <limits>

#include "core/kernels/product_tile.h"
#include "core/kernels/vector.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

constexpr Index width = Panels::width;
static_assert(width % lanes == 0);

void compute(Index rows, real* tile, Index tile_row, const LeftFactor& a, Index first,
             const Panels::Panel& panel, Index depth) {
  product_tile(rows, {.c = tile,
                      .c_row = tile_row,
                      .a = a.data + first * a.row,
                      .a_row = a.row,
                      .a_column = a.column,
                      .b = panel.data,
                      .b_row = panel.row,
                      .depth = depth,
                      .accumulate = false});
}

// Calls body(i, j, rows, columns) for every tile; its first element is (i, j). The order keeps the
// smaller part in cache: rows of A against all panels, or a panel against all of A.
template <class Body>
void for_each_tile(const LeftFactor& a, const Panels& b, const Body& body) {
  const auto tile = [&](Index i, Index j) {
    body(i, j, std::min<Index>(tile_rows, a.rows - i), std::min(width, b.columns() - j));
  };
  if (a.rows < 2 * b.columns()) {
    for (Index j = 0; j < b.columns(); j += width) {
      for (Index i = 0; i < a.rows; i += tile_rows) tile(i, j);
    }
  } else {
    for (Index i = 0; i < a.rows; i += tile_rows) {
      for (Index j = 0; j < b.columns(); j += width) tile(i, j);
    }
  }
}

// Eight columns of a tile, from `from` on, to eight rows of C: for tiles of eight rows, which not
// every processor has.
[[maybe_unused]] void write_transposed(real* c, Index c_row, const real* tile, const real* bias,
                                       Vector least) {
  Vector v[lanes];
  for (Index r = 0; r < lanes; ++r) v[r] = load(tile + r * width);
  transpose(v);
  const Vector added = bias != nullptr ? load(bias) : Vector{};
  for (Index l = 0; l < lanes; ++l) {
    const Vector sum = v[l] + added;
    store(c + l * c_row, sum < least ? least : sum);  // NaN stays
  }
}

// Columns [first, first + columns) of B (or, transposed, rows) → one panel.
void pack(real* panel, const real* b, Index depth, Index row, Index columns) {
  for (Index k = 0; k < depth; ++k) {
    real* const out = panel + k * width;
    if (columns == width) {  // a number known when compiling makes it a few instructions
      std::copy_n(b + k * row, width, out);
    } else {
      std::copy_n(b + k * row, columns, out);
      std::fill(out + columns, out + width, real{0});
    }
  }
}

void pack_transposed(real* panel, const real* b, Index depth, Index row, Index columns) {
  for (Index j = 0; j < width; j += lanes) {
    Index k = 0;
    if (j + lanes <= columns) {
      for (; k + lanes <= depth; k += lanes) {
        Vector v[lanes];
        for (Index l = 0; l < lanes; ++l) v[l] = load(b + (j + l) * row + k);
        transpose(v);
        for (Index l = 0; l < lanes; ++l) store(panel + (k + l) * width + j, v[l]);
      }
    }
    for (; k < depth; ++k) {
      for (Index l = j; l < j + lanes; ++l) {
        panel[k * width + l] = l < columns ? b[l * row + k] : real{0};
      }
    }
  }
}

constexpr Index pack_grain = elementwise_grain / 2;  // elements worth a thread

}  // namespace

template <class Pack>
Panels Panels::all_packed(Index depth, Index columns, const Pack& pack_panel) {
  Panels panels(depth, columns);
  panels.packed_ = Scratch<real>(panels.count() * depth * width);
  parallel_for(panels.count(), pack_grain / (depth * width + 1) + 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index first = i * width;
      pack_panel(panels.packed_.data() + first * depth, first, std::min(width, columns - first));
    }
  });
  return panels;
}

Panels Panels::packed(const real* b, Index depth, Index columns, Index row) {
  return all_packed(depth, columns, [=](real* panel, Index first, Index count) {
    pack(panel, b + first, depth, row, count);
  });
}

Panels Panels::packed_transposed(const real* b, Index depth, Index columns, Index row) {
  return all_packed(depth, columns, [=](real* panel, Index first, Index count) {
    pack_transposed(panel, b + first * row, depth, row, count);
  });
}

Panels Panels::in_place(const real* b, Index depth, Index columns, Index row) {
  Panels panels(depth, columns);
  panels.in_place_ = b;
  panels.whole_ = columns / width;
  panels.row_ = row;
  const Index first = panels.whole_ * width;
  if (first < columns) {
    panels.packed_ = Scratch<real>(depth * width);
    pack(panels.packed_.data(), b + first, depth, row, columns - first);
  }
  return panels;
}

Panels::Panel Panels::operator[](Index i) const {
  if (i < whole_) return {in_place_ + i * width, row_};
  return {packed_.data() + (i - whole_) * depth_ * width, width};
}

void panel_product(real* c, Index c_row, const LeftFactor& a, const Panels& b,
                   const ProductEnd& end) {
  for_each_tile(a, b, [&](Index i, Index j, Index rows, Index columns) {
    real* const to = c + i * c_row + j;
    if (columns == width && end.bias == nullptr && !end.relu) {
      compute(rows, to, c_row, a, i, b[j / width], b.depth());
      return;
    }
    alignas(64) real tile[tile_rows * width];
    compute(rows, tile, width, a, i, b[j / width], b.depth());
    for (Index r = 0; r < rows; ++r) {
      for (Index l = 0; l < columns; ++l) {
        const real sum = tile[r * width + l] + (end.bias != nullptr ? end.bias[j + l] : 0);
        to[r * c_row + l] = end.relu ? std::max(sum, real{0}) : sum;
      }
    }
  });
}

void panel_product_transposed(real* c, Index c_row, const LeftFactor& a, const Panels& b,
                              const ProductEnd& end) {
  const real least = end.relu ? 0 : -std::numeric_limits<real>::infinity();
  for_each_tile(a, b, [&](Index i, Index j, Index rows, Index columns) {
    alignas(64) real tile[tile_rows * width];
    compute(rows, tile, width, a, i, b[j / width], b.depth());
    real* const to = c + j * c_row + i;
    const real* const bias = end.bias != nullptr ? end.bias + i : nullptr;
    Index l = 0;
    if constexpr (tile_rows == lanes) {
      if (rows == lanes) {
        for (; l + lanes <= columns; l += lanes) {
          write_transposed(to + l * c_row, c_row, tile + l, bias, splat(least));
        }
      }
    }
    for (; l < columns; ++l) {
      for (Index r = 0; r < rows; ++r) {
        const real sum = tile[r * width + l] + (bias != nullptr ? bias[r] : 0);
        to[l * c_row + r] = std::max(sum, least);
      }
    }
  });
}

}  // namespace limbeck
