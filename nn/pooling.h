// Temporary.
#pragma once
#include "core/pool.h"
#include "nn/module.h"
namespace limbeck {
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const PoolOptions& options) : options_(options) {}
  std::string describe() const override { return "MaxPool2d"; }
  bool halves() const {
    return options_.kernel == Size2d(2) && options_.padding == Size2d(0) &&
           (options_.stride == Size2d(0) || options_.stride == Size2d(2));
  }

 protected:
  Tensor forward(const Tensor& x) override { return max_pool2d(x, options_); }

 private:
  PoolOptions options_;
};
}  // namespace limbeck
