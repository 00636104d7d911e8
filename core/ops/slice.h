// Parts of a tensor along one of its dimensions, and tensors put together along one.
//
// `dim` says which dimension; a negative one counts from the end. D is its size. Along the first
// dimension slice and concat are slice_rows and concat_rows (core/ops/shape_ops.h).
// Error, of each: there is no such dimension.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace limbeck {

// The places [begin, end) of D: (…, D, …) → (…, end − begin, …); along the first dimension a view,
// else a copy. dx = dy there, 0 elsewhere; many slices of one x cost backwards what they cost
// together, not the size of x each. Error: not 0 <= begin <= end <= D.
Tensor slice(const Tensor& x, int dim, Index begin, Index end);

// All of x in slices of `size`, the last perhaps smaller: split(x, 1, 2) of (N, 5) gives (N, 2),
// (N, 2) and (N, 1). Error: size < 1.
std::vector<Tensor> split(const Tensor& x, int dim, Index size);

// One after the other: (…, D₁, …), (…, D₂, …), … → (…, D₁ + D₂ + …, …); a copy. Each part's
// gradient is its slice of dy. Error: no parts, or other dimensions that differ.
Tensor concat(const std::vector<Tensor>& parts, int dim);

// Side by side along a new dimension, which stands at `dim` of the result: n of (…) → (…, n, …).
// Each part's gradient is its slice of dy. Error: no parts, or shapes that differ.
Tensor stack(const std::vector<Tensor>& parts, int dim);

// How much is put around, and what.
struct PadOptions {
  Index before = 0;  // places before the first
  Index after = 0;   // places after the last
  double value = 0;  // of the new elements
};

// (…, D, …) → (…, before + D + after, …): pad(pad(x, -1, {.before = 1, .after = 1}), -2, …) puts a
// frame around images. dx = the slice of dy where x is. Error: before or after is negative.
Tensor pad(const Tensor& x, int dim, const PadOptions& options);

}  // namespace limbeck
