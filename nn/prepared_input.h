// Images as a network from elsewhere wants them: normalised, or laid out otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/normalize.h"
#include "nn/sequential.h"

namespace limbeck {

// How an image's numbers lie: (N, C, H, W) as everywhere here; (N, H, W, C), as Keras has them; or
// (N, C H W), in the order of the first.
enum class InputLayout { nchw, nhwc, flat };
std::string to_string(InputLayout layout);  // "nchw"
// Error, in the name of `op`: another word.
InputLayout input_layout_of(const char* op, const std::string& text);
// An image (C, H, W) so laid out: (C, H, W), (H, W, C) or (C H W).
Shape laid_out(const Shape& image, InputLayout layout);

// What a network was trained on, where that is not (N, C, H, W) of numbers from 0 to 1.
struct InputOptions {
  InputLayout layout = InputLayout::nchw;  // how the numbers lie
  // What is subtracted: one number for each channel, or one for all; empty: 0.
  std::vector<double> mean{};
  // What it is then divided by, likewise; empty: 1. ToTensor and Normalize((0.1307,), (0.3081,)) of
  // torchvision are {0.1307} and {0.3081}; a network that learned from bytes, 0 to 255, wants a std
  // of {1.0 / 255}.
  std::vector<double> std{};

  bool is_usual() const { return layout == InputLayout::nchw && mean.empty() && std.empty(); }
};

// (N, C, H, W) of numbers from 0 to 1 → what the options say, each channel (x − mean) / std first.
// It has no state: the numbers are part of what the network is, as the sizes of its layers are.
// Error: Normalize's; as many means as deviations are needed where both are given, but for one.
class PreparedInput : public Module {
 public:
  explicit PreparedInput(const InputOptions& options);

  std::string describe() const override;  // "PreparedInput(nhwc, mean 0.1307, std 0.3081)"

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  InputOptions options_;
  std::optional<Normalize> normalize_;
};

// The network with that before it, so that it takes what all networks here take. The numbers of its
// layers, by which tensors and taps are named, rise by one. As it was, if the input is as usual.
//   Sequential teacher = prepared(load_model(file).network, {.mean = {0.1307}, .std = {0.3081}});
// Error: PreparedInput's.
Sequential prepared(Sequential network, const InputOptions& options);
// Of any other module, which becomes the last layer of a Sequential.
Sequential prepared(std::unique_ptr<Module> network, const InputOptions& options);

}  // namespace limbeck
