#include "nn/export/quantized_network.h"

#include <algorithm>
#include <span>

#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

using Bytes = std::vector<std::uint8_t>;

// In double, where float · 255 is exact: no compiler's choice of instructions changes a byte.
std::uint8_t byte_of(float pixel) {
  const double scaled = pixel * 255.0;
  if (!(scaled > 0)) return 0;
  return static_cast<std::uint8_t>(scaled < 255 ? scaled + 0.5 : 255);
}

// One layer at work on one image.
class Run {
 public:
  Run(const QuantizedLayer& layer, const Bytes& x)
      : layer_(layer), x_(x.data()), height_(layer.in.dim(1)), width_(layer.in.dim(2)) {}

  // `other` is what a sum takes besides.
  Bytes bytes(const Bytes& other) const {
    Bytes y(static_cast<std::size_t>(layer_.out.size()));
    switch (layer_.kind) {
      case PlainKind::relu: {
        const auto zero = static_cast<std::uint8_t>(layer_.zero);
        std::transform(x_, x_ + y.size(), y.begin(), [=](auto q) { return std::max(q, zero); });
        break;
      }
      case PlainKind::max_pool:
        for_outputs([&](Index plane, Index place, Index y_at) {
          std::uint8_t& largest = y[static_cast<std::size_t>(y_at)];
          for_window(place,
                     [&](Index, Index pixel) { largest = std::max(largest, x_[plane + pixel]); });
        });
        break;
      case PlainKind::add:
        std::transform(x_, x_ + y.size(), other.begin(), y.begin(),
                       [&](auto p, auto q) { return layer_.sum.byte(p, q); });
        break;
      default:
        for_sums([&](Index y_at, std::size_t channel, std::int32_t sum) {
          y[static_cast<std::size_t>(y_at)] = layer_.bytes[channel].byte(sum);
        });
    }
    return y;
  }

  void logits(std::span<real> y) const {
    for_sums([&](Index y_at, std::size_t channel, std::int32_t sum) {
      y[static_cast<std::size_t>(y_at)] = layer_.logits[channel].logit(sum);
    });
  }

 private:
  // Calls f(i, channel, sum without bias) for every output i of a layer that sums.
  template <class F>
  void for_sums(F f) const {
    if (layer_.kind == PlainKind::avg_pool) {
      for_outputs([&](Index plane, Index place, Index y_at) {
        std::int32_t sum = 0;
        for_window(place, [&](Index, Index pixel) { sum += x_[plane + pixel] - layer_.zero; });
        f(y_at, 0, sum);
      });
      return;
    }
    const Index outs = layer_.out.dim(0), places = layer_.out.dim(1) * layer_.out.dim(2);
    for (Index g = 0; g < layer_.groups; ++g) {
      for (Index place = 0; place < places; ++place) {
        const std::vector<std::int16_t> patch = patch_of(g, place);
        for (Index o = outs / layer_.groups * g; o < outs / layer_.groups * (g + 1); ++o) {
          const auto channel = static_cast<std::size_t>(o);
          const std::int8_t* weight = layer_.weight.data() + channel * patch.size();
          std::int32_t sum = 0;
          for (std::size_t i = 0; i < patch.size(); ++i) sum += weight[i] * patch[i];
          f(o * places + place, channel, sum);
        }
      }
    }
  }

  // q − zero of what a filter of group g sees at an output: (C / groups, kh, kw), padding 0.
  std::vector<std::int16_t> patch_of(Index g, Index output) const {
    const Index channels = layer_.in.dim(0) / layer_.groups, area = layer_.window.kernel.area();
    std::vector<std::int16_t> patch(static_cast<std::size_t>(channels * area));
    for_window(output, [&](Index place, Index pixel) {
      const std::uint8_t* q = x_ + g * channels * height_ * width_ + pixel;
      for (Index c = 0; c < channels; ++c, q += height_ * width_) {
        patch[static_cast<std::size_t>(c * area + place)] =
            static_cast<std::int16_t>(*q - layer_.zero);
      }
    });
    return patch;
  }

  // Calls f(where its plane begins in x, place in the plane, place in y) for outputs of pooling.
  template <class F>
  void for_outputs(F f) const {
    const Index places = layer_.out.dim(1) * layer_.out.dim(2);
    for (Index i = 0; i < layer_.out.size(); ++i) {
      f(i / places * height_ * width_, i % places, i);
    }
  }

  // Calls f(place in the window, pixel of the plane) for what an output's window has of the image.
  template <class F>
  void for_window(Index output, F f) const {
    const auto& [kernel, stride, padding, dilation] = layer_.window;  // the last of them 1
    const Index top = output / layer_.out.dim(2) * stride.height - padding.height;
    const Index left = output % layer_.out.dim(2) * stride.width - padding.width;
    for (Index i = std::max<Index>(0, -top); i < std::min(kernel.height, height_ - top); ++i) {
      for (Index j = std::max<Index>(0, -left); j < std::min(kernel.width, width_ - left); ++j) {
        f(i * kernel.width + j, (top + i) * width_ + left + j);
      }
    }
  }

  const QuantizedLayer& layer_;
  const std::uint8_t* x_;
  Index height_, width_;
};

void run(const Quantized& network, std::span<const real> image, std::span<real> logits) {
  std::vector<Bytes> values(1);
  for (const real pixel : image) values[0].push_back(byte_of(static_cast<float>(pixel)));
  for (const QuantizedLayer& layer : network.layers) {
    const Run run(layer, values[layer.from.front()]);
    if (!layer.logits.empty()) return run.logits(logits);
    values.push_back(run.bytes(values[layer.from.back()]));
  }
}

}  // namespace

Tensor QuantizedNetwork::forward(const Tensor& images) {
  const Shape& shape = images.shape();
  if (shape.rank() == 0 || shape.without_front() != network_.image) {
    fail("QuantizedNetwork", "it was made for images {}; got a batch {}", network_.image, shape);
  }
  const auto pixels = static_cast<std::size_t>(network_.image.size());
  const auto classes = static_cast<std::size_t>(network_.layers.back().out.size());
  Tensor logits = Tensor::empty({shape.dim(0), network_.layers.back().out.size()});
  const std::span<const real> x = std::as_const(images).values();
  const std::span<real> y = logits.values();
  parallel_for(shape.dim(0), 1, [&](Index begin, Index end) {
    for (auto n = static_cast<std::size_t>(begin); n < static_cast<std::size_t>(end); ++n) {
      run(network_, x.subspan(n * pixels, pixels), y.subspan(n * classes, classes));
    }
  });
  return logits;
}

}  // namespace limbeck
