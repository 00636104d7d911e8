// Windows that slide over images: the sizes that convolution and pooling share.
//
// Along one axis a window of size `kernel` starts at −padding and moves on by `stride` as long as
// it stays within the image and `padding` more on either side:
//   out = (in + 2 padding − kernel) / stride + 1, rounded down
// Output o sees the image's places o · stride − padding + k for k in [0, kernel); those outside the
// image are padding. With a dilation d these places lie d apart, at + d · k in place of + k, and
// d (kernel − 1) + 1 stands for the kernel in the formula above. (Dumoulin and Visin, "A guide to
// convolution arithmetic for deep learning", 2016, sections 2 and 5.1.)
#pragma once

#include <algorithm>
#include <string>

#include "core/shape.h"

namespace limbeck {

// A height and a width. One number is a square, so options read {.kernel = 3} or {.kernel = {3,
// 5}}.
struct Size2d {
  constexpr Size2d(Index side) : height(side), width(side) {}
  constexpr Size2d(Index h, Index w) : height(h), width(w) {}

  constexpr Index area() const { return height * width; }
  friend bool operator==(const Size2d& a, const Size2d& b) = default;

  std::string str() const;  // "3" for a square, else "3×5"

  Index height;
  Index width;
};

// A window's size, its steps, how far it reaches over the image's border, and how far apart the
// pixels are that it sees.
struct Window2d {
  Size2d kernel;        // how many pixels it sees each way
  Size2d stride;        // from one place to the next
  Size2d padding;       // past the border
  Size2d dilation = 1;  // from one pixel that it sees to the next

  // Over how many pixels it reaches: the kernel, if it is not dilated.
  Size2d extent() const {
    return {dilation.height * (kernel.height - 1) + 1, dilation.width * (kernel.width - 1) + 1};
  }
};

// Error, in the name of `op`: a kernel, a stride or a dilation below 1, a negative padding, or one
// of them above 2³⁰.
void check_window(const char* op, const Window2d& window);

// (H_out, W_out) for images (N, C, H, W). Error, in the name of `op`: that of check_window, another
// rank than 4, or a window that is larger than the image with its padding.
Size2d output_size(const char* op, const Shape& images, const Window2d& window);

// A range [begin, end) of positions along one axis.
struct Span {
  Index begin;
  Index end;

  Index size() const { return end - begin; }
};

// The outputs, of `out` along an axis, whose window has the image, and not padding, `shift` places
// after o · stride: those o with 0 <= o · stride + shift < in. Place k of a window has shift
// k · dilation − padding. A loop over these outputs needs no check.
inline Span outputs_on_image(Index shift, Index in, Index out, Index stride) {
  const auto outputs_below = [=](Index x) { return x <= 0 ? 0 : (x + stride - 1) / stride; };
  const Index end = std::min(out, outputs_below(in - shift));
  return {std::min(outputs_below(-shift), end), end};
}

}  // namespace limbeck

template <>
struct fmt::formatter<limbeck::Size2d> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  auto format(const limbeck::Size2d& size, fmt::format_context& context) const {
    return limbeck::detail::write_text(size.str(), context);
  }
};
