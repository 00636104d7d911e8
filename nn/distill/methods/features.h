// What the methods on features share: which features, as rows, of length 1, and how far apart.
//
// A method compares outputs of a module of the student, f, with those of one of the teacher, for
// the same N images. Their widths may differ: what is compared is made of each side by itself, or a
// module of the term's own brings them together.
#pragma once

#include <functional>
#include <string>

#include "core/scratch.h"
#include "nn/distill/term.h"

namespace limbeck {

// The modules whose outputs a term compares, by their paths in named_modules(): "7",
// "block2.relu".
struct TapPaths {
  std::string student;    // a module of the student
  std::string teacher{};  // one of the teacher; empty: the same path
};

namespace detail {

// The term `name` whose value is loss(f of the student, f of the teacher), never below 0 and 0
// where the two are the same. `options` are its numbers in words: "p=2", or nothing.
Term feature_term(const std::string& name, const TapPaths& taps, const std::string& options,
                  std::function<Tensor(const Tensor& student, const Tensor& teacher)> loss);

// Error, in the name of `op`: not features (N, …) of the same N ≥ 1 images on both sides, with at
// least one number each.
void check_features(const char* op, const Tensor& student, const Tensor& teacher);

// u = x / ‖x‖ in each row of x (N, D), as numbers outside of any graph; a row of zeros stays one.
class UnitRows {
 public:
  explicit UnitRows(const Tensor& x);

  const Tensor& rows() const { return rows_; }  // u, (N, D)
  // From du, the gradient with respect to u, that with respect to x:
  //   dx = (du − (du · u) u) / ‖x‖,   and 0 in a row of zeros, where there is none
  Tensor gradient(const Tensor& du) const;

 private:
  Tensor rows_;
  Tensor lengths_;  // (N)
};

// The same as an op: (N, D) → (N, D).
Tensor unit_rows(const Tensor& x);

// ‖x_i − x_j‖² of all pairs of rows of x (N, D): N × N numbers. Differences are taken first: from
// ‖x_i‖² + ‖x_j‖² − 2 x_i · x_j nothing would be left of the distance of two rows that lie near.
Scratch<double> squared_distances(const Tensor& x);
// From the gradient with respect to each of these, that with respect to x:
//   dx_i = 2 Σ_j (ds_ij + ds_ji) (x_i − x_j)
Tensor distance_gradient(const Tensor& x, const Scratch<double>& ds);

// x + xᵀ of a square matrix: a Gram matrix G = F Fᵀ has the gradient dF = (dG + dGᵀ) F.
Tensor plus_transpose(const Tensor& x);

}  // namespace detail
}  // namespace limbeck
