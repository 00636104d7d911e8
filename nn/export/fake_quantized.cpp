#include "nn/export/fake_quantized.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "core/ops/exact_convolution.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

using Range = detail::Calibrated::Range;
using Cut = std::vector<std::uint8_t>;  // of each element 1 if it was cut off

void check_scales(const char* op, const Tensor& x, std::span<const double> scales) {
  const bool by_row = x.shape().rank() > 0 && static_cast<Index>(scales.size()) == x.dim(0);
  if (scales.empty() || (scales.size() > 1 && !by_row)) {
    fail(op, "there are {} scales for {}; give one, or one for each of its rows", scales.size(),
         x.shape());
  }
  for (const double scale : scales) {
    if (!(scale > 0) || std::isinf(scale)) fail(op, "a scale must be above 0; got {}", scale);
  }
}

// y = (q − zero) · scale, or without that factor.
Tensor fake(const char* op, const Tensor& x, std::span<const double> scales,
            const IntegerRange& range, bool integers) {
  check_scales(op, x, scales);
  const auto [low, high, zero] = range;
  const std::size_t row = x.values().size() / scales.size();
  Tensor y = Tensor::empty(x.shape());
  Cut cut(x.values().size());
  const std::span<const real> from = x.values();
  const std::span<real> to = y.values();
  for (std::size_t i = 0, r = 0; r < scales.size(); ++r) {
    const double unit = integers ? 1 : scales[r];
    for (; i < (r + 1) * row; ++i) {
      const double q = std::round(from[i] / scales[r]) + zero;
      const double kept = q < low ? low : q > high ? high : q;  // NaN stays
      to[i] = static_cast<real>((kept - zero) * unit);
      cut[i] = q >= low && q <= high ? 0 : 1;
    }
  }
  std::vector<double> slopes(scales.size(), 1);
  if (integers) std::ranges::transform(scales, slopes.begin(), [](double s) { return 1 / s; });
  return record(
      op, y, {x}, {},
      [row, cut = std::move(cut), slopes = std::move(slopes)](const Tensor& dy) -> Gradients {
        Tensor dx = Tensor::empty(dy.shape());
        const std::span<real> d = dx.values();
        for (std::size_t i = 0; i < cut.size(); ++i) {
          d[i] = cut[i] != 0 ? real{0} : static_cast<real>(dy.values()[i] * slopes[i / row]);
        }
        return {dx};
      });
}

// Σ w x of a layer, in integers: low + 16 high. Reals hold integers up to 2²⁴ or 2⁵³; where a sum
// may grow beyond, the weights are taken apart, w = w_low + 16 w_high, as of four bits each.
struct Sums {
  static constexpr int step = 16;

  Tensor low;
  Tensor high{};  // or undefined

  // All together, of pixels that are NaN too.
  std::vector<double> totals() const {
    std::vector<double> totals(low.values().begin(), low.values().end());
    if (!high.defined()) return totals;
    const std::span<const real> more = high.values();
    for (std::size_t i = 0; i < totals.size(); ++i) totals[i] += step * more[i];
    return totals;
  }
};

// Integers that reals hold, each and all their sums in any order, are below this.
constexpr double exact = static_cast<double>(std::uint64_t{1} << std::numeric_limits<real>::digits);

// The most that a part of one of the layer's sums can be.
double largest_sum(const QuantizedLayer& layer) {
  const std::size_t row = layer.weight.size() / static_cast<std::size_t>(layer.out.dim(0));
  double largest = 0;
  for (auto w = layer.weight.begin(); w != layer.weight.end();) {
    double sum = 0;
    for (const auto end = w + static_cast<std::ptrdiff_t>(row); w != end; ++w) sum += std::abs(*w);
    largest = std::max(largest, sum);
  }
  return largest * std::max(layer.zero, 255 - layer.zero);
}

Tensor product(const QuantizedLayer& layer, const Tensor& x, const Tensor& w) {
  if (layer.kind == PlainKind::linear) return linear(flatten(x), w, {});
  return exact_conv2d(
      x, w, {},
      {.stride = layer.window.stride, .padding = layer.window.padding, .groups = layer.groups});
}

// Of integers x and w.
Sums sums_of(const QuantizedLayer& layer, const Tensor& x, const Tensor& w) {
  if (largest_sum(layer) < exact) return {.low = product(layer, x, w)};
  const std::size_t row = layer.weight.size() / static_cast<std::size_t>(layer.out.dim(0));
  if (255.0 * Sums::step / 2 * static_cast<double>(row) >= exact) {
    fail("FakeQuantized", "a sum over {} weights is more than floats hold; build with REAL=double",
         row);
  }
  Tensor high = Tensor::empty(w.shape());
  std::ranges::transform(layer.weight, high.data(), [](std::int8_t q) {
    return static_cast<real>(std::round(static_cast<double>(q) / Sums::step));
  });
  // A constant to w, so that w has the gradient of the low part, and x that of both.
  return {.low = product(layer, x, w - high * Sums::step), .high = product(layer, x, high)};
}

// Calls f(channel, begin, end) for each plane of sums (N, C, …), channel by channel in parallel;
// one channel may be that of all.
template <class F>
void for_planes(const Shape& shape, std::size_t channels, F f) {
  const auto count = static_cast<std::size_t>(shape.dim(0) * shape.dim(1));
  if (count == 0) return;
  const std::size_t size = static_cast<std::size_t>(shape.size()) / count;
  const auto work = shape.size() / static_cast<Index>(channels);
  parallel_for(static_cast<Index>(channels), elementwise_grain / std::max<Index>(work, 1) + 1,
               [&](Index first, Index last) {
                 for (auto c = static_cast<std::size_t>(first); c < static_cast<std::size_t>(last);
                      ++c) {
                   for (std::size_t plane = c; plane < count; plane += channels) {
                     f(c, plane * size, (plane + 1) * size);
                   }
                 }
               });
}

void note(Range& range, double x) {
  range.low = std::min(range.low, x);
  range.high = std::max(range.high, x);
}

// What becomes of sums.
struct Ending {
  Tensor y;     // bytes less their zero, or logits
  Cut cut;      // of y
  Range range;  // of the bytes before they were cut off, in real numbers
};

// With what one of each channel's sum is worth.
Ending end_of(const QuantizedLayer& layer, const Sums& sums, const std::vector<double>& units) {
  const std::vector<double> totals = sums.totals();
  Ending end{.y = Tensor::empty(sums.low.shape()), .cut = Cut(totals.size()), .range = {}};
  const std::span<real> y = end.y.values();
  std::vector<Range> ranges(units.size());
  for_planes(sums.low.shape(), units.size(), [&](std::size_t c, std::size_t i, std::size_t last) {
    for (; i < last; ++i) {
      if (!std::isfinite(totals[i])) {  // of an image that is not finite; nothing hides it
        y[i] = static_cast<real>(totals[i]);
        continue;
      }
      const auto sum = static_cast<std::int32_t>(std::llround(totals[i]));
      if (!layer.logits.empty()) {
        y[i] = layer.logits[c].logit(sum);
        continue;
      }
      const ByteChannel& channel = layer.bytes[c];
      const std::int64_t q = channel.uncut(sum), kept = std::clamp<std::int64_t>(q, 0, 255);
      y[i] = static_cast<real>(kept - channel.zero);
      end.cut[i] = kept == q ? 0 : 1;
      note(ranges[c], (totals[i] + channel.bias) * units[c]);
    }
  });
  for (const auto& [low, high] : ranges) note(end.range, low), note(end.range, high);
  return end;
}

// The way back of that, where 1 of y is worth `out`: d sum = dy unit / out, d bias = Σ dy / out,
// but for what was cut off.
Gradients end_gradient(const Sums& sums, const Tensor& bias, const Cut& cut,
                       const std::vector<double>& units, double out, const Tensor& dy) {
  Tensor dsum = Tensor::empty(dy.shape());
  const std::span<const real> from = dy.values();
  const std::span<real> to = dsum.values();
  std::vector<double> total(units.size());
  for_planes(dy.shape(), units.size(), [&](std::size_t c, std::size_t i, std::size_t last) {
    for (; i < last; ++i) {
      const double d = cut[i] != 0 ? 0 : from[i] / out;
      to[i] = static_cast<real>(d * units[c]);
      total[c] += d;
    }
  });
  Tensor dbias;
  if (bias.wants_grad()) {
    dbias = Tensor::empty(bias.shape());
    std::ranges::transform(total, dbias.data(), [](double d) { return static_cast<real>(d); });
  }
  return {sums.low.wants_grad() ? dsum : Tensor(),
          sums.high.wants_grad() ? dsum * Sums::step : Tensor(), dbias};
}

// One pass over a batch, layer by layer. Values are integers less their zero, as reals.
class Pass {
 public:
  Pass(const Quantized& network, const std::vector<PlainLayer>& layers,
       const std::vector<detail::LayerScales>& scales)
      : network_(network), layers_(layers), scales_(scales) {}

  Tensor logits(const Tensor& images) {
    constexpr double pixel = 1.0 / 255;
    values_.push_back({fake_integers(images, {{pixel}}, {.low = 0, .high = 255}), pixel});
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      values_.push_back({result_of(network_.layers[i], scales_[i]), scales_[i].out});
    }
    return flatten(values_.back().integers);
  }

  // What layers gave before it was cut off, by the places of their ranges.
  const std::vector<std::pair<std::size_t, Range>>& ranges() const { return ranges_; }

 private:
  struct Value {
    Tensor integers;
    double scale;
  };

  Tensor result_of(const QuantizedLayer& layer, const detail::LayerScales& scales) {
    const auto input = [&](std::size_t i) {
      const Tensor& x = values_[layer.from[i]].integers;
      return reshape(x, layer.in.with_front(x.dim(0)));
    };
    const Size2d kernel = layer.window.kernel;
    const PoolOptions pool = {
        .kernel = kernel, .stride = layer.window.stride, .padding = layer.window.padding};
    const PlainLayer& plain = layers_[scales.layer];
    switch (layer.kind) {
      case PlainKind::relu:
        return relu(input(0));
      case PlainKind::max_pool:
        return max_pool2d(input(0), pool);
      case PlainKind::add:
        return sum_of_two(layer, scales, input(0), input(1));
      case PlainKind::avg_pool:
        return ended(layer, scales,
                     {.low = avg_pool2d(input(0), pool) * static_cast<double>(kernel.area())}, {});
      default:
        return ended(layer, scales,
                     sums_of(layer, input(0), fake_integers(plain.weight, scales.weights, {})),
                     plain.bias);
    }
  }

  Tensor ended(const QuantizedLayer& layer, const detail::LayerScales& scales, const Sums& sums,
               const Tensor& bias) {
    std::vector<double> units = scales.weights;
    for (double& unit : units) unit *= values_[layer.from[0]].scale;
    const bool bytes = layer.logits.empty();
    Ending end = end_of(layer, sums, units);
    if (bytes) add_range(scales, end.range);
    return record(bytes ? "sums_to_bytes" : "sums_to_logits", end.y, {sums.low, sums.high, bias},
                  {}, [=, cut = std::move(end.cut), out = scales.out](const Tensor& dy) {
                    return end_gradient(sums, bias, cut, units, out, dy);
                  });
  }

  // The byte of a sum of two values that have units of their own; its way back as above.
  Tensor sum_of_two(const QuantizedLayer& layer, const detail::LayerScales& scales, const Tensor& a,
                    const Tensor& b) {
    const auto& [multipliers, zeros, shift, zero] = layer.sum;
    const double unit_a = values_[layer.from[0]].scale, unit_b = values_[layer.from[1]].scale;
    Tensor y = Tensor::empty(a.shape());
    const std::span<real> to = y.values();
    const std::span<const real> as = a.values(), bs = b.values();
    Cut cut(to.size());
    Range range;
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = as[i] + bs[i];
      if (!std::isfinite(to[i])) continue;
      const std::int64_t q = layer.sum.uncut(static_cast<std::uint8_t>(as[i] + zeros[0]),
                                             static_cast<std::uint8_t>(bs[i] + zeros[1]));
      const std::int64_t kept = std::clamp<std::int64_t>(q, 0, 255);
      to[i] = static_cast<real>(kept - zero);
      cut[i] = kept == q ? 0 : 1;
      note(range, as[i] * unit_a + bs[i] * unit_b);
    }
    add_range(scales, range);
    return record("sum_of_bytes", y, {a, b}, {},
                  [=, cut = std::move(cut), out = scales.out](const Tensor& dy) -> Gradients {
                    Tensor d = dy.clone();
                    const std::span<real> passed = d.values();
                    for (std::size_t i = 0; i < cut.size(); ++i) {
                      if (cut[i] != 0) passed[i] = 0;
                    }
                    return {a.wants_grad() ? d * (unit_a / out) : Tensor(),
                            b.wants_grad() ? d * (unit_b / out) : Tensor()};
                  });
  }

  void add_range(const detail::LayerScales& scales, Range range) {
    if (scales.range != scales.layer) range.low = 0;  // a ReLU follows
    ranges_.emplace_back(scales.range, range);
  }

  const Quantized& network_;
  const std::vector<PlainLayer>& layers_;
  const std::vector<detail::LayerScales>& scales_;
  std::vector<Value> values_;
  std::vector<std::pair<std::size_t, Range>> ranges_;
};

}  // namespace

Tensor fake_quantize(const Tensor& x, std::span<const double> scales, const IntegerRange& range) {
  return fake("fake_quantize", x, scales, range, false);
}

Tensor fake_integers(const Tensor& x, std::span<const double> scales, const IntegerRange& range) {
  return fake("fake_integers", x, scales, range, true);
}

FakeQuantized::FakeQuantized(Module& network, const Tensor& images,
                             const FakeQuantizedOptions& options)
    : options_{.bits = options.bits}, range_momentum_(options.range_momentum) {
  static_cast<void>(options_.levels());
  if (!(range_momentum_ >= 0 && range_momentum_ <= 1)) {
    fail("FakeQuantized", "range_momentum must be in [0, 1]; got {}", range_momentum_);
  }
  auto [image, layers, ranges] = detail::calibrate(network, images);
  image_ = image;
  layers_ = std::move(layers);
  for (PlainLayer& layer : layers_) {
    if (!layer.weight.defined()) continue;
    layer.weight.requires_grad();
    layer.bias.requires_grad();
  }
  ranges_ = Tensor::empty({static_cast<Index>(ranges.size()), 2});
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    ranges_.data()[2 * i] = static_cast<real>(ranges[i].low);
    ranges_.data()[2 * i + 1] = static_cast<real>(ranges[i].high);
  }
}

std::string FakeQuantized::describe() const {
  return fmt::format("FakeQuantized({} bits)", options_.bits);
}

void FakeQuantized::parts(Parts& parts) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    parts(fmt::format("{}.weight", i), layers_[i].weight);
    parts(fmt::format("{}.bias", i), layers_[i].bias);
  }
  parts.buffer("ranges", ranges_);
}

detail::Calibrated FakeQuantized::calibrated() const {
  for (const auto& [name, tensor] : named_parameters()) {
    if (std::ranges::all_of(tensor.values(), [](real x) { return std::isfinite(x); })) continue;
    fail("FakeQuantized", "{} is no longer finite; try a lower learning rate", name);
  }
  detail::Calibrated network{.image = image_, .layers = layers_, .ranges = {}};
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    network.ranges.push_back({.low = ranges_.values()[2 * i], .high = ranges_.values()[2 * i + 1]});
  }
  return network;
}

Quantized FakeQuantized::quantized() const {
  return detail::in_integers(calibrated(), options_);
}

Tensor FakeQuantized::forward(const Tensor& images) {
  const Shape& shape = images.shape();
  if (shape.rank() == 0 || shape.without_front() != image_) {
    fail("FakeQuantized", "it was made for images {}; got a batch {}", image_, shape);
  }
  std::vector<detail::LayerScales> scales;
  const Quantized network = detail::in_integers(calibrated(), options_, &scales);
  Pass pass(network, layers_, scales);
  Tensor logits = pass.logits(images);
  if (!is_training()) return logits;
  for (const auto& [place, range] : pass.ranges()) {
    real* const now = ranges_.data() + 2 * place;
    now[0] += static_cast<real>(range_momentum_ * (range.low - now[0]));
    now[1] += static_cast<real>(range_momentum_ * (range.high - now[1]));
  }
  return logits;
}

}  // namespace limbeck
