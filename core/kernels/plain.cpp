#include "core/kernels/plain.h"

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

bool asked_by_environment() {
  const char* const value = std::getenv("LIMBECK_KERNELS");
  const std::string_view kernels = value != nullptr ? value : "";
  if (kernels != "" && kernels != "plain") {
    fail("LIMBECK_KERNELS", "this may be \"plain\", or not set at all; got \"{}\"", kernels);
  }
  return kernels == "plain";
}

void write(real* to, const Scratch<double>& from) {
  for (const double v : from.values()) *to++ = static_cast<real>(v);
}

// body(z, w, x) for every product of a weight with a pixel of which the convolution's own result is
// the sum, each by its place in memory: z[z] = Σ w[w] · x[x]. In the padding there is no pixel.
template <class Body>
void for_products(const ConvSizes& s, const Body& body) {
  const auto& [kernel, stride, padding, dilation] = s.window;
  Index z = 0;
  for (Index n = 0; n < s.images; ++n) {
    for (Index o = 0; o < s.out; ++o) {
      const Index first = o / s.out_of_group() * s.in_of_group();  // channel of the group
      for (Index i = 0; i < s.conv_height; ++i) {
        for (Index j = 0; j < s.conv_width; ++j, ++z) {
          Index w = o * s.in_of_group() * kernel.area();
          for (Index c = first; c < first + s.in_of_group(); ++c) {
            for (Index p = 0; p < kernel.height; ++p) {
              for (Index q = 0; q < kernel.width; ++q, ++w) {
                const Index row = i * stride.height - padding.height + p * dilation.height;
                const Index column = j * stride.width - padding.width + q * dilation.width;
                if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
                body(z, w, ((n * s.in + c) * s.height + row) * s.width + column);
              }
            }
          }
        }
      }
    }
  }
}

Index result_size(const ConvSizes& s) {
  return s.images * s.out * s.conv_height * s.conv_width;
}

// body(y, z) with the places of each element of the result y, and of what it is made of in the
// convolution's own: one element, or the first of a 2×2 block.
template <class Body>
void for_results(const ConvSizes& s, const Body& body) {
  const Index step = s.pools ? 2 : 1;
  Index y = 0;
  for (Index plane = 0; plane < s.images * s.out; ++plane) {
    for (Index i = 0; i < s.out_height(); ++i) {
      for (Index j = 0; j < s.out_width(); ++j, ++y) {
        body(y, (plane * s.conv_height + i * step) * s.conv_width + j * step);
      }
    }
  }
}

// Whether a pixel is the maximum, rather than the best of those before it.
bool beats(real v, real best) {
  return v > best || std::isnan(v);
}

// body(y, place, x) for every output of every plane and each pixel that its window sees.
template <class Body>
void for_pixels(const PoolSizes& s, const Body& body) {
  const auto& [kernel, stride, padding, dilation] = s.window;  // the last of them 1
  Index y = 0;
  for (Index plane = 0; plane < s.planes; ++plane) {
    for (Index i = 0; i < s.out.height; ++i) {
      for (Index j = 0; j < s.out.width; ++j, ++y) {
        for (Index place = 0; place < kernel.area(); ++place) {
          const Index row = i * stride.height - padding.height + place / kernel.width;
          const Index column = j * stride.width - padding.width + place % kernel.width;
          if (row < 0 || row >= s.in.height || column < 0 || column >= s.in.width) continue;
          body(y, place, (plane * s.in.height + row) * s.in.width + column);
        }
      }
    }
  }
}

}  // namespace

bool plain_kernels() {
  static const bool plain = asked_by_environment();
  return plain;
}

void plain_gemm(real* c, const real* a, const real* b, const GemmSizes& given) {
  const GemmSizes s = given.with_rows();
  for (Index i = 0; i < s.m; ++i) {
    for (Index j = 0; j < s.n; ++j) {
      real& element = c[i * s.c_row + j];
      double sum = s.accumulate ? static_cast<double>(element) : 0;
      for (Index k = 0; k < s.k; ++k) {
        const real left = s.transpose_a ? a[k * s.a_row + i] : a[i * s.a_row + k];
        const real right = s.transpose_b ? b[j * s.b_row + k] : b[k * s.b_row + j];
        sum += static_cast<double>(left) * static_cast<double>(right);
      }
      element = static_cast<real>(sum);
    }
  }
}

void plain_conv_forward(const ConvForward& f, const ConvSizes& s) {
  auto z = Scratch<double>::zeros(result_size(s));
  double* const result = z.data();
  for_products(s, [&](Index at, Index w, Index x) {
    result[at] += static_cast<double>(f.weight[w]) * static_cast<double>(f.x[x]);
  });
  const Index pixels = s.conv_height * s.conv_width;
  for_results(s, [&](Index y, Index first) {
    const double bias = f.bias != nullptr ? static_cast<double>(f.bias[first / pixels % s.out]) : 0;
    real best{};
    for (Index place = 0; place < (s.pools ? 4 : 1); ++place) {
      const Index at = first + place / 2 * s.conv_width + place % 2;
      const auto v = static_cast<real>(result[at] + bias);
      if (place > 0 && !beats(v, best)) continue;
      best = v;
      if (s.pools && f.argmax != nullptr) f.argmax[y] = static_cast<std::uint8_t>(place);
    }
    f.y[y] = s.relu && best < 0 ? real{0} : best;
  });
}

void plain_conv_backward(const ConvBackward& b, const ConvSizes& s) {
  auto dz = Scratch<double>::zeros(result_size(s));
  auto dx = Scratch<double>::zeros(s.images * s.in * s.height * s.width);
  auto dw = Scratch<double>::zeros(s.out * s.in_of_group() * s.window.kernel.area());
  auto db = Scratch<double>::zeros(s.out);
  const Index pixels = s.conv_height * s.conv_width;
  for_results(s, [&](Index y, Index at) {
    if (s.pools) at += b.argmax[y] / 2 * s.conv_width + b.argmax[y] % 2;
    const double d = s.relu && !(b.y[y] > 0) ? 0 : static_cast<double>(b.dy[y]);
    dz.data()[at] = d;
    db.data()[at / pixels % s.out] += d;
  });
  for_products(s, [&, d = dz.data(), px = dx.data(), pw = dw.data()](Index z, Index w, Index x) {
    if (b.dweight != nullptr) pw[w] += d[z] * static_cast<double>(b.x[x]);
    if (b.dx != nullptr) px[x] += d[z] * static_cast<double>(b.weight[w]);
  });
  if (b.dx != nullptr) write(b.dx, dx);
  if (b.dweight != nullptr) write(b.dweight, dw);
  if (b.dbias != nullptr) write(b.dbias, db);
}

void plain_max_pool_forward(real* y, Argmax* argmax, const real* x, const PoolSizes& s) {
  Index last = -1;
  for_pixels(s, [&](Index at, Index place, Index pixel) {
    const bool first = at != last;
    last = at;
    if (!first && !beats(x[pixel], y[at])) return;
    y[at] = x[pixel];
    argmax[at] = static_cast<Argmax>(place);
  });
}

void plain_max_pool_backward(real* dx, const real* dy, const Argmax* argmax, const PoolSizes& s) {
  auto sums = Scratch<double>::zeros(s.planes * s.in.area());
  for_pixels(s, [&](Index at, Index place, Index pixel) {
    if (argmax[at] == place) sums.data()[pixel] += static_cast<double>(dy[at]);
  });
  write(dx, sums);
}

void plain_avg_pool_forward(real* y, const real* x, const PoolSizes& s) {
  auto sums = Scratch<double>::zeros(s.planes * s.out.area());
  const auto area = static_cast<double>(s.window.kernel.area());
  for_pixels(s, [&](Index at, Index, Index pixel) {
    sums.data()[at] += static_cast<double>(x[pixel]) / area;
  });
  write(y, sums);
}

void plain_avg_pool_backward(real* dx, const real* dy, const PoolSizes& s) {
  auto sums = Scratch<double>::zeros(s.planes * s.in.area());
  const auto area = static_cast<double>(s.window.kernel.area());
  for_pixels(s, [&](Index at, Index, Index pixel) {
    sums.data()[pixel] += static_cast<double>(dy[at]) / area;
  });
  write(dx, sums);
}

}  // namespace limbeck
