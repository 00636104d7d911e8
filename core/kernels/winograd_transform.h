// Winograd's minimal filtering: convolution with fewer multiplications.
//
// Four outputs of a filter of r taps are products of polynomials in disguise. Such a product can be
// had by evaluating both factors at n = 4 + r − 1 points, multiplying point by point, and finding
// the polynomial through the results (Toom 1963, Cook 1966); a filter is the transpose of that:
//
//   y = Aᵀ [ (G g) ⊙ (Bᵀ d) ]        g: r taps, d: n inputs, y: 4 outputs
//
// n multiplications instead of 4 r. In two dimensions each matrix is applied to rows and columns,
//   Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
// and a tile of 4 × 4 outputs takes n² multiplications instead of 16 r²: 64 for 400 at 5×5, 36 for
// 144 at 3×3. Summed over channels, ⊙ becomes a matrix product for each of the n² points.
// (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", CVPR 2016.)
//
// The points are 0, ±1, ±2, ±½ and ∞ (a polynomial's value there is its leading coefficient): small
// ones, since their powers multiply rounding errors. The tests hold the error in float below 1e-4
// of the largest output, at 64 channels.
#pragma once

#include <array>
#include <utility>

#include "core/kernels/vector.h"

namespace limbeck {

template <std::size_t rows, std::size_t columns>
using Matrix = std::array<std::array<double, columns>, rows>;

template <std::size_t rows, std::size_t columns>
constexpr Matrix<columns, rows> transposed(const Matrix<rows, columns>& m) {
  Matrix<columns, rows> t{};
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) t[j][i] = m[i][j];
  }
  return t;
}

inline constexpr std::array<double, 7> winograd_points = {0, 1, -1, 2, -2, 0.5, -0.5};

// Row j evaluates a polynomial of `terms` coefficients at point j; the last row at ∞.
template <std::size_t n, std::size_t terms>
constexpr Matrix<n, terms> winograd_evaluation() {
  Matrix<n, terms> m{};
  for (std::size_t j = 0; j + 1 < n; ++j) {
    double power = 1;
    for (std::size_t i = 0; i < terms; ++i, power *= winograd_points[j]) m[j][i] = power;
  }
  m[n - 1][terms - 1] = 1;
  return m;
}

// G: evaluation of the filter, divided by N_j = Π_{k≠j} (a_j − a_k), which Lagrange's formula for
// the polynomial through given values divides by.
template <std::size_t n, std::size_t taps>
constexpr Matrix<n, taps> winograd_filter() {
  Matrix<n, taps> m = winograd_evaluation<n, taps>();
  for (std::size_t j = 0; j + 1 < n; ++j) {
    double divisor = 1;
    for (std::size_t k = 0; k + 1 < n; ++k) {
      if (k != j) divisor *= winograd_points[j] - winograd_points[k];
    }
    for (double& x : m[j]) x /= divisor;
  }
  return m;
}

// Bᵀ: row j has the coefficients of Π_{k≠j} (x − a_k), the numerator of Lagrange's formula; the
// last row those of the product over all points.
template <std::size_t n>
constexpr Matrix<n, n> winograd_input() {
  Matrix<n, n> m{};
  for (std::size_t j = 0; j < n; ++j) {
    m[j][0] = 1;
    for (std::size_t k = 0; k + 1 < n; ++k) {
      if (k == j) continue;
      for (std::size_t i = n - 1; i > 0; --i) m[j][i] = m[j][i - 1] - winograd_points[k] * m[j][i];
      m[j][0] *= -winograd_points[k];
    }
  }
  return m;
}

template <int taps>
struct Winograd {
  static constexpr std::size_t n = 4 + taps - 1;  // side of a tile of inputs
  static constexpr Matrix<n, taps> g = winograd_filter<n, taps>();
  static constexpr Matrix<taps, n> g_transposed = transposed(g);
  static constexpr Matrix<n, n> b_transposed = winograd_input<n>();
  static constexpr Matrix<n, n> b = transposed(b_transposed);
  static constexpr Matrix<n, 4> a = winograd_evaluation<n, 4>();
  static constexpr Matrix<4, n> a_transposed = transposed(a);
};

// A tile whose elements are vectors: element (i, j) at data + i · row + j · column.
template <class Real>
struct Tile {
  Real* data;
  Index row, column;
};

namespace detail {

// Σ_j m[i][j] · in[j · step]: unrolled, with the matrix's numbers as constants and its zeros gone.
template <const auto& m, std::size_t i, std::size_t... j>
inline Vector dot(const Vector* in, std::size_t step, std::index_sequence<j...>) {
  Vector sum{};
  ((m[i][j] != 0 ? void(sum += static_cast<real>(m[i][j]) * in[j * step]) : void()), ...);
  return sum;
}

template <const auto& m, std::size_t columns, std::size_t... i>
inline void apply(Vector* out, std::size_t out_step, const Vector* in, std::size_t in_step,
                  std::index_sequence<i...>) {
  ((out[i * out_step] = dot<m, i>(in, in_step, std::make_index_sequence<columns>())), ...);
}

}  // namespace detail

// out = M in Mᵀ for each of the eight lanes.
template <const auto& m>
inline void transform_2d(const Tile<real>& out, const Tile<const real>& in) {
  constexpr std::size_t rows = std::tuple_size_v<std::remove_cvref_t<decltype(m)>>;
  constexpr std::size_t columns = std::tuple_size_v<std::remove_cvref_t<decltype(m[0])>>;
  constexpr auto all_rows = std::make_index_sequence<rows>();
  Vector x[columns * columns];  // in
  Vector t[rows * columns];     // M in
  Vector y[rows * rows];        // M in Mᵀ
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      x[i * columns + j] =
          load(in.data + static_cast<Index>(i) * in.row + static_cast<Index>(j) * in.column);
    }
  }
  for (std::size_t j = 0; j < columns; ++j) {
    detail::apply<m, columns>(t + j, columns, x + j, columns, all_rows);
  }
  for (std::size_t i = 0; i < rows; ++i) {
    detail::apply<m, columns>(y + i * rows, 1, t + i * columns, 1, all_rows);
  }
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < rows; ++j) {
      store(out.data + static_cast<Index>(i) * out.row + static_cast<Index>(j) * out.column,
            y[i * rows + j]);
    }
  }
}

}  // namespace limbeck
