#include "nn/export/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"

namespace limbeck {
namespace {

using detail::LayerScales;
using Range = detail::Calibrated::Range;

constexpr double most = std::numeric_limits<std::int32_t>::max();

void add(Range& range, std::span<const real> values) {
  for (const real x : values) {
    if (!std::isfinite(x)) fail("export", "the network gives values that are not finite");
    range.low = std::min<double>(range.low, x);
    range.high = std::max<double>(range.high, x);
  }
}

// What a layer gives for a batch of what it takes.
Tensor result_of(const PlainLayer& layer, const std::vector<Tensor>& values) {
  const auto input = [&](std::size_t i) {
    const Tensor& value = values[layer.from[i]];
    return reshape(value, layer.in.with_front(value.dim(0)));
  };
  const Tensor x = input(0);
  const auto& [kernel, stride, padding, dilation] = layer.window;  // the last of them 1
  const PoolOptions pool = {.kernel = kernel, .stride = stride, .padding = padding};
  switch (layer.kind) {
    case PlainKind::linear:
      return linear(flatten(x), layer.weight, layer.bias);
    case PlainKind::conv2d:
      return conv2d(x, layer.weight, layer.bias,
                    {.stride = stride, .padding = padding, .groups = layer.groups});
    case PlainKind::max_pool:
      return max_pool2d(x, pool);
    case PlainKind::avg_pool:
      return avg_pool2d(x, pool);
    case PlainKind::relu:
      return relu(x);
    case PlainKind::add:
      return x + input(1);
    case PlainKind::flatten:
    case PlainKind::global_avg_pool:
      break;  // c_layers() has none
  }
  fail("export", "{} is none of the layers that there are in integers", layer.name);
}

// The range of each layer's output.
std::vector<Range> ranges_of(const std::vector<PlainLayer>& layers, const Tensor& images) {
  constexpr Index at_once = 100;
  const NoGrad no_grad;
  std::vector<Range> ranges(layers.size());
  for (Index at = 0; at < images.dim(0); at += at_once) {
    std::vector<Tensor> values = {slice_rows(images, at, std::min(at + at_once, images.dim(0)))};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      values.push_back(result_of(layers[i], values));
      add(ranges[i], std::as_const(values.back()).values());
    }
  }
  return ranges;
}

// The scale of a channel's weights. Where they are tiny beside the bias it grows until the bias
// takes 31 bits at most.
double scale_of(std::span<const real> weights, double bias, double in_scale, int levels) {
  double largest = 0;
  for (const real w : weights) largest = std::max<double>(largest, std::abs(w));
  const double scale = std::max(largest / levels, std::abs(bias) / (in_scale * 0x1p30));
  return scale > 0 ? scale : 1;
}

// Appends the channel's weights as bytes and returns its bias, in units of in_scale · scale.
std::int32_t append_channel(std::vector<std::int8_t>& to, std::span<const real> weights,
                            double bias, double scale, double in_scale) {
  const double bias_q = std::round(bias / (in_scale * scale));
  double bound = std::abs(bias_q);
  for (const real w : weights) {
    const double q = std::round(w / scale);
    bound += 255 * std::abs(q);
    to.push_back(static_cast<std::int8_t>(q));
  }
  if (bound > most) {
    fail("export", "a sum over {} weights may need more than 32 bits", weights.size());
  }
  return static_cast<std::int32_t>(bias_q);
}

// Fills in how a layer sums, and returns the scales of its weights. add(bias, unit) notes a
// channel, 1 of whose sum is worth `unit`.
template <class Add>
std::vector<double> add_channels(QuantizedLayer& to, const PlainLayer& from, double in_scale,
                                 int levels, Add add) {
  if (from.kind == PlainKind::avg_pool) {
    const auto area = static_cast<double>(from.window.kernel.area());
    add(0, in_scale / area);
    return {1 / area};
  }
  std::vector<double> scales;
  const auto outs = static_cast<std::size_t>(from.weight.dim(0));
  const std::size_t size = from.weight.values().size() / outs;
  for (std::size_t o = 0; o < outs; ++o) {
    const auto weights = from.weight.values().subspan(o * size, size);
    const double bias = from.bias.values()[o];
    const double scale = scale_of(weights, bias, in_scale, levels);
    const std::int32_t bias_q = append_channel(to.weight, weights, bias, scale, in_scale);
    add(bias_q, in_scale * scale);
    scales.push_back(scale);
  }
  return scales;
}

bool sums(const PlainLayer& layer) {
  return layer.weight.defined() || layer.kind == PlainKind::avg_pool;
}

// The multiplier of a factor over 2^shift.
std::int32_t multiplier_of(double factor, int shift) {
  return static_cast<std::int32_t>(std::min(std::round(std::ldexp(factor, shift)), most));
}

// The shift at which a factor has 31 bits.
int shift_of(double factor) {
  int exponent = 0;
  std::frexp(factor, &exponent);  // 2^(exponent − 1) ≤ factor < 2^exponent
  return std::clamp(31 - exponent, 1, 62);
}

// zero + sum / 2^shift, halves away from zero.
std::int64_t rounded(std::int64_t sum, std::uint8_t shift, std::uint8_t zero) {
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  const std::int64_t size = (std::abs(sum) + half) >> shift;
  return sum < 0 ? zero - size : zero + size;
}

std::uint8_t cut(std::int64_t q) {
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(q, 0, 255));
}

// Makes the layers of a network one after the other.
class Quantizer {
 public:
  Quantizer(const detail::Calibrated& network, int levels)
      : layers_(network.layers), ranges_(network.ranges), levels_(levels) {}

  std::vector<QuantizedLayer> layers() {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const bool is_last = i + 1 == layers_.size();
      const std::size_t relu = !is_last && has_units_of_its_own(layers_[i]) ? relu_after(i) : i;
      scales_.push_back({.layer = i, .range = relu});
      add(layers_[i], ranges_[relu], is_last);
      if (relu != i) {  // its span begins at 0, and what is below is cut off
        values_.push_back(values_.back());
        ++i;
      }
    }
    return std::move(result_);
  }
  // Of these.
  std::vector<LayerScales> scales() { return std::move(scales_); }

 private:
  struct Value {
    std::size_t place;  // in the list of quantized layers, 0 being the image
    Units units;
  };

  static bool has_units_of_its_own(const PlainLayer& layer) {
    return sums(layer) || layer.kind == PlainKind::add;
  }

  // The next layer if it is a ReLU of this one's result, which nothing else takes; else this one.
  std::size_t relu_after(std::size_t i) const {
    std::ptrdiff_t uses = 0;
    for (const PlainLayer& layer : layers_) uses += std::ranges::count(layer.from, i + 1);
    const PlainLayer& next = layers_[i + 1];
    return uses == 1 && next.kind == PlainKind::relu && next.from[0] == i + 1 ? i + 1 : i;
  }

  void add(const PlainLayer& layer, const Range& range, bool is_last) {
    const Units in = values_[layer.from[0]].units;
    QuantizedLayer q = {.kind = layer.kind,
                        .from = {},
                        .in = layer.in,
                        .out = layer.out,
                        .window = layer.window,
                        .groups = layer.groups,
                        .zero = in.zero};
    for (const std::size_t from : layer.from) q.from.push_back(values_[from].place);
    Units out = has_units_of_its_own(layer) ? Units::spanning(range.low, range.high) : in;
    LayerScales& scales = scales_.back();
    if (is_last) {
      scales.weights =
          add_channels(q, layer, in.scale, levels_, [&q](std::int32_t bias, double unit) {
            q.logits.push_back({.bias = bias, .scale = static_cast<float>(unit)});
          });
    } else if (sums(layer)) {
      scales.weights =
          add_channels(q, layer, in.scale, levels_, [&q, out](std::int32_t bias, double unit) {
            q.bytes.push_back(ByteChannel::of(bias, unit / out.scale, out.zero));
          });
    } else if (layer.kind == PlainKind::add) {
      q.sum = ByteSum::of(in, values_[layer.from[1]].units, out);
    }
    if (!is_last) scales.out = out.scale;
    result_.push_back(std::move(q));
    values_.push_back({.place = result_.size(), .units = out});
  }

  const std::vector<PlainLayer>& layers_;
  const std::vector<Range>& ranges_;
  int levels_;
  std::vector<Value> values_ = {{.place = 0, .units = {.scale = 1.0 / 255, .zero = 0}}};
  std::vector<QuantizedLayer> result_;
  std::vector<LayerScales> scales_;
};

}  // namespace

Units Units::spanning(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  if (high == low) return {.scale = 1, .zero = 0};
  const double scale = (high - low) / 255;
  return {.scale = scale, .zero = static_cast<std::int32_t>(std::round(-low / scale))};
}

ByteChannel ByteChannel::of(std::int32_t bias, double factor, std::int32_t zero) {
  const int shift = shift_of(factor);
  return {.bias = bias,
          .multiplier = multiplier_of(factor, shift),
          .shift = static_cast<std::uint8_t>(shift),
          .zero = static_cast<std::uint8_t>(zero)};
}

std::int64_t ByteChannel::uncut(std::int32_t sum) const {
  return rounded(std::int64_t{sum + bias} * multiplier, shift, zero);
}

std::uint8_t ByteChannel::byte(std::int32_t sum) const {
  return cut(uncut(sum));
}

ByteSum ByteSum::of(const Units& a, const Units& b, const Units& out) {
  const double factor_a = a.scale / out.scale, factor_b = b.scale / out.scale;
  const int shift = shift_of(std::max(factor_a, factor_b));
  return {.multipliers = {multiplier_of(factor_a, shift), multiplier_of(factor_b, shift)},
          .zeros = {static_cast<std::uint8_t>(a.zero), static_cast<std::uint8_t>(b.zero)},
          .shift = static_cast<std::uint8_t>(shift),
          .zero = static_cast<std::uint8_t>(out.zero)};
}

std::int64_t ByteSum::uncut(std::uint8_t a, std::uint8_t b) const {
  return rounded(
      std::int64_t{a - zeros[0]} * multipliers[0] + std::int64_t{b - zeros[1]} * multipliers[1],
      shift, zero);
}

std::uint8_t ByteSum::byte(std::uint8_t a, std::uint8_t b) const {
  return cut(uncut(a, b));
}

int QuantizeOptions::levels() const {
  if (bits < 2 || bits > 8) fail("export", "weights have 2 to 8 bits; got {}", bits);
  return (1 << (bits - 1)) - 1;
}

detail::Calibrated detail::calibrate(Module& network, const Tensor& images) {
  if (images.shape().rank() == 0 || images.dim(0) == 0) {
    fail("export", "there are no images to calibrate the network on");
  }
  const Shape image = images.shape().without_front();
  std::vector<PlainLayer> layers = c_layers(network, image);
  if (!sums(layers.back())) {
    fail("export", "the last layer of a network in integers must be a Linear, a Conv2d or a mean");
  }
  std::vector<Range> ranges = ranges_of(layers, images);
  return {.image = image, .layers = std::move(layers), .ranges = std::move(ranges)};
}

Quantized detail::in_integers(const Calibrated& network, const QuantizeOptions& options,
                              std::vector<LayerScales>* scales) {
  Quantizer quantizer(network, options.levels());
  Quantized result = {.image = network.image, .layers = quantizer.layers()};
  if (scales != nullptr) *scales = quantizer.scales();
  return result;
}

Quantized quantize(Module& network, const Tensor& images, const QuantizeOptions& options) {
  static_cast<void>(options.levels());  // a word that is wrong is known before the work
  return detail::in_integers(detail::calibrate(network, images), options);
}

}  // namespace limbeck
