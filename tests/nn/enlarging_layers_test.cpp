// Layers that make images larger.
#include "nn/conv_transpose2d.h"
#include "nn/sequential.h"
#include "nn/testing.h"
#include "nn/upsample.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("ConvTranspose2d begins as PyTorch's does, describes itself and counts its work") {
  Rng rng(1);
  ConvTranspose2d layer({.in = 16, .out = 12, .kernel = 4, .stride = 2, .padding = 1}, rng);
  CHECK(layer.weight.shape() == Shape{16, 12, 4, 4});
  CHECK(layer.bias.shape() == Shape{12});
  const double bound = 1 / std::sqrt(12.0 * 16);
  double largest = 0;
  for (const real v : layer.weight.values()) {
    largest = std::max(largest, std::abs(static_cast<double>(v)));
  }
  CHECK(largest <= bound);
  CHECK(largest > 0.99 * bound);
  CHECK(layer.describe() == "ConvTranspose2d(16, 12, kernel 4, stride 2, padding 1)");
  CHECK(ConvTranspose2d(
            {.in = 1, .out = 2, .kernel = 2, .stride = 3, .output_padding = {1, 2}, .bias = false},
            rng)
            .describe() ==
        "ConvTranspose2d(1, 2, kernel 2, stride 3, output_padding 1×2, no bias)");
  const Tensor y = layer(random_tensor({2, 16, 5, 7}, 2));
  CHECK(y.shape() == Shape{2, 12, 10, 14});
  CHECK(layer.multiply_adds(y.shape().without_front()) == 5 * 7 * 16 * 12 * 16);
  CHECK(layer.named_parameters()[0].name == "weight");
  CHECK(layer.named_parameters()[1].name == "bias");
  CHECK(error_of([&] { ConvTranspose2d({.in = 0, .out = 4}, rng); }) ==
        "ConvTranspose2d: in and out must be at least 1; got 0 and 4");
  CHECK(error_of([&] { ConvTranspose2d({.in = 1, .out = 4, .kernel = 0}, rng); }) ==
        "ConvTranspose2d: the kernel must be at least 1; got 0");
}

TEST_CASE("Upsample describes itself and computes upsample2d") {
  Upsample layer({.scale = {2, 3}, .mode = Upsampling::bilinear});
  const Tensor x = random_tensor({1, 2, 3, 4}, 1);
  CHECK(same_bits(layer(x), upsample2d(x, layer.options())));
  CHECK(layer.describe() == "Upsample(2×3, bilinear)");
  CHECK(Upsample().describe() == "Upsample(2)");
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("a network that enlarges has the gradients of finite differences") {
  Rng rng(1);
  Sequential net(ConvTranspose2d({.in = 2, .out = 3, .kernel = 3, .stride = 2}, rng),
                 Upsample({.scale = 2, .mode = Upsampling::bilinear}));
  CHECK(gradient_error(net, random_tensor({2, 2, 3, 2}, 2)) < 1e-6);
}
#endif
