// Sums, means and maxima: of all elements, or along the last dimension.
//
// The reductions along the last dimension keep it, as 1, so that the result broadcasts against what
// it was computed from: (…, D) → (…, 1).
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

Tensor sum(const Tensor& x);   // (…) → ()   dx = dy everywhere
Tensor mean(const Tensor& x);  // (…) → ()   dx = dy / size everywhere. Error: x has no elements

Tensor sum_last(const Tensor& x);   // (…, D) → (…, 1)   dx = dy along the row
Tensor mean_last(const Tensor& x);  // (…, D) → (…, 1)   dx = dy / D along the row

// (…, D) → (…, 1)   dx = dy at the first maximum of the row, 0 elsewhere. Error: D = 0
Tensor max_last(const Tensor& x);

// The place of the first maximum of each row: (…, D) → one number in [0, D) a row. With logits, the
// class that a model decides for. Error: D = 0
std::vector<std::int32_t> argmax_last(const Tensor& x);

}  // namespace limbeck
