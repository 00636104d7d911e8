// Ensembles: the two ways to average answers, and what is done to the members.
#include "nn/distill/ensemble.h"

#include "nn/distill/distiller.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Sequential answering(std::vector<real> logits) {
  return Sequential([logits](const Tensor& x) {
    Tensor z = Tensor::empty({x.dim(0), static_cast<Index>(logits.size())});
    for (Index i = 0; i < x.dim(0); ++i) std::ranges::copy(logits, z.data() + i * z.dim(1));
    return z;
  });
}

}  // namespace

TEST_CASE("an ensemble averages logits, or probabilities at the temperature of the distillation") {
  Sequential a = answering({1, 2, 6}), b = answering({3, 2, -2});
  const Tensor x = Tensor::zeros({2, 1});
  Ensemble by_logits({&a, &b}, {});
  CHECK(difference(by_logits(x), {2, 2, 2, 2, 2, 2}) < 1e-6);

  for (const double t : {1.0, 4.0}) {
    Ensemble by_probs({&a, &b}, {.averaging = Averaging::probabilities, .temperature = t});
    const Tensor mean = (softmax(a(x), t) + softmax(b(x), t)) * real{0.5};
    CHECK(difference(softmax(by_probs(x), t), mean) < 1e-6);
  }
}

TEST_CASE("a class that every member rules out stays a number") {
  Sequential a = answering({0, 500}), b = answering({0, 900});
  Ensemble ensemble({&a, &b}, {.averaging = Averaging::probabilities});
  const Tensor logits = ensemble(Tensor::zeros({1, 1}));
  for (const real v : logits.values()) CHECK(std::isfinite(v));
}

TEST_CASE("an ensemble can teach, in evaluation mode, and its members are given back") {
  const Dataset data = rows_of_light(40, 1);
  Rng rng(1);
  Sequential a = mlp({16, 8, 4}, {.dropout = 0.5}, rng), b = mlp({16, 8, 4}, {.dropout = 0.5}, rng);
  Sequential student = mlp({16, 8, 4}, {}, rng);
  Ensemble ensemble({&a, &b}, {});
  CHECK(ensemble.parameter_count() == a.parameter_count() + b.parameter_count());
  const auto run = [&] {
    return Distiller(ensemble, student, {}).fit(data, {.epochs = 1, .lr = 0}).back().term("soft");
  };
  CHECK(run() == run());  // no dropout in it
  CHECK(a.is_training());
  CHECK(b[3].is_training());
}

TEST_CASE("an ensemble of nobody, or at no temperature, is refused") {
  CHECK(contains(error_of([] { Ensemble({}, {}); }), "at least one member"));
  Sequential a = answering({1, 2});
  CHECK(
      contains(error_of([&] { Ensemble({&a}, {.temperature = 0}); }), "must be a positive number"));
}

TEST_CASE("a distillation averages the members at its own T, and at that of the moment") {
  // One step an epoch at a learning rate of 0: the soft loss is that of the temperature.
  const Dataset data = rows_of_light(20, 1);
  Sequential a = answering({1, 2, 6, 0}), b = answering({3, 2, -2, 1});
  Rng rng(1);
  Sequential student = mlp({16, 8, 4}, {}, rng);
  const TrainOptions options{.epochs = 2, .batch_size = 20, .lr = 0};
  // T² KL(mean of the members' p_T ‖ q_T), with small ops
  const auto expected = [&](double t) {
    const Tensor x = make_batch(data, std::vector<Index>{0, 1, 2}).images;
    const Tensor z = slice_rows(logits_of(student, data), 0, 20);
    const Tensor p = (softmax(a(x), t) + softmax(b(x), t)) * real{0.5};
    const Tensor row = slice_rows(p, 0, 1), q = log_softmax(z, t);
    return t * t * static_cast<double>((sum(row * (log(row) - q)) / 20).item());
  };
  for (const bool augmented : {false, true}) {
    CAPTURE(augmented);
    TrainOptions with = options;
    if (augmented) with.augment = random_shift(0);
    Ensemble ensemble({&a, &b}, {.averaging = Averaging::probabilities, .temperature = 1});
    const auto fixed = Distiller(ensemble, student, {.temperature = 4}).fit(data, with);
    CHECK(fixed[0].term("soft") == doctest::Approx(expected(4)).epsilon(1e-4));
    const auto moving = Distiller(ensemble, student, {}, anneal_temperature(6, 2)).fit(data, with);
    CHECK(moving[0].term("soft") == doctest::Approx(expected(6)).epsilon(1e-4));
    CHECK(moving[1].term("soft") == doctest::Approx(expected(2)).epsilon(1e-4));
  }
}

TEST_CASE("members that answer in different shapes are refused") {
  Sequential a = answering({1, 2}), b = answering({1, 2, 3});
  Ensemble ensemble({&a, &b}, {});
  CHECK(contains(error_of([&] {
                   ensemble(Tensor::zeros({2, 1}));
                 }),
                 "its members must all give logits (N, C); got (2, 3) from member 1"));
}

TEST_CASE("members may count differently, by the ratios of their weights") {
  Sequential a = answering({1, 2, 6}), b = answering({3, 2, -2});
  const Tensor x = Tensor::zeros({2, 1});
  Ensemble weighted({&a, &b}, {.weights = {3, 1}});
  CHECK(difference(weighted(x), {1.5, 2, 4, 1.5, 2, 4}) < 1e-6);
  CHECK(weighted.describe() == "Ensemble(2, weights 0.75 0.25)");
  Ensemble alone({&a, &b}, {.averaging = Averaging::probabilities, .weights = {7, 0}});
  CHECK(difference(softmax(alone(x)), softmax(a(x))) < 1e-6);

  const auto complaint = [&](std::vector<double> weights) {
    return error_of([&] { Ensemble({&a, &b}, {.weights = weights}); });
  };
  CHECK(complaint({1}) == "Ensemble: 1 weights for 2 members");
  CHECK(complaint({1, -1}) == "Ensemble: weights must be numbers of at least 0; one is -1");
  CHECK(contains(complaint({1, NAN}), "one is nan"));
  CHECK(contains(complaint({0, 0}), "the weights are all 0"));
}
