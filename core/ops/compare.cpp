#include "core/ops/compare.h"

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
  const detail::Walk<3> walk(shape, {mask.shape(), a.shape(), b.shape()});
  const auto row_function =
      choose_rows[static_cast<std::size_t>(4 * walk.steps(0) + 2 * walk.steps(1) + walk.steps(2))];
  const auto choose = [=, py = y.data(), pm = mask.data(), pa = a.data(), pb = b.data()](
                          Index at, Index n, const auto& places) {
    row_function(py + at, pm + places[0], pa + places[1], pb + places[2], n);
  };
  parallel_for(y.size(), elementwise_grain,
               [&](Index begin, Index end) { walk.rows(begin, end, choose); });
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
