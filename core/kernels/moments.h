// Sums in double, and means and variances by them: what reductions and normalisations share.
#pragma once

#include <algorithm>

#include "core/shape.h"

namespace limbeck::detail {

// Two sums at a time: each statistic and each gradient here needs two, of the same elements.
struct Sums {
  double a = 0;
  double b = 0;
};

// Σ f(i) for i in [begin, begin + n), in several partial sums, a vector's lanes.
template <class F>
Sums sums_of(Index begin, Index n, F f) {
  double a = 0, b = 0;
#pragma omp simd reduction(+ : a, b)
  for (Index i = begin; i < begin + n; ++i) {
    const Sums s = f(i);
    a += s.a;
    b += s.b;
  }
  return {a, b};
}

// Σ x of n elements, likewise. A float sum of a million elements loses three digits.
inline double sum_of(const real* x, Index n) {
  double sum = 0;
  if (n < 16) {  // too few for the partial sums to pay
    for (Index i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
    return sum;
  }
#pragma omp simd reduction(+ : sum)
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
  return sum;
}

// What is summed for a mean and a variance: differences from a value among the elements, of which
// the mean is not far. Of sums of x² itself, little would be left where the mean is large.
inline Sums around(real x, real pivot) {
  const double d = static_cast<double>(x) - static_cast<double>(pivot);
  return {d, d * d};
}

// The mean of n elements and their variance Σ (x − mean)² / n, from the sums of around().
struct Moments {
  double mean;
  double variance;

  Moments(const Sums& sums, real pivot, double n)
      : mean(sums.a / n + pivot), variance(std::max((sums.b - sums.a * sums.a / n) / n, 0.0)) {}
};

// One T for each of up to 64 channels or columns side by side, counted as tensors' elements are.
inline constexpr Index widest_block = 64;

template <class T>
class Block {
 public:
  T& operator[](Index j) { return values_[j]; }
  const T& operator[](Index j) const { return values_[j]; }

 private:
  T values_[widest_block] = {};
};

}  // namespace limbeck::detail
