#include "core/ops/pool.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/pool_kernels.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

// For images (N, C, H, W). Errors, in the name of `op`: all that pool.h says.
PoolSizes pool_sizes(const char* op, const Shape& images, const PoolOptions& options) {
  const Window2d window = pool_window(op, options);
  const Size2d out = output_size(op, images, window);
  const Size2d in = {images.dim(2), images.dim(3)};
  if (in.area() == 0) fail(op, "images must have at least one pixel; got shape {}", images);
  return {.planes = images.dim(0) * images.dim(1), .in = in, .out = out, .window = window};
}

Tensor empty_output(const Tensor& x, const PoolSizes& sizes) {
  return Tensor::empty({x.dim(0), x.dim(1), sizes.out.height, sizes.out.width});
}

}  // namespace

Window2d pool_window(const char* op, const PoolOptions& options) {
  const Size2d kernel = options.kernel, padding = options.padding;
  const Window2d window = {kernel, options.stride == 0 ? kernel : options.stride, padding};
  check_window(op, window);
  if (2 * padding.height > kernel.height || 2 * padding.width > kernel.width) {
    fail(op, "the padding must be at most half of the kernel; got {} with a kernel of {}", padding,
         kernel);
  }
  return window;
}

Tensor max_pool2d(const Tensor& x, const PoolOptions& options) {
  const PoolSizes sizes = pool_sizes("max_pool2d", x.shape(), options);
  if (sizes.window.kernel.area() > argmax_limit) {
    fail("max_pool2d", "a window may have {} pixels at most; got a kernel of {}", argmax_limit,
         sizes.window.kernel);
  }
  Tensor y = empty_output(x, sizes);
  const auto argmax = std::make_shared<Scratch<Argmax>>(y.size());
  max_pool_forward(y.data(), argmax->data(), x.data(), sizes);
  Backward backward = [=, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape);
    max_pool_backward(dx.data(), dy.data(), argmax->data(), sizes);
    return {dx};
  };
  return record("max_pool2d", y, {x}, {},
                {{"kernel", sizes.window.kernel},
                 {"stride", sizes.window.stride},
                 {"padding", sizes.window.padding}},
                std::move(backward));
}

Tensor avg_pool2d(const Tensor& x, const PoolOptions& options) {
  const PoolSizes sizes = pool_sizes("avg_pool2d", x.shape(), options);
  Tensor y = empty_output(x, sizes);
  avg_pool_forward(y.data(), x.data(), sizes);
  Backward backward = [=, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape);
    avg_pool_backward(dx.data(), dy.data(), sizes);
    return {dx};
  };
  return record("avg_pool2d", y, {x}, {},
                {{"kernel", sizes.window.kernel},
                 {"stride", sizes.window.stride},
                 {"padding", sizes.window.padding}},
                std::move(backward));
}

Tensor global_avg_pool2d(const Tensor& x) {
  if (x.shape().rank() != 4 || x.dim(2) * x.dim(3) == 0) {
    fail("global_avg_pool2d", "images must be (N, C, H, W) with at least one pixel; got shape {}",
         x.shape());
  }
  const Index pixels = x.dim(2) * x.dim(3);
  Tensor y = Tensor::empty({x.dim(0), x.dim(1)});
  for_planes(y.size(), pixels, [&](Index p) {
    const real* plane = x.data() + p * pixels;
    double sum = 0;
#pragma omp simd reduction(+ : sum)  // in several partial sums, a vector's lanes
    for (Index i = 0; i < pixels; ++i) sum += static_cast<double>(plane[i]);
    y.data()[p] = static_cast<real>(sum / static_cast<double>(pixels));
  });
  return record("global_avg_pool2d", y, {x}, {}, [pixels, shape = x.shape()](const Tensor& dy) {
    Tensor dx = Tensor::empty(shape);
    for_planes(dy.size(), pixels, [&](Index p) {
      std::fill_n(dx.data() + p * pixels, pixels, dy.data()[p] / static_cast<real>(pixels));
    });
    return Gradients{dx};
  });
}

}  // namespace limbeck
