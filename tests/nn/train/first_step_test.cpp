// What would never learn is told at the first step.
#include "nn/first_step.h"

#include "core/ops.h"
#include "nn/distill/distiller.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/residual.h"
#include "nn/train/trainer.h"
#include "optim/adam.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// y = scale x, whose parts() has forgotten the scale.
class Scale : public Module {
 public:
  std::string describe() const override { return "Scale"; }
  Tensor scale = Tensor::full({4}, 1).requires_grad();

 protected:
  Tensor forward(const Tensor& x) override { return x * scale; }
};

// Forgets the module within.
class Forgetful : public Module {
 public:
  explicit Forgetful(Rng& rng) : inner_({.in = 4, .out = 4}, rng) {}
  std::string describe() const override { return "Forgetful(4)"; }

 protected:
  Tensor forward(const Tensor& x) override { return inner_(x); }

 private:
  Linear inner_;
};

template <class Layer>
Sequential around(Layer layer) {
  Rng rng(1);
  return Sequential(Flatten(), Linear({.in = 16, .out = 4}, rng), ReLU(), std::move(layer),
                    Linear({.in = 4, .out = 4}, rng));
}

const std::string mend =
    " that wants a gradient and that no optimizer would move; if it is to learn, list it, or the "
    "module that has it, in the layer's parts(), or give that module in TrainOptions::with; else "
    "freeze it by requires_grad(false)";

}  // namespace

TEST_CASE("a parameter that its layer does not list is an error of a training's first step") {
  const Dataset data = rows_of_light(16, 1);
  Sequential net = around(Scale());
  const Tensor before = net.parameters()[0].clone();
  CHECK(error_of([&] { train_classifier(net, data, {}); }) ==
        "3 (Scale): train: mul computes with a tensor of shape (4)" + mend);
  CHECK(same_bits(net.parameters()[0], before));  // nothing has moved

  Rng rng(1);
  Sequential other = around(Residual(Forgetful(rng)));
  other.set_name("student");
  CHECK(error_of([&] { train_classifier(other, data, {}); }) ==
        "student.3.inner (Forgetful): train: linear computes with a tensor of shape (4, 4)" + mend);
}

TEST_CASE("a parameter that the optimizer was not given is an error too") {
  const Dataset data = rows_of_light(16, 1);
  Sequential net = around(ReLU());
  TrainOptions options;
  options.optimizer = [](const std::vector<Tensor>& parameters, double lr) {
    return std::make_unique<Adam>(std::vector<Tensor>{parameters[0]}, AdamOptions{.lr = lr});
  };
  CHECK(
      contains(error_of([&] { train_classifier(net, data, options); }), "no optimizer would move"));
}

TEST_CASE("what is frozen, shared, unused or a teacher's is no mistake") {
  const Dataset data = rows_of_light(16, 1);
  Scale frozen;
  frozen.scale.requires_grad(false);
  Sequential net = around(std::move(frozen));
  net.parameters()[0].requires_grad(false);
  train_classifier(net, data, {.epochs = 1});
  Sequential teacher = around(Scale());
  Distiller(teacher, net, {}).fit(data, {.epochs = 1});
}

TEST_CASE("the look at a loss goes through the whole graph, and tells a tensor's name") {
  Tensor a = Tensor::full({2}, 1).requires_grad().set_name("a");
  Tensor b = Tensor::full({2}, 1).requires_grad().set_name("b");
  Tensor x = a * 2;
  for (int i = 0; i < 100'000; ++i) x = x + a;  // deep, and a used often
  const Tensor loss = sum(x * b.detach() + reshape(b, {1, 2}));
  const std::vector<Tensor> both = {a, b}, first = {a};
  detail::check_first_step("train", loss, both);
  CHECK(error_of([&] { detail::check_first_step("train", loss, first); }) ==
        "train: reshape computes with a tensor \"b\" of shape (2)" + mend);
  detail::check_first_step("train", Tensor::scalar(1), {});  // of nothing
  loss.backward();                                           // the graph is still there
}
