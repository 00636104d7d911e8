#include "nn/group_norm.h"

#include "core/error.h"
#include "core/ops/normalize.h"

namespace limbeck {

GroupNorm::GroupNorm(const Options& options) : groups_(options.groups), eps_(options.eps) {
  const auto& [groups, channels, eps] = options;
  if (channels < 1) fail("GroupNorm", "channels must be at least 1; got {}", channels);
  if (groups < 1 || channels % groups != 0) {
    fail("GroupNorm", "{} groups do not divide {} channels", groups, channels);
  }
  weight = Tensor::full({channels}, 1).requires_grad();
  bias = Tensor::zeros({channels}).requires_grad();
}

std::string GroupNorm::describe() const {
  return fmt::format("GroupNorm({}, {})", groups_, weight.size());
}

Tensor GroupNorm::forward(const Tensor& x) {
  return group_norm(x, groups_, weight, bias, eps_);
}

void GroupNorm::parts(Parts& parts) {
  parts("weight", weight);
  parts("bias", bias);
}

Tensor InstanceNorm::forward(const Tensor& x) {
  return instance_norm(x, Tensor(), Tensor(), eps_);
}

}  // namespace limbeck
