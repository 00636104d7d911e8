// A training of one's own: any loss of named terms, steps of several batches, clipping.
#include <cmath>
#include <set>

#include "core/function_ref.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/trainer.h"
#include "nn/weights.h"
#include "optim/sgd.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Sequential network(std::uint64_t seed = 1) {
  Rng rng(seed);
  return mlp({16, 8, 4}, {}, rng);
}

Loss labels_only(const Step& step) {
  return {{"hard", 1, cross_entropy(step.logits, step.batch.class_ids)}};
}

// Plain gradient descent, so that a step is the gradient itself.
TrainOptions plain_steps(Index batch_size, Index epochs = 1) {
  TrainOptions options{.epochs = epochs, .batch_size = batch_size, .lr = 0.5, .seed = 2};
  options.optimizer = [](std::vector<Tensor> parameters, double lr) {
    return std::make_unique<Sgd>(std::move(parameters), SgdOptions{.lr = lr});
  };
  options.schedule = constant();
  return options;
}

double largest_difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].values().size(); ++j) {
      largest =
          std::max(largest, std::abs(static_cast<double>(a[i].values()[j] - b[i].values()[j])));
    }
  }
  return largest;
}

}  // namespace

TEST_CASE("fit with the cross-entropy of the labels is train_classifier, to the bit") {
  const Dataset data = rows_of_light(30, 1);
  const TrainOptions options{.epochs = 3, .batch_size = 8, .seed = 4};
  Sequential a = network(), b = network();
  const auto ours = fit(a, data, options, labels_only);
  const auto theirs = train_classifier(b, data, options);
  CHECK(same_weights(weights_of(a), weights_of(b)));
  CHECK(ours.back().loss == theirs.back().loss);
  CHECK(ours.back().term("hard") == theirs.back().loss);
}

TEST_CASE(
    "a loss of one's own sees the batch and where the training is, and its terms are reported") {
  const Dataset data = rows_of_light(20, 1);
  Sequential model = network();
  std::vector<double> done;
  std::vector<Index> epochs;
  std::set<Index> images;
  const auto reports =
      fit(model, data, {.epochs = 2, .batch_size = 8}, [&](const Step& step) -> Loss {
        done.push_back(step.done);
        epochs.push_back(step.epoch);
        images.insert(step.batch.indices.begin(), step.batch.indices.end());
        CHECK(step.logits.shape() == Shape{step.batch.images.dim(0), 4});
        return {{"labels", 0.5, cross_entropy(step.logits, step.batch.class_ids)},
                {"small", 2 * step.done, mean(step.logits * step.logits)},
                {"nothing", 0, mean(step.logits)}};
      });
  CHECK(done.size() == 6);
  for (std::size_t i = 0; i < done.size(); ++i) {
    CHECK(done[i] == doctest::Approx(static_cast<double>(i) / 5));
  }
  CHECK(epochs == std::vector<Index>{1, 1, 1, 2, 2, 2});
  CHECK(images.size() == 20);
  const EpochReport& last = reports.back();
  REQUIRE(last.terms.size() == 3);
  CHECK(last.terms[1].name == "small");
  CHECK(last.terms[0].weight == doctest::Approx(0.5));
  // Weights of 8, 8 and 4 images at 3/5, 4/5 and 1 of the way.
  CHECK(last.terms[1].weight == doctest::Approx(2 * (8 * 0.6 + 8 * 0.8 + 4) / 20));
  CHECK(std::isnan(last.term("hard")));
}

TEST_CASE("an epoch's loss is the sum of its terms, each weighted") {
  const Dataset data = rows_of_light(20, 1);
  Sequential model = network();
  const auto report =
      fit(model, data, {.epochs = 1, .batch_size = 8}, [](const Step& step) -> Loss {
        return {{"labels", 0.25, cross_entropy(step.logits, step.batch.class_ids)},
                {"small", 3, mean(step.logits * step.logits)}};
      }).front();
  CHECK(report.loss ==
        doctest::Approx(0.25 * report.term("labels") + 3 * report.term("small")).epsilon(1e-5));
}

TEST_CASE("a step of several batches is that of one large batch, the last smaller one included") {
  const Dataset data = rows_of_light(43, 1);  // batches of 8: five and one of 3; of 32: 32 and 11
  Sequential small = network(), large = network();
  TrainOptions options = plain_steps(8, 2);
  options.accumulate = 4;
  Index steps = 0;
  options.after_step = [&] { ++steps; };
  fit(small, data, options, labels_only);
  fit(large, data, plain_steps(32, 2), labels_only);
  CHECK(steps == 4);
  CHECK(largest_difference(weights_of(small), weights_of(large)) < 1e-5);
  CHECK(largest_difference(weights_of(small), weights_of(network())) > 0.01);
}

TEST_CASE("clipping bounds the length of a step, and the report has the length before") {
  const Dataset data = rows_of_light(16, 1);
  const auto moved = [&](double clip_norm) {
    Sequential model = network();
    TrainOptions options = plain_steps(16);
    options.clip_norm = clip_norm;
    const auto report = fit(model, data, options, labels_only).front();
    double squares = 0;
    const std::vector<Tensor> before = weights_of(network()), after = weights_of(model);
    for (std::size_t i = 0; i < before.size(); ++i) {
      for (std::size_t j = 0; j < before[i].values().size(); ++j) {
        const auto step = static_cast<double>(after[i].values()[j] - before[i].values()[j]) / 0.5;
        squares += step * step;
      }
    }
    return std::pair(std::sqrt(squares), report.gradient_norm);
  };
  const auto [whole, none] = moved(0);
  CHECK_FALSE(none.has_value());
  CHECK(whole > 0.02);
  const auto [clipped, norm] = moved(0.01);
  CHECK(clipped == doctest::Approx(0.01).epsilon(1e-3));
  CHECK(norm.value() == doctest::Approx(whole).epsilon(1e-3));
  CHECK(moved(1e6).first == doctest::Approx(whole).epsilon(1e-3));
}

TEST_CASE("clipping by value bounds how far each weight moves") {
  const Dataset data = rows_of_light(16, 1);
  Sequential model = network();
  TrainOptions options = plain_steps(16);  // a rate of 0.5
  options.clip_value = 1e-3;
  fit(model, data, options, labels_only);
  const double moved = largest_difference(weights_of(model), weights_of(network()));
  CHECK(moved == doctest::Approx(0.5e-3).epsilon(1e-3));
}

TEST_CASE("what the loss has beside the model learns with it, in training mode") {
  const Dataset data = rows_of_light(24, 1);
  Sequential model = network();
  Rng rng(3);
  Sequential adaptor(Dropout({.p = 0.5}, rng), Linear({.in = 4, .out = 2}, rng));
  adaptor.eval();
  const std::vector<Tensor> before = weights_of(adaptor);
  TrainOptions options{.epochs = 1, .batch_size = 8};
  options.with = {&adaptor};
  bool training = true;
  fit(model, data, options, [&](const Step& step) -> Loss {
    training = training && adaptor.is_training();
    const Tensor out = adaptor(step.logits);
    return {{"hard", 1, cross_entropy(step.logits, step.batch.class_ids)},
            {"even", 0.1, mean(out * out)}};
  });
  CHECK(training);
  CHECK_FALSE(adaptor.is_training());
  CHECK_FALSE(same_weights(before, weights_of(adaptor)));
}

TEST_CASE("a weight that two layers share is averaged once and clipped once") {
  const Dataset data = rows_of_light(24, 1);
  // y = relu(W relu(W x)), one W listed by both of its users.
  class Twice : public Module {
   public:
    explicit Twice(Rng& rng)
        : first({.in = 16, .out = 16}, rng), second({.in = 16, .out = 16}, rng) {
      second.weight = first.weight;
    }
    std::string describe() const override { return "Twice"; }
    Linear first, second;

   protected:
    Tensor forward(const Tensor& x) override { return relu(second(relu(first(x)))); }
    void parts(Parts& parts) override {
      parts("first", first);
      parts("second", second);
    }
  };
  const auto weights_after = [&](double average, double clip_norm) {
    Rng rng(1);
    Twice twice(rng);
    const Tensor weight = twice.first.weight;
    Sequential net(Flatten(), std::move(twice), Linear({.in = 16, .out = 4}, rng));
    TrainOptions options = plain_steps(8, 3);
    options.weight_average = average;
    options.clip_norm = clip_norm;
    std::vector<Tensor> seen;  // the weights by which the first batch of the last epoch is answered
    Index batch = 0;
    fit(net, data, options, [&](const Step& step) {
      if (++batch == 7) seen.push_back(weight.clone());
      return labels_only(step);
    });
    return seen;
  };
  CHECK(same_weights(weights_after(0, 0), weights_after(0.9, 0)));
  CHECK(largest_difference(weights_after(0, 0), weights_after(0, 1e6)) < 1e-6);
  CHECK_FALSE(same_weights(weights_after(0, 0), weights_after(0, 0.01)));
}

TEST_CASE("a report has no two numbers of one name, and a metric has a function") {
  const Dataset data = rows_of_light(16, 1);
  Sequential model = network();
  TrainOptions options{.epochs = 1, .test = &data};
  options.metrics = {{"hard", [](const Tensor&, const Dataset&) { return 1.0; }}};
  CHECK(error_of([&] { train_classifier(model, data, options); }) ==
        "train: two numbers of a report are named \"hard\"");
  options.metrics = {{"none", {}}};
  CHECK(error_of([&] { train_classifier(model, data, options); }) ==
        "train, metrics: \"none\" has no function");
  const Dataset empty{.image = {1, 4, 4}, .classes = 4, .pixels = {}, .class_ids = {}};
  options.metrics = {};
  options.test = &empty;
  CHECK(error_of([&] { train_classifier(model, data, options); }) ==
        "train, on the test set: there are no images");
}

TEST_CASE("label smoothing is that of cross_entropy, for training on labels alone") {
  const Dataset data = rows_of_light(24, 1);
  TrainOptions options{.epochs = 2, .batch_size = 8, .label_smoothing = 0.1};
  Sequential a = network(), b = network();
  train_classifier(a, data, options);
  options.label_smoothing = 0;
  fit(b, data, options, [](const Step& step) -> Loss {
    return {
        {"hard", 1, cross_entropy(step.logits, step.batch.class_ids, {.label_smoothing = 0.1})}};
  });
  CHECK(same_weights(weights_of(a), weights_of(b)));
  options.label_smoothing = 0.1;
  CHECK(error_of([&] { fit(a, data, options, labels_only); }) ==
        "train: label_smoothing is train_classifier's; a loss of one's own smooths by itself");
}

TEST_CASE("a loss says what is wrong with its terms") {
  const Tensor scalar = Tensor::scalar(2);
  const auto error = [](std::vector<Loss::Term> terms) {
    return error_of([&] { Loss(std::move(terms)); });
  };
  CHECK(error({}) == "Loss: there is no term, so nothing to minimise");
  CHECK(error({{"a", 1, Tensor::zeros({2})}}) ==
        "Loss: \"a\" must be a scalar; got (2): take a mean or a sum");
  CHECK(error({{"a", 1, Tensor()}}) ==
        "Loss: \"a\" must be a scalar; got nothing: take a mean or a sum");
  CHECK(error({{"a", 1, scalar}, {"a", 1, scalar}}) == "Loss: two terms are named \"a\"");
  CHECK(error({{"a", std::nan(""), scalar}}) ==
        "Loss: the weight of \"a\" must be finite; got nan");
  CHECK(error({{"a,b", 1, scalar}}) ==
        "Loss: a name in reports is made of letters, digits, '-' and '_'; got \"a,b\"");
  CHECK(error({{"lr", 1, scalar}}) == "Loss: reports have a \"lr\" already; take another name");
  CHECK(Loss({{"a", 3, scalar}, {"b", 0.5, scalar}}).total().item() == 7);
}

TEST_CASE("a loss whose terms change within an epoch is refused") {
  const Dataset data = rows_of_light(16, 1);
  Sequential model = network();
  Index batch = 0;
  CHECK(
      error_of([&] {
        fit(model, data, {.epochs = 1, .batch_size = 8}, [&](const Step& step) -> Loss {
          return {{++batch == 1 ? "first" : "other", 1,
                   cross_entropy(step.logits, step.batch.class_ids)}};
        });
      }) ==
      "train: every batch of an epoch must have the same terms; this one has other, before: first");
}

TEST_CASE(
    "a loss that is not finite is told with its term, and blamed on the rate only after a step") {
  const Dataset data = rows_of_light(16, 1);
  Sequential model = network();
  Index batch = 0, broken = 1;
  const auto error = [&] {
    batch = 0;
    return error_of([&] {
      fit(model, data, {.epochs = 1, .batch_size = 8}, [&](const Step& step) -> Loss {
        const Tensor factor = Tensor::scalar(++batch == broken ? NAN : 1);
        return {{"hard", 1, cross_entropy(step.logits, step.batch.class_ids)},
                {"small", 1, mean(step.logits * step.logits) * factor}};
      });
    });
  };
  const std::string first = error();
  CHECK(contains(first, "the loss is nan, by its term \"small\", at batch 1 of epoch 1; Detect"));
  broken = 2;
  CHECK(contains(error(), "at batch 2 of epoch 1; the learning rate, 0.001, may be too high"));
}

TEST_CASE("constant weights are reported as they were given") {
  const Dataset data = rows_of_light(23, 1);
  Sequential model = network();
  const auto report =
      fit(model, data, {.epochs = 1, .batch_size = 7}, [](const Step& step) -> Loss {
        return {{"labels", 0.1, cross_entropy(step.logits, step.batch.class_ids)},
                {"small", 14.4, mean(step.logits * step.logits)}};
      }).front();
  CHECK(report.terms[0].weight == 0.1);
  CHECK(report.terms[1].weight == 14.4);
}

TEST_CASE("options out of range, and those that exclude each other, are refused") {
  const Dataset data = rows_of_light(16, 1);
  Sequential model = network();
  const auto error = [&](FunctionRef<void(TrainOptions&)> change) {
    TrainOptions options{.epochs = 1};
    change(options);
    return error_of([&] { fit(model, data, options, labels_only); });
  };
  CHECK(error([](auto& o) { o.epochs = 0; }) == "train: epochs must be at least 1; got 0");
  CHECK(error([](auto& o) { o.accumulate = 0; }) == "train: accumulate must be at least 1; got 0");
  CHECK(error([](auto& o) { o.clip_norm = -1; }) ==
        "train: clip_norm must be above 0, or 0 for none; got -1");
  CHECK(error([](auto& o) { o.clip_value = INFINITY; }) ==
        "train: clip_value must be above 0, or 0 for none; got inf");
  CHECK(error([](auto& o) { o.patience = 2; }) ==
        "train: patience needs images to judge by: give a validation set or validation_split");
  CHECK(error([](auto& o) { o.validation_split = 1; }) ==
        "train: validation_split must be in [0, 1); got 1");
  CHECK(error([](auto& o) { o.validation_split = 0.01; }) ==
        "train: a validation_split of 0.01 takes 0 of 16 images; there must be some on both sides");
  CHECK(error([&](auto& o) { o.validation = &data, o.validation_split = 0.5; }) ==
        "train: there is a validation set, and validation_split would draw another");
  CHECK(error([](auto& o) {
          o.metrics = {{"loss", {}}};
        }) == "train, metrics: reports have a \"loss\" already; take another name");
  CHECK(error_of([&] { fit(model, data, {.epochs = 1}, {}); }) == "fit: there is no loss");
}
