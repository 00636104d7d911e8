// Sums, means and maxima: of all elements, or along a dimension.
//
// Along a dimension the result has lost it, or has kept it as 1, so as to broadcast against what it
// was computed from:
//   sum(x, 1)                  (N, C, D) → (N, D)
//   sum(x, 1, {.keep = true})  (N, C, D) → (N, 1, D)
// The reductions along the last dimension that are named for it keep it: (…, D) → (…, 1).
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

Tensor sum(const Tensor& x);   // (…) → ()   dx = dy everywhere
Tensor mean(const Tensor& x);  // (…) → ()   dx = dy / size everywhere. Error: x has no elements

// How a reduction along a dimension leaves it.
struct ReduceOptions {
  bool keep = false;  // as 1, else not at all
};

// Along dimension `dim`, which counts from the end where it is negative: (…, D, …) → (…, …).
// Error: there is no such dimension, or D = 0, of which only a sum can be made.
Tensor sum(const Tensor& x, int dim, const ReduceOptions& options = {});   // dx = dy along D
Tensor mean(const Tensor& x, int dim, const ReduceOptions& options = {});  // dx = dy / D along D
// dx = dy at the first maximum along D, 0 elsewhere: as PyTorch's max of a dimension, not as its
// amax, which shares dy among equals. NaN counts as the largest, to be noticed.
Tensor max(const Tensor& x, int dim, const ReduceOptions& options = {});

Tensor sum_last(const Tensor& x);  // (…, D) → (…, 1)   dx = dy along the row. Error: D = 0
Tensor mean_last(const Tensor& x);  // (…, D) → (…, 1)   dx = dy / D along the row. Error: D = 0

// (…, D) → (…, 1)   dx = dy at the first maximum of the row, 0 elsewhere. Error: D = 0
Tensor max_last(const Tensor& x);

// The place of the first maximum of each row: (…, D) → one number in [0, D) a row. With logits, the
// class that a model decides for. Error: D = 0
std::vector<std::int32_t> argmax_last(const Tensor& x);

namespace detail {
// The shape of a reduction of `shape` along dim.
Shape reduced(const Shape& shape, int dim, const ReduceOptions& options);
}  // namespace detail
}  // namespace limbeck
