// Pooling as layers: core/ops/pool.h says what they compute.
#pragma once

#include "core/ops/pool.h"
#include "nn/module.h"

namespace limbeck {

// max_pool2d. A class of its own, so that others can see the window: MaxPool2d({.kernel = 2}).
// Error: what max_pool2d refuses of the options.
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const PoolOptions& options);

  // With the stride filled in: never 0.
  const PoolOptions& options() const { return options_; }

  std::string describe() const override;  // "MaxPool2d(2)", "MaxPool2d(3, stride 2, padding 1)"

 protected:
  Tensor forward(const Tensor& x) override { return max_pool2d(x, options_); }

 private:
  PoolOptions options_;
};

// avg_pool2d, likewise. Error: what avg_pool2d refuses of the options.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const PoolOptions& options);

  // With the stride filled in: never 0.
  const PoolOptions& options() const { return options_; }

  std::string describe() const override;

 protected:
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, options_); }

 private:
  PoolOptions options_;
};

// global_avg_pool2d: (N, C, H, W) → (N, C).
class GlobalAvgPool2d : public Module {
 public:
  std::string describe() const override { return "GlobalAvgPool2d"; }

 protected:
  Tensor forward(const Tensor& x) override { return global_avg_pool2d(x); }
};

}  // namespace limbeck
