#include "core/kernels/depthwise.h"

#include <algorithm>

#include "core/kernels/vector.h"

namespace limbeck {
namespace {

// z[i, j] = Σ over taps of w[tap] · x[i · step + taps[tap] + j]. The last vector of a row reaches
// into the next, which is written later.
void correlate(real* z, Index rows, Index columns, const real* w, const std::vector<Index>& taps,
               const real* x, Index step) {
  for (Index i = 0; i < rows; ++i, x += step, z += columns) {
    for (Index j = 0; j < columns; j += lanes) {
      Vector sum{};
      for (std::size_t t = 0; t < taps.size(); ++t) sum += splat(w[t]) * load(x + taps[t] + j);
      store(z + j, sum);
    }
  }
}

// The first n lanes of a vector, and 0.
Vector first_lanes(Vector v, Index n) {
  constexpr Vector lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return lane < splat(static_cast<real>(n)) ? v : Vector{};
}

// How far dz's first pixel must lie from the border for the first pixel's last tap to be inside.
Index room(Index kernel, Index dilation, Index padding) {
  return std::max<Index>((kernel - 1) * dilation - padding, 0);
}

// From the first pixel to past the last that is read or written.
Index extent(Index image, Index padding, Index outputs, Index stride) {
  return std::max(image + padding, (outputs - 1) * stride + 1);
}

}  // namespace

Depthwise::Depthwise(const ConvSizes& s)
    : s_(s),
      dz_(Scratch<real>::zeros(s.conv_height * whole_vectors(s.conv_width))),
      result_(std::max(s.height * s.width, s.conv_height * s.conv_width) + lanes) {
  const auto& [kernel, stride, padding, dilation] = s.window;
  image_.rows = (s.conv_height - 1) * stride.height + s.window.extent().height;
  image_.row = whole_vectors(s.conv_width) + (s.window.extent().width - 1) / stride.width;
  image_.memory = Scratch<real>::zeros(parts() * image_.rows * image_.row);
  const Index down = room(kernel.height, dilation.height, padding.height);
  const Index right = room(kernel.width, dilation.width, padding.width);
  gradient_.rows = down + extent(s.height, padding.height, s.conv_height, stride.height);
  gradient_.row = right + extent(s.width, padding.width, s.conv_width, stride.width) + lanes;
  gradient_.memory = Scratch<real>::zeros(gradient_.rows * gradient_.row);
  for (Index p = 0; p < kernel.height; ++p) {
    for (Index q = 0; q < kernel.width; ++q) {
      const Index column = q * dilation.width, part = column % stride.width;
      image_.taps.push_back((part * image_.rows + p * dilation.height) * image_.row +
                            column / stride.width);
      gradient_.taps.push_back((down + padding.height - p * dilation.height) * gradient_.row +
                               right + padding.width - column);
    }
  }
}

void Depthwise::pad(const real* x) {
  const auto& [kernel, stride, padding, dilation] = s_.window;
  const Index rows = std::min(s_.height, image_.rows - padding.height);
  for (Index part = 0; part < parts(); ++part) {
    const Index shift = part - padding.width;
    const Index seen = (s_.conv_width - 1) * stride.width + s_.window.extent().width - part;
    const Span columns =
        outputs_on_image(shift, s_.width, (seen + stride.width - 1) / stride.width, stride.width);
    for (Index i = 0; i < rows; ++i) {
      real* const to =
          image_.memory.data() + (part * image_.rows + i + padding.height) * image_.row;
      const real* const from = x + i * s_.width + shift;
      for (Index j = columns.begin; j < columns.end; ++j) to[j] = from[j * stride.width];
    }
  }
}

void Depthwise::forward(real* z, const real* w, const real* x) {
  pad(x);
  correlate(result_.data(), s_.conv_height, s_.conv_width, w, image_.taps, image_.memory.data(),
            s_.window.stride.height * image_.row);
  std::copy_n(result_.data(), s_.conv_height * s_.conv_width, z);
}

void Depthwise::add_dweight(real* dw, const real* dz, const real* x) {
  pad(x);
  const Index row = whole_vectors(s_.conv_width), step = s_.window.stride.height * image_.row;
  for (Index i = 0; i < s_.conv_height; ++i) {
    std::copy_n(dz + i * s_.conv_width, s_.conv_width, dz_.data() + i * row);
  }
  constexpr std::size_t together = 4;  // taps: sums that do not wait for one another
  const std::vector<Index>& taps = image_.taps;
  for (std::size_t t = 0; t < taps.size(); t += together) {
    const std::size_t count = std::min(together, taps.size() - t);
    Vector sum[together] = {};
    for (Index i = 0; i < s_.conv_height; ++i) {
      for (Index j = 0; j < row; j += lanes) {
        const Vector d = load(dz_.data() + i * row + j);
        const real* const from = image_.memory.data() + i * step + j;
        // Past the row's end there are pixels, too, that no window of it sees: 0 · ∞ would be NaN.
        const bool whole = j + lanes <= s_.conv_width;
        for (std::size_t k = 0; k < together; ++k) {
          const Vector x_k = load(from + taps[t + std::min(k, count - 1)]);
          sum[k] += whole ? d * x_k : first_lanes(d * x_k, s_.conv_width - j);
        }
      }
    }
    for (std::size_t k = 0; k < count; ++k) {
      for (Index l = 0; l < lanes; ++l) dw[t + k] += sum[k][l];
    }
  }
}

void Depthwise::dinput(real* dx, const real* w, const real* dz) {
  const auto& [kernel, stride, padding, dilation] = s_.window;
  const Index down = room(kernel.height, dilation.height, padding.height);
  const Index right = room(kernel.width, dilation.width, padding.width);
  for (Index i = 0; i < s_.conv_height; ++i) {
    real* const to = gradient_.memory.data() + (down + i * stride.height) * gradient_.row + right;
    for (Index j = 0; j < s_.conv_width; ++j) to[j * stride.width] = dz[i * s_.conv_width + j];
  }
  correlate(result_.data(), s_.height, s_.width, w, gradient_.taps, gradient_.memory.data(),
            gradient_.row);
  std::copy_n(result_.data(), s_.height * s_.width, dx);
}

}  // namespace limbeck
