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
  CHECK(contains(error_of([&] { soft_cross_entropy(z, Tensor::zeros({3})); }), "(3, 4) and (3)"));
  CHECK(contains(error_of([&] { mse(z, Tensor::zeros({3, 1})); }), "(3, 4) and (3, 1)"));
}
