// The kernels behind conv2d (core/ops/convolution.h): several ways to the same numbers, of which
// conv_forward() and conv_backward() choose by the sizes.
//
//   im2col_*     for every convolution: copies each image's windows into the columns of a matrix
//                and multiplies (Chellapilla, Puri, Simard, "High Performance Convolutional Neural
//                Networks for Document Processing", 2006). Where each group has one channel in and
//                one out (depthwise), by rows without a matrix (core/kernels/depthwise.h)
//   winograd_*   for 3×3 and 5×5 kernels of stride 1, not dilated: a transform in which the same
//                result costs four to six times fewer multiplications
//                (core/kernels/winograd_transform.h)
//   plain_*      the definition (core/kernels/plain.h)
//
// All are this loop nest, for group g = o / (C_out / groups) of the channels:
//   y[n, o, i, j] = b[o] + Σ_c Σ_p Σ_q w[o, c, p, q] · x[n, g · C_in / groups + c, row, column]
//   row = i · stride − padding + dilation · p,   column = j · stride − padding + dilation · q
// with 0 for x outside the image; and all can do what follows in the same pass over memory.
#pragma once

#include <cstdint>
#include <vector>

#include "core/scratch.h"
#include "core/window.h"

namespace limbeck {

// The sizes of one convolution. in_of_group and out_of_group are the channels that one of the
// `groups` sees and makes. What is done to its result z while it is in cache: where `relu` is set,
// max(z, 0); where it `pools` as well, then the maximum of each 2×2 block (stride 2; an odd last
// row or column is left out).
struct ConvSizes {
  Index images, in, height, width;     // x: (N, C_in, H, W)
  Index out, conv_height, conv_width;  // of the convolution's own result
  Window2d window;                     // its kernel, stride, padding and dilation
  Index groups;
  bool relu, pools;
  bool exact = false;  // whether the result must come from sums of products, not from a transform

  Index out_height() const { return pools ? conv_height / 2 : conv_height; }  // of y
  Index out_width() const { return pools ? conv_width / 2 : conv_width; }
  Index in_of_group() const { return in / groups; }
  Index out_of_group() const { return out / groups; }
};

// x (N, C_in, H, W), weight (C_out, C_in / groups, kh, kw), bias (C_out) or null → y. Where it
// pools, `argmax` (null if nobody asks) gets for each y which of the four was the maximum: 0 to 3,
// row by row.
struct ConvForward {
  real* y;
  std::uint8_t* argmax;
  const real* x;
  const real* weight;
  const real* bias;
};

// From dy to the gradients, dx, dweight and dbias, each of the shape of x, weight and bias; a null
// one is not wanted. Overwrites them.
struct ConvBackward {
  real* dx;
  real* dweight;
  real* dbias;
  const real* dy;
  const real* y;               // relu's and the pooling's result
  const std::uint8_t* argmax;  // as the forward pass wrote them
  const real* x;
  const real* weight;
};

// By Winograd's transform where it can go and pays, and the result need not be exact, else by
// im2col, and by plain loops where LIMBECK_KERNELS=plain asks for them.
void conv_forward(const ConvForward& f, const ConvSizes& sizes);
void conv_backward(const ConvBackward& b, const ConvSizes& sizes);

// By the matrix of windows: for every convolution.
void im2col_forward(const ConvForward& f, const ConvSizes& sizes);
void im2col_backward(const ConvBackward& b, const ConvSizes& sizes);

// One group's windows of one image as columns, and the way back, which adds each element of the
// matrix to the pixel from which it came:
//   matrix[(c, p, q), (i, j)] = x[c, i · stride − padding + d p, j · stride − padding + d q]
// with the dilation d; places on the padding keep the 0 that the caller put there.
void im2col(real* matrix, const real* x, const ConvSizes& sizes);
void col2im(real* dx, const real* matrix, const ConvSizes& sizes);

// By the transform: kernels of 3×3 or 5×5, stride 1, dilation 1, one group, and at least 4 channels
// in and out.
void winograd_forward(const ConvForward& f, const ConvSizes& sizes);
void winograd_backward(const ConvBackward& b, const ConvSizes& sizes);

// Where a channel's pixels lie in an array.
struct ConvLayout {
  Index channel, row, pixel;  // distances in memory
};

// One image's gradient with respect to the convolution's own result, dz (C_out, H, W), from dy,
// back through the pooling and relu; at dz[c · channel + row · dz_row + column · pixel]. Adds its
// sums over the pixels to dbias (C_out), unless null. The rest of dz must be 0 where it pools.
void conv_output_gradient(real* dz, double* dbias, const ConvBackward& b, const ConvSizes& sizes,
                          Index image, const ConvLayout& layout);

// The sums over a batch, of which each part of it adds up its own images': the same number of
// threads gives the same bits. In memory of their own, so that no two threads write to one line.
struct PartSums {
  std::vector<Scratch<real>> dweight;  // or what it is made of: of `weights` elements
  std::vector<Scratch<double>> dbias;  // (C_out)

  PartSums(const ConvSizes& sizes, Index weights);
  void clear(Index part);               // by the part itself, before it adds
  void write_dbias(real* dbias) const;  // all parts, in their order
};

}  // namespace limbeck
