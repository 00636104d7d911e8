// Convolution as a matrix product of its windows (im2col), image by image in scratch that stays in
// cache; and the way back. Depthwise convolution goes the same way, but for the product.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/kernels/conv_kernels.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/gemm.h"
#include "core/kernels/panel_product.h"
#include "core/kernels/vector.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

// Calls body(row of the matrix, image row, output row, range of outputs) for every row of the
// matrix of windows and of the output that meet the image.
template <class Body>
void for_matrix_rows(const ConvSizes& s, const Body& body) {
  const auto& [kernel, stride, padding, dilation] = s.window;
  Index row = 0;
  for (Index c = 0; c < s.in_of_group(); ++c) {
    for (Index p = 0; p < kernel.height; ++p) {
      const Index down = p * dilation.height - padding.height;
      const Span rows = outputs_on_image(down, s.height, s.conv_height, stride.height);
      for (Index q = 0; q < kernel.width; ++q, ++row) {
        const Index right = q * dilation.width - padding.width;
        const Span columns = outputs_on_image(right, s.width, s.conv_width, stride.width);
        for (Index i = rows.begin; i < rows.end; ++i) {
          const Index y = i * stride.height + down;
          const Index x = columns.begin * stride.width + right;
          body(row, (c * s.height + y) * s.width + x, i * s.conv_width + columns.begin,
               columns.size());
        }
      }
    }
  }
}

// One channel with its own filter, where the image with its padding is not many times the image.
bool is_depthwise(const ConvSizes& s) {
  const Size2d seen = s.window.extent();
  const auto small = [](Index padded, Index image) { return padded <= 4 * (image + lanes); };
  return s.in_of_group() == 1 && s.out_of_group() == 1 &&
         small((s.conv_height - 1) * s.window.stride.height + seen.height, s.height) &&
         small(s.conv_width + seen.width, s.width);
}

// Whether the windows must be copied: for a product, but where an image is their matrix as it is.
bool has_matrix(const ConvSizes& s) {
  const auto& [kernel, stride, padding, dilation] = s.window;
  const bool is_image = kernel == Size2d(1) && stride == Size2d(1) && padding == Size2d(0);
  return !is_depthwise(s) && !is_image;
}

// One plane of the convolution's result → its bias, relu and the maxima of 2×2, with their argmax.
//
// First the maxima of two rows, then those of two columns of these, for all of the plane at once:
// both are a few vector instructions. The argmax is the first place, row by row, that has the
// maximum, and NaN is a maximum, to be noticed, as in max_pool2d: where there is one, which the
// first loop sees, the plane is done again, number by number.
class PooledPlane {
 public:
  explicit PooledPlane(const ConvSizes& s)
      : s_(s), width_(2 * s.out_width()), maxima_(s.out_height() * width_), rows_(maxima_size()) {}

  void write(real* y, std::uint8_t* argmax, const real* z, real bias) {
    if (!maxima_of_rows(z, bias)) return write_with_nan(y, argmax, z, bias);
    const real* const m = maxima_.data();
    const std::int32_t* const row = rows_.data();
    const Index count = maxima_size() / 2;
    for (Index k = 0; k < count; ++k) {
      y[k] = std::max(std::max(m[2 * k], m[2 * k + 1]), real{0});
    }
    if (argmax == nullptr) return;
    for (Index k = 0; k < count; ++k) {
      const real left = m[2 * k], right = m[2 * k + 1];
      const std::int32_t left_row = row[2 * k], right_row = row[2 * k + 1];
      // Of two that are as large the upper is the first, and the left if both are in one row.
      const bool is_right = (right > left) | ((right == left) & (left_row > right_row));
      argmax[k] = static_cast<std::uint8_t>(is_right ? 2 * right_row + 1 : 2 * left_row);
    }
  }

 private:
  const ConvSizes& s_;
  Index width_;  // of the columns that have a maximum: an odd last one has none
  Scratch<real> maxima_;
  Scratch<std::int32_t> rows_;  // 0 or 1: where they are

  Index maxima_size() const { return s_.out_height() * width_; }

  // False: there is a NaN.
  bool maxima_of_rows(const real* z, real bias) {
    std::int32_t strange = 0;
    for (Index i = 0; i < s_.out_height(); ++i) {
      const real* const upper = z + 2 * i * s_.conv_width;
      const real* const lower = upper + s_.conv_width;
      real* const m = maxima_.data() + i * width_;
      std::int32_t* const row = rows_.data() + i * width_;
      for (Index j = 0; j < width_; ++j) {
        const real u = upper[j] + bias, l = lower[j] + bias;
        m[j] = std::max(u, l);
        row[j] = l > u ? 1 : 0;
        strange += u != u || l != l ? 1 : 0;
      }
    }
    return strange == 0;
  }

  void write_with_nan(real* y, std::uint8_t* argmax, const real* z, real bias) const {
    for (Index i = 0; i < s_.out_height(); ++i) {
      for (Index j = 0; j < s_.out_width(); ++j) {
        const real* const corner = z + 2 * i * s_.conv_width + 2 * j;
        real largest = corner[0] + bias;
        int place = 0;
        for (const int other : {1, 2, 3}) {
          const real v = corner[other / 2 * s_.conv_width + other % 2] + bias;
          if (!(v > largest || std::isnan(v))) continue;
          largest = v;
          place = other;
        }
        const Index k = i * s_.out_width() + j;
        y[k] = std::max(largest, real{0});
        if (argmax != nullptr) argmax[k] = static_cast<std::uint8_t>(place);
      }
    }
  }
};

// One plane of the convolution's result, with its bias and relu, → the same of y, or in its place.
void finish_plane(real* y, const real* z, real bias, const ConvSizes& s) {
  const real least = s.relu ? 0 : -std::numeric_limits<real>::infinity();
  for (Index i = 0; i < s.conv_height * s.conv_width; ++i) y[i] = std::max(z[i] + bias, least);
}

// dweight += dz windowsᵀ for one group of an image. Long rows of windows are read as they lie, and
// dz, which is smaller, is laid out; where that does not pay it is BLAS's.
void add_dweight(real* dweight, const real* dz, const real* windows, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width, out = s.out_of_group();
  const Index depth = s.in_of_group() * s.window.kernel.area();
  if (!has_matrix(s) || out < 2 * lanes || pixels < 128) {
    return gemm(dweight, dz, windows,
                {.m = out, .n = depth, .k = pixels, .transpose_b = true, .accumulate = true});
  }
  Scratch<real> sum(out * depth);
  panel_product_transposed(sum.data(), depth,
                           {.data = windows, .rows = depth, .row = pixels, .column = 1},
                           Panels::packed_transposed(dz, pixels, out, pixels));
  for (Index i = 0; i < out * depth; ++i) dweight[i] += sum.data()[i];
}

}  // namespace

void im2col(real* matrix, const real* x, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width;
  const Index step = s.window.stride.width;
  for_matrix_rows(s, [=](Index row, Index from, Index to, Index count) {
    real* out = matrix + row * pixels + to;
    const real* in = x + from;
    if (step == 1) {
      std::copy(in, in + count, out);
    } else {
      for (Index j = 0; j < count; ++j) out[j] = in[j * step];
    }
  });
}

void col2im(real* dx, const real* matrix, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width;
  const Index step = s.window.stride.width;
  for_matrix_rows(s, [=](Index row, Index to, Index from, Index count) {
    real* out = dx + to;
    const real* in = matrix + row * pixels + from;
    for (Index j = 0; j < count; ++j) out[j * step] += in[j];
  });
}

void im2col_forward(const ConvForward& f, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width;
  const Index out_pixels = s.out_height() * s.out_width();
  const Index depth = s.in_of_group() * s.window.kernel.area();
  const bool finishes = s.pools || s.relu || f.bias != nullptr;
  parallel_for(s.images, 1, [&](Index begin, Index end) {
    std::optional<Depthwise> depthwise;
    if (is_depthwise(s)) depthwise.emplace(s);
    auto matrix = Scratch<real>::zeros(has_matrix(s) ? depth * pixels : 0);
    Scratch<real> pooled(s.pools ? s.out_of_group() * pixels : 0);
    std::optional<PooledPlane> pool;
    if (s.pools) pool.emplace(s);
    for (Index n = begin; n < end; ++n) {
      for (Index g = 0; g < s.groups; ++g) {
        const real* const x = f.x + (n * s.in + g * s.in_of_group()) * s.height * s.width;
        const real* const weight = f.weight + g * s.out_of_group() * depth;
        const Index at = (n * s.out + g * s.out_of_group()) * out_pixels;
        real* const result = s.pools ? pooled.data() : f.y + at;
        if (depthwise) {
          depthwise->forward(result, weight, x);
        } else {
          if (has_matrix(s)) im2col(matrix.data(), x, s);
          gemm(result, weight, has_matrix(s) ? matrix.data() : x,
               {.m = s.out_of_group(), .n = pixels, .k = depth});
        }
        if (!finishes) continue;
        for (Index o = 0; o < s.out_of_group(); ++o) {
          const real bias = f.bias != nullptr ? f.bias[g * s.out_of_group() + o] : 0;
          const Index plane = at + o * out_pixels;
          if (pool) {
            pool->write(f.y + plane, f.argmax != nullptr ? f.argmax + plane : nullptr,
                        result + o * pixels, bias);
          } else {
            finish_plane(f.y + plane, result + o * pixels, bias, s);
          }
        }
      }
    }
  });
}

void im2col_backward(const ConvBackward& b, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width;
  const Index in_pixels = s.height * s.width;
  const Index depth = s.in_of_group() * s.window.kernel.area();
  const bool as_it_is = !s.pools && !s.relu && b.dbias == nullptr;  // dy is dz
  PartSums sums(s, s.out * depth);
  parallel_parts(s.images, 1, [&](Index part, Index begin, Index end) {
    std::optional<Depthwise> depthwise;
    if (is_depthwise(s)) depthwise.emplace(s);
    auto matrix = Scratch<real>::zeros(has_matrix(s) ? depth * pixels : 0);
    Scratch<real> dmatrix(has_matrix(s) ? depth * pixels : 0);
    Scratch<real> gradient(as_it_is ? 0 : s.out * pixels);
    sums.clear(part);
    real* const dweight = sums.dweight[static_cast<std::size_t>(part)].data();
    double* const dbias = sums.dbias[static_cast<std::size_t>(part)].data();
    for (Index n = begin; n < end; ++n) {
      if (s.pools) std::ranges::fill(gradient.values(), real{0});
      if (!as_it_is) {
        conv_output_gradient(gradient.data(), dbias, b, s, n,
                             {.channel = pixels, .row = s.conv_width, .pixel = 1});
      }
      const real* const dz = as_it_is ? b.dy + n * s.out * pixels : gradient.data();
      for (Index g = 0; g < s.groups; ++g) {
        const Index image = (n * s.in + g * s.in_of_group()) * in_pixels;
        const Index weight = g * s.out_of_group() * depth;
        const real* const dz_group = dz + g * s.out_of_group() * pixels;
        if (depthwise) {
          if (b.dweight != nullptr) depthwise->add_dweight(dweight + weight, dz_group, b.x + image);
          if (b.dx != nullptr) depthwise->dinput(b.dx + image, b.weight + weight, dz_group);
          continue;
        }
        if (b.dweight != nullptr) {  // (C_out, pixels) (depth, pixels)ᵀ → (C_out, depth)
          if (has_matrix(s)) im2col(matrix.data(), b.x + image, s);
          add_dweight(dweight + weight, dz_group, has_matrix(s) ? matrix.data() : b.x + image, s);
        }
        if (b.dx != nullptr) {  // (C_out, depth)ᵀ (C_out, pixels) → (depth, pixels)
          real* const windows = has_matrix(s) ? dmatrix.data() : b.dx + image;
          gemm(windows, b.weight + weight, dz_group,
               {.m = depth, .n = pixels, .k = s.out_of_group(), .transpose_a = true});
          if (has_matrix(s)) {
            std::fill_n(b.dx + image, s.in_of_group() * in_pixels, real{0});
            col2im(b.dx + image, dmatrix.data(), s);
          }
        }
      }
    }
  });
  if (b.dweight != nullptr) {
    const auto parts = static_cast<Index>(sums.dweight.size());
    parallel_for(s.out * depth, elementwise_grain / parts, [&](Index begin, Index end) {
      std::copy(sums.dweight[0].data() + begin, sums.dweight[0].data() + end, b.dweight + begin);
      for (std::size_t part = 1; part < sums.dweight.size(); ++part) {
        const real* const more = sums.dweight[part].data();
        for (Index i = begin; i < end; ++i) b.dweight[i] += more[i];
      }
    });
  }
  if (b.dbias != nullptr) sums.write_dbias(b.dbias);
}

}  // namespace limbeck
