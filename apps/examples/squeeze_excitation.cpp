// A small convolutional network with a layer of one's own in it (squeeze_excitation.h): the table
// of its layers, how many of 1,000 synthetic digits it gets wrong after training, and the gates
// that it sets for two digits.
#include "apps/examples/squeeze_excitation.h"

#include <fmt/format.h>

#include "core/autograd.h"
#include "data/synthetic_digits.h"
#include "nn/conv2d.h"
#include "nn/pooling.h"
#include "nn/sequential.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"

using namespace limbeck;

namespace {

// The mean gates of the test images of a class, a number a channel.
void print_gates(Module& features, SqueezeExcitation& layer, const Dataset& test,
                 std::int32_t digit) {
  std::vector<Index> images;
  for (Index i = 0; i < test.size(); ++i) {
    if (test.class_ids[static_cast<std::size_t>(i)] == digit) images.push_back(i);
  }
  const NoGrad no_grad;
  const Tensor gates = layer.gates(features(make_batch(test, images).images));  // (N, C)
  fmt::print("gates for {}:", digit);
  for (Index c = 0; c < gates.dim(1); ++c) {
    double sum = 0;
    for (Index i = 0; i < gates.dim(0); ++i) {
      sum += static_cast<double>(gates.data()[i * gates.dim(1) + c]);
    }
    fmt::print(" {:.2f}", sum / static_cast<double>(gates.dim(0)));
  }
  fmt::print("\n");
}

}  // namespace

int main() {
  const auto [train, test] = synthetic_digits({.train = 4'000, .test = 1'000});
  Rng rng(1);
  Sequential net;
  net.add(Sequential(Conv2d({.in = 1, .out = 8, .kernel = 3, .padding = 1}, rng), ReLU(),
                     MaxPool2d({.kernel = 2}),
                     Conv2d({.in = 8, .out = 8, .kernel = 3, .padding = 1}, rng), ReLU()));
  net.add(SqueezeExcitation({.channels = 8, .reduction = 2}, rng));
  net.add(MaxPool2d({.kernel = 2})).add(Flatten());
  net.add(Linear({.in = 8 * 7 * 7, .out = 10}, rng));

  fmt::print("{}\n", summary(net, train.image));
  train_classifier(net, train, {.epochs = 5, .batch_size = 64, .lr = 3e-3});
  fmt::print("{} errors of {}\n", count_errors(net, test), test.size());
  net.eval();
  auto& layer = dynamic_cast<SqueezeExcitation&>(net[1]);
  for (const std::int32_t digit : {0, 1}) print_gates(net[0], layer, test, digit);
}
