// ConvTranspose2d: the convolutional layer that enlarges.
#pragma once

#include "core/ops/convolution.h"
#include "core/random.h"
#include "nn/module.h"

namespace limbeck {

// The way back of a convolution as a layer: (N, C_in, H, W) → (N, C_out, H_out, W_out), with
// H_out = (H − 1) stride − 2 padding + kh + output_padding; core/ops/convolution.h defines it.
// Parameters: weight (C_in, C_out, kh, kw), bias (C_out). Both begin uniform in ±1/√fan with
// fan = C_out · kh · kw, as PyTorch's ConvTranspose2d does. With a kernel of twice the stride and
// padding of half of it, {.kernel = 4, .stride = 2, .padding = 1}, it doubles a side, and every
// pixel of y is a sum of as many products.
// Error: a size below 1; in a call, what conv_transpose2d refuses.
class ConvTranspose2d : public Module {
 public:
  // The sizes of the layer.
  struct Options {
    Index in = 0;               // C_in
    Index out = 0;              // C_out
    Size2d kernel = 1;          // (kh, kw)
    Size2d stride = 1;          // pixels of y from one pixel of x to the next
    Size2d padding = 0;         // pixels of y that are left out all around
    Size2d output_padding = 0;  // pixels more below and on the right
    bool bias = true;           // whether there is a bias
  };
  ConvTranspose2d(const Options& options, Rng& rng);

  std::string describe() const override;
  Index multiply_adds(const Shape& output) const override;
  const Options& options() const { return options_; }  // as they were given

  Tensor weight;  // (C_in, C_out, kh, kw)
  Tensor bias;    // (C_out), or undefined

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  Options options_;
};

}  // namespace limbeck
