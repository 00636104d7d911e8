// What losses on logits share: a mean over the rows of a batch, each of which has a value and a
// gradient of its own, in one pass and in double. Terms of distillation are differences of
// logarithms that are much larger than they are, at a high temperature or where student and teacher
// agree; in float rounding would be most of them.
//
// A loss is then a function of a row, here ½ |z − v|²:
//
//   Tensor half_square(const Tensor& z, const Tensor& v) {
//     return detail::mean_over_rows("half_square", z, v, [](detail::LogitRow& row) {
//       double value = 0;
//       for (std::size_t j = 0; j < row.z.size(); ++j) {
//         row.dz[j] = row.z[j] - row.v[j];
//         value += row.dz[j] * row.dz[j] / 2;
//       }
//       return value;
//     });
//   }
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/function_ref.h"
#include "core/tensor.h"

namespace limbeck::detail {

// A row x softened: softmax(x / T) and its logarithm, of C classes.
struct Softened {
  std::vector<double> probs, log_probs;  // (C)

  static constexpr std::size_t none = ~std::size_t{0};
  // Makes them. With a class to leave out, the softmax is over the others, and both are 0 at that
  // one. Returns ln Σ exp(x / T), over the same classes.
  double set(std::span<const double> x, double temperature, std::size_t without = none);
};

// One case of a batch.
struct LogitRow {
  std::size_t n = 0;         // which
  std::vector<double> z, v;  // the logits of student and teacher, (C); without a teacher v is empty
  std::vector<double> dz;    // (C), at first 0: where a loss puts the gradient of this row's value
  Softened q, p;             // room for the softened answers of student and teacher

  // q and p at a temperature.
  void soften(double temperature);
  // Adds weight · (q − p) to dz: T (q − p) is the gradient of T² KL(p ‖ q).
  void pull(double weight);
};

// The mean of `value(row)` over N rows, recorded as `op` with the gradient dz / N for the student:
// logits z (N, C), v (N, C) → (). The rows may be worked on by several threads; the result does not
// depend on how many. Error: z is not (N, C) with N and C at least 1, or v is of another shape.
Tensor mean_over_rows(const char* op, const Tensor& z, const Tensor& v,
                      FunctionRef<double(LogitRow&)> value);
// The same without a teacher.
Tensor mean_over_rows(const char* op, const Tensor& z, FunctionRef<double(LogitRow&)> value);

// Calls body(begin, end) for ranges of the rows of an (N, C), by several threads where that pays.
void for_rows(Index rows, Index classes, FunctionRef<void(Index, Index)> body);

// Σ p (ln p − ln q), with 0 ln 0 = 0: KL(p ‖ q), which is at least 0 but for rounding, and then 0.
double kl(const Softened& p, const Softened& q);
// −Σ p ln q, likewise.
double cross_entropy(const Softened& p, const Softened& q);
// ln(1 + eˣ), where eˣ may be too large for a number.
double softplus(double x);
// From g, the gradient with respect to q = softmax(z / T), to that with respect to z, in place:
//   dz_i = q_i (g_i − Σ_k q_k g_k) / T
void through_softmax(std::span<const double> q, double temperature, std::span<double> g);

// Error, in the name of `op`: z not (N, C) with N and C at least 1, v of another shape.
void check_both(const char* op, const Tensor& z, const Tensor& v);
// Error, in the name of `op`: labels that are not N numbers in [0, C) for logits (N, C), or fewer
// classes than two, where a loss compares the label with the others.
void check_labelled(const char* op, const Tensor& z, std::span<const std::int32_t> class_ids);
// Error, in the name of `op`: `name` is not a number of at least 0.
void check_at_least_0(const char* op, const char* name, double number);

}  // namespace limbeck::detail
