// The distillation loss: PyTorch's values, its composition from small ops, its limits, its errors.
#include "nn/distill/distillation_loss.h"

#include "core/function_ref.h"
#include "nn/losses.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The inputs of the reference values, which PyTorch computed as
//   z, v = wave((3, 4), 3, 1.3), wave((3, 4), 4, 0.7); y = torch.tensor([2, 0, 3])
//   kl = F.kl_div(F.log_softmax(z / T, 1), F.softmax(v / T, 1), reduction="batchmean")
//   loss = alpha * F.cross_entropy(z, y) + (1 - alpha) * T * T * kl
const Tensor z = wave({3, 4}, 3, 1.3);
const Tensor v = wave({3, 4}, 4, 0.7);
const std::vector<std::int32_t> y = {2, 0, 3};
constexpr double tolerance = 1e-5;

double value(const Tensor& scalar) {
  return scalar.item();
}

double total(const DistillationOptions& options) {
  return value(distillation_loss(z, v, y, options).total);
}

// d loss / d logits, of a loss that is a function of them.
Tensor gradient(const Tensor& logits, FunctionRef<Tensor(const Tensor&)> loss) {
  const Tensor x = logits.clone().requires_grad();
  loss(x).backward();
  return x.grad();
}

Tensor gradient(const DistillationOptions& options) {
  return gradient(z, [&](const Tensor& x) { return distillation_loss(x, v, y, options).total; });
}

double norm(const Tensor& x) {
  return std::sqrt(value(sum(x * x)));
}

}  // namespace

TEST_CASE("the distillation loss gives PyTorch's values") {
  const std::vector<double> alphas = {0, 0.1, 0.5, 1};
  const std::vector<std::pair<double, std::vector<double>>> rows = {
      {0.5, {0.8084339967, 1.055288857, 2.042708297, 3.276982598}},
      {1, {1.259830385, 1.461545606, 2.268406491, 3.276982598}},
      {4, {1.702228218, 1.859703656, 2.489605408, 3.276982598}},
      {20, {1.756270395, 1.908341616, 2.516626497, 3.276982598}}};
  for (const auto& [t, expected] : rows) {
    for (std::size_t i = 0; i < alphas.size(); ++i) {
      const double temperature = t;  // CAPTURE makes a lambda, which clang++ lets see no binding
      CAPTURE(temperature);
      CAPTURE(alphas[i]);
      CHECK(total({.temperature = t, .alpha = alphas[i]}) ==
            doctest::Approx(expected[i]).epsilon(tolerance));
    }
  }
}

TEST_CASE("the distillation loss gives PyTorch's gradients") {
  CHECK(difference(gradient({.temperature = 0.5, .alpha = 0.5}),
                   {0.1290128661, 0.04008009342, -0.1694582803, 0.0003653208212, -0.1715277357,
                    0.1924960826, 0.04891827018, -0.06988661709, 0.0001730242742, -0.008823092541,
                    0.1548977194, -0.1462476511}) < tolerance);
  CHECK(difference(gradient({.temperature = 4, .alpha = 0.1}),
                   {0.1392565736, 0.04594124862, -0.1483834627, -0.03681435953, -0.1349127929,
                    0.2723329287, 0.1249316716, -0.2623518075, -0.07736659455, -0.07259531764,
                    0.1385191784, 0.01144273374}) < tolerance);
  CHECK(difference(gradient({.temperature = 20, .alpha = 0}),
                   {0.1351868945, 0.055758128, -0.1353024243, -0.05564259821, -0.1083445654,
                    0.2746031759, 0.1490252255, -0.315283836, -0.1268825403, -0.06050776914,
                    0.1181474068, 0.0692429027}) < tolerance);
}

TEST_CASE("in one pass it is what the small ops compute, value and gradient") {
  for (const double t : {0.5, 1.0, 3.0, 20.0}) {
    for (const double alpha : {0.0, 0.3, 1.0}) {
      CAPTURE(t);
      CAPTURE(alpha);
      const auto composed = [&](const Tensor& x) {
        const Tensor soft = kl_div(log_softmax(x, t), softmax(v, t)) * static_cast<real>(t * t);
        return cross_entropy(x, y) * static_cast<real>(alpha) + soft * static_cast<real>(1 - alpha);
      };
      const DistillationOptions options{.temperature = t, .alpha = alpha};
      const DistillationLoss loss = distillation_loss(z, v, y, options);
      CHECK(value(loss.total) == doctest::Approx(value(composed(z))).epsilon(tolerance));
      CHECK(loss.hard == doctest::Approx(value(cross_entropy(z, y))).epsilon(tolerance));
      CHECK(value(loss.total) ==
            doctest::Approx(alpha * loss.hard + (1 - alpha) * loss.soft).epsilon(tolerance));
      CHECK(difference(gradient(options), gradient(z, composed)) < tolerance);
    }
  }
}

TEST_CASE("at alpha = 1 it is plain cross-entropy, whatever T and the teacher") {
  const auto plain = [](const Tensor& x) { return cross_entropy(x, y); };
  for (const double t : {0.5, 1.0, 4.0, 20.0}) {
    const DistillationOptions options{.temperature = t, .alpha = 1};
    CHECK(total(options) == doctest::Approx(value(plain(z))).epsilon(tolerance));
    CHECK(difference(gradient(options), gradient(z, plain)) < 1e-6);
  }
}

TEST_CASE("at alpha = 0 the labels change nothing, and a student like its teacher is done") {
  const std::vector<std::int32_t> others = {0, 1, 2};
  const DistillationOptions options{.temperature = 4, .alpha = 0};
  CHECK(total(options) == value(distillation_loss(z, v, others, options).total));
  const auto loss_at_teacher = [&](const Tensor& x) {
    return distillation_loss(x, v, y, options).total;
  };
  CHECK(value(loss_at_teacher(v)) == 0);
  CHECK(norm(gradient(v, loss_at_teacher)) == 0);
}

TEST_CASE("at a temperature far above the logits the student matches logits") {
  // Section 2.1 of the paper, times T²: for logits of mean 0 the soft gradient tends to
  // (z − v) / C, here with the mean over N and the weight 1 − α.
  const Tensor centred_z = z - mean_last(z), centred_v = v - mean_last(v);
  for (const double alpha : {0.0, 0.4}) {
    const Tensor both = gradient(centred_z, [&](const Tensor& x) {
      return distillation_loss(x, centred_v, y, {.temperature = 1000, .alpha = alpha}).total;
    });
    const Tensor hard = gradient(centred_z, [&](const Tensor& x) { return cross_entropy(x, y); });
    const Tensor soft = both - hard * static_cast<real>(alpha);
    const Tensor limit = (centred_z - centred_v) * static_cast<real>((1 - alpha) / (4 * 3));
    CHECK(norm(limit) > 0.3);
    CHECK(difference(soft, limit) < 2e-3);
  }
}

TEST_CASE("T squared keeps the size of the soft gradient, which else falls fourfold") {
  const auto with = [](double t) { return norm(gradient({.temperature = t, .alpha = 0})); };
  const auto without = [](double t) {
    return norm(
        gradient(z, [t](const Tensor& x) { return kl_div(log_softmax(x, t), softmax(v, t)); }));
  };
  CHECK(with(40) / with(20) == doctest::Approx(1).epsilon(0.05));
  CHECK(without(40) / without(20) == doctest::Approx(0.25).epsilon(0.05));
}

TEST_CASE("the distillation loss is a mean over cases and a sum over classes") {
  // p = ¾, ¼ against q = ½, ½: KL = ¾ ln(3/2) + ¼ ln(1/2), and CE = ln 2, once or seven times over.
  const Tensor teacher = Tensor::from({1, 2}, {static_cast<real>(std::log(3.0)), 0});
  const double kl = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  for (const std::size_t n : {1U, 7U}) {
    const DistillationLoss loss = distillation_loss(
        Tensor::zeros({static_cast<Index>(n), 2}), concat_rows(std::vector<Tensor>(n, teacher)),
        std::vector<std::int32_t>(n, 1), {.temperature = 1, .alpha = 0.25});
    CHECK(loss.soft == doctest::Approx(kl).epsilon(tolerance));
    CHECK(loss.hard == doctest::Approx(std::log(2)).epsilon(tolerance));
    CHECK(value(loss.total) == doctest::Approx(0.25 * std::log(2) + 0.75 * kl).epsilon(tolerance));
  }
}

TEST_CASE("the teacher gets no gradient, even one that could") {
  const Tensor student = z.clone().requires_grad(), teacher = v.clone().requires_grad();
  distillation_loss(student, teacher, y, {}).total.backward();
  CHECK(student.has_grad());
  CHECK_FALSE(teacher.has_grad());
}

TEST_CASE("logits of thousands give a finite loss and gradient") {
  const Tensor huge = z * 1000, other = v * 1000;
  const auto loss = [&](const Tensor& x) {
    return distillation_loss(x, other, y, {.temperature = 1, .alpha = 0.5}).total;
  };
  CHECK(std::isfinite(value(loss(huge))));
  CHECK(std::isfinite(norm(gradient(huge, loss))));
}

TEST_CASE("the distillation loss refuses T and alpha out of range, and names them") {
  const auto complaint = [](double t, double alpha) {
    return error_of([&] { total({.temperature = t, .alpha = alpha}); });
  };
  CHECK(complaint(0, 0.1) == "distillation_loss: the temperature must be a positive number; got 0");
  CHECK(contains(complaint(-4, 0.1), "positive number; got -4"));
  CHECK(contains(complaint(NAN, 0.1), "positive number; got nan"));
  CHECK(contains(complaint(INFINITY, 0.1), "positive number; got inf"));
  CHECK(complaint(4, 2) ==
        "distillation_loss: alpha, the weight of the hard labels, must be in [0, 1]; got 2");
  CHECK(contains(complaint(4, -0.1), "must be in [0, 1]; got -0.1"));
  CHECK(contains(complaint(4, NAN), "must be in [0, 1]; got nan"));
}

TEST_CASE("the distillation loss refuses logits and labels that do not belong together") {
  const std::vector<std::int32_t> high = {2, 4, 3};
  CHECK(error_of([] {
          distillation_loss(z, Tensor::zeros({3, 5}), y, {});
        }) ==
        "distillation_loss: the student gives logits (3, 4) and the teacher (3, 5); both need the "
        "same cases and classes");
  CHECK(contains(error_of([] {
                   distillation_loss(z, Tensor::zeros({2, 4}), y, {});
                 }),
                 "the teacher (2, 4)"));
  CHECK(error_of([&] { distillation_loss(z, v, high, {}); }) ==
        "distillation_loss: label 4 of case 1 is not one of the 4 classes 0 to 3");
  CHECK(contains(error_of([] { distillation_loss(z, v, {}, {}); }), "0 labels for 3 cases"));
  CHECK(contains(error_of([] { distillation_loss(Tensor::zeros({4}), Tensor::zeros({4}), y, {}); }),
                 "the logits must be (N, C)"));
}

TEST_CASE("the soft loss is right near agreement and at any temperature, and never below 0") {
  // Far above the logits KL is |z − v|² / (2 C T²) for logits of mean 0: T² KL has a limit.
  const Tensor student = Tensor::from({1, 4}, {1, -2, real{0.5}, real{0.5}});
  const Tensor teacher = Tensor::from({1, 4}, {2, -1, 0, -1});
  const std::vector<std::int32_t> label = {0};
  const double limit = (1 + 1 + 0.25 + 2.25) / (2 * 4);
  for (const double t : {1e3, 1e4, 1e5}) {
    CAPTURE(t);
    const double soft =
        distillation_loss(student, teacher, label, {.temperature = t, .alpha = 0}).soft;
    CHECK(soft == doctest::Approx(limit).epsilon(2e-3));
  }
  for (const double t : {1.0, 20.0, 100.0}) {
    Rng rng(1);
    for (int i = 0; i < 200; ++i) {
      const Tensor logits = uniform({1, 10}, -5, 5, rng);
      Tensor near = logits.clone();
      near.values()[static_cast<std::size_t>(i % 10)] *= real{1} + 0x1p-20f;
      const std::vector<std::int32_t> any = {1};
      CHECK(distillation_loss(logits, near, any, {.temperature = t, .alpha = 0}).soft >= 0);
    }
  }
}

TEST_CASE("a NaN or an infinity in either's logits is in the loss too") {
  const std::vector<std::int32_t> ids = {1, 2};
  for (const real odd : {real(NAN), real(INFINITY)}) {
    for (const bool in_teacher : {false, true}) {
      for (const std::size_t at : {0u, 5u}) {
        Tensor mine = random_tensor({2, 4}, 1), theirs = random_tensor({2, 4}, 2);
        (in_teacher ? theirs : mine).values()[at] = odd;
        const DistillationLoss loss =
            distillation_loss(mine, theirs, ids, {.temperature = 2, .alpha = 0.5});
        CHECK_FALSE(std::isfinite(loss.total.item()));
      }
    }
  }
}
