#include "core/window.h"

#include "core/error.h"

namespace limbeck {

std::string Size2d::str() const {
  return height == width ? fmt::format("{}", height) : fmt::format("{}×{}", height, width);
}

void check_window(const char* op, const Window2d& window) {
  const auto [kernel, stride, padding, dilation] = window;
  if (kernel.height < 1 || kernel.width < 1) {
    fail(op, "the kernel must be at least 1; got {}", kernel);
  }
  if (stride.height < 1 || stride.width < 1) {
    fail(op, "the stride must be at least 1; got {}", stride);
  }
  if (padding.height < 0 || padding.width < 0) {
    fail(op, "the padding must not be negative; got {}", padding);
  }
  if (dilation.height < 1 || dilation.width < 1) {
    fail(op, "the dilation must be at least 1; got {}", dilation);
  }
  constexpr Index most = Index{1} << 30;  // so that no size below can overflow
  for (const Size2d& size : {kernel, stride, padding, dilation}) {
    if (size.height > most || size.width > most) {
      fail(op, "kernel, stride, padding and dilation must be at most {}; got {}", most, size);
    }
  }
}

Size2d output_size(const char* op, const Shape& images, const Window2d& window) {
  check_window(op, window);
  if (images.rank() != 4) fail(op, "images must be (N, C, H, W); got shape {}", images);
  const auto [kernel, stride, padding, dilation] = window;
  const Size2d extent = window.extent();
  const Size2d padded{images.dim(2) + 2 * padding.height, images.dim(3) + 2 * padding.width};
  if (extent.height > padded.height || extent.width > padded.width) {
    const std::string reach = dilation == Size2d(1) ? "" : fmt::format(", dilated to {},", extent);
    fail(op, "the kernel {}{} is larger than images {} with a padding of {}", kernel, reach, images,
         padding);
  }
  return {(padded.height - extent.height) / stride.height + 1,
          (padded.width - extent.width) / stride.width + 1};
}

}  // namespace limbeck
