#include "optim/optimizer.h"

#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

constexpr Index grain = 16 * 1024;  // elements below which an update stays on one thread

}  // namespace

Optimizer::Optimizer(std::vector<Tensor> parameters, double lr)
    : parameters_(std::move(parameters)) {
  for (const Tensor& parameter : parameters_) {
    if (!parameter.wants_grad()) {
      fail("Optimizer",
           "a parameter of shape {} does not require a gradient, so it would never "
           "change",
           parameter.shape());
    }
  }
  set_lr(lr);
}

void Optimizer::set_lr(double lr) {
  if (!(lr >= 0) || !std::isfinite(lr)) {
    fail("Optimizer", "the learning rate must be a number of at least 0; got {}", lr);
  }
  lr_ = lr;
}

void Optimizer::step() {
  const FlushDenormals flush_denormals;
  ++steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].has_grad()) continue;
    const Tensor grad = parameters_[i].grad();
    parallel_for(grad.size(), grain, [&](Index begin, Index end) {
      update(i, begin,
             grad.values().subspan(static_cast<std::size_t>(begin),
                                   static_cast<std::size_t>(end - begin)));
    });
  }
}

void Optimizer::minimize(const Tensor& loss) {
  zero_grad();
  ++steps_;
  std::vector<GradientSink> sinks;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    sinks.push_back(
        {parameters_[i],
         [this, i](Index begin, std::span<const real> gradient) { update(i, begin, gradient); },
         update_reads(i)});
  }
  backward_into(loss, sinks);
}

std::vector<Tensor> Optimizer::zeros_like_parameters() const {
  std::vector<Tensor> zeros;
  for (const Tensor& parameter : parameters_) zeros.push_back(Tensor::zeros(parameter.shape()));
  return zeros;
}

std::vector<NamedTensor> Optimizer::numbered(const std::string& name,
                                             std::span<const Tensor> tensors) {
  std::vector<NamedTensor> named;
  for (const Tensor& tensor : tensors) {
    named.push_back({fmt::format("{}.{}", name, named.size()), tensor});
  }
  return named;
}

void Optimizer::zero_grad() {
  for (Tensor& parameter : parameters_) parameter.clear_grad();
}

}  // namespace limbeck
