// Upsample: enlarges images without weights.
#pragma once

#include "core/error.h"
#include "core/ops/upsample.h"
#include "nn/module.h"

namespace limbeck {

// upsample2d as a layer: (N, C, H, W) → (N, C, s_h H, s_w W).
//   Upsample({.scale = 2, .mode = Upsampling::bilinear})
// Error: in a call, what upsample2d refuses.
class Upsample : public Module {
 public:
  explicit Upsample(const UpsampleOptions& options = {}) : options_(options) {}
  const UpsampleOptions& options() const { return options_; }  // as they were given

  std::string describe() const override {
    return fmt::format("Upsample({}{})", options_.scale,
                       options_.mode == Upsampling::bilinear ? ", bilinear" : "");
  }

 protected:
  Tensor forward(const Tensor& x) override { return upsample2d(x, options_); }

 private:
  UpsampleOptions options_;
};

}  // namespace limbeck
