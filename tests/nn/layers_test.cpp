// Layers, and what Module does for all of them.
#include <memory>
#include <thread>

#include "core/batch_share.h"
#include "core/kernels/gemm.h"
#include "nn/dropout.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/model_spec.h"
#include "nn/models.h"
#include "nn/sequential.h"
#include "nn/train/trainer.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The example of nn/module.h.
class ResidualBlock : public Module {
 public:
  ResidualBlock(Index width, Rng& rng)
      : inner_({.in = width, .out = width}, rng), outer_({.in = width, .out = width}, rng) {}
  std::string describe() const override { return "ResidualBlock"; }

 protected:
  Tensor forward(const Tensor& x) override { return x + outer_(relu(inner_(x))); }
  void parts(Parts& parts) override {
    parts("inner", inner_);
    parts("outer", outer_);
  }

 private:
  Linear inner_, outer_;
};

}  // namespace

TEST_CASE("Linear gives PyTorch's values and gradients") {
  // l = torch.nn.Linear(3, 2) with weight wave((2, 3), 1, 1.1) and bias wave((2,), 1, 0.4)
  // y = l(x := wave((4, 3), 1, 0.9)); (y * wave((4, 2), 1, 0.6)).sum().backward()
  Rng rng(1);
  Linear layer({.in = 3, .out = 2}, rng);
  layer.weight = wave({2, 3}, 1, 1.1).requires_grad();
  layer.bias = wave({2}, 1, 0.4).requires_grad();
  const Tensor x = wave({4, 3}, 1, 0.9).requires_grad();
  const Tensor y = layer(x);
  sum(y * wave({4, 2}, 1, 0.6)).backward();
  constexpr double tolerance = 1e-5;
  CHECK(difference(y, {2.346844856, -0.4446817785, -0.4209488242, 2.086980847, 1.618734275,
                       0.4238540454, 0.6984866181, 0.89936464}) < tolerance);
  CHECK(difference(x.grad(), {-0.2077018681, -0.04606934728, 0.1659081136, 0.3734215327,
                              0.4390347225, 0.02486736183, 0.4783262443, 0.3642446196,
                              -0.1478863508, -0.02677108519, -0.1750609976, -0.1320428938}) <
        tolerance);
  CHECK(difference(layer.weight.grad(), {-0.06716548045, 0.3161558362, 0.4602167191, 0.2935096925,
                                         0.4500273037, 0.2659732235}) < tolerance);
  CHECK(difference(layer.bias.grad(), {0.400735283, -0.3056953978}) < tolerance);
}

TEST_CASE("Linear begins uniform in ±1/√D_in") {
  Rng rng(3);
  const Linear layer({.in = 400, .out = 200}, rng);
  double largest = 0, squares = 0;
  for (const real w : layer.weight.values()) {
    largest = std::max(largest, std::abs(static_cast<double>(w)));
    squares += static_cast<double>(w) * static_cast<double>(w);
  }
  CHECK(largest <= 0.05);
  CHECK(largest > 0.0499);
  CHECK(squares / 80'000 ==
        doctest::Approx(0.05 * 0.05 / 3).epsilon(0.02));  // a uniform's variance
  for (const real b : layer.bias.values()) CHECK(std::abs(static_cast<double>(b)) <= 0.05);
}

TEST_CASE("Kaiming and Xavier initialisation have the variance of their papers") {
  const auto variance = [](const Tensor& w) {
    double squares = 0;
    for (const real x : w.values()) squares += static_cast<double>(x) * static_cast<double>(x);
    return squares / static_cast<double>(w.size());
  };
  Rng rng(4);
  CHECK(variance(kaiming_uniform({200, 300}, std::sqrt(2.0), rng)) ==
        doctest::Approx(2.0 / 300).epsilon(0.03));
  CHECK(variance(xavier_uniform({200, 300}, rng)) == doctest::Approx(2.0 / 500).epsilon(0.03));
  // A convolution's weight: fan-in 8 · 9, fan-out 32 · 9.
  CHECK(variance(xavier_uniform({32, 8, 3, 3}, rng)) == doctest::Approx(2.0 / 360).epsilon(0.08));
  CHECK(contains(error_of([&] { xavier_uniform({3}, rng); }), "(3)"));
}

TEST_CASE("Linear refuses an input of another width") {
  Rng rng(1);
  Linear layer({.in = 784, .out = 1200}, rng);
  CHECK(error_of([&] {
          layer(Tensor::zeros({32, 10}));
        }) ==
        "linear: the input has 10 features and the layer takes 784; input (32, 10), weight (1200, "
        "784)");
  CHECK(contains(error_of([&] { Linear({.in = 0, .out = 2}, rng); }), "got 0 and 2"));
}

TEST_CASE("dropout of a part of a batch is that part of the batch's") {
  Rng rng(4), again(4);
  const Tensor ones = Tensor::full({7, 3, 5}, 1);
  const Tensor whole = dropout(ones, 0.5, rng);
  const BatchShare share{.first = 2, .rows = 4};
  const BatchShareScope scope(&share);
  const Tensor part = dropout(ones.view({4, 15}), 0.5, again);  // another shape of these rows
  CHECK(std::ranges::equal(part.values(), whole.values().subspan(2 * 15, 4 * 15)));
}

TEST_CASE("dropout drops the asked share, scales the rest, and rests in evaluation") {
  Rng rng(5);
  Dropout layer({.p = 0.3}, rng);
  const Tensor x = Tensor::full({100, 1000}, 1);
  const Tensor y = layer(x);
  Index dropped = 0;
  for (const real v : y.values()) {
    if (v == 0) {
      ++dropped;
    } else {
      REQUIRE(static_cast<double>(v) == doctest::Approx(1 / 0.7));
    }
  }
  // 100,000 draws: a standard deviation is 145.
  CHECK(std::abs(static_cast<double>(dropped) - 30'000) < 5 * 145);
  CHECK_FALSE(same_bits(y, layer(x)));  // another mask each time
  layer.eval();
  CHECK(same_bits(layer(x), x));
  CHECK(contains(error_of([&] { Dropout({.p = 1}, rng); }), "must be in [0, 1); got 1"));
}

TEST_CASE("modules name, count and describe their parts") {
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 784, .out = 32}, rng), ReLU(), ResidualBlock(32, rng));
  net.add(Linear({.in = 32, .out = 10, .bias = false}, rng));
  std::vector<std::string> names;
  for (const NamedTensor& p : net.named_parameters()) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"1.weight", "1.bias", "3.inner.weight", "3.inner.bias",
                                          "3.outer.weight", "3.outer.bias", "4.weight"});
  CHECK(net.parameter_count() == 784 * 32 + 32 + 2 * (32 * 32 + 32) + 320);
}

TEST_CASE("the summary has a row for what a module has beside its children") {
  class Gated : public Module {
   public:
    explicit Gated(Rng& rng) : inner_({.in = 3, .out = 2}, rng) {}
    std::string describe() const override { return "Gated"; }

   protected:
    Tensor forward(const Tensor& x) override { return inner_(x * gate_); }
    void parts(Parts& parts) override {
      parts("gate", gate_);
      parts("inner", inner_);
    }

   private:
    Tensor gate_ = Tensor::full({3}, 1).requires_grad();
    Linear inner_;
  };
  Rng rng(1);
  Sequential net{Gated(rng)};
  CHECK("\n" + summary(net, {3}) == R"(
layer                          output  parameters  multiply-adds
input                             (3)
0        Gated                    (2)           3              0
0.inner  Linear(3, 2)             (2)           8              6
total                                          11              6
)");
}

TEST_CASE("the summary has names, shapes, parameters and multiply-adds, and their sums") {
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 784, .out = 32}, rng), ReLU(), ResidualBlock(32, rng));
  net.add(Linear({.in = 32, .out = 10, .bias = false}, rng));
  // 784 · 32 + 32 = 25,120 parameters, 784 · 32 = 25,088 products, and so on.
  CHECK("\n" + summary(net, {1, 28, 28}) == R"(
layer                                     output  parameters  multiply-adds
input                                (1, 28, 28)
0        Flatten                           (784)           0              0
1        Linear(784, 32)                    (32)      25,120         25,088
2        ReLU                               (32)           0              0
3.inner  Linear(32, 32)                     (32)       1,056          1,024
3.outer  Linear(32, 32)                     (32)       1,056          1,024
4        Linear(32, 10, no bias)            (10)         320            320
total                                                 27,552         27,456
)");
}

TEST_CASE("a network that is named names its parts and its parameters") {
  Rng rng(1);
  Sequential net(Linear({.in = 4, .out = 8}, rng), ReLU(),
                 Sequential(ResidualBlock(8, rng), Linear({.in = 8, .out = 2}, rng)));
  CHECK(net[2].name() == "2");
  CHECK(net.parameters()[2].name() == "2.0.inner.weight");
  CHECK(net.layer_name() == nullptr);
  net.set_name("student");
  net.add(Linear({.in = 2, .out = 2}, rng));
  std::vector<std::string> names;
  for (const auto& [name, module] : net.named_modules()) names.push_back(module->name());
  CHECK(names == std::vector<std::string>{"student", "student.0", "student.1", "student.2",
                                          "student.2.0", "student.2.0.inner", "student.2.0.outer",
                                          "student.2.1", "student.3"});
  CHECK(*net[2].layer_name() == "student.2 (Sequential)");
  CHECK(net.parameters()[2].name() == "student.2.0.inner.weight");
  net.set_name("");
  CHECK(net[2].name() == "2");
}

TEST_CASE("an error inside a network names the layer") {
  Rng rng(1);
  Sequential net(Linear({.in = 4, .out = 8}, rng), ReLU(),
                 Sequential(ResidualBlock(8, rng), Linear({.in = 6, .out = 2}, rng)));
  const Tensor x = random_tensor({3, 4}, 1);
  const std::string rule =
      "linear: the input has 8 features and the layer takes 6; input (3, 8), weight (2, 6)";
  CHECK(error_of([&] { net(x); }) == "2.1 (Linear): " + rule);
  net.set_name("student");
  CHECK(error_of([&] { net(x); }) == "student.2.1 (Linear): " + rule);
  CHECK(error_of([&] { linear(Tensor::zeros({3, 8}), Tensor::zeros({2, 6}), Tensor()); }) == rule);
  const Sequential moved = std::move(net);
  CHECK(moved.name() == "student");
}

TEST_CASE("an error in a gradient function names the layer of its op") {
  const auto bad_square = [](const Tensor& x) {
    return record("bad_square", x * x, {x},
                  [](const Tensor&) -> Gradients { return {Tensor::zeros({7})}; });
  };
  Rng rng(1);
  Sequential net(Linear({.in = 4, .out = 2}, rng), Function(bad_square, "Square"));
  net.set_name("student");
  const Tensor loss = sum(net(random_tensor({3, 4}, 1)));
  CHECK(error_of([&] { loss.backward(); }) ==
        "student.1 (Square): backward: bad_square gave a gradient of shape (7) for its input 0 of "
        "shape (3, 2)");
}

TEST_CASE("an error's rule is its text without layer and op") {
  const auto name = std::make_shared<const std::string>("student.2 (Linear)");
  const LayerScope scope(name);
  const Error error("linear", "the rule: that was broken");
  CHECK(error.what() == std::string("student.2 (Linear): linear: the rule: that was broken"));
  CHECK(error.rule() == "the rule: that was broken");
}

TEST_CASE("train and eval reach every part, and EvalMode gives each back as it was") {
  Rng rng(1);
  Sequential net(Dropout({}, rng), Sequential(Dropout({}, rng), ReLU()));
  net[0].eval();
  {
    const EvalMode eval_mode(net);
    for (Module* part : net.modules()) CHECK_FALSE(part->is_training());
  }
  CHECK_FALSE(net[0].is_training());
  CHECK(net[1].is_training());
  net.eval();
  for (Module* part : net.modules()) CHECK_FALSE(part->is_training());
}

TEST_CASE("several EvalModes may hold one network, and none is left behind in any order") {
  Rng rng(1);
  Sequential net(Dropout({}, rng), mlp({16, 4}, {}, rng));
  auto first = std::make_unique<EvalMode>(net);
  const auto second = std::make_unique<EvalMode>(net);
  net.train();
  CHECK_FALSE(net[0].is_training());  // held
  first.reset();                      // before the second, as another thread may do
  CHECK_FALSE(net[0].is_training());
  { const EvalMode third(net); }
  CHECK_FALSE(net[0].is_training());
  const Dataset data = rows_of_light(8, 1);
  CHECK(contains(error_of([&] { train_classifier(net, data, {}); }),
                 "cannot be trained while an EvalMode holds it"));
}

TEST_CASE("evaluation in two threads leaves the network in the mode in which it was") {
  Rng rng(1);
  Sequential net(Dropout({}, rng), ReLU());
  const auto evaluate = [&] {
    for (int i = 0; i < 2000; ++i) {
      const EvalMode eval_mode(net);
      if (net[0].is_training()) fail("test", "in training");
    }
  };
  std::thread other(evaluate);
  evaluate();
  other.join();
  CHECK(net[0].is_training());
  CHECK(net[1].is_training());
}

TEST_CASE("a class derived from Sequential is a layer of its own, and is not sliced") {
  struct Doubling : Sequential {
    using Sequential::Sequential;

   protected:
    Tensor forward(const Tensor& x) override { return Sequential::forward(x) * 2; }
  };
  Doubling doubling;
  doubling.add([](const Tensor& x) { return x + 1; });
  Sequential net(std::move(doubling));
  CHECK(difference(net(Tensor::zeros({2})), {2, 2}) == 0);
  Sequential moved(std::move(net));  // a plain one is moved as it is
  CHECK(moved.size() == 1);
  CHECK(difference(moved(Tensor::zeros({2})), {2, 2}) == 0);
}

TEST_CASE("zero_grad clears every parameter's gradient") {
  Rng rng(1);
  Sequential net = mlp({4, 3, 2}, {}, rng);
  sum(net(random_tensor({5, 4}, 1))).backward();
  for (const Tensor& p : net.parameters()) CHECK(p.has_grad());
  net.zero_grad();
  for (const Tensor& p : net.parameters()) CHECK_FALSE(p.has_grad());
}

TEST_CASE("a model from its text") {
  Rng rng(1);
  CHECK(make_model("mlp:1200,1200", {1, 28, 28}, 10, {.dropout = 0.5}, rng).parameter_count() ==
        2'395'210);
  CHECK(make_model("mlp:", {1, 28, 28}, 10, {}, rng).parameter_count() == 7'850);
  CHECK(make_model("mlp:5", {3, 2, 2}, 4, {}, rng)(Tensor::zeros({6, 3, 2, 2})).shape() ==
        Shape{6, 4});
  for (const char* bad : {"", "mlp", "800,800", "mlp:0", "mlp:3,", "mlp:3,,4", "mlp:-2", "mlp:2x",
                          "mlp:9999999", "cnn:8", "cnn:8,0", "lenet"}) {
    CAPTURE(bad);
    const std::string text = error_of([&] { check_model_spec(bad); });
    CHECK(contains(text, std::string("\"") + bad + "\""));
    CHECK(contains(text, "as in mlp:800,800"));
  }
  CHECK(contains(error_of([&] { mlp({784}, {}, rng); }), "got 1"));
}
