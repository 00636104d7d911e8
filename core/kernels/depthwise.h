// Convolution of one channel with a filter of its own: depthwise, where a matrix product would have
// nothing to share.
#pragma once

#include <algorithm>
#include <vector>

#include "core/kernels/conv_kernels.h"
#include "core/scratch.h"

namespace limbeck {

// For planes of one size, on one thread: it keeps an image with its padding, so that no loop over a
// row asks where the image ends, and every row is whole vectors.
//   row = i · stride − padding + dilation · p,   column = j · stride − padding + dilation · q
class Depthwise {
 public:
  explicit Depthwise(const ConvSizes& sizes);

  // z[i, j] = Σ_p Σ_q w[p, q] · x[row, column]
  void forward(real* z, const real* w, const real* x);
  // dw[p, q] += Σ_i Σ_j dz[i, j] · x[row, column]
  void add_dweight(real* dw, const real* dz, const real* x);
  // dx[row, column] = Σ of the w[p, q] · dz[i, j] that meet there
  void dinput(real* dx, const real* w, const real* dz);

 private:
  // Rows of zeros with something in their midst, and where each tap finds what it multiplies with
  // the result's (0, 0).
  struct Padded {
    Index rows, row;
    std::vector<Index> taps;
    Scratch<real> memory;
  };

  void pad(const real* x);
  // Of a row, that lie apart: each has every stride-th column. Windows see no more than theirs.
  Index parts() const { return std::min(s_.window.stride.width, s_.window.extent().width); }

  ConvSizes s_;
  Padded image_;     // a part for each column of a stride: of every second pixel, say
  Padded gradient_;  // dz with the stride's gaps between its pixels
  Scratch<real> dz_, result_;
};

}  // namespace limbeck
