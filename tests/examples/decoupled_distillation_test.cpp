// The term of apps/examples/decoupled_distillation.h, and how a Distiller takes it.
#include "apps/examples/decoupled_distillation.h"

#include "nn/distill/distiller.h"
#include "nn/distill/methods/dkd.h"
#include "nn/distill/self_check.h"
#include "nn/models.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const std::vector<std::int32_t> labels = {2, 0, 3};

// TCKD + β NCKD of one case by their definitions, with probabilities in double.
double loss_of_row(const Tensor& v, const Tensor& z, Index row, std::int32_t label, double t,
                   double beta) {
  const Index classes = z.dim(1);
  const auto probabilities = [&](const Tensor& logits) {
    std::vector<double> p;
    double sum = 0;
    for (Index j = 0; j < classes; ++j) {
      p.push_back(std::exp(static_cast<double>(logits.data()[row * classes + j]) / t));
      sum += p.back();
    }
    for (double& x : p) x /= sum;
    return p;
  };
  const std::vector<double> p = probabilities(v), q = probabilities(z);
  const auto y = static_cast<std::size_t>(label);
  const double tckd = p[y] * std::log(p[y] / q[y]) + (1 - p[y]) * std::log((1 - p[y]) / (1 - q[y]));
  double nckd = 0;
  for (std::size_t j = 0; j < p.size(); ++j) {
    const double p_hat = p[j] / (1 - p[y]), q_hat = q[j] / (1 - q[y]);
    if (j != y) nckd += p_hat * std::log(p_hat / q_hat);
  }
  return tckd + beta * nckd;
}

}  // namespace

TEST_CASE("the decoupled loss is the weighted sum of its two parts") {
  const Tensor z = random_tensor({3, 5}, 1, -3, 3), v = random_tensor({3, 5}, 2, -3, 3);
  for (const double beta : {0.0, 1.0, 8.0}) {
    for (const double t : {1.0, 4.0}) {
      double soft = 0;
      for (Index i = 0; i < 3; ++i) {
        soft += t * t * loss_of_row(v, z, i, labels[static_cast<std::size_t>(i)], t, beta) / 3;
      }
      CHECK(decoupled_loss(z, v, labels, t, beta).item() == doctest::Approx(soft).epsilon(1e-4));
      CHECK(dkd_loss(z, v, labels, {.temperature = t, .beta = beta}).item() ==
            doctest::Approx(soft).epsilon(1e-4));
    }
  }
}

TEST_CASE("the decoupled loss of a teacher that is certain stays finite") {
  const Tensor v = Tensor::from({1, 3}, {200, 0, -1});
  const Tensor z = Tensor::from({1, 3}, {150, 3, 0}).requires_grad();
  const std::vector<std::int32_t> label = {0};
  const Tensor loss = decoupled_loss(z, v, label, 1, 8);
  loss.backward();
  CHECK(loss.item() > 0.1);  // β NCKD: the two rank the other classes by 1 and by 3
  CHECK(std::isfinite(loss.item()));
  CHECK(std::isfinite(sum(z.grad()).item()));
}

TEST_CASE("the decoupled term refuses a negative weight, and keeps what it promises") {
  CHECK(error_of([] { decoupled(4, -1); }) == "decoupled: beta must be at least 0; got -1");
  for (const Index classes : {2, 10}) check_objective(decoupled(4, 8), classes);
}

TEST_CASE("a Distiller trains by the term that it is given") {
  const Dataset data = rows_of_light(30, 1);
  Rng rng(1);
  Sequential teacher = mlp({16, 8, 4}, {}, rng), student = mlp({16, 4}, {}, rng);
  const TrainOptions training{.epochs = 60, .batch_size = 10, .lr = 0.01};
  const auto reports = Distiller(teacher, student, decoupled(4, 2)).fit(data, training);
  CHECK(reports.back().term("decoupled") < 0.3 * reports.front().term("decoupled"));
  CHECK(reports.back().loss == reports.back().term("decoupled"));
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("the gradient of the decoupled loss is that of finite differences") {
  using Inputs = std::vector<Tensor>;
  const Inputs in = {random_tensor({3, 5}, 1, -3, 3)};
  const Tensor v = random_tensor({3, 5}, 2, -3, 3);
  const auto loss = [&](const Inputs& x) { return decoupled_loss(x[0], v, labels, 2, 8); };
  CHECK(gradient_error(loss, in) < 1e-6);
}
#endif
