// The innermost part of our own matrix products: a tile of the result, held in registers.
#pragma once

#include <cstring>

#include "core/shape.h"

namespace limbeck {

// The widest registers of the processor, and how many rows of two of them leave it some for the
// factors: 16 sums of 32 registers with AVX-512, else 12 of 16.
#ifdef __AVX512F__
inline constexpr Index wide_bytes = 64;
inline constexpr int tile_rows = 8;  // at most
#else
inline constexpr Index wide_bytes = 32;
inline constexpr int tile_rows = 6;
#endif
using Wide = real __attribute__((vector_size(wide_bytes)));
inline constexpr Index tile_width = 2 * wide_bytes / static_cast<Index>(sizeof(real));  // columns

struct TileProduct {
  real* c;
  Index c_row;  // from a row of C to the next
  const real* a;
  Index a_row, a_column;  // from a row of A to the next, and from a column to the next
  const real* b;
  Index b_row;
  Index depth;
  bool accumulate;  // adds to C instead of overwriting it
};

// for i < rows: for j < columns:
//   c[i · c_row + j] (+)= Σ over k < depth of a[i · a_row + k · a_column] · b[k · b_row + j]
// where the columns are the registers' (two, or one where a matrix ends in the left half of a
// tile). The sums do not wait for one another. Each step over k takes a row of B, and one number of
// each row of A, which it multiplies with the whole row.
template <int rows, int registers>
void product_tile(const TileProduct& p) {
  constexpr Index half = tile_width / 2;
  const auto load = [](const real* from) {
    Wide v;
    std::memcpy(&v, from, sizeof v);
    return v;
  };
  Wide sum[rows][registers] = {};
  for (Index k = 0; k < p.depth; ++k) {
    Wide row[registers];
    for (int h = 0; h < registers; ++h) row[h] = load(p.b + k * p.b_row + h * half);
    for (int i = 0; i < rows; ++i) {
      const Wide factor = p.a[i * p.a_row + k * p.a_column] - Wide{};
      for (int h = 0; h < registers; ++h) sum[i][h] += factor * row[h];
    }
  }
  for (int i = 0; i < rows; ++i) {
    for (int h = 0; h < registers; ++h) {
      real* const to = p.c + i * p.c_row + h * half;
      if (p.accumulate) sum[i][h] += load(to);
      std::memcpy(to, &sum[i][h], sizeof(Wide));
    }
  }
}

// With as many rows as there are, up to tile_rows: the number must be known when compiling.
template <int registers = 2, int most = tile_rows>
void product_tile(Index rows, const TileProduct& p) {
  if constexpr (most > 0) {
    rows == most ? product_tile<most, registers>(p) : product_tile<registers, most - 1>(rows, p);
  }
}

}  // namespace limbeck
