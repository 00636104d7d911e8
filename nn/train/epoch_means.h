// The means of an epoch's losses, batch by batch. For the loop alone (nn/train/trainer.cpp).
#pragma once

#include <vector>

#include "nn/train/epoch_report.h"

namespace limbeck::detail {

// Sums, each weighted by the images that it is about: what a checkpoint in the midst of an epoch
// keeps.
struct EpochSums {
  // Of one term: its values times its images, these, and the mean of its weights, which is exact
  // where they are all the same; the lengths of its gradient, and in how many batches they are
  // known.
  struct Term {
    std::string name;
    double value = 0, weight = 0, images = 0;
    double gradients = 0, measured = 0;
  };

  double images = 0, loss = 0;
  double norms = 0, steps = 0;  // of clipped gradients
  std::vector<Term> terms{};

  // The loss of a batch of so many images. Error: other terms than before.
  void add(const Loss& batch, Index batch_images);
  void add_gradient_norm(double norm);
  void write_to(EpochReport& report) const;
};

}  // namespace limbeck::detail
