// Convolution by its definition (core/kernels/plain.h), for the tests to compare with.
#pragma once

#include <utility>

#include "core/kernels/plain.h"
#include "tests/testing.h"

namespace limbeck::testing {

struct ConvCase {
  Index images, in, height, width, out;
  Size2d kernel;
  Size2d stride = 1, padding = 0;
  Index groups = 1;
  Size2d dilation = 1;
};

struct ConvResult {
  Tensor y, dx, dw, db;
};

// Value, and gradients of sum(y · cotangent).
inline ConvResult plain_conv(const ConvCase& c, const Tensor& x, const Tensor& w, const Tensor& b,
                             const Tensor& cotangent) {
  const ConvSizes sizes{.images = c.images,
                        .in = c.in,
                        .height = c.height,
                        .width = c.width,
                        .out = c.out,
                        .conv_height = cotangent.dim(2),
                        .conv_width = cotangent.dim(3),
                        .window = {c.kernel, c.stride, c.padding, c.dilation},
                        .groups = c.groups,
                        .relu = false,
                        .pools = false};
  ConvResult r{.y = Tensor::empty(cotangent.shape()),
               .dx = Tensor::empty(x.shape()),
               .dw = Tensor::empty(w.shape()),
               .db = Tensor::empty(b.shape())};
  plain_conv_forward(
      {.y = r.y.data(), .argmax = nullptr, .x = x.data(), .weight = w.data(), .bias = b.data()},
      sizes);
  plain_conv_backward({.dx = r.dx.data(),
                       .dweight = r.dw.data(),
                       .dbias = r.db.data(),
                       .dy = cotangent.data(),
                       .y = std::as_const(r.y).data(),
                       .argmax = nullptr,
                       .x = x.data(),
                       .weight = w.data()},
                      sizes);
  return r;
}

// |a − b| relative to the largest |b|: the measure in which a transform's rounding shows.
inline double relative_difference(const Tensor& a, const Tensor& b) {
  double largest = 0, off = 0;
  REQUIRE(a.shape() == b.shape());
  for (Index i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b.data()[i])));
    off = std::max(off, std::abs(static_cast<double>(a.data()[i] - b.data()[i])));
  }
  return largest == 0 ? off : off / largest;
}

}  // namespace limbeck::testing
