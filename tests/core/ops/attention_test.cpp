// What attention is made of: products of batches of matrices, and permutations.
#include <array>

#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Matrix i of a batch, as a matrix.
Tensor matrix(const Tensor& batch, Index i) {
  const Shape shape{batch.dim(-2), batch.dim(-1)};
  return batch.view(shape, i * shape.size());
}

}  // namespace

TEST_CASE("a batched product is the product of each pair, for every transposition") {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const Tensor a = random_tensor(ta ? Shape{2, 3, 7, 5} : Shape{2, 3, 5, 7}, 1);
      const Tensor b = random_tensor(tb ? Shape{2, 3, 4, 7} : Shape{2, 3, 7, 4}, 2);
      const Tensor y = batched_matmul(a, b, {.a = ta, .b = tb});
      REQUIRE(y.shape() == Shape{2, 3, 5, 4});
      for (Index i = 0; i < 6; ++i) {
        CHECK(difference(matrix(y, i), matmul(matrix(a, i), matrix(b, i), {.a = ta, .b = tb})) <
              1e-6);
      }
    }
  }
}

TEST_CASE("a batched product of many matrices is the same on one thread and on two") {
  const Tensor a = random_tensor({300, 16, 24}, 1), b = random_tensor({300, 24, 16}, 2);
  const int before = threads();
  set_threads(1);
  const Tensor one = batched_matmul(a, b);
  set_threads(2);
  const Tensor two = batched_matmul(a, b);
  set_threads(before);
  CHECK(same_bits(one, two));
}

TEST_CASE("batched products of nothing") {
  CHECK(batched_matmul(Tensor::zeros({0, 2, 3}), Tensor::zeros({0, 3, 4})).shape() ==
        Shape{0, 2, 4});
  CHECK(batched_matmul(Tensor::zeros({5, 2, 3}), Tensor::zeros({5, 3, 0})).shape() ==
        Shape{5, 2, 0});
  CHECK(difference(batched_matmul(Tensor::zeros({1, 2, 0}), Tensor::zeros({1, 0, 2})),
                   {0, 0, 0, 0}) == 0);
}

TEST_CASE("batches that do not pair are refused") {
  const Tensor a = Tensor::zeros({2, 3, 4});
  const std::string rule =
      "batched_matmul: both operands must be (…, rows, columns) with the same dimensions, at least "
      "one, before these two; got ";
  CHECK(error_of([&] {
          batched_matmul(a, Tensor::zeros({4, 5}));
        }) == rule + "(2, 3, 4) and (4, 5)");
  CHECK(error_of([&] {
          batched_matmul(a, Tensor::zeros({3, 4, 5}));
        }) == rule + "(2, 3, 4) and (3, 4, 5)");
  CHECK(contains(error_of([&] { batched_matmul(matrix(a, 0), matrix(a, 0)); }), rule));
  CHECK(error_of([&] { batched_matmul(a, a); }) ==
        "batched_matmul: the inner dimensions differ: (2, 3, 4) times (2, 3, 4)");
}

TEST_CASE("permute moves element (i, j, k, l) where the axes say") {
  const Tensor x = random_tensor({2, 3, 4, 5}, 1);
  const auto at = [](const Tensor& t, std::array<Index, 4> i) {
    return t.data()[((i[0] * t.dim(1) + i[1]) * t.dim(2) + i[2]) * t.dim(3) + i[3]];
  };
  const Tensor heads = permute(x, {0, 2, 1, 3}), turned = permute(x, {3, 1, 0, 2});
  REQUIRE(heads.shape() == Shape{2, 4, 3, 5});
  REQUIRE(turned.shape() == Shape{5, 3, 2, 4});
  int wrong = 0;
  for (Index i = 0; i < 2; ++i) {
    for (Index j = 0; j < 3; ++j) {
      for (Index k = 0; k < 4; ++k) {
        for (Index l = 0; l < 5; ++l) {
          const real element = at(x, {i, j, k, l});
          wrong += at(heads, {i, k, j, l}) != element;
          wrong += at(turned, {l, j, i, k}) != element;
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("permute of large tensors, scalars and nothing") {
  const Tensor x = random_tensor({300, 200}, 1);
  const Tensor y = permute(permute(x, {1, 0}), {1, 0});
  CHECK(same_bits(x, y));
  const Tensor once = permute(x, {1, 0});
  CHECK(once.data()[1] == x.data()[200]);
  CHECK(permute(Tensor::scalar(3), {}).item() == 3);
  CHECK(permute(Tensor::zeros({0, 3}), {1, 0}).shape() == Shape{3, 0});
}

TEST_CASE("axes that are no permutation are refused") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK(error_of([&] {
          permute(x, {0, 2});
        }) == "permute: the axes must be each of the 2 dimensions of (2, 3) once; got (0, 2)");
  for (const auto& axes : {std::initializer_list<int>{0, 0}, {0}, {0, 1, 2}, {}, {-1, 0}}) {
    CHECK(contains(error_of([&] { permute(x, axes); }), "permute: the axes must be each"));
  }
}

// q, k, v = (wave((1, 2, 3, 2), 1, b).requires_grad_() for b in (0.7, 0.9, 1.1))
// y = torch.softmax(q @ k.transpose(-2, -1) / 2 ** 0.5, -1) @ v
// (y * wave(y.shape, 1, 0.5)).sum().backward()
TEST_CASE("attention of two heads is PyTorch's, with its gradients") {
  const Shape shape{1, 2, 3, 2};
  Tensor q = wave(shape, 1, 0.7), k = wave(shape, 1, 0.9), v = wave(shape, 1, 1.1);
  q.requires_grad(), k.requires_grad(), v.requires_grad();
  const Tensor y = batched_matmul(softmax(batched_matmul(q, k, {.b = true}), std::sqrt(2.0)), v);
  CHECK(difference(y, {0.54431197, 0.47153372, 0.22864228, 0.12090963, -0.41420048, -0.07119024,
                       -0.14575538, 0.29654075, 0.22994952, -0.02748542, 0.11956375, -0.21989983}) <
        1e-6);
  sum(y * wave(shape, 1, 0.5)).backward();
  CHECK(difference(q.grad(), {0.26643105, 0.5018878, 0.31507657, 0.5061817, 0.08164193, -0.00238406,
                              0.11363762, -0.15751511, 0.27345764, -0.25202838, -0.02533496,
                              -0.03827018}) < 1e-6);
  CHECK(difference(k.grad(), {0.5070433, 0.35124811, -0.40901013, -0.3364945, -0.09803318,
                              -0.01475361, 0.04633247, -0.26504121, -0.04773292, 0.23462105,
                              0.00140045, 0.03042016}) < 1e-6);
  CHECK(difference(v.grad(), {1.05070721, 0.97684786, 0.52264135, 0.29458756, 0.31853986,
                              -0.02625152, -0.73250269, -0.48175093, -0.65903957, -0.33457763,
                              -0.6036, -0.65162189}) < 1e-6);
}
