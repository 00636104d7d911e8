#include "core/kernels/conv_kernels.h"

#include <algorithm>

#include "core/kernels/plain.h"
#include "core/kernels/vector.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

// Whether the transform can go, and pays.
bool winograd_fits(const ConvSizes& s) {
  const auto& [kernel, stride, padding, dilation] = s.window;
  return (kernel == Size2d(3) || kernel == Size2d(5)) && stride == Size2d(1) &&
         dilation == Size2d(1) && s.groups == 1 && s.in >= 4 && s.out >= 4;
}

}  // namespace

void conv_forward(const ConvForward& f, const ConvSizes& sizes) {
  if (plain_kernels()) return plain_conv_forward(f, sizes);
  // Of four channels half of each vector is empty: 3 × 3 then wins nothing on the way forward.
  const bool full = sizes.in > lanes / 2 || sizes.window.kernel == Size2d(5);
  winograd_fits(sizes) && full && !sizes.exact ? winograd_forward(f, sizes)
                                               : im2col_forward(f, sizes);
}

void conv_backward(const ConvBackward& b, const ConvSizes& sizes) {
  if (plain_kernels()) return plain_conv_backward(b, sizes);
  winograd_fits(sizes) ? winograd_backward(b, sizes) : im2col_backward(b, sizes);
}

PartSums::PartSums(const ConvSizes& s, Index weights) {
  for (Index part = 0; part < part_count(s.images, 1); ++part) {
    dweight.emplace_back(weights);
    dbias.emplace_back(s.out);
  }
  if (s.images == 0) clear(0);  // nobody else will
}

void PartSums::clear(Index part) {
  const auto at = static_cast<std::size_t>(part);
  std::ranges::fill(dweight[at].values(), real{0});
  std::ranges::fill(dbias[at].values(), 0.0);
}

void PartSums::write_dbias(real* to) const {
  for (std::size_t i = 0; i < dbias[0].values().size(); ++i) {
    double all = 0;
    for (const Scratch<double>& part : dbias) all += part.values()[i];
    to[i] = static_cast<real>(all);
  }
}

void conv_output_gradient(real* dz, double* dbias, const ConvBackward& b, const ConvSizes& s,
                          Index image, const ConvLayout& at) {
  const Index height = s.out_height(), width = s.out_width();
  for (Index c = 0; c < s.out; ++c) {
    const Index plane = (image * s.out + c) * height * width;
    real* const dz_plane = dz + c * at.channel;
    double sum = 0;
    for (Index i = 0; i < height; ++i) {
      const real* const dy = b.dy + plane + i * width;
      const real* const y = b.y + plane + i * width;
      if (s.pools) {
        const std::uint8_t* const argmax = b.argmax + plane + i * width;
        for (Index j = 0; j < width; ++j) {
          const real d = y[j] > 0 ? dy[j] : real{0};
          const Index row = 2 * i + argmax[j] / 2, column = 2 * j + argmax[j] % 2;
          dz_plane[row * at.row + column * at.pixel] = d;
          sum += d;
        }
      } else {
        const bool all = !s.relu;
        for (Index j = 0; j < width; ++j) {
          const real d = all || y[j] > 0 ? dy[j] : real{0};
          dz_plane[i * at.row + j * at.pixel] = d;
          sum += d;
        }
      }
    }
    if (dbias != nullptr) dbias[c] += sum;
  }
}

}  // namespace limbeck
