// Batch normalisation as a layer.
#pragma once

#include "nn/module.h"

namespace limbeck {

// y = weight · x̂ + bias with x̂ normalised over the batch (core/ops/normalize.h): by the batch's own
// statistics in training, by the running ones in evaluation. Training moves the running statistics
// at every call, also under NoGrad.
//
// Parameters weight (1 at first) and bias (0), buffers running_mean (0) and running_var (1), all
// (C): the names and the start of PyTorch, whose state has one entry more, num_batches_tracked. It
// counts the calls, which only a cumulative average would need, and there is none here.
// Error: fewer than one channel; in a call, what batch_norm refuses.
class BatchNorm : public Module {
 public:
  // The sizes of the layer, and what batch_norm takes.
  struct Options {
    Index channels = 0;     // C
    double momentum = 0.1;  // the share of the new in the running statistics
    double eps = 1e-5;      // ε
  };

  std::string describe() const override;
  double eps() const { return eps_; }  // ε

  Tensor weight;        // (C)
  Tensor bias;          // (C)
  Tensor running_mean;  // (C)
  Tensor running_var;   // (C)

 protected:
  BatchNorm(const char* name, int rank, const Options& options);  // rank: of the input

  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  const char* name_;
  int rank_;
  double momentum_;
  double eps_;
};

// For features, (N, C) → (N, C), each normalised over the N cases. Error: another rank.
class BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(const Options& options) : BatchNorm("BatchNorm1d", 2, options) {}
};

// For images, (N, C, H, W) → (N, C, H, W), each channel normalised over the N H W pixels.
// Error: another rank.
class BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(const Options& options) : BatchNorm("BatchNorm2d", 4, options) {}
};

}  // namespace limbeck
