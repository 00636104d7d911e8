#include "apps/export/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"

namespace limbeck {
namespace {

constexpr double most = std::numeric_limits<std::int32_t>::max();

struct Range {
  double low = 0;
  double high = 0;

  void add(std::span<const real> values) {
    for (const real x : values) {
      if (!std::isfinite(x)) fail("export", "the network gives values that are not finite");
      low = std::min<double>(low, x);
      high = std::max<double>(high, x);
    }
  }
};

Tensor apply(const PlainLayer& layer, const Tensor& x) {
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
    default:
      return relu(x);
  }
}

// The range of each layer's output.
std::vector<Range> calibrate(const std::vector<PlainLayer>& layers, const Dataset& images) {
  constexpr std::size_t at_once = 100;
  const NoGrad no_grad;
  std::vector<Range> ranges(layers.size());
  std::vector<Index> all(static_cast<std::size_t>(images.size()));
  std::iota(all.begin(), all.end(), Index{0});
  for (std::size_t at = 0; at < all.size(); at += at_once) {
    const auto part = std::span(all).subspan(at, std::min(at_once, all.size() - at));
    Tensor x = make_batch(images, part).images;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = apply(layers[i], x);
      ranges[i].add(x.values());
    }
  }
  return ranges;
}

// The scale of a channel's weights. Where they are tiny beside the bias it grows until the bias
// takes 31 bits at most.
double scale_of(std::span<const real> weights, double bias, double in_scale) {
  double largest = 0;
  for (const real w : weights) largest = std::max<double>(largest, std::abs(w));
  const double scale = std::max(largest / 127, std::abs(bias) / (in_scale * 0x1p30));
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

// Fills in how a layer sums. add(bias, unit) notes a channel, 1 of whose sum is worth `unit`.
template <class Add>
void add_channels(QuantizedLayer& to, const PlainLayer& from, double in_scale, Add add) {
  if (from.kind == PlainKind::avg_pool) {
    add(0, in_scale / static_cast<double>(from.window.kernel.area()));
    return;
  }
  const auto outs = static_cast<std::size_t>(from.weight.dim(0));
  const std::size_t size = from.weight.values().size() / outs;
  for (std::size_t o = 0; o < outs; ++o) {
    const auto weights = from.weight.values().subspan(o * size, size);
    const double bias = from.bias.values()[o];
    const double scale = scale_of(weights, bias, in_scale);
    const std::int32_t bias_q = append_channel(to.weight, weights, bias, scale, in_scale);
    add(bias_q, in_scale * scale);
  }
}

QuantizedLayer without_numbers(const PlainLayer& layer) {
  return {.kind = layer.kind,
          .in = layer.in,
          .out = layer.out,
          .window = layer.window,
          .groups = layer.groups};
}

bool sums(const PlainLayer& layer) {
  return layer.weight.defined() || layer.kind == PlainKind::avg_pool;
}

}  // namespace

Units Units::spanning(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  if (high == low) return {.scale = 1, .zero = 0};
  const double scale = (high - low) / 255;
  return {.scale = scale, .zero = static_cast<std::int32_t>(std::round(-low / scale))};
}

ByteChannel ByteChannel::of(std::int32_t bias, double factor, std::int32_t zero) {
  int exponent = 0;
  std::frexp(factor, &exponent);  // 2^(exponent − 1) ≤ factor < 2^exponent
  const int shift = std::clamp(31 - exponent, 1, 62);
  const double multiplier = std::min(std::round(std::ldexp(factor, shift)), most);
  return {.bias = bias,
          .multiplier = static_cast<std::int32_t>(multiplier),
          .shift = static_cast<std::uint8_t>(shift),
          .zero = static_cast<std::uint8_t>(zero)};
}

std::uint8_t ByteChannel::byte(std::int32_t sum) const {
  const std::int64_t product = std::int64_t{sum + bias} * multiplier;
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  const std::int64_t size = (std::abs(product) + half) >> shift;
  return static_cast<std::uint8_t>(
      std::clamp<std::int64_t>(product < 0 ? zero - size : zero + size, 0, 255));
}

Quantized quantize(Sequential& network, const Dataset& images) {
  constexpr Index enough = 1000;
  if (images.size() == 0) fail("export", "there are no images to calibrate the network on");
  const std::vector<PlainLayer> layers = c_layers(network, images.image);
  if (!sums(layers.back())) {
    fail("export", "the last layer of a network in integers must be a Linear, a Conv2d or a mean");
  }
  Rng rng(0);
  const std::vector<Range> ranges =
      calibrate(layers, images.sample(std::min(enough, images.size()), rng));

  Quantized result = {.image = images.image, .layers = {}};
  Units units = {.scale = 1.0 / 255, .zero = 0};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const PlainLayer& layer = layers[i];
    QuantizedLayer q = without_numbers(layer);
    q.zero = units.zero;
    if (i + 1 == layers.size()) {
      add_channels(q, layer, units.scale, [&q](std::int32_t bias, double unit) {
        q.logits.push_back({.bias = bias, .scale = static_cast<float>(unit)});
      });
    } else if (sums(layer)) {
      if (layers[i + 1].kind == PlainKind::relu) ++i;
      const Units out = Units::spanning(ranges[i].low, ranges[i].high);
      add_channels(q, layer, units.scale, [&q, out](std::int32_t bias, double unit) {
        q.bytes.push_back(ByteChannel::of(bias, unit / out.scale, out.zero));
      });
      units = out;
    }
    result.layers.push_back(std::move(q));
  }
  return result;
}

}  // namespace limbeck
