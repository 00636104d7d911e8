// A part of a batch: what an op has to know where several processes work on one batch together
// (nn/train/ranks.h), each on some of its rows.
#pragma once

#include <functional>
#include <span>

#include "core/shape.h"

namespace limbeck {

// The rows of the whole batch that this process works on.
struct BatchShare {
  Index first = 0;     // of them, in the whole batch
  Index rows = 0;      // so many: the first dimension of what a network is given
  bool counts = true;  // no: the batch has too few rows for all, and this is one of another's
  double weight = 1;   // of these rows in the mean of the batch: rows / those of the whole, or 0
  // Adds numbers up over all processes, each element by itself, in place; all of them must call it.
  // Empty where each takes statistics of a batch from its own rows.
  std::function<void(std::span<double> values)> sum{};
};

// That of the batch under way in this thread; null where it is whole.
const BatchShare* batch_share();

// Makes it so while it lives; null: whole.
class BatchShareScope {
 public:
  explicit BatchShareScope(const BatchShare* share);
  ~BatchShareScope();
  BatchShareScope(const BatchShareScope&) = delete;
  BatchShareScope& operator=(const BatchShareScope&) = delete;

 private:
  const BatchShare* before_;
};

}  // namespace limbeck
