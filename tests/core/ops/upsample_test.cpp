#include "core/ops/upsample.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr UpsampleOptions nearest{.scale = 2};
constexpr UpsampleOptions bilinear{.scale = 2, .mode = Upsampling::bilinear};

}  // namespace

TEST_CASE("upsampling gives the values of PyTorch's documentation, torch.nn.Upsample") {
  const Tensor x = Tensor::from({1, 1, 2, 2}, {1, 2, 3, 4});
  CHECK(difference(upsample2d(x, nearest), {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}) == 0);
  CHECK(difference(upsample2d(x, bilinear), {1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75,
                                             3.25, 3.5, 3, 3.25, 3.75, 4}) < 1e-6);
}

TEST_CASE("each plane is enlarged by itself, each way by its own factor") {
  const Tensor x = random_tensor({2, 3, 4, 5}, 1);
  const Tensor y = upsample2d(x, {.scale = {3, 2}});
  REQUIRE(y.shape() == Shape{2, 3, 12, 10});
  for (Index at = 0; at < y.size(); ++at) {
    const Index plane = at / 120, row = at / 10 % 12, column = at % 10;
    CHECK(y.data()[at] == x.data()[plane * 20 + row / 3 * 5 + column / 2]);
  }
  // One row of 1, 2, 4, three times as wide: centres at −1/3, 0, 1/3, 2/3, 1, 4/3, 5/3, 2, 7/3.
  const Tensor row = Tensor::from({1, 1, 1, 3}, {1, 2, 4});
  CHECK(difference(upsample2d(row, {.scale = {1, 3}, .mode = Upsampling::bilinear}),
                   {1, 1, 4.0 / 3, 5.0 / 3, 2, 8.0 / 3, 10.0 / 3, 4, 4}) < 1e-6);
}

TEST_CASE("what upsampling leaves: a factor of 1, constants, no images, what is infinite") {
  const Tensor x = random_tensor({1, 2, 3, 3}, 1);
  for (const Upsampling mode : {Upsampling::nearest, Upsampling::bilinear}) {
    CHECK(same_bits(upsample2d(x, {.scale = 1, .mode = mode}), x));
    const Tensor ones = upsample2d(Tensor::full({1, 1, 3, 2}, 7), {.scale = 4, .mode = mode});
    CHECK(difference(ones, Tensor::full({1, 1, 12, 8}, 7)) < 1e-6);
    CHECK(upsample2d(Tensor::zeros({0, 2, 3, 3}), {.scale = 2, .mode = mode}).shape() ==
          Shape{0, 2, 6, 6});
  }
  const Tensor odd = upsample2d(Tensor::from({1, 1, 1, 3}, {INFINITY, 1, 2}), {.scale = {1, 3}});
  for (Index i = 0; i < 9; ++i) CHECK(std::isinf(odd.data()[i]) == (i < 3));
  const Tensor mixed = upsample2d(Tensor::from({1, 1, 1, 3}, {NAN, 1, 2}),
                                  {.scale = {1, 3}, .mode = Upsampling::bilinear});
  for (Index i = 0; i < 9; ++i) CHECK(std::isnan(mixed.data()[i]) == (i < 4));
}

TEST_CASE("the gradient of an enlarged pixel is the sum over where it went") {
  Tensor x = Tensor::from({1, 1, 1, 2}, {5, 7}).requires_grad();
  sum(upsample2d(x, nearest) * Tensor::from({1, 1, 2, 4}, {1, 2, 3, 4, 10, 20, 30, 40})).backward();
  CHECK(difference(x.grad(), {33, 77}) < 1e-6);
#ifdef LIMBECK_REAL_DOUBLE
  for (const Upsampling mode : {Upsampling::nearest, Upsampling::bilinear}) {
    const auto f = [=](const std::vector<Tensor>& in) {
      return upsample2d(in[0], {.scale = {3, 2}, .mode = mode});
    };
    CHECK(gradient_error(f, {random_tensor({2, 2, 3, 4}, 1)}) < 1e-6);
    CHECK(gradient_error(f, {random_tensor({1, 1, 1, 1}, 2)}) < 1e-6);
  }
#endif
}

TEST_CASE("upsample2d refuses what is no image and no factor") {
  CHECK(error_of([] {
          upsample2d(Tensor::zeros({2, 3}));
        }) == "upsample2d: images must be (N, C, H, W); got shape (2, 3)");
  CHECK(error_of([] {
          upsample2d(Tensor::zeros({1, 1, 2, 2}), {.scale = {2, 0}});
        }) == "upsample2d: the scale must be from 1 to 1073741824; got 2×0");
}
