// Matrix products with one operand in packed panels (Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication", 2008, section 4), for a batch and a layer's weights.
//
// A product is fast if the numbers that it needs next are neighbours in cache, so BLAS lays out
// both operands anew in every call. For a batch of a hundred images and a layer of a million
// weights that is a tenth of the time: each weight is moved to be used a hundred times. Here only
// the smaller operand is laid out, once and for all threads. The other is read where it lies.
#pragma once

#include <span>

#include "core/kernels/gemm.h"
#include "core/kernels/product_tile.h"
#include "core/scratch.h"

namespace limbeck {

// The right factor B (depth, columns) of a product, in panels of a few columns.
class Panels {
 public:
  static constexpr Index width = tile_width;  // columns of a panel

  // Laid out panel after panel, in parallel; past the last column are zeros. Element (k, j) of B is
  // at b[k · row + j] or, transposed, at b[j · row + k].
  static Panels packed(const real* b, Index depth, Index columns, Index row);
  static Panels packed_transposed(const real* b, Index depth, Index columns, Index row);
  // Left where it is, but for a last panel that is not whole: for a product of few rows, which does
  // not win back the laying out. B must outlive it.
  static Panels in_place(const real* b, Index depth, Index columns, Index row);

  Index depth() const { return depth_; }
  Index columns() const { return columns_; }
  Index count() const { return (columns_ + width - 1) / width; }
  // The first number of a panel, and the distance from a row of it to the next.
  struct Panel {
    const real* data;
    Index row;
    Panel from(Index k) const { return {data + k * row, row}; }  // without the first k steps
  };
  Panel operator[](Index i) const;

 private:
  Panels(Index depth, Index columns) : depth_(depth), columns_(columns) {}
  // Calls pack_panel(its memory, its first column, their number) for every panel.
  template <class Pack>
  static Panels all_packed(Index depth, Index columns, const Pack& pack_panel);

  Index depth_, columns_;
  const real* in_place_ = nullptr;  // the first `whole_` panels
  Index whole_ = 0, row_ = 0;
  Scratch<real> packed_;  // the others
};

// The left factor A: element (i, k) at data[i · row + k · column].
struct LeftFactor {
  const real* data;
  Index rows;
  Index row, column;
};

// On one thread:
//   for i < A.rows: for j < B.columns: c[i · c_row + j] = Σ_k A[i, k] · B[k, j]
void panel_product(real* c, Index c_row, const LeftFactor& a, const Panels& b,
                   const ProductEnd& end = {});

// The same written transposed: c[j · c_row + i].
void panel_product_transposed(real* c, Index c_row, const LeftFactor& a, const Panels& b,
                              const ProductEnd& end = {});

}  // namespace limbeck
