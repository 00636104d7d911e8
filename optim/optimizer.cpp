#include "optim/optimizer.h"

#include <cmath>

#include "core/error.h"

namespace limbeck {

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
  begin_step();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].has_grad()) update(i, parameters_[i], parameters_[i].grad());
  }
}

void Optimizer::zero_grad() {
  for (Tensor& parameter : parameters_) parameter.clear_grad();
}

}  // namespace limbeck
