// The exercises of nn/README.md: bodies to write, each with the test that it has to pass.
#include <cmath>

#include "core/ops.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/module.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Exercise 1. Cross-entropy that cares less for what is learned already:
// −(1/N) Σ_n (1 − p_n)² ln p_n with p_n = softmax(z_n) at the label. Logits (N, C), N labels → ().
// Recorded, so that backward() works: built from ops.
// Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, section 3.2, with γ = 2.
Tensor focal_loss(const Tensor& logits, const std::vector<std::int32_t>& class_ids) {
  static_cast<void>(logits);
  static_cast<void>(class_ids);
  fail("exercise", "not done yet");
}

// Exercise 2. y = weight · x̂ + bias, x̂ normalised over each group of C / groups channels of each
// case: x (N, C, H, W) → (N, C, H, W), weight and bias (C, 1, 1).
// Wu and He, "Group Normalization", ECCV 2018. Error: groups that do not divide C.
Tensor by_groups(const Tensor& x, Index groups, const Tensor& weight, const Tensor& bias) {
  static_cast<void>(x);
  static_cast<void>(groups);
  static_cast<void>(weight);
  static_cast<void>(bias);
  fail("exercise", "not done yet");
}

// Exercise 3. A layer that learns its own activation: y_j = max over i < k of (W x + b)_{jk+i},
// (N, D_in) → (N, D_out), from a Linear of D_out · k outputs, which parts() calls "pieces".
// Goodfellow et al., "Maxout Networks", ICML 2013, section 3.
class Maxout : public Module {
 public:
  Maxout(Index in, Index out, Index k, Rng& rng) : pieces({.in = in, .out = out * k}, rng), k_(k) {}

  std::string describe() const override { return fmt::format("Maxout({} pieces)", k_); }

  Linear pieces;

 protected:
  Tensor forward(const Tensor& x) override {
    static_cast<void>(x);
    fail("exercise", "not done yet");
  }
  void parts(Parts& parts) override { static_cast<void>(parts); }

 private:
  Index k_;
};

}  // namespace

TEST_CASE("exercise nn 1: a focal loss" * doctest::skip()) {
  // Logits 0 and ln 3: probabilities ¼ and ¾.
  Tensor z = Tensor::from({1, 2}, {0, static_cast<real>(std::log(3.0))}).requires_grad();
  CHECK(static_cast<double>(focal_loss(z, {1}).item()) ==
        doctest::Approx(std::log(4.0 / 3) / 16).epsilon(1e-4));
  const Tensor loss = focal_loss(z, {0});
  CHECK(static_cast<double>(loss.item()) == doctest::Approx(9.0 / 16 * std::log(4.0)));
  // dL/dp = 2 (1 − p) ln p − (1 − p)² / p at p = ¼, times dp/dz = p (1 − p).
  loss.backward();
  const double pull = (1.5 * std::log(0.25) - 2.25) * 3 / 16;
  CHECK(difference(z.grad(), {pull, -pull}) < 1e-4);
  // The mean over two cases, one of which is learned.
  const Tensor two = concat_rows({z.detach(), Tensor::from({1, 2}, {12, 0})});
  CHECK(static_cast<double>(focal_loss(two, {0, 0}).item()) ==
        doctest::Approx(9.0 / 32 * std::log(4.0)).epsilon(1e-4));
}

TEST_CASE("exercise nn 2: group normalisation" * doctest::skip()) {
  Tensor weight = Tensor::full({4, 1, 1}, 1).requires_grad();
  Tensor bias = Tensor::zeros({4, 1, 1}).requires_grad();
  // Two groups of two channels of one pixel: 1, 3 and 10, 30 both become −1, 1.
  const Tensor x = Tensor::from({1, 4, 1, 1}, {1, 3, 10, 30});
  CHECK(difference(by_groups(x, 2, weight, bias), Tensor::from({1, 4, 1, 1}, {-1, 1, -1, 1})) <
        1e-4);
  // One group is layer normalisation of the whole case.
  const Tensor images = random_tensor({3, 4, 2, 5}, 1);
  const Tensor whole =
      layer_norm(reshape(images, {3, 40}), Tensor::full({40}, 1), Tensor::zeros({40}));
  CHECK(difference(reshape(by_groups(images, 1, weight, bias), {3, 40}), whole) < 1e-4);
  // As many groups as channels: each plane has mean 0 by itself, whatever the bias of others.
  const Tensor shifted = Tensor::from({4, 1, 1}, {0, 1, 2, 3});
  const Tensor y = by_groups(images, 4, weight, shifted);
  CHECK(difference(mean_last(reshape(y, {3, 4, 10})),
                   Tensor::from({3, 4, 1}, {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3})) < 1e-4);
  // Each bias reaches 3 · 2 · 5 elements.
  sum(by_groups(images, 2, weight, bias)).backward();
  CHECK(difference(bias.grad(), Tensor::full({4, 1, 1}, 30)) < 1e-4);
  CHECK(contains(error_of([&] { by_groups(images, 3, weight, bias); }), "group"));
}

TEST_CASE("exercise nn 3: maxout" * doctest::skip()) {
  Rng rng(1);
  Maxout maxout(1, 2, 2, rng);
  std::vector<std::string> names;
  for (const NamedTensor& parameter : maxout.named_parameters()) names.push_back(parameter.name);
  CHECK(names == std::vector<std::string>{"pieces.weight", "pieces.bias"});
  CHECK(maxout.parameter_count() == 8);
  // max(x, −x) = |x| and max(x, 0) = relu(x).
  maxout.pieces.weight = Tensor::from({4, 1}, {1, -1, 1, 0}).requires_grad();
  maxout.pieces.bias = Tensor::zeros({4}).requires_grad();
  const Tensor y = maxout(Tensor::from({2, 1}, {-3, 2}));
  CHECK(difference(y, Tensor::from({2, 2}, {3, 0, 2, 2})) == 0);
  // Only the piece that is the largest learns: −x and 0 at −3, x and x at 2.
  sum(y).backward();
  CHECK(difference(maxout.pieces.weight.grad(), Tensor::from({4, 1}, {2, -3, 2, -3})) == 0);
}
