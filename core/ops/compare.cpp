#include "core/ops/compare.h"

#include <algorithm>
#include <array>
#include <functional>

#include "core/autograd.h"
#include "core/ops/arithmetic.h"
#include "core/ops/broadcast.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

template <class Holds>
Tensor compare(const char* op, const Tensor& a, const Tensor& b, Holds holds) {
  const NoGrad no_grad;  // a mask is a constant
  Tensor y =
      detail::combine(op, a, b, [=](real p, real q) { return static_cast<real>(holds(p, q)); });
  return record(op, y, {a, b}, {}, {});
}

// y[i] for n elements; an operand that does not step is one repeated element.
template <bool mask_steps, bool a_steps, bool b_steps>
void choose_row(real* y, const real* mask, const real* a, const real* b, Index n) {
  for (Index i = 0; i < n; ++i) {
    const real m = mask[mask_steps ? i : 0];
    const real p = a[a_steps ? i : 0],
               q = b[b_steps ? i : 0];  // both read, so that it is no branch
    y[i] = m == 0 ? q : m != m ? m : p;
  }
}

constexpr std::array choose_rows = {choose_row<false, false, false>, choose_row<false, false, true>,
                                    choose_row<false, true, false>,  choose_row<false, true, true>,
                                    choose_row<true, false, false>,  choose_row<true, false, true>,
                                    choose_row<true, true, false>,   choose_row<true, true, true>};

Tensor chosen(const Tensor& mask, const Tensor& a, const Tensor& b) {
  Shape shape = broadcast_shape("where", mask.shape(), a.shape());
  shape = broadcast_shape("where", shape, b.shape());
  Tensor y = Tensor::empty(shape);
  // Where all are whole or one element, the output is one long row.
  const auto simple = [&](const Tensor& x) { return x.shape() == shape || x.size() == 1; };
  const bool one_row = simple(mask) && simple(a) && simple(b);
  const Shape to = one_row ? Shape{shape.size()} : shape;
  const auto walk = [&](const Tensor& x) {
    return detail::Walk(one_row ? Shape{x.size()} : x.shape(), to);
  };
  const auto walk_mask = walk(mask), walk_a = walk(a), walk_b = walk(b);
  const auto row_function = choose_rows[static_cast<std::size_t>(
      4 * walk_mask.steps() + 2 * walk_a.steps() + walk_b.steps())];
  const Index columns = std::max<Index>(to.last(), 1);
  parallel_for(shape.size(), elementwise_grain, [&, py = y.data()](Index begin, Index end) {
    for (Index at = begin; at < end;) {  // row by row, the first and the last perhaps in part
      const Index row = at / columns, column = at % columns;
      const auto from = [&](const Tensor& x, const detail::Walk& w) {
        return x.data() + w.row_start(row) + (w.steps() ? column : 0);
      };
      const Index n = std::min(columns - column, end - at);
      row_function(py + at, from(mask, walk_mask), from(a, walk_a), from(b, walk_b), n);
      at += n;
    }
  });
  return y;
}

}  // namespace

Tensor operator>(const Tensor& a, const Tensor& b) {
  return compare("greater", a, b, std::greater<>());
}

Tensor operator>=(const Tensor& a, const Tensor& b) {
  return compare("greater_equal", a, b, std::greater_equal<>());
}

Tensor operator<(const Tensor& a, const Tensor& b) {
  return compare("less", a, b, std::less<>());
}

Tensor operator<=(const Tensor& a, const Tensor& b) {
  return compare("less_equal", a, b, std::less_equal<>());
}

Tensor equal(const Tensor& a, const Tensor& b) {
  return compare("equal", a, b, std::equal_to<>());
}

Tensor not_equal(const Tensor& a, const Tensor& b) {
  return compare("not_equal", a, b, std::not_equal_to<>());
}

Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  return record("where", chosen(mask, a, b), {mask, a, b}, {mask},
                [=](const Tensor& dy) -> Gradients {
                  const Tensor none = Tensor::scalar(0);
                  return {mask.wants_grad() ? Tensor::zeros(mask.shape()) : Tensor(),
                          a.wants_grad() ? sum_to(chosen(mask, dy, none), a.shape()) : Tensor(),
                          b.wants_grad() ? sum_to(chosen(mask, none, dy), b.shape()) : Tensor()};
                });
}

}  // namespace limbeck
