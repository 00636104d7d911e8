// The loops under ops of two tensors, element by element: for the sources of ops.
#pragma once

#include <algorithm>
#include <array>

#include "core/ops/arithmetic.h"
#include "core/parallel.h"

namespace limbeck::detail {

// How to walk operands of shapes `from` in step with an output of shape `to`, to which they
// broadcast: by rows of the output, with a stride of 0 along repeated dimensions. Neighbouring
// dimensions that each operand repeats, or has whole, are one: beside an operand (N, C, 1, 1) the
// rows of (N, C, H, W) have H W elements.
template <std::size_t operands>
class Walk {
 public:
  using Places = std::array<Index, operands>;  // of elements, one of each operand

  Walk(const Shape& to, const std::array<Shape, operands>& from) {
    Places stride;
    stride.fill(1);
    for (int i = 1; i <= to.rank(); ++i) {  // from the last dimension on
      if (to.dim(-i) == 1) continue;
      Dimension d{.size = to.dim(-i), .strides = {}};
      bool joins = rank_ > 0;
      for (std::size_t k = 0; k < operands; ++k) {
        const Index size = i <= from[k].rank() ? from[k].dim(-i) : 1;
        d.strides[k] = size == 1 ? 0 : stride[k];
        stride[k] *= size;
        joins = joins && (size == 1) == (dims_[rank_ - 1].strides[k] == 0);
      }
      if (joins) {
        dims_[rank_ - 1].size *= d.size;
      } else {
        dims_[rank_++] = d;
      }
    }
  }

  // Whether an operand's elements follow one another within a row, or one is repeated.
  bool steps(std::size_t operand) const { return dims_[0].strides[operand] == 1; }

  // Calls row(at, n, places) for the elements [begin, end) of the output, row by row, the first and
  // the last perhaps in part: n of them from `at` on, and where the operands' begin.
  template <class Row>
  void rows(Index begin, Index end, const Row& row) const {
    std::array<Index, Shape::max_rank> at{};  // the element, from the last dimension on
    Places places{};
    Index rest = begin;
    for (std::size_t i = 0; i < rank_; ++i) {
      at[i] = rest % dims_[i].size;
      rest /= dims_[i].size;
      move(places, i, at[i]);
    }
    for (Index n; begin < end; begin += n) {
      n = std::min(dims_[0].size - at[0], end - begin);
      row(begin, n, places);
      move(places, 0, -at[0]);
      at[0] = 0;
      for (std::size_t i = 1; i < rank_; ++i) {  // on to the next row
        move(places, i, 1);
        if (++at[i] < dims_[i].size) break;
        move(places, i, -at[i]);
        at[i] = 0;
      }
    }
  }

 private:
  struct Dimension {
    Index size = 1;
    Places strides{};
  };

  void move(Places& places, std::size_t dim, Index steps) const {
    for (std::size_t k = 0; k < operands; ++k) places[k] += steps * dims_[dim].strides[k];
  }

  std::array<Dimension, Shape::max_rank> dims_{};  // from the last on
  std::size_t rank_ = 0;
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
  const Walk<2> walk(shape, {a.shape(), b.shape()});
  const bool a_steps = walk.steps(0), b_steps = walk.steps(1);
  parallel_for(y.size(), elementwise_grain,
               [&, py = y.data(), pa = a.data(), pb = b.data()](Index begin, Index end) {
                 walk.rows(begin, end, [=](Index at, Index n, const auto& places) {
                   combine_row(py + at, pa + places[0], a_steps, pb + places[1], b_steps, n, f);
                 });
               });
  return y;
}

}  // namespace limbeck::detail
