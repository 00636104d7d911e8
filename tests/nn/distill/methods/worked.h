// Inputs of the worked numbers of distillation methods, which a script in double precision computed
// from the formulas and printed to 9 decimals; and how a result is compared with such a number.
//
// Three cases and five classes. In row 2 teacher and student both prefer class 3 and the label is
// 0: methods that treat the label specially show there what they do.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <vector>

#include "core/function_ref.h"
#include "tests/testing.h"

namespace limbeck::testing::worked {

// A tensor of numbers in double.
inline Tensor tensor(const Shape& shape, std::initializer_list<double> numbers) {
  Tensor x = Tensor::empty(shape);
  std::ranges::transform(numbers, x.data(), [](double a) { return static_cast<real>(a); });
  return x;
}

// Logits of student and teacher, (N, C), and labels.
inline const Tensor z = tensor({3, 5}, {1.0, 2.0, 0.5, -1.0, 0.0,   //
                                        0.2, -0.5, 1.5, 0.3, -1.2,  //
                                        -0.7, 0.4, 0.1, 2.2, -0.3});
inline const Tensor v = tensor({3, 5}, {2.0, 4.0, 1.0, -2.0, 0.5,   //
                                        0.5, -1.0, 3.0, 1.0, -2.0,  //
                                        1.0, 0.0, -0.5, 2.5, 0.8});
inline const std::vector<std::int32_t> y = {1, 2, 0};

// Feature maps of student and teacher, (N, K, H, W), channel by channel.
inline const Tensor student_maps = tensor({3, 2, 2, 2}, {1, 0, 2, -1, 0.5, 1,   0,   -0.5,  //
                                                         0, 1, 1, 2,  -1,  0.5, 1.5, 0,     //
                                                         2, 1, 0, 1,  1,   -2,  0.5, 0.5});
inline const Tensor teacher_maps =
    tensor({3, 3, 2, 2}, {2, 0, 1,   -1, 1,  1,  0, 0,   0.5, -0.5, 1,    1,   //
                          0, 2, 1,   1,  -1, 0,  2, 0.5, 1,   1,    0,    -1,  //
                          1, 1, 0.5, 1,  2,  -1, 0, 0,   0,   0.5,  -0.5, 1});

// Features before the last layer, (N, D).
inline const Tensor student_features = tensor({3, 2}, {1, 0, 0, 2, -1, 1});
inline const Tensor teacher_features = tensor({3, 3}, {1, 2, 0, 0, 1, -1, 2, 0, 1});

// How near a result must come: relative, with an allowance for the digits that are not printed.
inline constexpr bool in_double = sizeof(real) == sizeof(double);
inline constexpr double tolerance = in_double ? 1e-6 : 1e-5;
inline constexpr double scale = in_double ? 1e-3 : 0.1;

// A worked number: CHECK(loss.item() == near(0.360282951)).
inline doctest::Approx near(double number) {
  return doctest::Approx(number).epsilon(tolerance).scale(scale);
}

// How far elements are from worked numbers, in the same measure: CHECK(off(dz, {…}) < tolerance).
// Infinite at a NaN or where there are too few. Where there are more, the first ones are compared:
// the rows that the numbers are of.
inline double off(const Tensor& x, std::span<const double> numbers) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (x.values().size() < numbers.size()) return infinite;
  double worst = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double d = std::abs(static_cast<double>(x.values()[i]) - numbers[i]);
    const double relative = d / (scale + std::abs(numbers[i]));
    worst = std::isnan(relative) ? infinite : std::max(worst, relative);
  }
  return worst;
}
inline double off(const Tensor& x, std::initializer_list<double> numbers) {
  return off(x, std::span(numbers.begin(), numbers.size()));
}

// d f(x) / d x at x, of a scalar f.
inline Tensor gradient(const Tensor& x, FunctionRef<Tensor(const Tensor&)> f) {
  const Tensor leaf = x.clone().requires_grad();
  f(leaf).backward();
  return leaf.grad();
}

// The one element of a loss.
inline double number(const Tensor& x) {
  return static_cast<double>(x.item());
}

// Row n of a batch, as a batch.
inline Tensor row(const Tensor& x, Index n) {
  return slice_rows(x, n, n + 1);
}

// What has worked numbers at T = 1, 2 and 4.
struct AtTemperatures {
  const char* of;
  std::function<double(double temperature)> value;
  std::vector<double> numbers;
};

inline void check_all(const std::vector<AtTemperatures>& all) {
  for (const AtTemperatures& one : all) {
    CAPTURE(one.of);
    const std::vector<double> temperatures = {1, 2, 4};
    REQUIRE(one.numbers.size() == temperatures.size());
    for (std::size_t i = 0; i < temperatures.size(); ++i) {
      CAPTURE(temperatures[i]);
      CHECK(one.value(temperatures[i]) == near(one.numbers[i]));
    }
  }
}

}  // namespace limbeck::testing::worked
