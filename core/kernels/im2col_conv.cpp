// Convolution as a matrix product of its windows (im2col), image by image in scratch that stays in
// cache; and the way back. Where a group has one channel in and one out (depthwise convolution) a
// product has nothing to share: there the same loops add the shifted image row by row instead.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/kernels/conv_kernels.h"
#include "core/kernels/gemm.h"
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

bool is_depthwise(const ConvSizes& s) {
  return s.in_of_group() == 1 && s.out_of_group() == 1;
}

// z[i, j] = Σ_p Σ_q w[p, q] · x[i · stride − padding + d p, j · stride − padding + d q]
void depthwise(real* z, const real* w, const real* x, const ConvSizes& s) {
  const Index step = s.window.stride.width;
  std::fill_n(z, s.conv_height * s.conv_width, real{0});
  for_matrix_rows(s, [=](Index tap, Index from, Index to, Index count) {
    for (Index j = 0; j < count; ++j) z[to + j] += w[tap] * x[from + j * step];
  });
}

// dw[p, q] += Σ_i Σ_j dz[i, j] · x[i · stride − padding + d p, j · stride − padding + d q]
void depthwise_dweight(real* dw, const real* dz, const real* x, const ConvSizes& s) {
  const Index step = s.window.stride.width;
  for_matrix_rows(s, [=](Index tap, Index from, Index to, Index count) {
    real sum = 0;
    if (step == 1) {
#pragma omp simd reduction(+ : sum)
      for (Index j = 0; j < count; ++j) sum += dz[to + j] * x[from + j];
    } else {
      for (Index j = 0; j < count; ++j) sum += dz[to + j] * x[from + j * step];
    }
    dw[tap] += sum;
  });
}

// dx[i · stride − padding + d p, j · stride − padding + d q] += w[p, q] · dz[i, j]
void depthwise_dinput(real* dx, const real* w, const real* dz, const ConvSizes& s) {
  const Index step = s.window.stride.width;
  for_matrix_rows(s, [=](Index tap, Index to, Index from, Index count) {
    for (Index j = 0; j < count; ++j) dx[to + j * step] += w[tap] * dz[from + j];
  });
}

// One plane of the convolution's result → its bias, relu and the maxima of 2×2, with their argmax.
// `wins(v, best)` says whether v is the maximum rather than the best before it.
template <class Wins>
void pool_plane(real* y, std::uint8_t* argmax, const real* z, real bias, const ConvSizes& s,
                const Wins& wins) {
  const auto larger = [&](real a, real b) { return wins(b, a) ? b : a; };
  for (Index i = 0; i < s.out_height(); ++i, y += s.out_width()) {
    const real* upper = z + 2 * i * s.conv_width;
    const real* lower = upper + s.conv_width;
    for (Index j = 0; j < s.out_width(); ++j) {
      const real left = larger(upper[2 * j] + bias, lower[2 * j] + bias);
      const real right = larger(upper[2 * j + 1] + bias, lower[2 * j + 1] + bias);
      const real largest = larger(left, right);
      y[j] = largest < 0 ? real{0} : largest;
    }
    if (argmax == nullptr) continue;
    for (Index j = 0; j < s.out_width(); ++j) {
      real largest = upper[2 * j] + bias;
      std::uint8_t place = 0;
      const auto meet = [&](real value, std::uint8_t here) {
        place = wins(value, largest) ? here : place;
        largest = larger(largest, value);
      };
      meet(upper[2 * j + 1] + bias, 1);
      meet(lower[2 * j] + bias, 2);
      meet(lower[2 * j + 1] + bias, 3);
      argmax[j] = place;
    }
    argmax += s.out_width();
  }
}

// One plane of the convolution's result → the same plane of y.
void finish_plane(real* y, std::uint8_t* argmax, const real* z, real bias, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width;
  if (!s.pools) {
    const real least = s.relu ? 0 : -std::numeric_limits<real>::infinity();
    for (Index i = 0; i < pixels; ++i) y[i] = std::max(z[i] + bias, least);
    return;
  }
  // NaN is the maximum, to be noticed, as in max_pool2d. Where there is none, which a look at all
  // is cheap to tell, the loops are a few vector instructions.
  int strange = 0;
  for (Index i = 0; i < pixels; ++i) {
    const real v = z[i] + bias;
    strange += v != v ? 1 : 0;
  }
  if (strange == 0) {
    pool_plane(y, argmax, z, bias, s, [](real v, real best) { return v > best; });
  } else {
    pool_plane(y, argmax, z, bias, s, [](real v, real best) { return v > best || std::isnan(v); });
  }
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
  parallel_for(s.images, 1, [&](Index begin, Index end) {
    auto matrix = Scratch<real>::zeros(depth * pixels);
    Scratch<real> result(s.out_of_group() * pixels);
    for (Index n = begin; n < end; ++n) {
      for (Index g = 0; g < s.groups; ++g) {
        const real* const x = f.x + (n * s.in + g * s.in_of_group()) * s.height * s.width;
        const real* const weight = f.weight + g * s.out_of_group() * depth;
        if (is_depthwise(s)) {
          depthwise(result.data(), weight, x, s);
        } else {
          im2col(matrix.data(), x, s);
          gemm(result.data(), weight, matrix.data(),
               {.m = s.out_of_group(), .n = pixels, .k = depth});
        }
        for (Index o = 0; o < s.out_of_group(); ++o) {
          const Index channel = g * s.out_of_group() + o;
          const Index at = (n * s.out + channel) * out_pixels;
          finish_plane(f.y + at, f.argmax != nullptr ? f.argmax + at : nullptr,
                       result.data() + o * pixels, f.bias != nullptr ? f.bias[channel] : 0, s);
        }
      }
    }
  });
}

void im2col_backward(const ConvBackward& b, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width;
  const Index in_pixels = s.height * s.width;
  const Index depth = s.in_of_group() * s.window.kernel.area();
  PartSums sums(s, s.out * depth);
  parallel_parts(s.images, 1, [&](Index part, Index begin, Index end) {
    auto matrix = Scratch<real>::zeros(depth * pixels);
    Scratch<real> dmatrix(depth * pixels);
    Scratch<real> dz(s.out * pixels);
    sums.clear(part);
    real* const dweight = sums.dweight[static_cast<std::size_t>(part)].data();
    double* const dbias = sums.dbias[static_cast<std::size_t>(part)].data();
    for (Index n = begin; n < end; ++n) {
      if (s.pools) std::ranges::fill(dz.values(), real{0});
      conv_output_gradient(dz.data(), dbias, b, s, n,
                           {.channel = pixels, .row = s.conv_width, .pixel = 1});
      if (b.dx != nullptr) std::fill_n(b.dx + n * s.in * in_pixels, s.in * in_pixels, real{0});
      for (Index g = 0; g < s.groups; ++g) {
        const Index image = (n * s.in + g * s.in_of_group()) * in_pixels;
        const Index weight = g * s.out_of_group() * depth;
        const real* const dz_group = dz.data() + g * s.out_of_group() * pixels;
        if (is_depthwise(s)) {
          if (b.dweight != nullptr) depthwise_dweight(dweight + weight, dz_group, b.x + image, s);
          if (b.dx != nullptr) depthwise_dinput(b.dx + image, b.weight + weight, dz_group, s);
          continue;
        }
        if (b.dweight != nullptr) {  // (C_out, pixels) (depth, pixels)ᵀ → (C_out, depth)
          im2col(matrix.data(), b.x + image, s);
          gemm(dweight + weight, dz_group, matrix.data(),
               {.m = s.out_of_group(),
                .n = depth,
                .k = pixels,
                .transpose_b = true,
                .accumulate = true});
        }
        if (b.dx != nullptr) {  // (C_out, depth)ᵀ (C_out, pixels) → (depth, pixels)
          gemm(dmatrix.data(), b.weight + weight, dz_group,
               {.m = depth, .n = pixels, .k = s.out_of_group(), .transpose_a = true});
          col2im(b.dx + image, dmatrix.data(), s);
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
