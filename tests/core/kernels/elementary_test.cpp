// exp, ln, tanh and their kind against the C++ library's in long double, over all numbers there
// are.
#include "core/kernels/elementary.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <numbers>

#include "core/denormals.h"
#include "core/kernels/transpose.h"
#include "tests/testing.h"

using namespace limbeck;

namespace {

template <class T>
using Limits = std::numeric_limits<T>;
template <class T>
using Kernel = void (*)(T*, const T*, Index);

// Numbers of every size and sign, in equal steps of their bits; and, more densely, those of sizes
// at which the functions bend.
template <class T>
std::vector<T> samples() {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> x;
  constexpr Bits steps = 300'007, step = Limits<Bits>::max() / steps;
  for (Bits i = 0; i < steps; ++i) x.push_back(std::bit_cast<T>(static_cast<Bits>(i * step)));
  for (const double width : {0.5, 2.0, 20.0, 120.0, 760.0}) {
    for (int i = -20'000; i <= 20'000; ++i) x.push_back(static_cast<T>(width / 20'000 * i));
  }
  for (const T v : {T{0}, T{1}, Limits<T>::min(), Limits<T>::denorm_min(), Limits<T>::max(),
                    Limits<T>::infinity(), Limits<T>::quiet_NaN()}) {
    x.push_back(v), x.push_back(-v);
  }
  return x;
}

// |y − exact| in units of the last place of the exact result, which for a denormal one is the
// smallest number's; infinite where one is NaN and the other is not, or a 0 has the wrong sign.
template <class T>
double ulps(T y, long double exact) {
  const auto rounded = static_cast<T>(exact);
  if (std::isnan(y) || std::isnan(rounded)) {
    return std::isnan(y) && std::isnan(rounded) ? 0 : INFINITY;
  }
  if (std::signbit(y) != std::signbit(rounded)) return INFINITY;
  if (y == rounded && std::isinf(y)) return 0;
  if (std::isinf(y) || std::isinf(rounded)) {  // at the end of what there is, either may be
    return std::min(std::abs(y), std::abs(rounded)) == Limits<T>::max() ? 1 : INFINITY;
  }
  int exponent = 0;
  std::frexp(rounded, &exponent);
  const int last = std::max(exponent, Limits<T>::min_exponent) - Limits<T>::digits;
  return static_cast<double>(std::ldexp(std::abs(static_cast<long double>(y) - exact), -last));
}

// Checks f on all samples between the bounds: the error is at most `most` + `square` · x².
template <class T, class Exact>
void check(const std::string& name, Kernel<T> f, Exact exact, double most, double square = 0,
           T low = -Limits<T>::infinity(), T high = Limits<T>::infinity()) {
  std::vector<T> x = samples<T>();
  std::erase_if(x, [=](T v) { return v < low || v > high; });
  std::vector<T> y(x.size());
  f(y.data(), x.data(), static_cast<Index>(x.size()));
  double worst = -1;
  T at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto v = static_cast<long double>(x[i]);
    const double allowed = static_cast<double>(most + square * v * v);
    const double error = std::isnan(v) ? ulps(y[i], v) : ulps(y[i], exact(v)) / allowed;
    if (error > worst) worst = error, at = x[i];
  }
  CAPTURE(name);
  CAPTURE(at);
  CHECK(worst <= 1);
}

long double cdf(long double x) {
  return std::erfc(-x / std::sqrt(2.0L)) / 2;
}

}  // namespace

TEST_CASE("exp, ln, tanh, sigmoid and gelu keep within the errors that are promised") {
  constexpr real infinity = Limits<real>::infinity();
  check<float>(
      "exp", exp_of, [](long double x) { return std::exp(x); }, 1.5);
  check<double>(
      "exp", exp_of, [](long double x) { return std::exp(x); }, 1.5);
  check<real>(
      "log", log_of, [](long double x) { return std::log(x); }, 1.5);
  check<real>(
      "tanh", tanh_of, [](long double x) { return std::tanh(x); }, 3);
  // Down to where e⁻ˣ is still a number.
  const real low = std::log(Limits<real>::min());
  const auto sigmoid = [](long double x) { return 1 / (1 + std::exp(-x)); };
  check<real>("sigmoid", sigmoid_of, sigmoid, 3, 0, low);
  // Down to where x Φ(x) is no denormal.
  const real least = sizeof(real) == 4 ? real{-12} : real{-37};
  check<real>(
      "gelu", gelu_of, [](long double x) { return x * cdf(x); }, 5, 2, least);
  CHECK(std::isnan([&] {
    real y = -infinity;
    gelu_of(&y, &y, 1);
    return y;
  }()));
}

TEST_CASE("gelu's slope, which has a root, is off by a few units of what it is the sum of") {
  std::vector<real> x = samples<real>();
  std::erase_if(x, [](real v) { return !(std::abs(v) < 1e15); });
  std::vector<real> y(x.size());
  gelu_slope_of(y.data(), x.data(), static_cast<Index>(x.size()));
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto v = static_cast<long double>(x[i]);
    const long double bell = std::exp(-v * v / 2) / std::sqrt(2 * std::numbers::pi_v<long double>);
    const long double error = std::abs(static_cast<long double>(y[i]) - (cdf(v) + v * bell));
    worst = std::max(worst, static_cast<double>(error));
  }
  CHECK(worst <= 2 * static_cast<double>(Limits<real>::epsilon()));
}

TEST_CASE(
    "special numbers: infinities, zeros with their signs, NaN, and what is too small or large") {
  const real inf = Limits<real>::infinity(), nan = Limits<real>::quiet_NaN();
  const std::vector<real> x = {inf, -inf, nan, -nan, 0, -real{0}, 2000, -2000};
  const auto of = [&](Kernel<real> f) {
    Tensor y = Tensor::empty({static_cast<Index>(x.size())});
    f(y.data(), x.data(), y.size());
    std::string text;
    for (const real v : y.values()) text += fmt::format("{} ", std::isnan(v) ? nan : v);
    return text;
  };
  CHECK(of(exp_of) == "inf 0 nan nan 1 1 inf 0 ");
  CHECK(of(sigmoid_of) == "1 0 nan nan 0.5 0.5 1 0 ");
  CHECK(of(tanh_of) == "1 -1 nan nan 0 -0 1 -1 ");
  CHECK(of(log_of).starts_with("inf nan nan nan -inf -inf "));
  CHECK(of(gelu_of) == "inf nan nan nan 0 -0 2000 -0 ");
  const FlushDenormals flush;  // as in all loops of the library
  real y = std::log(Limits<real>::min()) - 1;
  exp_of(&y, &y, 1);
  CHECK(y == 0);
}

TEST_CASE("a result does not depend on where its number stands, or in how many; in place, too") {
  constexpr Index most = 40;
  const Tensor x = testing::random_tensor({most}, 1);
  for (const Kernel<real> f :
       {Kernel<real>{exp_of}, Kernel<real>{log_of}, Kernel<real>{tanh_of}, Kernel<real>{sigmoid_of},
        Kernel<real>{gelu_of}, Kernel<real>{gelu_slope_of}}) {
    Tensor alone = Tensor::empty({most});
    for (Index i = 0; i < most; ++i) f(alone.data() + i, x.data() + i, 1);
    for (Index n = 0; n <= most; ++n) {
      Tensor y = x.clone();
      f(y.data(), y.data(), n);
      bool same = true;
      for (Index i = 0; i < most; ++i) {
        const real expected = (i < n ? alone : x).data()[i];
        same &= y.data()[i] == expected || (std::isnan(expected) && std::isnan(y.data()[i]));
      }
      CHECK(same);
    }
  }
}

TEST_CASE("a matrix turned is its definition, for odd sizes and within wider ones") {
  for (const Index rows : {1, 7, 8, 19}) {
    for (const Index columns : {1, 8, 9, 26}) {
      const Index x_row = rows + 2, y_row = columns + 1;
      const Tensor x = testing::random_tensor({columns, x_row}, 2);
      Tensor y = Tensor::zeros({rows, y_row}), expected = Tensor::zeros({rows, y_row});
      transposed(y.data(), y_row, x.data(), x_row, rows, columns);
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
          expected.data()[i * y_row + j] = x.data()[j * x_row + i];
        }
      }
      CHECK(testing::same_bits(y, expected));
    }
  }
}
