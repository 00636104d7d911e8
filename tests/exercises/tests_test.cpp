// Exercises of tests/README.md: here the reader writes checks, and the tests feed them with what is
// right and with what is wrong. Write the bodies, take away doctest::skip() or run
//   build/float/tests/run --no-skip -tc='exercise tests*'
#include <functional>

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Op = std::function<Tensor(const Tensor&)>;

// Whether op's gradient at x is what finite differences say, to 1 %: of sum(op(x) · c), with c of
// op(x)'s shape and uneven, for every element of x. In float a step of 1e-2 is about the best.
bool gradient_is_right([[maybe_unused]] const Op& op, [[maybe_unused]] const Tensor& x) {
  fail("exercise", "not done yet");
}

// The mean of each window, written as the definition says it, slowly and plainly: the loops over n,
// c, i, j of the output and p, q of the window, 0 outside the image, divided by the window's area.
// (N, C, H, W) → (N, C, H_out, W_out) with H_out = (H + 2 padding − kernel) / stride + 1.
Tensor plain_avg_pool2d([[maybe_unused]] const Tensor& x, [[maybe_unused]] Index kernel,
                        [[maybe_unused]] Index stride, [[maybe_unused]] Index padding) {
  fail("exercise", "not done yet");
}

// Which law of a softmax along the last dimension f breaks on random logits (4, 5), to 1e-4:
//   "sum"    each row sums to 1
//   "shift"  a constant added to a row changes nothing
//   "order"  a larger logit has a larger probability
// The first of these, or "" for none. No value of the right answer is needed for it.
std::string broken_law([[maybe_unused]] const Op& f) {
  fail("exercise", "not done yet");
}

// y = f(x) with the gradient function that is given.
Tensor with_gradient(const Tensor& x, const Tensor& y, const Backward& backward) {
  return record("suspect", y.detach().clone(), {x}, backward);
}

// The columns of a matrix in reverse.
Tensor reversed(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  for (Index i = 0; i < x.dim(0); ++i) {
    for (Index j = 0; j < x.dim(1); ++j) {
      y.data()[i * x.dim(1) + j] = x.data()[(i + 1) * x.dim(1) - 1 - j];
    }
  }
  return y;
}

}  // namespace

TEST_CASE("exercise tests 1: find the wrong gradients" * doctest::skip()) {
  const Tensor x = Tensor::from({2, 3}, {1, real(-0.5), 2, real(0.25), -1, real(1.5)});
  CHECK(gradient_is_right([](const Tensor& t) { return tanh(t); }, x));
  CHECK(gradient_is_right([](const Tensor& t) { return t * t; }, x));
  CHECK(gradient_is_right([](const Tensor& t) { return softmax(t); }, x));
  CHECK(gradient_is_right([](const Tensor& t) { return sum_last(t); }, x));

  const auto wrong = [&](const char* what, const Op& op) {
    CAPTURE(what);
    CHECK_FALSE(gradient_is_right(op, x));
  };
  wrong("the sign", [](const Tensor& t) {
    return with_gradient(t, tanh(t), [t](const Tensor& dy) -> Gradients {
      const Tensor y = tanh(t);
      return {dy * (y * y - 1)};
    });
  });
  wrong("a factor", [](const Tensor& t) {
    return with_gradient(t, t * t, [t](const Tensor& dy) -> Gradients { return {dy * t}; });
  });
  wrong("the last element only", [](const Tensor& t) {
    return with_gradient(t, t * 1, [](const Tensor& dy) -> Gradients {
      Tensor dx = dy.clone();
      dx.values().back() = 0;
      return {dx};
    });
  });
  wrong("right for a dy of ones", [](const Tensor& t) {
    return with_gradient(t, reversed(t),
                         [](const Tensor& dy) -> Gradients { return {dy.clone()}; });
  });
  wrong("not a number", [](const Tensor& t) {
    return with_gradient(
        t, t * 1, [](const Tensor& dy) -> Gradients { return {Tensor::full(dy.shape(), NAN)}; });
  });
}

TEST_CASE("exercise tests 2: the plain twin of a fast kernel" * doctest::skip()) {
  struct Case {
    Index images, channels, height, width, kernel, stride, padding;
  };
  for (const Case& c : std::initializer_list<Case>{{1, 1, 4, 4, 2, 2, 0},
                                                   {2, 3, 7, 5, 3, 1, 1},
                                                   {2, 2, 9, 8, 4, 3, 2},
                                                   {1, 2, 3, 3, 3, 1, 0}}) {
    CAPTURE(c.kernel);
    const Tensor x = random_tensor({c.images, c.channels, c.height, c.width}, 1);
    const Tensor fast =
        avg_pool2d(x, {.kernel = c.kernel, .stride = c.stride, .padding = c.padding});
    CHECK(difference(plain_avg_pool2d(x, c.kernel, c.stride, c.padding), fast) < 1e-5);
  }
  // And by hand: the four windows of 1 … 9, the last of them (5 + 6 + 8 + 9) / 4.
  const Tensor nine = Tensor::from({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(difference(plain_avg_pool2d(nine, 2, 1, 0), {3, 4, 6, 7}) < 1e-6);
}

TEST_CASE("exercise tests 3: laws that hold for all inputs" * doctest::skip()) {
  CHECK(broken_law([](const Tensor& t) { return softmax(t); }) == "");
  CHECK(broken_law([](const Tensor& t) { return softmax(t, 4); }) == "");
  CHECK(broken_law([](const Tensor& t) { return exp(t); }) == "sum");
  CHECK(broken_law([](const Tensor& t) { return softmax(t) * real(1.001); }) == "sum");
  CHECK(broken_law([](const Tensor& t) { return sigmoid(t) / sum_last(sigmoid(t)); }) == "shift");
  CHECK(broken_law([](const Tensor& t) { return softmax(-t); }) == "order");
}
