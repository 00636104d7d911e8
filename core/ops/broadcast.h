// The loops under ops of two tensors, element by element: for the sources of ops.
#pragma once

#include <algorithm>
#include <array>

#include "core/ops/arithmetic.h"
#include "core/parallel.h"

namespace limbeck::detail {

// How to walk an operand of shape `from` in step with an output of shape `to`: by rows of the
// output, with a stride of 0 along repeated dimensions.
class Walk {
 public:
  Walk(const Shape& from, const Shape& to) : to_(to) {
    Index stride = 1;
    for (int i = 1; i <= from.rank(); ++i) {  // from the last dimension on
      const auto at = static_cast<std::size_t>(to.rank() - i);
      strides_[at] = from.dim(-i) == 1 ? 0 : stride;
      stride *= from.dim(-i);
    }
  }

  // Whether elements follow one another within a row, or one is repeated.
  bool steps() const { return to_.rank() > 0 && strides_[last()] == 1; }

  // Where the operand's elements for a row of the output begin.
  Index row_start(Index row) const {
    Index start = 0;
    for (int i = to_.rank() - 2; i >= 0; --i) {
      start += row % to_.dim(i) * strides_[static_cast<std::size_t>(i)];
      row /= to_.dim(i);
    }
    return start;
  }

 private:
  std::size_t last() const { return static_cast<std::size_t>(to_.rank() - 1); }

  Shape to_;
  std::array<Index, Shape::max_rank> strides_{};
};

// y[i] = f(a[i], b[i]) for n elements; an operand that does not step is one repeated element.
template <class F>
void combine_row(real* y, const real* a, bool a_steps, const real* b, bool b_steps, Index n, F f) {
  if (a_steps && b_steps) {
    for (Index i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  } else if (a_steps) {
    const real c = *b;
    for (Index i = 0; i < n; ++i) y[i] = f(a[i], c);
  } else if (b_steps) {
    const real c = *a;
    for (Index i = 0; i < n; ++i) y[i] = f(c, b[i]);
  } else {
    std::fill(y, y + n, f(*a, *b));
  }
}

// y = f(a, b), element by element, of the shape that they broadcast to. Not recorded.
// Error, in the name of `op`: they do not fit.
template <class F>
Tensor combine(const char* op, const Tensor& a, const Tensor& b, F f) {
  const Shape shape = broadcast_shape(op, a.shape(), b.shape());
  Tensor y = Tensor::empty(shape);
  real* py = y.data();
  const real* pa = a.data();
  const real* pb = b.data();
  const bool a_whole = a.shape() == shape;
  const bool b_whole = b.shape() == shape;
  if ((a_whole || a.size() == 1) && (b_whole || b.size() == 1)) {  // one long row
    parallel_for(y.size(), elementwise_grain, [=](Index begin, Index end) {
      combine_row(py + begin, a_whole ? pa + begin : pa, a_whole, b_whole ? pb + begin : pb,
                  b_whole, end - begin, f);
    });
    return y;
  }
  const Walk walk_a(a.shape(), shape);
  const Walk walk_b(b.shape(), shape);
  const Index columns = shape.last();
  parallel_for(shape.rows(), elementwise_grain / std::max<Index>(columns, 1) + 1,
               [&, py, pa, pb](Index begin, Index end) {
                 for (Index row = begin; row < end; ++row) {
                   combine_row(py + row * columns, pa + walk_a.row_start(row), walk_a.steps(),
                               pb + walk_b.row_start(row), walk_b.steps(), columns, f);
                 }
               });
  return y;
}

}  // namespace limbeck::detail
