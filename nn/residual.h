// Residual: a way around a module.
#pragma once

#include <memory>
#include <utility>

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "nn/module.h"

namespace limbeck {

// y = x + f(x) for any module f, moved in, that keeps the shape of x: f learns what to change, and
// the gradient of y reaches x undiminished. He, Zhang, Ren and Sun, "Deep Residual Learning for
// Image Recognition", CVPR 2016, section 3.1. Error: f(x) has another shape than x.
//
//   Residual(Sequential(Linear({.in = 32, .out = 32}, rng), ReLU()))
class Residual : public Module {
 public:
  // Takes f over.
  template <class Inner>
  explicit Residual(Inner inner) : inner_(std::make_unique<Inner>(std::move(inner))) {}

  std::string describe() const override { return "Residual"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor change = (*inner_)(x);
    if (change.shape() != x.shape()) {
      fail("Residual", "{} gives {} for {}, and the sum needs equal shapes", inner_->describe(),
           change.shape(), x.shape());
    }
    return x + change;
  }
  void parts(Parts& parts) override { parts("inner", *inner_); }

 private:
  std::unique_ptr<Module> inner_;
};

}  // namespace limbeck
