// The means of an epoch's losses, batch by batch. For the loop alone (nn/train/trainer.cpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/train/epoch_report.h"

namespace limbeck::detail {

// What came of a batch.
struct BatchValues {
  double loss = 0;
  std::vector<TermValue> terms{};
  std::string whose{};  // of a loss that is not finite: the rank's, where there are several
};
BatchValues values_of(const Loss& loss);

// Error: the loss is not finite. It says by which term, where, and what it may be: the learning
// rate, where steps have been made by it. Batch and epoch count from 1.
void check_finite(const BatchValues& values, Index batch, Index epoch, std::optional<double> lr);

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

  // The loss of a batch of so many images. Error: as check().
  void add(const BatchValues& batch, Index batch_images);
  // Error: other terms than in the batches before, if there are such.
  void check(const std::vector<TermValue>& terms) const;
  void add_gradient_norm(double norm);
  void write_to(EpochReport& report) const;
};

// "labels, kd".
std::string names_of(const std::vector<TermValue>& terms);
// Error: two of a report's numbers have one name, as a term and a metric may.
void check_names(const EpochReport& report);
// A warning into a report, where the loss on labels is not below what guessing gives.
void warn_of_guessing(EpochReport& report, Index classes);

}  // namespace limbeck::detail
