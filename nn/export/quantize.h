// A trained network in integers: bytes for weights and values, 32 bits for sums. After Jacob et
// al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
// Inference", CVPR 2018, section 2: the units of values and the factors as integers are theirs.
//
// Values. A tensor has one scale and one zero, and keeps the real x as a byte q:
//   x = scale (q − zero),   q in [0, 255]
// Pixels, in [0, 1], have scale 1/255 and zero 0: a dataset's bytes come back exactly. Any other
// tensor spans 0 and all values that calibration meets. (To cut off the largest 0.001 % to 1 % made
// the logits worse, on held-out training images and seven networks, the more the more was cut, and
// won no decisions.)
// 0 is exactly `zero`, and so is padding. A ReLU right after a sum is no work: the span of its
// output begins at 0, and what is below is cut off.
//
// Weights are bytes in [−127, 127] with a scale for each output channel o, and no zero:
//   w = scale_o w_q,   scale_o = max |w| / 127 over the channel
// Of b bits instead of 8 they are bytes all the same, on a grid of 2^b − 1 levels: 127 becomes
// 2^(b − 1) − 1, 7 at 4 bits and 1 at 2. Values stay bytes. (To learn with so few levels:
// nn/export/fake_quantized.h.)
//
// Sums, of Linear, Conv2d and means of windows (with weights 1 and scale_o = 1 / area):
//   sum = bias_q + Σ w_q (q − zero_in)            bias_q = bias / (scale_in scale_o)
//   q_out = zero_out + round(sum · factor), cut to [0, 255], halves away from 0
//   factor = scale_in scale_o / scale_out, as multiplier / 2^shift with 31 significant bits
// The maximum of a window, and a ReLU elsewhere, keep the units of their input. The sum of two
// tensors a and b has units of its own:
//   q_out = zero_out + round((q_a − zero_a) factor_a + (q_b − zero_b) factor_b), cut and rounded so
//   factor_a = scale_a / scale_out, likewise b; as multipliers over one 2^shift
//
// Logits are the last layer's sums times scale_in scale_o, as floats: as bytes, classes would tie.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "nn/export/c_layers.h"

namespace limbeck {

// How a tensor keeps its values: x = scale (q − zero).
struct Units {
  double scale;
  std::int32_t zero;

  // That span low … high and 0. Where all of it is 0 the scale is 1.
  static Units spanning(double low, double high);
};

// How the sums of an output channel become bytes.
struct ByteChannel {
  std::int32_t bias;        // in units of the sum
  std::int32_t multiplier;  // at least 0
  std::uint8_t shift;       // 1 … 62
  std::uint8_t zero;        // of the output

  // For a factor above 0. From 2³⁰ on, where every sum but 0 leaves the range of a byte, all
  // factors are alike.
  static ByteChannel of(std::int32_t bias, double factor, std::int32_t zero);

  // Of a sum without its bias.
  std::uint8_t byte(std::int32_t sum) const;
  // The same before it is cut to [0, 255].
  std::int64_t uncut(std::int32_t sum) const;
};

// How they become logits.
struct LogitChannel {
  std::int32_t bias;  // in units of the sum
  float scale;        // of the sum

  // Of a sum without its bias.
  float logit(std::int32_t sum) const { return static_cast<float>(sum + bias) * scale; }
};

// How two bytes become their sum.
struct ByteSum {
  std::array<std::int32_t, 2> multipliers{};  // of a and b
  std::array<std::uint8_t, 2> zeros{};        // likewise
  std::uint8_t shift = 1;                     // 1 … 62
  std::uint8_t zero = 0;                      // of the output

  // For operands and a result that keep their values so.
  static ByteSum of(const Units& a, const Units& b, const Units& out);

  // The byte of the sum of these two, and the same before it is cut to [0, 255].
  std::uint8_t byte(std::uint8_t a, std::uint8_t b) const;
  std::int64_t uncut(std::uint8_t a, std::uint8_t b) const;
};

// A layer in integers.
struct QuantizedLayer {
  PlainKind kind;                      // linear, conv2d, relu, max_pool, avg_pool or add
  std::vector<std::size_t> from;       // 0 is the image, i + 1 what layer i gives
  Shape in, out;                       // (C, H, W); features are (D, 1, 1)
  Window2d window;                     // of conv2d and pooling
  Index groups;                        // of conv2d
  std::int32_t zero{};                 // of the input
  std::vector<std::int8_t> weight{};   // of linear and conv2d, in PlainLayer's order
  std::vector<ByteChannel> bytes{};    // of layers that sum, but for the last: one an output
  std::vector<LogitChannel> logits{};  // of the last; avg_pool has one for all, in either
  ByteSum sum{};                       // of add
};

// A network in integers.
struct Quantized {
  Shape image;                         // of what it takes
  std::vector<QuantizedLayer> layers;  // in order; the last gives the logits
};

// How weights are rounded.
struct QuantizeOptions {
  int bits = 8;  // 2 … 8, of a weight

  // The largest weight, 2^(bits − 1) − 1. Error: bits out of range.
  int levels() const;
};

// The network, in evaluation mode, in integers. It is calibrated on these images (N, C, H, W), with
// pixels in [0, 1]: some 1,000 training images, so that test images stay unseen.
// Error: that of c_layers; no images; values that are not finite; a last layer that is no linear,
// conv2d or mean; a channel of so many weights that its sum may need more than 32 bits; bits out of
// range.
Quantized quantize(Module& network, const Tensor& images, const QuantizeOptions& options = {});

namespace detail {

// A network in floats with what its layers give: all that quantize() rounds.
struct Calibrated {
  // Of numbers, and 0.
  struct Range {
    double low = 0;
    double high = 0;
  };

  Shape image;                     // of what it takes
  std::vector<PlainLayer> layers;  // as c_layers() gives them
  std::vector<Range> ranges;       // of what each gives
};
Calibrated calibrate(Module& network, const Tensor& images);

// The units of a layer in integers, for who trains it.
struct LayerScales {
  std::size_t layer;              // its place in Calibrated::layers
  std::size_t range;              // that of the ReLU whose work it does, else the same
  std::vector<double> weights{};  // of each channel; of avg_pool 1 / area
  double out = 1;                 // of its result
};
// Also the scales of its layers, where they are asked for.
Quantized in_integers(const Calibrated& network, const QuantizeOptions& options,
                      std::vector<LayerScales>* scales = nullptr);

}  // namespace detail

}  // namespace limbeck
