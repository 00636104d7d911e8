// Pooling: images (N, C, H, W) made smaller by the maximum or the mean of a window that slides over
// each plane (one channel of one image). core/window.h has the arithmetic of the output's size.
#pragma once

#include "core/tensor.h"
#include "core/window.h"

namespace limbeck {

// The window of a pooling, in pixels.
struct PoolOptions {
  Size2d kernel = 0;   // must be given
  Size2d stride = 0;   // 0: the kernel's size, so that windows lie side by side
  Size2d padding = 0;  // at most half of the kernel, so that every window sees some of the image
};

// The window that the options mean. Error, in the name of `op`: a size out of its range.
Window2d pool_window(const char* op, const PoolOptions& options);

// y = the largest value in the window: (N, C, H, W) → (N, C, H_out, W_out).
// dx = the sum of dy over the windows whose maximum the pixel is; of equal values the first in
// row-major order is the maximum, as in PyTorch. Padding counts as −∞, and NaN is passed on.
// Error: that of pool_window, another rank than 4, a window larger than the padded image, or one of
// more than 65,536 pixels.
Tensor max_pool2d(const Tensor& x, const PoolOptions& options);

// y = the mean of the window: (N, C, H, W) → (N, C, H_out, W_out). Padding counts as zeros in the
// mean (PyTorch's count_include_pad=True).   dx = Σ dy over the windows that see the pixel, / area
// Error: as for max_pool2d, but for the last.
Tensor avg_pool2d(const Tensor& x, const PoolOptions& options);

// y = the mean of the plane: (N, C, H, W) → (N, C).   dx = dy / (H W) everywhere
// Error: another rank than 4, or planes without pixels.
Tensor global_avg_pool2d(const Tensor& x);

}  // namespace limbeck
