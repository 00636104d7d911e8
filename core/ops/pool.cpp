#include "core/ops/pool.h"

#include <type_traits>

#include "core/autograd.h"
#include "core/error.h"

namespace limbeck {
namespace {

// Calls f(y, x, count, step) for every place of the window and every row of outputs that see the
// image there: output y + j of the plane sees pixel x + j · step, for j in [0, count). The usual
// steps, 1 and 2, are constants to the compiler, which then uses vectors.
template <class F>
void for_runs(const PoolPlane& plane, F f) {
  const Size2d in = plane.in, out = plane.out;
  const Size2d kernel = plane.window.kernel, stride = plane.window.stride;
  const auto run = [&](auto step) {
    for (Index place = 0; place < kernel.area(); ++place) {
      const Index h = place / kernel.width - plane.window.padding.height;
      const Index w = place % kernel.width - plane.window.padding.width;
      const Span rows = outputs_on_image(h, in.height, out.height, stride.height);
      const Span columns = outputs_on_image(w, in.width, out.width, stride.width);
      for (Index row = rows.begin; row < rows.end; ++row) {
        f(row * out.width + columns.begin,
          (row * stride.height + h) * in.width + columns.begin * stride.width + w, columns.size(),
          step);
      }
    }
  };
  if (stride.width == 1) {
    run(std::integral_constant<Index, 1>{});
  } else if (stride.width == 2) {
    run(std::integral_constant<Index, 2>{});
  } else {
    run(stride.width);
  }
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

PoolPlane pool_plane(const char* op, const Shape& images, const PoolOptions& options) {
  const Window2d window = pool_window(op, options);
  const Size2d out = output_size(op, images, window);
  if (images.dim(2) * images.dim(3) == 0) {
    fail(op, "images must have at least one pixel; got shape {}", images);
  }
  return {.in = {images.dim(2), images.dim(3)}, .out = out, .window = window};
}

Tensor avg_pool2d(const Tensor& x, const PoolOptions& options) {
  const PoolPlane plane = pool_plane("avg_pool2d", x.shape(), options);
  const Index in = plane.in.area(), out = plane.out.area();
  const real share = 1 / static_cast<real>(plane.window.kernel.area());
  Tensor y = Tensor::empty({x.dim(0), x.dim(1), plane.out.height, plane.out.width});
  for_planes(x.shape(), [&](Index p) {
    real* py = y.data() + p * out;
    const real* px = x.data() + p * in;
    std::fill_n(py, out, real{0});
    for_runs(plane, [=](Index to, Index from, Index count, auto step) {
      for (Index j = 0; j < count; ++j) py[to + j] += px[from + j * step];
    });
    for (Index i = 0; i < out; ++i) py[i] *= share;
  });
  return record("avg_pool2d", y, {x}, {}, [=, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape);
    for_planes(shape, [&](Index p) {
      real* px = dx.data() + p * in;
      const real* py = dy.data() + p * out;
      std::fill_n(px, in, real{0});
      for_runs(plane, [=](Index from, Index to, Index count, auto step) {
        for (Index j = 0; j < count; ++j) px[to + j * step] += share * py[from + j];
      });
    });
    return {dx};
  });
}

Tensor global_avg_pool2d(const Tensor& x) {
  if (x.shape().rank() != 4 || x.dim(2) * x.dim(3) == 0) {
    fail("global_avg_pool2d", "images must be (N, C, H, W) with at least one pixel; got shape {}",
         x.shape());
  }
  const Index pixels = x.dim(2) * x.dim(3);
  Tensor y = Tensor::empty({x.dim(0), x.dim(1)});
  for_planes(x.shape(), [&](Index p) {
    const real* plane = x.data() + p * pixels;
    double sum = 0;
#pragma omp simd reduction(+ : sum)  // in several partial sums, a vector's lanes
    for (Index i = 0; i < pixels; ++i) sum += static_cast<double>(plane[i]);
    y.data()[p] = static_cast<real>(sum / static_cast<double>(pixels));
  });
  return record("global_avg_pool2d", y, {x}, {}, [pixels, shape = x.shape()](const Tensor& dy) {
    Tensor dx = Tensor::empty(shape);
    for_planes(shape, [&](Index p) {
      std::fill_n(dx.data() + p * pixels, pixels, dy.data()[p] / static_cast<real>(pixels));
    });
    return Gradients{dx};
  });
}

}  // namespace limbeck
