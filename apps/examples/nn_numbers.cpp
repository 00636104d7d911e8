// The worked examples of nn/README.md: each prints the numbers that the chapter explains.
#include <fmt/format.h>

#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/batch_norm.h"
#include "nn/dropout.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/model_spec.h"

using namespace limbeck;

// The elements with four decimals: "0.7054 0.2595 0.0351".
std::string numbers(const Tensor& x) {
  std::string text;
  for (const real v : x.values()) {
    text += fmt::format("{:>9.4f}", std::isnan(v) ? NAN : v);  // a NaN's sign is the processor's
  }
  return text;
}

void a_layer() {
  fmt::print("--- a layer's names\n");
  Rng rng(1);
  Sequential net(Linear({.in = 2, .out = 3}, rng), ReLU(), Linear({.in = 3, .out = 1}, rng));
  net.add([](const Tensor& x) { return x * 2; });
  for (const auto& [name, tensor] : net.named_parameters()) {
    fmt::print("{} {}\n", name, tensor.shape());
  }
}

void softmax_and_cross_entropy() {
  fmt::print("--- softmax and cross-entropy\n");
  const Tensor z = Tensor::from({1, 3}, {2, 1, -1}).requires_grad();
  const std::vector<std::int32_t> label = {1};
  const Tensor loss = cross_entropy(z, label);
  loss.backward();
  fmt::print("p     {}\nloss  {}\ndz    {}\n", numbers(softmax(z)), numbers(loss),
             numbers(z.grad()));
}

void apart() {
  fmt::print("--- together and apart\n");
  const std::vector<std::int32_t> label = {1};
  const Tensor onehot = Tensor::from({1, 3}, {0, 1, 0});

  Tensor z = Tensor::from({1, 3}, {200, 0, 190}).requires_grad();
  const Tensor together = cross_entropy(z, label);
  together.backward();
  fmt::print("together  loss {}  dz {}\n", numbers(together), numbers(z.grad()));

  z.clear_grad();
  const Tensor in_two = -sum(onehot * log(softmax(z)));
  in_two.backward();
  fmt::print("in two    loss {}  dz {}\n", numbers(in_two), numbers(z.grad()));
}

void normalisation() {
  fmt::print("--- normalisation\n");
  const Tensor x = Tensor::from({2, 3}, {1, 2, 3, 3, 6, 9});
  BatchNorm1d batch_norm({.channels = 3});
  LayerNorm layer_norm({.features = 3});
  fmt::print("BatchNorm1d in training    {}\n", numbers(batch_norm(x)));
  fmt::print("its running mean           {}\n", numbers(batch_norm.running_mean));
  fmt::print("its running variance       {}\n", numbers(batch_norm.running_var));
  batch_norm.eval();
  fmt::print("BatchNorm1d in evaluation  {}\n", numbers(batch_norm(x)));
  fmt::print("LayerNorm                  {}\n", numbers(layer_norm(x)));
}

void silence() {
  fmt::print("--- dropout\n");
  Rng rng(3);
  Dropout dropout({.p = 0.5}, rng);
  const Tensor ones = Tensor::full({8}, 1);
  fmt::print("in training    {}\n", numbers(dropout(ones)));
  dropout.eval();
  fmt::print("in evaluation  {}\n", numbers(dropout(ones)));
}

void by_name() {
  fmt::print("--- a network by name\n");
  Rng rng(1);
  Sequential net = make_model("cnn:4,8,32", {1, 28, 28}, 10, {}, rng);
  fmt::print("{}", summary(net, {1, 28, 28}));
}

int main() {
  a_layer();
  softmax_and_cross_entropy();
  apart();
  normalisation();
  silence();
  by_name();
}
