// A naive twin of tensors and autodiff, in double: each op is a loop over elements that computes
// its value, and another that adds to its inputs' gradients.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/shape.h"

namespace limbeck::testing {

// A value: elements in memory that views share, and how its gradient goes on.
struct Twin {
  Shape shape;
  std::shared_ptr<std::vector<double>> memory;
  Index offset = 0;
  bool wants_grad = false;
  std::vector<double> grad{};
  std::function<void()> back{};  // adds to the gradients of its inputs

  double operator[](Index i) const { return (*memory)[static_cast<std::size_t>(offset + i)]; }
  double& operator[](Index i) { return (*memory)[static_cast<std::size_t>(offset + i)]; }
  double& d(Index i) { return grad[static_cast<std::size_t>(i)]; }
};
using TwinPtr = std::shared_ptr<Twin>;

TwinPtr twin_of(const Shape& shape, bool wants_grad);

// How an element of the output depends on one of an input: y[to] += value(from), and the factor by
// which dy[to] adds to d[from]. All ops here are sums of such.
enum class Unary { neg, sigmoid, tanh, exp, relu, gelu, log };
enum class Binary { add, sub, mul, div };

TwinPtr unary(Unary op, const TwinPtr& x);
TwinPtr binary(Binary op, const TwinPtr& a, const TwinPtr& b, const Shape& shape);
TwinPtr sum_last_twin(const TwinPtr& x);
TwinPtr max_last_twin(const TwinPtr& x);
TwinPtr sum_twin(const TwinPtr& x);
TwinPtr softmax_twin(const TwinPtr& x);
TwinPtr matmul_twin(const TwinPtr& a, const TwinPtr& b);  // a bᵀ
TwinPtr permute_twin(const TwinPtr& x);                   // the last two dimensions exchanged
TwinPtr slice_last_twin(const TwinPtr& x, Index begin, Index end);
TwinPtr gather_rows_twin(const TwinPtr& x, const std::vector<Index>& rows);
TwinPtr concat_twin(const TwinPtr& a, const TwinPtr& b);
// The same memory from `offset` on under another shape, in the graph or outside it.
TwinPtr view_twin(const TwinPtr& x, const Shape& shape, Index offset, bool recorded);

// Sets the gradient of a scalar to 1 and goes back through all values made since, the last first.
void backward_twin(const TwinPtr& loss, const std::vector<TwinPtr>& tape);

}  // namespace limbeck::testing
