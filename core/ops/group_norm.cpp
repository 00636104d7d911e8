// Group and instance normalisation: rows of a layer_norm, then a factor and a shift a channel.
#include <vector>

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/normalize.h"
#include "core/ops/shape_ops.h"

namespace limbeck {
namespace {

// (C) as one number for each channel of x (N, C, …): (C, 1, …).
Tensor by_channel(const Tensor& v, const Shape& x) {
  Shape shape;
  for (int i = 2; i < x.rank(); ++i) shape = shape.with_front(1);
  return reshape(v, shape.with_front(v.size()));
}

Tensor normalize_groups(const char* op, const Tensor& x, Index groups, const Tensor& gamma,
                        const Tensor& beta, double eps) {
  if (x.shape().rank() < 2 || x.size() == 0) {
    fail(op, "the input must be (N, C, …), with values; got {}", x.shape());
  }
  const Index images = x.dim(0), channels = x.dim(1);
  if (groups < 1 || channels % groups != 0) {
    fail(op, "{} groups do not divide {} channels", groups, channels);
  }
  if (gamma.defined()) detail::check_vector(op, "gamma", gamma, channels, x.shape());
  if (beta.defined()) detail::check_vector(op, "beta", beta, channels, x.shape());
  detail::check_eps(op, eps);
  const Tensor rows = reshape(x, {images * groups, x.size() / (images * groups)});
  Tensor y = reshape(layer_norm(rows, Tensor(), Tensor(), eps), x.shape());
  if (gamma.defined()) y = y * by_channel(gamma, x.shape());
  if (beta.defined()) y = y + by_channel(beta, x.shape());
  return y;
}

}  // namespace

Tensor group_norm(const Tensor& x, Index groups, const Tensor& gamma, const Tensor& beta,
                  double eps) {
  return normalize_groups("group_norm", x, groups, gamma, beta, eps);
}

Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps) {
  const Index channels = x.shape().rank() < 2 ? 1 : x.dim(1);
  return normalize_groups("instance_norm", x, channels, gamma, beta, eps);
}

}  // namespace limbeck
