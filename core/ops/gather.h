// Rows of a tensor, in any order and any number of times.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace limbeck {

// Row m of y is row indices[m] of x: (N, …) → (M, …) for M indices; a copy.
// Row n of dx = the sum of those rows of dy that are row n of x, in the order of the indices, so
// that it has the same bits for any number of threads. Many gatherings from one x cost backwards
// what they cost together, not the size of x each.
// Error: a scalar, or an index that is no row of x.
Tensor gather_rows(const Tensor& x, std::span<const Index> indices);
Tensor gather_rows(const Tensor& x, std::span<const std::int32_t> indices);  // as class_ids are

}  // namespace limbeck
