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

// What rows are multiplied by along their depth: the widest registers, or eight numbers at least.
constexpr Index dot_lanes = std::max(lanes, wide_bytes / static_cast<Index>(sizeof(real)));
using DotVector = real __attribute__((vector_size(dot_lanes * sizeof(real))));

DotVector load_wide(const real* p) {
  DotVector v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The last dot_lanes elements of a row, with zeros for all but `count` of them.
DotVector load_last(const real* end, Index count) {
  DotVector place;
  for (Index i = 0; i < dot_lanes; ++i) place[i] = static_cast<real>(dot_lanes - i);
  const DotVector v = load_wide(end - dot_lanes);
  return place > static_cast<real>(count) - DotVector{} ? DotVector{} : v;
}

// Keeps it in a register: g++ would load it again for each use, and a load takes as long as a
// multiply-add.
template <class V>
void keep_in_register([[maybe_unused]] V& v) {
#ifdef __AVX512F__
  if constexpr (sizeof v <= 64) asm("" : "+v"(v));
#elif defined(__AVX__)
  if constexpr (sizeof v <= 32) asm("" : "+x"(v));
#endif
}

// Its two halves added up, or the vector itself, where it has eight numbers.
Vector folded(const DotVector& v) {
  Vector parts[dot_lanes / lanes];
  std::memcpy(parts, &v, sizeof v);
  Vector sum = parts[0];
  for (Index i = 1; i < dot_lanes / lanes; ++i) sum += parts[i];
  return sum;
}

// The sum of the elements of each of eight vectors.
Vector totals_of(Vector (&parts)[lanes]) {
  transpose(parts);  // the first part of each sum, then the second, and so on
  return ((parts[0] + parts[1]) + (parts[2] + parts[3])) +
         ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

// `count` rows of A with all rows of B, `together` of them at once. Past the last row of B the last
// is taken again, and not written.
template <int count, int together>
void dots(real* c, const real* a, const real* b, const FewRowsSizes& s) {
  constexpr Index sums = count * together, groups = (sums + lanes - 1) / lanes;
  for (Index j = 0; j < s.columns; j += together) {
    const real* rows[together];
    for (int r = 0; r < together; ++r) rows[r] = b + std::min(j + r, s.columns - 1) * s.b_row;
    DotVector sum[count][together] = {};
    const auto add = [&](const auto& load_from) __attribute__((always_inline)) {
      DotVector left[count];
      for (int i = 0; i < count; ++i) {
        left[i] = load_from(a + i * s.a_row);
        keep_in_register(left[i]);
      }
      for (int r = 0; r < together; ++r) {
        const DotVector right = load_from(rows[r]);
        for (int i = 0; i < count; ++i) sum[i][r] += left[i] * right;
      }
    };
    Index k = 0;
    for (; k + dot_lanes <= s.depth; k += dot_lanes) {
      add([k](const real* row) { return load_wide(row + k); });
    }
    if (k > 0 && k < s.depth) {
      add([&](const real* row) { return load_last(row + s.depth, s.depth - k); });
      k = s.depth;
    }
    Vector parts[groups][lanes] = {};
    real totals[groups * lanes];
    for (int i = 0; i < count; ++i) {
      for (int r = 0; r < together; ++r) {
        const int number = i * together + r;
        parts[number / lanes][number % lanes] = folded(sum[i][r]);
      }
    }
    for (Index g = 0; g < groups; ++g) store(totals + g * lanes, totals_of(parts[g]));
    for (int i = 0; i < count; ++i) {
      for (int r = 0; r < std::min<Index>(together, s.columns - j); ++r) {
        real& to = c[i * s.c_row + j + r];
        real total = totals[i * together + r] + (s.accumulate ? to : 0);
        for (Index l = k; l < s.depth; ++l) total += a[i * s.a_row + l] * rows[r][l];
        to = total;
      }
    }
  }
}

// c[i, j] += Σ over k < depth of a[i, k] · b[k, j] for i < rows.
template <int rows, int depth>
void add_rows(real* c, const real* a, const real* b, const FewRowsSizes& s) {
  Vector factor[rows][depth];
  for (int i = 0; i < rows; ++i) {
    for (int k = 0; k < depth; ++k) factor[i][k] = splat(a[i * s.a_row + k]);
  }
  Index j = 0;
  for (; j + lanes <= s.columns; j += lanes) {
    Vector sum[rows];
    for (int i = 0; i < rows; ++i) sum[i] = load(c + i * s.c_row + j);
    for (int k = 0; k < depth; ++k) {
      const Vector row = load(b + k * s.b_row + j);
      for (int i = 0; i < rows; ++i) sum[i] += factor[i][k] * row;
    }
    for (int i = 0; i < rows; ++i) store(c + i * s.c_row + j, sum[i]);
  }
  for (; j < s.columns; ++j) {
    for (int i = 0; i < rows; ++i) {
      for (int k = 0; k < depth; ++k) c[i * s.c_row + j] += factor[i][k][0] * b[k * s.b_row + j];
    }
  }
}

template <int depth>
void add_rows_to_all(real* c, const real* a, const real* b, const FewRowsSizes& s) {
  Index i = 0;
  for (; i + 3 <= s.rows; i += 3) add_rows<3, depth>(c + i * s.c_row, a + i * s.a_row, b, s);
  if (s.rows - i == 2) add_rows<2, depth>(c + i * s.c_row, a + i * s.a_row, b, s);
  if (s.rows - i == 1) add_rows<1, depth>(c + i * s.c_row, a + i * s.a_row, b, s);
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

void few_rows_transposed(real* c, const real* a, const real* b, const FewRowsSizes& s) {
  // As many of B's rows at once as leave registers for the sums and for A: the sums do not wait for
  // one another, and what is loaded is used several times.
  constexpr int sums = wide_bytes == 64 ? 16 : 8;
  // Of B's rows: so many are in the first cache for all of A's.
  const Index at_once = s.rows <= 4 ? s.columns : 8;
  for (Index j = 0; j < s.columns; j += at_once) {
    for (Index i = 0; i < s.rows; i += 4) {
      FewRowsSizes part = s;
      part.rows = std::min<Index>(s.rows - i, 4);
      part.columns = std::min(at_once, s.columns - j);
      real* const to = c + i * s.c_row + j;
      const real* const from = a + i * s.a_row;
      const real* const with = b + j * s.b_row;
      if (part.rows == 1) dots<1, 4>(to, from, with, part);
      if (part.rows == 2) dots<2, 4>(to, from, with, part);
      if (part.rows == 3) dots<3, sums / 4>(to, from, with, part);
      if (part.rows == 4) dots<4, sums / 4>(to, from, with, part);
    }
  }
}

void few_rows(real* c, const real* a, const real* b, const FewRowsSizes& s) {
  if (!s.accumulate) {
    for (Index i = 0; i < s.rows; ++i) std::fill_n(c + i * s.c_row, s.columns, real{0});
  }
  Index k = 0;
  for (; k + 4 <= s.depth; k += 4) add_rows_to_all<4>(c, a + k, b + k * s.b_row, s);
  for (; k < s.depth; ++k) add_rows_to_all<1>(c, a + k, b + k * s.b_row, s);
}

}  // namespace limbeck
