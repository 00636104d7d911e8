// Pooling by its definition, for the tests to compare with.
#pragma once

#include "core/ops/pool.h"
#include "tests/testing.h"

namespace limbeck::testing {

// Reads pixel (h, w) of a plane; outside it, what padding counts as.
inline real pooled_pixel(const real* plane, Size2d in, Index h, Index w, real padding) {
  const bool inside = h >= 0 && h < in.height && w >= 0 && w < in.width;
  return inside ? plane[h * in.width + w] : padding;
}

struct Pooled {
  Tensor y;
  Tensor dx;
};

// Calls f(y element, its dy, corner of the window, plane of x, plane of dx) for every output.
template <class F>
Pooled plain_pool(const Tensor& x, const Tensor& dy, const Window2d& window, F f) {
  Pooled result = {Tensor::empty(dy.shape()), Tensor::zeros(x.shape())};
  const Size2d in = {x.dim(2), x.dim(3)}, out = {dy.dim(2), dy.dim(3)};
  for (Index p = 0; p < x.dim(0) * x.dim(1); ++p) {
    for (Index row = 0; row < out.height; ++row) {
      for (Index column = 0; column < out.width; ++column) {
        const Index at = p * out.area() + row * out.width + column;
        f(result.y.data()[at], dy.data()[at], row * window.stride.height - window.padding.height,
          column * window.stride.width - window.padding.width, x.data() + p * in.area(),
          result.dx.data() + p * in.area());
      }
    }
  }
  return result;
}

inline Pooled plain_max_pool(const Tensor& x, const Tensor& dy, const Window2d& window) {
  const Size2d in = {x.dim(2), x.dim(3)};
  return plain_pool(x, dy, window, [=](real& y, real d, Index h0, Index w0, auto* px, real* pdx) {
    y = -INFINITY;
    real* place = nullptr;
    for (Index h = h0; h < h0 + window.kernel.height; ++h) {
      for (Index w = w0; w < w0 + window.kernel.width; ++w) {
        const real v = pooled_pixel(px, in, h, w, -INFINITY);
        const bool inside = h >= 0 && h < in.height && w >= 0 && w < in.width;
        if (inside && !std::isnan(y) && (place == nullptr || !(v <= y))) {  // NaN stays
          y = v;
          place = pdx + h * in.width + w;
        }
      }
    }
    *place += d;
  });
}

inline Pooled plain_avg_pool(const Tensor& x, const Tensor& dy, const Window2d& window) {
  const Size2d in = {x.dim(2), x.dim(3)};
  const auto area = static_cast<real>(window.kernel.area());
  return plain_pool(x, dy, window, [=](real& y, real d, Index h0, Index w0, auto* px, real* pdx) {
    y = 0;
    for (Index h = h0; h < h0 + window.kernel.height; ++h) {
      for (Index w = w0; w < w0 + window.kernel.width; ++w) {
        y += pooled_pixel(px, in, h, w, 0) / area;
        if (h >= 0 && h < in.height && w >= 0 && w < in.width) pdx[h * in.width + w] += d / area;
      }
    }
  });
}

}  // namespace limbeck::testing
