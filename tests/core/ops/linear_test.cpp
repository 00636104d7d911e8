// linear takes other ways for batches of other sizes; the result must not show which.
#include "core/ops/matmul.h"
#include "core/parallel.h"
#include "optim/sgd.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

struct Result {
  Tensor y, dx, dw, db;
};

// The definition, from the general product.
Result defined(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& cotangent,
               bool relu) {
  Tensor y = matmul(x, w, {.b = true}), dz = cotangent.clone(), db = Tensor::zeros(b.shape());
  for (Index i = 0; i < y.size(); ++i) {
    real& value = y.data()[i];
    value += b.data()[i % b.size()];
    if (relu && value <= 0) value = dz.data()[i] = 0;
    db.data()[i % b.size()] += dz.data()[i];
  }
  return {.y = y, .dx = matmul(dz, w), .dw = matmul(dz, x, {.a = true}), .db = db};
}

}  // namespace

TEST_CASE(
    "linear is x Wᵀ + b with its gradients, for any batch and width, on one thread and more") {
  const int before = threads();
  for (const int count : {1, 3}) {
    set_threads(count);
    for (const Index n : {1, 2, 4, 5, 7, 8, 16, 17, 100, 256, 300}) {
      for (const Index d_out : {5, 40, 260}) {
        for (const bool relu : {false, true}) {
          CAPTURE(n);
          CAPTURE(d_out);
          constexpr Index d_in = 83;
          Tensor x = random_tensor({n, d_in}, 1).requires_grad();
          Tensor w = random_tensor({d_out, d_in}, 2).requires_grad();
          Tensor b = random_tensor({d_out}, 3).requires_grad();
          const Tensor cotangent = random_tensor({n, d_out}, 4);
          const Result expected = defined(x.detach(), w.detach(), b.detach(), cotangent, relu);
          const Tensor y = linear(x, w, b, {.relu = relu});
          sum(y * cotangent).backward();
          const double tolerance = sizeof(real) == 8 ? 1e-12 : 1e-4;  // sums of up to 300 products
          CHECK(difference(y, expected.y) < tolerance);
          CHECK(difference(x.grad(), expected.dx) < tolerance);
          CHECK(difference(w.grad(), expected.dw) < tolerance);
          CHECK(difference(b.grad(), expected.db) < tolerance);
          // And handed on in parts: w moves by its gradient.
          Sgd sgd({w}, {.lr = 1});
          const Tensor at_first = w.detach().clone();
          sgd.minimize(sum(linear(x.detach(), w, b.detach(), {.relu = relu}) * cotangent));
          CHECK(difference(at_first - w.detach(), expected.dw) < tolerance);
        }
      }
    }
  }
  set_threads(before);
}
