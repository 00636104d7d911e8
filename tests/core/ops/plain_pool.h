// Pooling by its definition (core/kernels/plain.h), for the tests to compare with.
#pragma once

#include "core/kernels/plain.h"
#include "tests/testing.h"

namespace limbeck::testing {

struct Pooled {
  Tensor y;
  Tensor dx;  // of sum(y · dy)
};

inline PoolSizes pool_sizes(const Tensor& x, const Tensor& y, const Window2d& window) {
  return {.planes = x.dim(0) * x.dim(1),
          .in = {x.dim(2), x.dim(3)},
          .out = {y.dim(2), y.dim(3)},
          .window = window};
}

inline Pooled plain_max_pool(const Tensor& x, const Tensor& dy, const Window2d& window) {
  Pooled result = {Tensor::empty(dy.shape()), Tensor::empty(x.shape())};
  const PoolSizes sizes = pool_sizes(x, dy, window);
  std::vector<Argmax> argmax(static_cast<std::size_t>(dy.size()));
  plain_max_pool_forward(result.y.data(), argmax.data(), x.data(), sizes);
  plain_max_pool_backward(result.dx.data(), dy.data(), argmax.data(), sizes);
  return result;
}

inline Pooled plain_avg_pool(const Tensor& x, const Tensor& dy, const Window2d& window) {
  Pooled result = {Tensor::empty(dy.shape()), Tensor::empty(x.shape())};
  const PoolSizes sizes = pool_sizes(x, dy, window);
  plain_avg_pool_forward(result.y.data(), x.data(), sizes);
  plain_avg_pool_backward(result.dx.data(), dy.data(), sizes);
  return result;
}

}  // namespace limbeck::testing
