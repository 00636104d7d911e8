// Values and errors of the ops; their gradients are in gradients_test.cpp.
#include "core/ops.h"

#include "core/kernels/gemm.h"
#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("arithmetic broadcasts rows, columns and scalars") {
  const Tensor m = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor row = Tensor::from({3}, {10, 20, 30});
  const Tensor column = Tensor::from({2, 1}, {100, 200});
  CHECK(difference(m + row, {11, 22, 33, 14, 25, 36}) == 0);
  CHECK(difference(row - m, {9, 18, 27, 6, 15, 24}) == 0);
  CHECK(difference(m + column, {101, 102, 103, 204, 205, 206}) == 0);
  CHECK(difference(column + row, {110, 120, 130, 210, 220, 230}) == 0);
  CHECK((column + row).shape() == Shape{2, 3});
  CHECK(difference(m * m, {1, 4, 9, 16, 25, 36}) == 0);
  CHECK(difference(-m, {-1, -2, -3, -4, -5, -6}) == 0);
  CHECK(difference(2 - m, {1, 0, -1, -2, -3, -4}) == 0);
  CHECK(difference(6 / m * 10, {60, 30, 20, 15, 12, 10}) < 1e-6);
  CHECK((Tensor::scalar(1) + Tensor::scalar(2)).shape() == Shape{});
  CHECK(error_of([&] { m + Tensor::zeros({2}); }) ==
        "add: shapes (2, 3) and (2) do not fit: aligned at the end, 3 meets 2, and neither is 1");
  CHECK(contains(error_of([&] { m / Tensor::zeros({3, 3}); }), "div: shapes (2, 3) and (3, 3)"));
}

TEST_CASE("large tensors give on two threads what they give on one") {
  const int before = threads();
  const Tensor a = random_tensor({300, 400}, 1), row = random_tensor({400}, 2);
  set_threads(1);
  const Tensor one = concat_rows({a * a, a + row, relu(a), softmax(a, 3)});
  set_threads(2);
  const Tensor two = concat_rows({a * a, a + row, relu(a), softmax(a, 3)});
  set_threads(before);
  CHECK(same_bits(one, two));
}

TEST_CASE("activations at known points") {
  const Tensor x = Tensor::from({3}, {-2, 0, 2});
  CHECK(difference(relu(x), {0, 0, 2}) == 0);
  CHECK(std::isnan(relu(Tensor::scalar(NAN)).item()));
  CHECK(difference(sigmoid(x), {0.11920292202211755, 0.5, 0.8807970779778823}) < 1e-6);
  CHECK(difference(tanh(x), {-0.9640275800758169, 0, 0.9640275800758169}) < 1e-6);
  CHECK(difference(exp(x), {0.1353352832366127, 1, 7.38905609893065}) < 1e-6);
  CHECK(difference(log(exp(x)), {-2, 0, 2}) < 1e-6);
  // x Φ(x), Φ(2) = 0.9772498680518208
  CHECK(difference(gelu(x), {-2 * (1 - 0.9772498680518208), 0, 2 * 0.9772498680518208}) < 1e-6);
  CHECK(difference(sigmoid(Tensor::from({2}, {-1e4, 1e4})), {0, 1}) == 0);
}

TEST_CASE("powers, absolute values, limits: by hand, at their kinks and for NaN") {
  Tensor x = Tensor::from({5}, {-2, -0.5, 0, 0.5, 2}).requires_grad();
  const auto both = [&](const Tensor& y, std::initializer_list<double> value,
                        std::initializer_list<double> gradient) {
    x.clear_grad();
    sum(y).backward();
    return difference(y, value) < 1e-6 && difference(x.grad(), gradient) < 1e-6;
  };
  CHECK(both(square(x), {4, 0.25, 0, 0.25, 4}, {-4, -1, 0, 1, 4}));
  CHECK(both(abs(x), {2, 0.5, 0, 0.5, 2}, {-1, -1, 0, 1, 1}));
  CHECK(both(pow(x, 2), {4, 0.25, 0, 0.25, 4}, {-4, -1, 0, 1, 4}));
  CHECK(both(pow(x, 0), {1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}));
  CHECK(both(clamp(x, -0.5, 1), {-0.5, -0.5, 0, 0.5, 1}, {0, 1, 1, 1, 0}));
  CHECK(both(leaky_relu(x, 0.25), {-0.5, -0.125, 0, 0.5, 2}, {0.25, 0.25, 0.25, 1, 1}));
  CHECK(difference(sqrt(Tensor::from({3}, {0, 4, 2.25})), {0, 2, 1.5}) < 1e-6);
  CHECK(std::isnan(sqrt(Tensor::scalar(-1)).item()));
  const Tensor odd = Tensor::scalar(NAN);
  for (const Tensor& y : {square(odd), abs(odd), pow(odd, 3), clamp(odd, 0, 1), leaky_relu(odd)}) {
    CHECK(std::isnan(y.item()));
  }
  Tensor unknown = Tensor::scalar(NAN).requires_grad();
  abs(unknown).backward();
  CHECK(std::isnan(unknown.grad().item()));  // its sign is not known
  CHECK(error_of([&] { clamp(x, 1, 0); }) == "clamp: low must not be above high; got 1 and 0");
}

TEST_CASE("the larger and the smaller of two, with ties shared, NaN passed on, and broadcasting") {
  Tensor a = Tensor::from({2, 3}, {1, 5, 2, 4, 2, 2}).requires_grad();
  Tensor b = Tensor::from({3}, {3, 3, 2}).requires_grad();
  const Tensor weights = Tensor::from({2, 3}, {1, 2, 4, 8, 16, 32});
  const Tensor larger = maximum(a, b), smaller = minimum(a, b);
  CHECK(difference(larger, {3, 5, 2, 4, 3, 2}) == 0);
  CHECK(difference(smaller, {1, 3, 2, 3, 2, 2}) == 0);
  sum(larger * weights).backward();
  CHECK(difference(a.grad(), {0, 2, 2, 8, 0, 16}) == 0);
  CHECK(difference(b.grad(), {1, 16, 18}) == 0);
  a.clear_grad(), b.clear_grad();
  sum(smaller * weights).backward();
  CHECK(difference(a.grad(), {1, 0, 2, 0, 16, 16}) == 0);
  CHECK(difference(b.grad(), {8, 2, 18}) == 0);
  const Tensor odd = Tensor::scalar(NAN), one = Tensor::scalar(1);
  for (const Tensor& y :
       {maximum(odd, one), maximum(one, odd), minimum(odd, one), minimum(one, odd)}) {
    CHECK(std::isnan(y.item()));
  }
  CHECK(maximum(Tensor::zeros({2, 1}), Tensor::zeros({3})).shape() == Shape{2, 3});
  CHECK(contains(error_of([] { minimum(Tensor::zeros({2}), Tensor::zeros({3})); }),
                 "minimum: shapes"));
}

TEST_CASE("gemm is the three loops, for every transposition and odd sizes") {
  const auto loops = [](const Tensor& a, const Tensor& b, GemmSizes s) {
    Tensor c = Tensor::zeros({s.m, s.n});
    for (Index i = 0; i < s.m; ++i) {
      for (Index j = 0; j < s.n; ++j) {
        for (Index l = 0; l < s.k; ++l) {
          c.data()[i * s.n + j] += a.data()[s.transpose_a ? l * s.m + i : i * s.k + l] *
                                   b.data()[s.transpose_b ? j * s.k + l : l * s.n + j];
        }
      }
    }
    return c;
  };
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const auto& [m, n, k] : {std::array<Index, 3>{7, 5, 3},
                                    {1, 9, 4},
                                    {1, 6, 21},
                                    {8, 1, 6},
                                    {1, 1, 1},
                                    {3, 4, 0},
                                    {65, 33, 129}}) {
        GemmSizes s{.m = m, .n = n, .k = k, .transpose_a = ta, .transpose_b = tb};
        const Tensor a = random_tensor({m * k}, 1), b = random_tensor({k * n}, 2);
        const Tensor expected = loops(a, b, s);
        Tensor c = Tensor::full({m, n}, real{5});
        gemm(c.data(), a.data(), b.data(), s);
        CHECK(difference(c, expected) < 1e-5);
        s.accumulate = true;
        gemm(c.data(), a.data(), b.data(), s);
        CHECK(difference(c, expected * 2) < 1e-5);
      }
    }
  }
}

TEST_CASE("matmul and linear, by hand, and their errors") {
  const Tensor a = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = Tensor::from({3, 2}, {1, 0, 0, 1, 1, 1});
  CHECK(difference(matmul(a, b), {4, 5, 10, 11}) == 0);
  CHECK(difference(matmul(a, a, {.b = true}), {14, 32, 32, 77}) == 0);
  const Tensor w = Tensor::from({2, 3}, {1, 0, 1, 0, 1, 1});
  CHECK(difference(linear(a, w, Tensor::from({2}, {10, 20})), {14, 25, 20, 31}) == 0);
  CHECK(difference(linear(a, w, Tensor()), {4, 5, 10, 11}) == 0);
  CHECK(linear(Tensor::zeros({0, 3}), w, Tensor()).shape() == Shape{0, 2});
  CHECK(error_of([&] { matmul(a, a); }) ==
        "matmul: the inner dimensions differ: (2, 3) times (2, 3)");
  CHECK(contains(error_of([&] { matmul(a, Tensor::zeros({3})); }), "both operands must be matr"));
  CHECK(error_of([] {
          linear(Tensor::zeros({32, 10}), Tensor::zeros({1200, 784}), Tensor());
        }) ==
        "linear: the input has 10 features and the layer takes 784; input (32, 10), weight "
        "(1200, 784)");
  CHECK(contains(error_of([&] { linear(a, w, Tensor::zeros({3})); }), "the bias must be (2)"));
}

TEST_CASE("reductions, of all elements and along the last dimension") {
  const Tensor x = Tensor::from({2, 3}, {1, 5, 3, 4, 2, 4});
  CHECK(sum(x).item() == 19);
  CHECK(mean(x).item() == doctest::Approx(19.0 / 6));
  CHECK(difference(sum_last(x), {9, 10}) == 0);
  CHECK(sum_last(x).shape() == Shape{2, 1});
  CHECK(difference(mean_last(x), {3, 10.0 / 3}) < 1e-6);
  CHECK(difference(max_last(x), {5, 4}) == 0);
  CHECK(argmax_last(x) == std::vector<std::int32_t>{1, 0});  // the first of equals
  CHECK(sum(Tensor::zeros({0, 3})).item() == 0);
  CHECK(contains(error_of([] { mean(Tensor::zeros({0})); }), "has no elements"));
  CHECK(contains(error_of([] { max_last(Tensor::zeros({3, 0})); }), "at least 1"));
  // A million small numbers, of which a sum kept in float would lose four digits.
  CHECK(sum(Tensor::full({1'000'000}, real(0.1))).item() == doctest::Approx(100'000).epsilon(1e-6));
}

TEST_CASE("softmax at temperature 1, by hand") {
  const Tensor z = Tensor::from({1, 3}, {std::log(real{1}), std::log(real{2}), std::log(real{5})});
  CHECK(difference(softmax(z), {0.125, 0.25, 0.625}) < 1e-6);
  CHECK(difference(log_softmax(z), {std::log(0.125), std::log(0.25), std::log(0.625)}) < 1e-6);
}

TEST_CASE("softmax at a high temperature is flat, at a low one sharp, and keeps the order") {
  const Tensor z = Tensor::from({1, 4}, {1, 2, 3, 4});
  CHECK(difference(softmax(z, 1e6), {0.25, 0.25, 0.25, 0.25}) < 1e-5);
  CHECK(difference(softmax(z, 0.01), {0, 0, 0, 1}) < 1e-6);
  // softmax(z / 2) of logits (0, 2 ln 3) is (1/4, 3/4).
  CHECK(difference(softmax(Tensor::from({2}, {0, 2 * std::log(real{3})}), 2), {0.25, 0.75}) < 1e-6);
  for (const double t : {0.5, 1.0, 2.0, 20.0}) {
    const Tensor p = softmax(z, t);
    CHECK(std::ranges::is_sorted(p.values()));
    CHECK(sum(p).item() == doctest::Approx(1));
  }
}

TEST_CASE("softmax is stable for logits of plus and minus 1e4") {
  const Tensor z = Tensor::from({2, 3}, {1e4, -1e4, 0, -1e4, -1e4, -1e4});
  CHECK(difference(softmax(z), {1, 0, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3}) < 1e-6);
  CHECK(difference(log_softmax(z), {0, -2e4, -1e4, -std::log(3), -std::log(3), -std::log(3)}) <
        1e-6);
  CHECK(difference(log_softmax(z, 4), {0, -5e3, -2.5e3, -std::log(3), -std::log(3), -std::log(3)}) <
        1e-6);
}

TEST_CASE("a temperature that is not a positive number is an error") {
  const Tensor z = Tensor::zeros({2, 3});
  for (const double t : {0.0, -1.0, double(NAN), double(INFINITY)}) {
    CHECK(
        contains(error_of([&] { softmax(z, t); }), "softmax: the temperature must be a positive"));
    CHECK(contains(error_of([&] { log_softmax(z, t); }), "log_softmax: the temperature must be"));
  }
  CHECK(contains(error_of([] { softmax(Tensor::zeros({2, 0})); }), "at least one class"));
}

TEST_CASE("NaN is the largest, for argmax and for the maximum") {
  const Tensor x = Tensor::from({3, 3}, {1, real(NAN), 3, real(NAN), 1, 2, 1, 3, 2});
  CHECK(argmax_last(x) == std::vector<std::int32_t>{1, 0, 1});
  const Tensor largest = max_last(x);
  CHECK(std::isnan(largest.values()[0]));
  CHECK(std::isnan(largest.values()[1]));
  CHECK(largest.values()[2] == 3);
}

TEST_CASE("a temperature that is no number in the logits' type is refused") {
  const double small = sizeof(real) == sizeof(float) ? 1e-46 : 1e-310;
  CHECK(contains(error_of([&] {
                   softmax(Tensor::zeros({1, 2}), small);
                 }),
                 "softmax: the temperature must be from "));
  if (sizeof(real) == sizeof(float)) {
    CHECK(contains(error_of([] { softmax(Tensor::zeros({1, 2}), 1e39); }), "; got 1e+39"));
  }
}
