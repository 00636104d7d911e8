// Training for integers: a network that computes as its integers will, and learns all the same.
//
//   FakeQuantized student(network, images, {.bits = 4});
//   Distiller(network, student, {.temperature = 4, .alpha = 0.1}).fit(train, {.lr = 1e-4});
//   export_c_int8(QuantizedNetwork(student.quantized()), "student.h");
//
// Rounding has the derivative 0, so behind it nothing would learn. The straight-through estimator
// takes it for the identity on the way back: a gradient of 1 where the value was not cut off, 0
// where it was (Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through
// Stochastic Neurons for Conditional Computation", 2013; for networks in integers Jacob et al.,
// "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
// CVPR 2018, section 3). The floats stay behind the integers and gather small steps, until one is
// nearer to the next integer. With a large network as the teacher it is quantised distillation:
// Mishra and Marr, "Apprentice", ICLR 2018; Polino, Pascanu and Alistarh, "Model compression via
// distillation and quantization", ICLR 2018.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "nn/export/quantize.h"

namespace limbeck {

// The integers that a value may become.
struct IntegerRange {
  int low = -127;  // the smallest
  int high = 127;  // the largest
  int zero = 0;    // the one that stands for 0
};

// x̂ = scale (q − zero),   q = round(x / scale) + zero, cut to [low, high]: the number that x
// becomes when it is kept as an integer. Halves go away from 0, as in nn/export/quantize.h; NaN
// stays.
//   x (…) → (…), with one scale, or one for each of the first dimension's rows: of a weight, for
//   each output
//   dx = dy where round(x / scale) + zero is in [low, high], else 0
// Weights of b bits take max |w| / (2^(b − 1) − 1) for their scale, and are never cut off; for what
// layers give, Units::spanning() has scale and zero, of integers from 0 to 255.
// Error: another number of scales, or one that is not above 0.
Tensor fake_quantize(const Tensor& x, std::span<const double> scales, const IntegerRange& range);
// The integers themselves, less zero: q − zero, with dx = dy / scale there.
Tensor fake_integers(const Tensor& x, std::span<const double> scales, const IntegerRange& range);

// How a network is trained for integers.
struct FakeQuantizedOptions {
  int bits = 8;  // 2 … 8, of a weight
  // The share of a batch in the running ranges of values; 0: they stay as they were calibrated.
  double range_momentum = 0.01;
};

// The network as C code and integers want it, a list of plain layers (nn/export/c_layers.h), its
// batch normalisation part of the layers before: (N, C, H, W) → (N, C), images with values in
// [0, 1]. Its parameters, I.weight and I.bias of layer I of that list, begin as the network's and
// are its own: the network stays as it is, and may go.
//
// What it answers is what QuantizedNetwork(quantized()) answers, to the bit, for weights and ranges
// as they are: each layer's integers are those of nn/export/quantize.h. (Pixels that are no floats,
// which a build for doubles can have, are rounded to floats there.) Only the way back is another
// one: straight through each rounding, with 0 where a value was cut off. Scales count as constants.
//
// The ranges of values, the buffer `ranges` (L, 2), are at first those of the network in floats on
// `images`, of which quantize() says more. Each batch in training mode computes with them and then
// moves them by range_momentum towards its own smallest and largest values.
// Error: that of quantize(); a range_momentum outside of [0, 1]; in a call images of another shape,
// a parameter that is no longer finite, or a sum that may need more than 32 bits.
class FakeQuantized : public Module {
 public:
  // Of the network, calibrated on these images.
  FakeQuantized(Module& network, const Tensor& images, const FakeQuantizedOptions& options = {});

  // The network in integers, as weights and ranges are now.
  Quantized quantized() const;

  std::string describe() const override;

 protected:
  Tensor forward(const Tensor& images) override;
  void parts(Parts& parts) override;

 private:
  detail::Calibrated calibrated() const;

  Shape image_;
  std::vector<PlainLayer> layers_;
  Tensor ranges_;  // (L, 2): the smallest and the largest value of each layer's result
  QuantizeOptions options_;
  double range_momentum_;
};

}  // namespace limbeck
