#include "optim/constraint.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

double sum_of_squares(std::span<const real> values) {
  double sum = 0;
  for (real v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum;
}

void scale(std::span<real> values, double factor) {
  for (real& v : values) v = static_cast<real>(v * factor);
}

void check_max_norm(const char* op, double max_norm) {
  if (!(max_norm > 0)) fail(op, "max_norm must be positive; got {}", max_norm);
}

}  // namespace

double clip_grad_norm(const std::vector<Tensor>& parameters, double max_norm) {
  check_max_norm("clip_grad_norm", max_norm);
  double squares = 0;
  for (const Tensor& parameter : parameters) {
    if (parameter.has_grad()) squares += sum_of_squares(parameter.grad().values());
  }
  const double norm = std::sqrt(squares);
  if (norm <= max_norm) return norm;
  for (const Tensor& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    Tensor gradient = parameter.grad();
    scale(gradient.values(), max_norm / norm);
  }
  return norm;
}

void clip_grad_value(const std::vector<Tensor>& parameters, double max_value) {
  if (!(max_value > 0)) fail("clip_grad_value", "max_value must be positive; got {}", max_value);
  const auto limit = static_cast<real>(max_value);
  for (const Tensor& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    Tensor gradient = parameter.grad();
    for (real& g : gradient.values())
      g = std::clamp(g, -limit, limit);  // NaN is in no order: stays
  }
}

void constrain_row_norm(Tensor weight, double max_norm) {
  check_max_norm("constrain_row_norm", max_norm);
  if (weight.shape().rank() < 2) {
    fail("constrain_row_norm", "a weight (D_out, …) is needed; got {}", weight.shape());
  }
  const auto columns = static_cast<std::size_t>(weight.shape().without_front().size());
  for (std::size_t row = 0; row < static_cast<std::size_t>(weight.dim(0)); ++row) {
    const std::span<real> values = weight.values().subspan(row * columns, columns);
    const double norm = std::sqrt(sum_of_squares(values));
    if (norm > max_norm) scale(values, max_norm / norm);
  }
}

}  // namespace limbeck
