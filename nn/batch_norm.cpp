#include "nn/batch_norm.h"

#include "core/error.h"
#include "core/ops/normalize.h"

namespace limbeck {

BatchNorm::BatchNorm(const char* name, int rank, const Options& options)
    : name_(name), rank_(rank), momentum_(options.momentum), eps_(options.eps) {
  if (options.channels < 1) fail(name, "channels must be at least 1; got {}", options.channels);
  weight = Tensor::full({options.channels}, 1).requires_grad();
  bias = Tensor::zeros({options.channels}).requires_grad();
  running_mean = Tensor::zeros({options.channels});
  running_var = Tensor::full({options.channels}, 1);
}

std::string BatchNorm::describe() const {
  return fmt::format("{}({})", name_, weight.size());
}

Tensor BatchNorm::forward(const Tensor& x) {
  if (x.shape().rank() != rank_) {
    fail(name_, "the input must be {}; got {}", rank_ == 2 ? "(N, C)" : "(N, C, H, W)", x.shape());
  }
  return batch_norm(x, weight, bias, running_mean, running_var,
                    {.training = is_training(), .momentum = momentum_, .eps = eps_});
}

void BatchNorm::parts(Parts& parts) {
  parts("weight", weight);
  parts("bias", bias);
  parts.buffer("running_mean", running_mean);
  parts.buffer("running_var", running_var);
}

}  // namespace limbeck
