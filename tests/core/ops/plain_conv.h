// Convolution by its definition, for the tests to compare with.
#pragma once

#include "core/window.h"
#include "tests/testing.h"

namespace limbeck::testing {

struct ConvCase {
  Index images, in, height, width, out;
  Size2d kernel;
  Size2d stride = 1, padding = 0;
  Index groups = 1;
};

// One element of x, or the 0 of the padding.
inline real pixel(const Tensor& x, Index n, Index c, Index i, Index j) {
  if (i < 0 || i >= x.dim(2) || j < 0 || j >= x.dim(3)) return 0;
  return x.data()[((n * x.dim(1) + c) * x.dim(2) + i) * x.dim(3) + j];
}

// The definition, as loops. Calls body(index into y, index into weight, n, c, i, j) for every
// product of a weight with the pixel (i, j) of channel c of image n.
template <class Body>
void for_products(const ConvCase& c, Index out_height, Index out_width, const Body& body) {
  const Index in_of_group = c.in / c.groups, out_of_group = c.out / c.groups;
  Index at = 0;
  for (Index n = 0; n < c.images; ++n) {
    for (Index o = 0; o < c.out; ++o) {
      for (Index i = 0; i < out_height; ++i) {
        for (Index j = 0; j < out_width; ++j, ++at) {
          Index weight = o * in_of_group * c.kernel.area();
          for (Index k = 0; k < in_of_group; ++k) {
            for (Index p = 0; p < c.kernel.height; ++p) {
              for (Index q = 0; q < c.kernel.width; ++q, ++weight) {
                body(at, weight, n, o / out_of_group * in_of_group + k,
                     i * c.stride.height - c.padding.height + p,
                     j * c.stride.width - c.padding.width + q);
              }
            }
          }
        }
      }
    }
  }
}

struct ConvResult {
  Tensor y, dx, dw, db;
};

// Value, and gradients of sum(y · cotangent).
inline ConvResult plain_conv(const ConvCase& c, const Tensor& x, const Tensor& w, const Tensor& b,
                             const Tensor& cotangent) {
  const Index out_height = cotangent.dim(2), out_width = cotangent.dim(3);
  ConvResult r{.y = Tensor::zeros(cotangent.shape()),
               .dx = Tensor::zeros(x.shape()),
               .dw = Tensor::zeros(w.shape()),
               .db = Tensor::zeros(b.shape())};
  for (Index i = 0; i < r.y.size(); ++i) {
    const Index channel = i / (out_height * out_width) % c.out;
    r.y.data()[i] = b.data()[channel];
    r.db.data()[channel] += cotangent.data()[i];
  }
  for_products(c, out_height, out_width,
               [&](Index at, Index weight, Index n, Index channel, Index i, Index j) {
                 r.y.data()[at] += w.data()[weight] * pixel(x, n, channel, i, j);
                 r.dw.data()[weight] += cotangent.data()[at] * pixel(x, n, channel, i, j);
                 if (i < 0 || i >= c.height || j < 0 || j >= c.width) return;
                 r.dx.data()[((n * c.in + channel) * c.height + i) * c.width + j] +=
                     cotangent.data()[at] * w.data()[weight];
               });
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
