#include "nn/distill/methods/similarity.h"

#include "core/autograd.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matmul.h"
#include "core/ops/shape_ops.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

// Ã of rows (N, D).
detail::UnitRows similarities(const Tensor& rows) {
  return detail::UnitRows(matmul(rows, rows, {.b = true}));
}

}  // namespace

Tensor similarity_loss(const Tensor& student, const Tensor& teacher) {
  constexpr const char* op = "similarity_loss";
  detail::check_features(op, student, teacher);
  const Tensor f = flatten(student.detach());
  const detail::UnitRows mine = similarities(f);
  const detail::UnitRows its = similarities(flatten(teacher.detach()));
  const Tensor loss = mse(mine.rows(), its.rows());  // of N² entries
  return record(op, loss, {student}, [=, shape = student.shape()](const Tensor& dy) -> Gradients {
    const Tensor d = (mine.rows() - its.rows()) * (2.0 / static_cast<double>(mine.rows().size()));
    const Tensor da = mine.gradient(d * dy);
    return {reshape(matmul(detail::plus_transpose(da), f), shape)};
  });
}

Term similarity(const TapPaths& taps) {
  return detail::feature_term("sp", taps, "", similarity_loss);
}

}  // namespace limbeck
