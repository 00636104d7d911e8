// The checker of a layer's gradients: it passes what is right, sees what is wrong, leaves no trace.
#include "nn/testing.h"

#include "nn/batch_norm.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// y = scale x, in a way of which the gradient is right or not.
class Scale : public Module {
 public:
  explicit Scale(bool cut) : cut_(cut) {}
  std::string describe() const override { return "Scale"; }
  Tensor scale = Tensor::from({3}, {1, 2, 3}).requires_grad();

 protected:
  Tensor forward(const Tensor& x) override { return x * (cut_ ? scale.detach() : scale); }
  void parts(Parts& parts) override { parts("scale", scale); }

 private:
  bool cut_;
};

}  // namespace

TEST_CASE("the checker does not pass what is no number") {
  for (const real factor : {real(NAN), real(INFINITY), real(-INFINITY)}) {
    Sequential net([factor](const Tensor& x) {
      return record("fake", x.clone(), {x},
                    [factor](const Tensor& dy) -> Gradients { return {dy * factor}; });
    });
    CHECK(gradient_error(net, random_tensor({2, 3}, 1)) == INFINITY);
  }
  const Tensor infinite = Tensor::from({2}, {1, INFINITY});
  CHECK(difference(infinite, infinite) == 0);
  CHECK(difference(Tensor::from({2}, {1, 5}), infinite) == INFINITY);
  CHECK(difference(Tensor::from({2}, {1, -INFINITY}), infinite) == INFINITY);
}

TEST_CASE("the checker sees a parameter whose gradient is missing, in float too") {
  Scale right(false), wrong(true);
  const Tensor x = random_tensor({4, 3}, 1);
  CHECK(gradient_error(right, x) < (sizeof(real) == 8 ? 1e-6 : 0.05));
  CHECK(gradient_error(wrong, x) > 0.5);
  Sequential forgetful([&](const Tensor& y) { return y * right.scale; });
  CHECK(contains(error_of([&] { gradient_error(forgetful, x); }),
                 "gradient_error: mul computes with a tensor of shape (3) that wants a gradient"));
  wrong.scale.requires_grad(false);  // frozen: nobody asks for it
  CHECK(gradient_error(wrong, x) < (sizeof(real) == 8 ? 1e-6 : 0.05));
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("the checker sees a wrong gradient of any part, and of wrong sign only") {
  Rng rng(1);
  const auto error_with = [&](real factor) {
    const auto scaled_identity = [factor](const Tensor& x) {
      return record("fake", x.clone(), {x},
                    [factor](const Tensor& dy) -> Gradients { return {dy * factor}; });
    };
    Sequential net(Linear({.in = 3, .out = 4}, rng), scaled_identity);
    return gradient_error(net, random_tensor({2, 3}, 1));
  };
  CHECK(error_with(1) < 1e-6);
  CHECK(error_with(real(1.0001)) > 1e-6);
  CHECK(error_with(-1) > 1);
}

TEST_CASE("the checker draws the same numbers every time, and leaves the layer as it was") {
  Rng rng(1);
  Sequential net(Linear({.in = 3, .out = 4}, rng), Dropout({.p = 0.5}, rng),
                 BatchNorm1d({.channels = 4}));
  const Tensor x = random_tensor({6, 3}, 2);
  const Tensor mean = net.named_buffers()[0].tensor.clone();
  const std::vector<real> weights(net.parameters()[0].values().begin(),
                                  net.parameters()[0].values().end());
  const Rng::State place = net.named_generators()[0].second->state();
  CHECK(gradient_error(net, x) < 1e-6);
  CHECK(same_bits(net.named_buffers()[0].tensor, mean));
  CHECK(std::ranges::equal(net.parameters()[0].values(), weights));
  CHECK(net.named_generators()[0].second->state() == place);
  for (const Tensor& parameter : net.parameters()) CHECK_FALSE(parameter.has_grad());
  CHECK_FALSE(x.wants_grad());
}
#endif
