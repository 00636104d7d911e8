#include "core/kernels/panel_product.h"

#include <algorithm>
#include <limits>

#include "core/kernels/product_tile.h"
#include "core/kernels/transpose.h"
#include "core/kernels/vector.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

constexpr Index width = Panels::width;
static_assert(width % lanes == 0);

// Blocks of a product: a panel's part stays in the first cache, of 32 KB and more, and a block of
// panels in the second, of 256 KB and more.
constexpr Index block_depth = 16 * 1024 / static_cast<Index>(sizeof(real)) / width;
constexpr Index block_elements = 128 * 1024 / static_cast<Index>(sizeof(real));
constexpr Index block_rows = 48;  // of a left factor that is laid out
static_assert(block_rows % tile_rows == 0);

// A tile of the product, of which the first `columns` count: half of it may be left as it was.
void compute(Index rows, Index columns, real* tile, Index tile_row, const LeftFactor& a,
             Index first, const Panels::Panel& panel, Index depth, bool accumulate = false) {
  const TileProduct product{.c = tile,
                            .c_row = tile_row,
                            .a = a.data + first * a.row,
                            .a_row = a.row,
                            .a_column = a.column,
                            .b = panel.data,
                            .b_row = panel.row,
                            .depth = depth,
                            .accumulate = accumulate};
  columns <= width / 2 ? product_tile<1>(rows, product) : product_tile<2>(rows, product);
}

// A tile's rows of a factor that lies transposed are neighbours, but a step in depth is a row of
// its matrix: in `out` the numbers of tile_rows rows are neighbours, step after step.
void pack_left(real* out, const LeftFactor& a, Index depth) {
  for (Index i = 0; i < a.rows; i += tile_rows, out += depth * tile_rows) {
    const real* const from = a.data + i;
    if (i + lanes <= a.rows) {  // writes past the tile's rows what the next step overwrites
      for (Index k = 0; k < depth; ++k) store(out + k * tile_rows, load(from + k * a.column));
    } else {
      const Index rows = std::min<Index>(tile_rows, a.rows - i);
      for (Index k = 0; k < depth; ++k) std::copy_n(from + k * a.column, rows, out + k * tile_rows);
    }
  }
}

// Rows [first, first + count) and steps [k, k + depth) of A, laid out in `memory` if they lie
// transposed.
class LeftBlock {
 public:
  LeftBlock(real* memory, const LeftFactor& a, Index first, Index count, Index k, Index depth)
      : block_{a.data + first * a.row + k * a.column, count, a.row, a.column}, depth_(depth) {
    if (a.row != 1) return;
    pack_left(memory, block_, depth);
    block_ = {memory, count, 1, tile_rows};
  }
  // The `tile_rows` rows from i on, which is a multiple of tile_rows.
  LeftFactor operator[](Index i) const {
    const bool packed = block_.row == 1;
    return {block_.data + i * (packed ? depth_ : block_.row),
            std::min<Index>(tile_rows, block_.rows - i), block_.row, block_.column};
  }

 private:
  LeftFactor block_;
  Index depth_;
};

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
  transposed(panel, width, b, row, depth, columns);
  if (columns == width) return;
  for (Index k = 0; k < depth; ++k) {
    std::fill(panel + k * width + columns, panel + (k + 1) * width, real{0});
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

namespace {

// What follows a product, for rows of sums: the bias of their columns, if there is one, and relu.
void finish(real* c, Index c_row, const real* sums, Index sums_row, Index rows, Index columns,
            const real* bias, bool relu) {
  const real least = relu ? 0 : -std::numeric_limits<real>::infinity();
  for (Index r = 0; r < rows; ++r) {
    real* const to = c + r * c_row;
    const real* const from = sums + r * sums_row;
#pragma omp simd
    for (Index l = 0; l < columns; ++l) {
      const real sum = from[l] + (bias != nullptr ? bias[l] : real{0});
      to[l] = sum < least ? least : sum;  // NaN stays
    }
  }
}

// The product with the last panel, which is not whole: its tiles are, and their sums are kept apart
// until they are complete, or each block in depth would read and write parts of vectors.
void product_with_rest(real* c, Index c_row, const LeftFactor& a, const Panels& b, Index most_depth,
                       real* memory, const ProductEnd& end) {
  const Index first = b.columns() / width * width, columns = b.columns() - first;
  const real* const bias = end.bias != nullptr ? end.bias + first : nullptr;
  alignas(64) real sums[block_rows * width];
  for (Index i = 0; i < a.rows; i += block_rows) {
    const Index rows = std::min(block_rows, a.rows - i);
    for (Index k = 0; k == 0 || k < b.depth(); k += most_depth) {
      const Index depth = std::min(most_depth, b.depth() - k);
      const LeftBlock left(memory, a, i, rows, k, depth);
      for (Index r = 0; r < rows; r += tile_rows) {
        compute(left[r].rows, columns, sums + r * width, width, left[r], 0,
                b[first / width].from(k), depth, k > 0);
      }
    }
    finish(c + i * c_row + first, c_row, sums, width, rows, columns, bias, end.relu);
  }
}

}  // namespace

void panel_product(real* c, Index c_row, const LeftFactor& a, const Panels& b,
                   const ProductEnd& end) {
  const Index most_depth = std::clamp<Index>(b.depth(), 1, block_depth);
  const Index most_columns = std::max(block_elements / most_depth / width, Index{1}) * width;
  const Index whole = b.columns() / width * width;
  Scratch<real> memory(a.row == 1 ? block_rows * most_depth + lanes : 0);
  const auto tile = [&](const LeftFactor& left, Index i, Index j, Index k, Index depth) {
    real* const to = c + i * c_row + j;
    compute(left.rows, width, to, c_row, left, 0, b[j / width].from(k), depth, k > 0);
    if (k + depth == b.depth() && (end.bias != nullptr || end.relu)) {
      finish(to, c_row, to, c_row, left.rows, width, end.bias != nullptr ? end.bias + j : nullptr,
             end.relu);
    }
  };
  for (Index k = 0; k == 0 || k < b.depth(); k += most_depth) {
    const Index depth = std::min(most_depth, b.depth() - k);
    for (Index i = 0; i < a.rows && whole > 0; i += block_rows) {
      const Index end_of_rows = std::min(i + block_rows, a.rows);
      const LeftBlock left(memory.data(), a, i, end_of_rows - i, k, depth);
      for (Index j = 0; j < whole; j += most_columns) {
        const Index end_of_columns = std::min(j + most_columns, whole);
        for (Index r = i; r < end_of_rows; r += tile_rows) {
          for (Index l = j; l < end_of_columns; l += width) tile(left[r - i], r, l, k, depth);
        }
      }
    }
  }
  if (whole < b.columns()) product_with_rest(c, c_row, a, b, most_depth, memory.data(), end);
}

void panel_product_transposed(real* c, Index c_row, const LeftFactor& a, const Panels& b,
                              const ProductEnd& end) {
  const real least = end.relu ? 0 : -std::numeric_limits<real>::infinity();
  for_each_tile(a, b, [&](Index i, Index j, Index rows, Index columns) {
    alignas(64) real tile[tile_rows * width];
    compute(rows, columns, tile, width, a, i, b[j / width], b.depth());
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
