// Ensembles: the two ways to average answers, and what is done to the members.
#include "nn/distill/ensemble.h"

#include "nn/distill/distiller.h"
#include "nn/models.h"
#include "tests/nn/distill/rows_of_light.h"

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
    return Distiller(ensemble, student, {}).fit(data, {.epochs = 1, .lr = 0}).back().soft;
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
