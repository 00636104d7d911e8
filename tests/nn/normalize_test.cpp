// Normalize: given means and deviations, which travel with the network.
#include "nn/normalize.h"

#include "data/channel_statistics.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "nn/testing.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("Normalize takes each channel's mean away and divides by its deviation") {
  Normalize layer({.mean = {1, -2}, .deviation = {2, 4}});
  const Tensor x = Tensor::from({2, 2, 1, 2}, {1, 3, -2, 2, 5, -1, 6, 0});
  CHECK(difference(layer(x), {0, 1, 0, 1, 2, -1, 2, 0.5}) < 1e-6);
  CHECK(difference(layer(reshape(x, {4, 2})), {0, 1.25, -1.5, 1, 2, 0.25, 2.5, 0.5}) < 1e-6);
  Normalize one({.mean = {1}, .deviation = {2}});  // any shape
  CHECK(difference(one(Tensor::from({1, 3}, {1, 2, 5})), {0, 0.5, 2}) < 1e-6);
  CHECK(one(Tensor::zeros({2, 5, 3, 3})).shape() == Shape{2, 5, 3, 3});
  CHECK(layer.describe() == "Normalize(2)");
#ifdef LIMBECK_REAL_DOUBLE
  CHECK(gradient_error(layer, random_tensor({2, 2, 3}, 1)) < 1e-6);
#endif
}

TEST_CASE("a dataset normalised by its own statistics has mean 0 and variance 1") {
  const Dataset data{.image = {1, 2, 2},
                     .classes = 1,
                     .pixels = {0, 10, 200, 30, 70, 255, 90, 0},
                     .class_ids = {0, 0}};
  const ChannelStatistics channels = channel_statistics(data);
  Normalize layer({.mean = channels.mean, .deviation = channels.deviation});
  const std::vector<Index> both = {0, 1};
  const Tensor y = layer(make_batch(data, both).images);
  CHECK(std::abs(mean(y).item()) < 1e-6);
  CHECK(mean(square(y)).item() == doctest::Approx(1));
}

TEST_CASE("Normalize's numbers are saved with the network, and nothing trains them") {
  Rng rng(1);
  const auto network = [&](double mean) {
    return Sequential(Normalize({.mean = {mean}, .deviation = {mean}}),
                      Linear({.in = 2, .out = 1}, rng));
  };
  Sequential net = network(3), other = network(1);
  CHECK(net.named_parameters().size() == 2);
  REQUIRE(net.named_buffers().size() == 2);
  CHECK(net.named_buffers()[0].name == "0.mean");
  CHECK(net.named_buffers()[1].name == "0.deviation");
  for (const NamedTensor& buffer : net.named_buffers()) CHECK_FALSE(buffer.tensor.wants_grad());
  const Folder folder;
  save_weights(net, folder.file("x.safetensors"));
  load_weights(other, folder.file("x.safetensors"));
  const Tensor x = random_tensor({4, 2}, 2);
  CHECK(difference(other(x), net(x)) < 1e-6);
}

TEST_CASE("Normalize refuses numbers that are none, and other channels") {
  CHECK(error_of([] { Normalize({}); }) ==
        "Normalize: a mean and a deviation are needed for each channel; got 0 and 0");
  CHECK(error_of([] {
          Normalize({.mean = {1, 2}, .deviation = {1}});
        }) == "Normalize: a mean and a deviation are needed for each channel; got 2 and 1");
  CHECK(error_of([] {
          Normalize({.mean = {1, 2}, .deviation = {1, 0}});
        }) ==
        "Normalize: a mean must be finite and a deviation above 0; those of channel 1 are 2 and 0");
  CHECK(error_of([] { Normalize({.mean = {NAN}, .deviation = {1}}); }) != "(no error)");
  Normalize layer({.mean = {1, 2}, .deviation = {1, 1}});
  CHECK(error_of([&] {
          layer(Tensor::zeros({4, 3, 2, 2}));
        }) == "Normalize: the input must be (N, 2, …); got (4, 3, 2, 2)");
  CHECK(error_of([&] { layer(Tensor::zeros({2})); }) ==
        "Normalize: the input must be (N, 2, …); got (2)");
}
