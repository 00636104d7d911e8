// Groups of parameters: options of their own, in steps of every kind and in checkpoints.
#include "optim/parameter_group.h"

#include <functional>
#include <memory>

#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/sequential.h"
#include "nn/train/trainer.h"
#include "optim/adam.h"
#include "optim/rms_prop.h"
#include "optim/sgd.h"
#include "tests/data/idx_files.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Make = std::function<std::unique_ptr<Optimizer>(ParameterGroups, double lr, double decay)>;

// One of each kind of optimizer.
const std::vector<Make> kinds = {
    [](ParameterGroups groups, double lr, double decay) {
      return std::make_unique<Sgd>(std::move(groups),
                                   SgdOptions{.lr = lr, .momentum = 0.9, .weight_decay = decay});
    },
    [](ParameterGroups groups, double lr, double decay) {
      return std::make_unique<Adam>(std::move(groups),
                                    AdamOptions{.lr = lr, .weight_decay = decay});
    },
    [](ParameterGroups groups, double lr, double decay) {
      return std::make_unique<AdamW>(std::move(groups),
                                     AdamWOptions{.lr = lr, .weight_decay = decay});
    },
    [](ParameterGroups groups, double lr, double decay) {
      return std::make_unique<RmsProp>(std::move(groups),
                                       RmsPropOptions{.lr = lr, .weight_decay = decay});
    }};

Tensor parameter(const Shape& shape, std::uint64_t seed) {
  return random_tensor(shape, seed).requires_grad();
}

}  // namespace

TEST_CASE("groups in one optimizer move as optimizers of their own would") {
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    for (const bool minimize : {false, true}) {
      CAPTURE(kind);
      CAPTURE(minimize);
      Tensor a = parameter({3, 40}, 1), b = parameter({3}, 2);
      Tensor alone_a = a.clone().requires_grad(), alone_b = b.clone().requires_grad();
      const auto both = kinds[kind](
          {{.parameters = {a}, .lr_factor = 0.5, .weight_decay = 0.25}, {.parameters = {b}}}, 0.125,
          0.0625);
      const auto first = kinds[kind]({alone_a}, 0.0625, 0.25);
      const auto second = kinds[kind]({alone_b}, 0.125, 0.0625);
      const Tensor x = random_tensor({5, 40}, 3), c = random_tensor({5, 3}, 4);
      const auto step = [&](std::initializer_list<Optimizer*> optimizers, const Tensor& w,
                            const Tensor& bias) {
        for (Optimizer* const optimizer : optimizers) optimizer->zero_grad();
        const Tensor loss = sum(linear(x, w, bias) * c);
        if (minimize && optimizers.size() == 1) return (*optimizers.begin())->minimize(loss);
        loss.backward();
        for (Optimizer* const optimizer : optimizers) optimizer->step();
      };
      for (int i = 0; i < 4; ++i) {
        if (i == 2) both->set_lr(0.5), first->set_lr(0.25), second->set_lr(0.5);
        step({both.get()}, a, b);
        step({first.get(), second.get()}, alone_a, alone_b);
      }
      CHECK(difference(a, alone_a) < 1e-6);
      CHECK(difference(b, alone_b) < 1e-6);
    }
  }
}

TEST_CASE("decay_matrices_only decays what products and convolutions multiply by, nothing else") {
  Rng rng(1);
  Sequential net(Conv2d({.in = 1, .out = 2, .kernel = 3}, rng), BatchNorm2d({.channels = 2}),
                 Flatten(), Linear({.in = 8, .out = 3}, rng));
  std::vector<Tensor> before = weights_of(net);
  AdamW adam(decay_matrices_only(net.parameters(), 0.5), {.lr = 0.5});
  adam.minimize(sum(net(Tensor::zeros({2, 1, 4, 4})) * 0));  // gradients of 0: decay alone moves
  const std::vector<Tensor> after = weights_of(net);
  REQUIRE(after.size() == 6);
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(difference(after[i], before[i] * (before[i].shape().rank() >= 2 ? 0.75 : 1)) < 1e-6);
  }
  CHECK(decay_matrices_only({before[0]}, 1).size() == 1);  // no group without parameters
  CHECK(decay_matrices_only({}, 1).empty());
  CHECK(contains(error_of([&] { decay_matrices_only(before, -1); }), "weight_decay"));
}

TEST_CASE("a frozen parameter of a group stays, and moves by that group once it is not frozen") {
  Tensor a = Tensor::full({1}, 1).requires_grad(), b = Tensor::full({1}, 1);
  Sgd sgd({{.parameters = {a}}, {.parameters = {b}, .lr_factor = 0.5, .weight_decay = 1}},
          {.lr = 0.5});
  sgd.minimize(sum(a * b));
  CHECK(a.item() == doctest::Approx(0.5));
  CHECK(b.item() == 1);
  b.requires_grad();
  sgd.minimize(sum(a * b));  // b ← 1 − ½ · 0.5 · (0.5 + 1 · 1)
  CHECK(b.item() == doctest::Approx(0.625));
}

TEST_CASE("a parameter counts once in its group, and may be in no second one") {
  Tensor a = Tensor::full({2, 3}, 1).requires_grad().set_name("0.weight");
  Tensor b = Tensor::full({2}, 1).requires_grad();
  Sgd sgd({{.parameters = {a, a}, .lr_factor = 0.5}, {.parameters = {b}}}, {.lr = 1});
  sgd.minimize(sum(a) + sum(b));
  CHECK(difference(a, Tensor::full({2, 3}, 0.5)) < 1e-6);
  CHECK(error_of([&] {
          ParameterGroups({{.parameters = {a, b}}, {.parameters = {a}}});
        }) ==
        "ParameterGroups: the parameter 0.weight (2, 3) is in groups 0 and 1; it moves by the "
        "options of one");
}

TEST_CASE("groups refuse options out of range, and a decay that the optimizer's rule has not") {
  const Tensor a = parameter({2}, 1);
  const auto refusal = [&](double lr_factor, double decay) {
    return error_of([&] {
      ParameterGroups({{.parameters = {a}, .lr_factor = lr_factor, .weight_decay = decay}});
    });
  };
  CHECK(refusal(0, 0) == "(no error)");
  CHECK(contains(refusal(-1, 0), "lr_factor must be a number of at least 0; got -1"));
  CHECK(contains(refusal(INFINITY, 0), "lr_factor"));
  CHECK(contains(refusal(1, NAN), "weight_decay must be at least 0; got nan"));
  struct NoDecay : Optimizer {
    explicit NoDecay(ParameterGroups groups) : Optimizer(std::move(groups), 1) {}

   protected:
    void update(std::size_t, Index, std::span<const real>) override {}
  };
  CHECK(error_of([&] { NoDecay({{.parameters = {a}, .weight_decay = 0.5}}); }) ==
        "Optimizer: a group has weight_decay 0.5, and this optimizer's rule has none");
  CHECK(error_of([&] { NoDecay({{.parameters = {a}, .weight_decay = 0}}); }) == "(no error)");
}

TEST_CASE("an optimizer tells its groups, if there are any") {
  Tensor a = parameter({3, 2}, 1).set_name("0.weight"), b = parameter({2}, 2), c = parameter({}, 3);
  CHECK(Adam({a, b}).describe_groups().empty());
  CHECK(Adam({{.parameters = {a, b}}}, {}).describe_groups().empty());
  CHECK(Adam({{.parameters = {a, c}, .weight_decay = 0.5}, {.parameters = {b}, .lr_factor = 2}})
            .describe_groups() ==
        "[lr_factor = 1, weight_decay = 0.5: 0.weight (3, 2), ()] [lr_factor = 2: (2)]");
}

TEST_CASE(
    "a training with groups goes on from its checkpoint, and one of other groups is refused") {
  const Folder folder;
  const Dataset data = rows_of_light(40, 1);
  const auto train = [&](const std::string& file, int stop_after, double decay) {
    Rng rng(1);
    Sequential net = mlp({16, 8, 4}, {}, rng);
    TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 1e-2};
    options.optimizer = [decay](std::vector<Tensor> parameters, double lr) {
      return std::make_unique<AdamW>(decay_matrices_only(parameters, decay),
                                     AdamWOptions{.lr = lr});
    };
    int batches = 0;
    options.checkpoint = {.file = file, .run = {}, .stop = [&batches, stop_after] {
                            return ++batches == stop_after;
                          }};
    try {
      train_classifier(net, data, options);
    } catch (const Stopped&) {
    }
    return weights_of(net);
  };
  const std::vector<Tensor> whole = train(folder.file("whole"), 0, 0.5);
  const std::vector<Tensor> stopped = train(folder.file("parts"), 7, 0.5);
  CHECK_FALSE(same_weights(stopped, whole));
  CHECK(
      contains(error_of([&] { train(folder.file("parts"), 0, 0.25); }), "parameter groups differ"));
  CHECK(same_weights(train(folder.file("parts"), 0, 0.5), whole));
}
