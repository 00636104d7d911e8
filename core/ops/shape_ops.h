// Ops that move elements and change none: reshape, ranges of rows, concatenation, permutation.
#pragma once

#include <initializer_list>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

// The same elements under another shape; a view, not a copy. One dimension may be −1: it is what
// the others leave over, so reshape(x, {128, -1}) flattens a batch. The sizes come as a list,
// because a Shape holds no −1. dx = dy, reshaped back.
// Error: the sizes do not multiply to x.size().
Tensor reshape(const Tensor& x, std::initializer_list<Index> dims);
Tensor reshape(const Tensor& x, const Shape& shape);

// (N, …) → (N, D): all dimensions but the first become one; a view.
Tensor flatten(const Tensor& x);

// Rows [begin, end) along the first dimension: (N, …) → (end − begin, …); a view.
// dx = dy at those rows, 0 elsewhere. Error: not 0 <= begin <= end <= N.
Tensor slice_rows(const Tensor& x, Index begin, Index end);

// One below the other along the first dimension: (N₁, …), (N₂, …), … → (N₁ + N₂ + …, …); a copy.
// Each part's gradient is its rows of dy. Error: no parts, or other dimensions that differ.
Tensor concat_rows(const std::vector<Tensor>& parts);

// The dimensions in another order; a copy. Dimension i of the result is dimension axes[i] of x:
// permute(x, {0, 2, 1}) of (N, L, D) is (N, D, L). dx = dy, permuted back.
// Error: the axes are not each dimension of x once.
Tensor permute(const Tensor& x, std::initializer_list<int> axes);

}  // namespace limbeck
