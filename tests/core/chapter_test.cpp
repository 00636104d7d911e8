// The worked examples of core/README.md: every number there is checked here.
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Scaled dot-product attention of one sequence (Vaswani and others, "Attention Is All You Need",
// 2017, section 3.2.1): q (L, D), k (M, D), v (M, D_v) → (L, D_v)
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v) {
  const real scale = 1 / std::sqrt(static_cast<real>(q.dim(1)));
  const Tensor weights = softmax(matmul(q, k, {.b = true}) * scale);  // (L, D) (M, D)ᵀ → (L, M)
  return matmul(weights, v);  // (L, M) (M, D_v) → (L, D_v)
}

}  // namespace

TEST_CASE("chapter core: the graph of (x w + b)² + w²") {
  Tensor x = Tensor::scalar(3).requires_grad();
  Tensor w = Tensor::scalar(2).requires_grad();
  Tensor b = Tensor::scalar(1).requires_grad();
  const Tensor q = x * w + b;
  const Tensor y = q * q + w * w;
  y.backward();
  CHECK(y.item() == 53);
  CHECK(x.grad().item() == 28);  // 2 (x w + b) w
  CHECK(w.grad().item() == 46);  // 2 (x w + b) x + 2 w
  CHECK(b.grad().item() == 14);  // 2 (x w + b)
}

TEST_CASE("chapter core: views share elements, clones do not") {
  Tensor x = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor row = slice_rows(x, 1, 2);
  const Tensor copy = x.clone();
  row.data()[0] = 40;
  CHECK(difference(x, {1, 2, 3, 40, 5, 6}) == 0);
  CHECK(difference(reshape(x, {3, 2}), {1, 2, 3, 40, 5, 6}) == 0);
  CHECK(difference(copy, {1, 2, 3, 4, 5, 6}) == 0);
}

TEST_CASE("chapter core: the gradient of a matrix product") {
  Tensor a = Tensor::from({1, 2}, {1, 2}).requires_grad();
  Tensor b = Tensor::from({2, 2}, {3, 4, 5, 6}).requires_grad();
  const Tensor y = matmul(a, b);
  CHECK(difference(y, {13, 16}) == 0);
  sum(y * Tensor::from({1, 2}, {1, 10})).backward();  // dy = (1, 10)
  CHECK(difference(a.grad(), {43, 65}) == 0);
  CHECK(difference(b.grad(), {1, 10, 2, 20}) == 0);
}

TEST_CASE("chapter core: the gradient of a softmax sums to 0") {
  Tensor z = Tensor::from({3}, {0, std::log(real{2}), std::log(real{5})}).requires_grad();
  const Tensor p = softmax(z);
  CHECK(difference(p, {0.125, 0.25, 0.625}) < 1e-6);
  sum(p * Tensor::from({3}, {1, 0, 0})).backward();  // dy = (1, 0, 0)
  CHECK(difference(z.grad(), {0.109375, -0.03125, -0.078125}) < 1e-6);
}

TEST_CASE("chapter core: attention to equal keys is the mean of the values, to one key its value") {
  const Tensor q = random_tensor({2, 4}, 1);
  const Tensor v = Tensor::from({3, 2}, {1, 2, 3, 4, 8, 0});
  const Tensor equal = attend(q, Tensor::full({3, 4}, 1), v);
  CHECK(difference(equal, {4, 2, 4, 2}) < 1e-6);
  const Tensor keys = Tensor::from({3, 4}, {0, 0, 0, 0, 1e4, 0, 0, 0, 0, 0, 0, 0});
  CHECK(difference(attend(Tensor::full({1, 4}, 1), keys, v), {3, 4}) < 1e-6);
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("chapter core: attention needs no gradient of its own") {
  CHECK(gradient_error(
            [](const std::vector<Tensor>& in) { return attend(in[0], in[1], in[2]); },
            {random_tensor({3, 4}, 1), random_tensor({5, 4}, 2), random_tensor({5, 2}, 3)}) < 1e-6);
}
#endif
