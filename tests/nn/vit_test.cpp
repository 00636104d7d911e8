// Self-attention and the vision transformer.
#include "nn/vit.h"

#include "nn/attention.h"
#include "nn/losses.h"
#include "nn/testing.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const Shape image{1, 8, 8};

// Row l of x (N, L, D), for the first image.
Tensor token(const Tensor& x, Index l) {
  return slice_rows(reshape(slice_rows(x, 0, 1), {x.dim(1), x.dim(2)}), l, l + 1);
}

}  // namespace

TEST_CASE("patches become tokens from left to right and from the top down") {
  Rng rng(1);
  PatchEmbedding embed({.image = {1, 4, 6}, .patch = 2, .features = 5}, rng);
  const std::vector<NamedTensor> parts = embed.named_parameters();
  REQUIRE(parts.size() == 3);  // weight, bias, position
  const Tensor x = random_tensor({2, 1, 4, 6}, 2);
  const Tensor y = embed(x);
  REQUIRE(y.shape() == Shape{2, 6, 5});
  // Token 4 of the first image is the patch of rows 2 and 3, columns 2 and 3.
  Tensor patch = Tensor::empty({1, 4});
  for (Index i = 0; i < 4; ++i) patch.data()[i] = x.data()[(2 + i / 2) * 6 + 2 + i % 2];
  const Tensor weight = reshape(parts[0].tensor, {5, 4});
  const Tensor by_hand = linear(patch, weight, parts[1].tensor) + slice_rows(parts[2].tensor, 4, 5);
  CHECK(difference(token(y, 4), by_hand) < 1e-5);
}

TEST_CASE("attention does not care for the order of tokens") {
  Rng rng(1);
  SelfAttention attention({.features = 8, .heads = 2}, rng);
  const Tensor x = random_tensor({1, 4, 8}, 2);
  const Tensor turned =
      reshape(concat_rows({token(x, 2), token(x, 0), token(x, 3), token(x, 1)}), {1, 4, 8});
  const Tensor y = attention(x), z = attention(turned);
  CHECK(difference(token(z, 0), token(y, 2)) < 1e-5);
  CHECK(difference(token(z, 3), token(y, 1)) < 1e-5);
}

TEST_CASE("attention to tokens that are all alike answers as their one value does") {
  Rng rng(1);
  SelfAttention attention({.features = 8, .heads = 2}, rng);
  const Tensor one = random_tensor({1, 8}, 2);
  const Tensor y = attention(reshape(concat_rows({one, one, one}), {1, 3, 8}));
  // The weights are 1/3 each, and a mean of equal values is that value.
  const auto parts = attention.named_parameters();
  const auto of = [&](const std::string& name) {
    return std::ranges::find(parts, name, &NamedTensor::name)->tensor;
  };
  const Tensor value = linear(one, of("value.weight"), of("value.bias"));
  CHECK(difference(token(y, 1), linear(value, of("out.weight"), of("out.bias"))) < 1e-5);
}

TEST_CASE("sizes that do not fit a vision transformer are refused") {
  Rng rng(1);
  CHECK(error_of([&] {
          PatchEmbedding({.image = {1, 28, 28}, .patch = 5, .features = 8}, rng);
        }) == "PatchEmbedding: patches of 5 × 5 do not tile images (1, 28, 28)");
  CHECK(error_of([&] { SelfAttention({.features = 8, .heads = 3}, rng); }) ==
        "SelfAttention: 3 heads do not divide 8 features");
  SelfAttention attention({.features = 8, .heads = 2}, rng);
  CHECK(attention.describe() == "SelfAttention(8, 2 heads)");
  CHECK(contains(error_of([&] {
                   attention(Tensor::zeros({2, 8}));
                 }),
                 "the input must be (N, L, 8); got (2, 8)"));
}

TEST_CASE("a vision transformer learns which half of an image is bright") {
  Rng rng(1);
  Sequential net = vit(image, 2, {.patch = 4, .width = 8, .heads = 2, .blocks = 1}, rng);
  Tensor x = uniform({32, 1, 8, 8}, 0, 0.5, rng);
  std::vector<std::int32_t> class_ids;
  for (Index n = 0; n < 32; ++n) {
    const Index bright = n % 2;
    class_ids.push_back(static_cast<std::int32_t>(bright));
    for (Index i = 0; i < 32; ++i) x.data()[n * 64 + bright * 32 + i] += real(0.5);
  }
  const auto loss = [&] { return cross_entropy(net(x), class_ids); };
  const real before = loss().item();
  for (int step = 0; step < 60; ++step) {
    net.zero_grad();
    loss().backward();
    for (Tensor& parameter : net.parameters()) {
      for (std::size_t i = 0; i < parameter.values().size(); ++i) {
        parameter.values()[i] -= real(0.3) * parameter.grad().values()[i];
      }
    }
  }
  CHECK(before > 0.5);  // about ln 2
  CHECK(loss().item() < 0.1);
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("the gradient of a vision transformer is that of finite differences") {
  Rng rng(1);
  Sequential net = vit(image, 3, {.patch = 4, .width = 8, .heads = 2, .blocks = 1}, rng);
  CHECK(gradient_error(net, random_tensor({2, 1, 8, 8}, 2)) < 1e-6);
}
#endif
