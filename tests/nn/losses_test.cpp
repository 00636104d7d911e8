// Values, gradients and errors of the losses.
#include "nn/losses.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The inputs of the reference values, which PyTorch computed as
//   z, v = wave((3, 4), 3, 1.3), wave((3, 4), 4, 0.7); y = torch.tensor([2, 0, 3])
const Tensor z = wave({3, 4}, 3, 1.3);
const Tensor v = wave({3, 4}, 4, 0.7);
const std::vector<std::int32_t> y = {2, 0, 3};
constexpr double tolerance = 1e-5;

double value(const Tensor& scalar) {
  return scalar.item();
}

}  // namespace

TEST_CASE("the losses give PyTorch's values") {
  // F.cross_entropy(z, y), and with label_smoothing=0.1
  CHECK(value(cross_entropy(z, y)) == doctest::Approx(3.276982598).epsilon(tolerance));
  CHECK(value(cross_entropy(z, y, {.label_smoothing = 0.1})) ==
        doctest::Approx(3.2246403782).epsilon(tolerance));
  // F.cross_entropy(z, F.softmax(v / 2, 1))
  CHECK(value(soft_cross_entropy(z, softmax(v, 2))) ==
        doctest::Approx(2.4032954089).epsilon(tolerance));
  // F.kl_div(F.log_softmax(z / T, 1), F.softmax(v / T, 1), reduction="batchmean")
  const auto kl = [](double t) { return value(kl_div(log_softmax(z, t), softmax(v, t))); };
  CHECK(kl(1) == doctest::Approx(1.259830385).epsilon(tolerance));
  CHECK(kl(4) == doctest::Approx(0.1063892636).epsilon(tolerance));
  // F.mse_loss(z, v)
  CHECK(value(mse(z, v)) == doctest::Approx(11.32857026).epsilon(tolerance));
}

TEST_CASE("cross-entropy at points with a closed form") {
  const std::vector<std::int32_t> label = {1};
  CHECK(value(cross_entropy(Tensor::zeros({1, 10}), label)) == doctest::Approx(std::log(10)));
  // Sure and right costs nothing, sure and wrong the distance of the logits, at any size of them.
  CHECK(value(cross_entropy(Tensor::from({1, 3}, {0, 1e4, 0}), label)) == 0);
  CHECK(value(cross_entropy(Tensor::from({1, 3}, {1e4, 0, 0}), label)) == doctest::Approx(1e4));
  // Smoothing all the way leaves the flat target: −Σ ln q_j / C.
  const Tensor logits = Tensor::from({1, 2}, {0, static_cast<real>(std::log(3.0))});  // q = ¼, ¾
  CHECK(value(cross_entropy(logits, label, {.label_smoothing = 1})) ==
        doctest::Approx(-(std::log(0.25) + std::log(0.75)) / 2));
}

TEST_CASE("the loss is a mean over cases and a sum over classes") {
  const Tensor p = Tensor::from({1, 2}, {0.5, 0.5});
  const Tensor q = Tensor::from({1, 2}, {0.25, 0.75});
  // ½ ln(½ / ¼) + ½ ln(½ / ¾) = ½ ln(4/3)
  const double once = std::log(4.0 / 3) / 2;
  CHECK(value(kl_div(log(q), p)) == doctest::Approx(once));
  CHECK(value(kl_div(log(concat_rows({q, q})), concat_rows({p, p}))) == doctest::Approx(once));
}

TEST_CASE("kl_div is 0 where the distributions agree, and takes targets of 0") {
  const Tensor p = softmax(v);
  CHECK(value(kl_div(log(p), p)) == doctest::Approx(0).epsilon(tolerance));
  CHECK(value(kl_div(Tensor::from({1, 2}, {-1, -2}), Tensor::from({1, 2}, {1, 0}))) == 1);
}

TEST_CASE("soft cross-entropy with one-hot targets is cross-entropy") {
  const Tensor one_hot = Tensor::from({3, 4}, {0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1});
  CHECK(value(soft_cross_entropy(z, one_hot)) == doctest::Approx(value(cross_entropy(z, y))));
}

TEST_CASE("class weights make cross-entropy a weighted mean, as PyTorch's") {
  // q = ¼, ¾ in both cases; labels 0 and 1 with weights 3 and 1.
  const auto ln3 = static_cast<real>(std::log(3.0));
  const Tensor logits = Tensor::from({2, 2}, {0, ln3, 0, ln3});
  const std::vector<std::int32_t> both = {0, 1};
  const double first = std::log(4.0), second = std::log(4.0 / 3);  // −ln q
  CHECK(value(cross_entropy(logits, both, {.class_weights = {3, 1}})) ==
        doctest::Approx((3 * first + second) / 4));
  // Smoothed, each class's share has that class's weight: ½ of the above, and ½ / C of their sum.
  CHECK(value(cross_entropy(logits, both, {.label_smoothing = 0.5, .class_weights = {3, 1}})) ==
        doctest::Approx((0.5 * (3 * first + second) + 0.25 * 2 * (3 * first + second)) / 4));
  for (const double smoothing : {0.0, 0.3}) {
    CHECK(
        value(cross_entropy(z, y, {.label_smoothing = smoothing, .class_weights = {7, 7, 7, 7}})) ==
        doctest::Approx(value(cross_entropy(z, y, {.label_smoothing = smoothing}))));
  }
}

TEST_CASE("a label of weight 0 teaches nothing, and a class that is out of the question no NaN") {
  Tensor logits = Tensor::from({2, 3}, {1, 2, 3, 0, 0, -INFINITY}).requires_grad();
  const std::vector<std::int32_t> labels = {2, 0};
  const Tensor loss = cross_entropy(logits, labels, {.class_weights = {5, 1, 0}});
  CHECK(value(loss) == doctest::Approx(std::log(2)));  // of the second case alone
  loss.backward();
  CHECK(difference(logits.grad(), {0, 0, 0, -0.5, 0.5, 0}) < 1e-6);
}

TEST_CASE("binary cross-entropy at points with a closed form") {
  const auto at = [](double logit, double target, std::vector<double> pos_weight = {}) {
    return value(binary_cross_entropy_with_logits(Tensor::scalar(static_cast<real>(logit)),
                                                  Tensor::scalar(static_cast<real>(target)),
                                                  {.pos_weight = std::move(pos_weight)}));
  };
  for (const double target : {0.0, 0.25, 1.0}) CHECK(at(0, target) == doctest::Approx(std::log(2)));
  const double z3 = std::log(3.0);  // σ = ¾
  CHECK(at(z3, 1) == doctest::Approx(-std::log(0.75)));
  CHECK(at(z3, 0) == doctest::Approx(-std::log(0.25)));
  CHECK(at(z3, 0.5) == doctest::Approx(-std::log(0.75) / 2 - std::log(0.25) / 2));
  CHECK(at(z3, 0.5, {4}) == doctest::Approx(-2 * std::log(0.75) - std::log(0.25) / 2));
  // Sure and right costs nothing, sure and wrong the logit, at any size of it.
  for (const double far : {1e4, 1e30}) {
    CHECK(at(far, 1) == 0);
    CHECK(at(-far, 0) == 0);
    CHECK(at(far, 0) == doctest::Approx(far));
    CHECK(at(-far, 1) == doctest::Approx(far));
  }
  CHECK(at(INFINITY, 1) == 0);
  CHECK(at(INFINITY, 0) == INFINITY);
  CHECK(std::isnan(at(NAN, 1)));
  CHECK(std::isnan(at(NAN, 0)));
}

TEST_CASE("binary cross-entropy is a mean over all elements, with a weight for each column") {
  const Tensor targets = random_tensor({3, 4}, 1, 0, 1);
  const auto loss = [&](std::vector<double> weights) {
    return value(binary_cross_entropy_with_logits(z, targets, {.pos_weight = std::move(weights)}));
  };
  const std::vector<double> weights = {1, 0.5, 0, 3};
  double expected = 0, plain = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    const double t = targets.values()[i],
                 s = 1 / (1 + std::exp(-static_cast<double>(z.values()[i])));
    expected -= (weights[i % 4] * t * std::log(s) + (1 - t) * std::log(1 - s)) / 12;
    plain -= (t * std::log(s) + (1 - t) * std::log(1 - s)) / 12;
  }
  CHECK(loss(weights) == doctest::Approx(expected).epsilon(tolerance));
  CHECK(loss({}) == doctest::Approx(plain).epsilon(tolerance));
  CHECK(loss({2}) == loss({2, 2, 2, 2}));
}

TEST_CASE("binary cross-entropy pulls by what is missing to the target, also at 0 and far away") {
  Tensor logits = Tensor::from({5}, {0, 0, -200, 200, 200}).requires_grad();
  const Tensor targets = Tensor::from({5}, {1, 0.25, 1, 0, 1});
  binary_cross_entropy_with_logits(logits, targets).backward();  // (σ(z) − t) / 5
  CHECK(difference(logits.grad(), {-0.1, 0.05, -0.2, 0.2, 0}) < 1e-6);
}

TEST_CASE("smooth L1 is a square up to beta and a line from there") {
  const auto at = [](double a, double b, double beta) {
    return value(smooth_l1(Tensor::scalar(static_cast<real>(a)),
                           Tensor::scalar(static_cast<real>(b)), {.beta = beta}));
  };
  CHECK(at(0.5, 0, 1) == doctest::Approx(0.125));
  CHECK(at(0, 1, 1) == doctest::Approx(0.5));  // where both meet
  CHECK(at(-1, 1, 1) == doctest::Approx(1.5));
  CHECK(at(1, 0, 4) == doctest::Approx(0.125));
  CHECK(at(5, 0, 4) == doctest::Approx(3));
  CHECK(at(3, 1, 0) == 2);
  CHECK(at(1e30, 0, 1) == doctest::Approx(1e30));
  CHECK(1e30 * at(2, 0, 1e30) == doctest::Approx(2));
  CHECK(at(INFINITY, 0, 1) == INFINITY);
  CHECK(std::isnan(at(NAN, 0, 1)));
  CHECK(std::isnan(at(NAN, 0, 0)));
  for (const double beta : {1.0, 0.0}) {  // slopes: 0 in the middle, and at most 1
    Tensor a = Tensor::from({4}, {0, -1, 1, 200}).requires_grad();
    smooth_l1(a, Tensor::zeros({4}), {.beta = beta}).backward();
    CHECK(difference(a.grad(), {0, -0.25, 0.25, 0.25}) < 1e-6);
  }
}

TEST_CASE("losses refuse what does not fit, and say what they were given") {
  const std::vector<std::int32_t> two = {0, 1};
  const std::vector<std::int32_t> high = {0, 1, 4};
  const std::vector<std::int32_t> negative = {0, -1, 2};
  CHECK(error_of([&] { cross_entropy(z, two); }) ==
        "cross_entropy: 2 labels for 3 cases; logits (3, 4)");
  CHECK(error_of([&] { cross_entropy(z, high); }) ==
        "cross_entropy: label 4 of case 2 is not one of the 4 classes 0 to 3");
  CHECK(contains(error_of([&] { cross_entropy(z, negative); }), "label -1 of case 1"));
  CHECK(contains(error_of([&] { cross_entropy(Tensor::zeros({4}), two); }), "must be (N, C)"));
  CHECK(contains(error_of([&] { cross_entropy(z, y, {.label_smoothing = 1.5}); }), "got 1.5"));
  CHECK(contains(error_of([&] { kl_div(z, Tensor::zeros({4, 3})); }), "(3, 4) and (4, 3)"));
  const Tensor unknown = Tensor::full({1, 2}, real(NAN));
  CHECK(
      std::isnan(value(cross_entropy(concat_rows({unknown, Tensor::zeros({1, 2})}),
                                     std::vector<std::int32_t>{0, 1}, {.class_weights = {0, 1}}))));
  const Tensor p = softmax(z);
  CHECK(contains(error_of([&] { kl_div(p, p); }), "logarithms of probabilities, at most 0, are"));
  CHECK(contains(error_of([&] { kl_div(log(p), log(p)); }), "and probabilities to compare them"));
  CHECK(contains(error_of([&] { soft_cross_entropy(z, Tensor::zeros({3})); }), "(3, 4) and (3)"));
  CHECK(contains(error_of([&] { mse(z, Tensor::zeros({3, 1})); }), "(3, 4) and (3, 1)"));
  const auto weighted = [&](std::vector<double> weights) {
    const std::vector<std::int32_t> labels = {2, 2, 2};
    return error_of([&] { cross_entropy(z, labels, {.class_weights = weights}); });
  };
  CHECK(weighted({1, 2, 3}) == "cross_entropy: 3 class_weights for 4 classes; logits (3, 4)");
  CHECK(
      contains(weighted({1, 1, 1, -2}), "class_weights must be numbers of at least 0; one is -2"));
  CHECK(contains(weighted({1, 1, NAN, 1}), "one is nan"));
  CHECK(contains(weighted({1, 1, 1, INFINITY}), "one is inf"));
  CHECK(contains(weighted({1, 1, 0, 1}), "the class_weights of the 3 labels are all 0"));
  const auto binary = [&](const Tensor& targets, std::vector<double> pos_weight = {}) {
    return error_of(
        [&] { binary_cross_entropy_with_logits(z, targets, {.pos_weight = pos_weight}); });
  };
  CHECK(contains(binary(Tensor::zeros({3})), "(3, 4) and (3)"));
  CHECK(contains(binary(Tensor::full({3, 4}, 2)), "targets must be in [0, 1]; one is 2"));
  CHECK(contains(binary(Tensor::full({3, 4}, NAN)), "one is nan"));
  CHECK(contains(binary(Tensor::zeros({3, 4}), {1, 2}), "one for each of 4 columns; got 2"));
  CHECK(contains(binary(Tensor::zeros({3, 4}), {-1}),
                 "pos_weight must be numbers of at least 0; one is -1"));
  CHECK(contains(error_of([] { smooth_l1(Tensor::zeros({0}), Tensor::zeros({0})); }),
                 "at least one element"));
  CHECK(contains(error_of([&] { smooth_l1(z, v, {.beta = -1}); }), "got -1"));
}
