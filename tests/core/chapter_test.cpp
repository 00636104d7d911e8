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

TEST_CASE("chapter core: broadcasting a row, and its gradient") {
  const Tensor m = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor row = Tensor::from({3}, {10, 20, 30}).requires_grad();
  const Tensor y = m + row;
  CHECK(difference(y, {11, 22, 33, 14, 25, 36}) == 0);
  sum(y * m).backward();  // dy = m
  CHECK(difference(row.grad(), {5, 7, 9}) == 0);
}

TEST_CASE("chapter core: a convolution is a product of the kernel and its windows") {
  const Tensor image = Tensor::from({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor kernel = Tensor::from({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor windows = Tensor::from({4, 4}, {1, 2, 4, 5,  //
                                               2, 3, 5, 6,  //
                                               4, 5, 7, 8,  //
                                               5, 6, 8, 9});
  CHECK(difference(conv2d(image, kernel, Tensor()), {37, 47, 67, 77}) == 0);
  CHECK(difference(matmul(reshape(kernel, {1, 4}), windows), {37, 47, 67, 77}) == 0);
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

TEST_CASE("chapter core: the gradient of a layer norm points neither up nor outward") {
  Tensor x = Tensor::from({1, 3}, {1, 2, 3}).requires_grad();
  const Tensor y = layer_norm(x, Tensor::full({3}, 1), Tensor::zeros({3}), 0);
  CHECK(difference(y, {-std::sqrt(1.5), 0, std::sqrt(1.5)}) < 1e-6);
  sum(y * Tensor::from({1, 3}, {1, 0, 0})).backward();  // dy = (1, 0, 0)
  CHECK(difference(x.grad(), {0.2041, -0.4082, 0.2041}) < 1e-4);
  CHECK(std::abs(sum(x.grad()).item()) < 1e-6);
  CHECK(std::abs(sum(x.grad() * y).item()) < 1e-6);
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
