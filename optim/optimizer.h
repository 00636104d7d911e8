// Optimizer: changes parameters by their gradients, to make the loss smaller.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace limbeck {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One update of every parameter that has a gradient; the others stay as they are.
  void step();
  void zero_grad();  // clears the gradients

  double lr() const { return lr_; }
  // The learning rate from the next step on. Error: negative, or not a number.
  void set_lr(double lr);

 protected:
  // Error: a parameter that does not require a gradient, or a learning rate as in set_lr.
  Optimizer(std::vector<Tensor> parameters, double lr);

  // Called by step() once before the parameters, then with the place and gradient of each.
  virtual void begin_step() {}
  virtual void update(std::size_t i, Tensor& parameter, const Tensor& gradient) = 0;

  const std::vector<Tensor>& parameters() const { return parameters_; }

 private:
  std::vector<Tensor> parameters_;
  double lr_;
};

// Elements of a parameter below which its update stays on one thread.
inline constexpr Index update_grain = 16 * 1024;

}  // namespace limbeck
