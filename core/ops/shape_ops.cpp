#include "core/ops/shape_ops.h"

#include <algorithm>
#include <string>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/transpose.h"
#include "core/parallel.h"

namespace limbeck {

Tensor reshape(const Tensor& x, const Shape& shape) {
  if (shape.size() != x.size()) {
    fail("reshape", "shape {} has {} elements and {} has {}", x.shape(), x.size(), shape,
         shape.size());
  }
  Tensor y = x.view(shape);
  if (!is_recorded(x)) return y;
  return record("reshape", y, {x}, {},
                [shape = x.shape()](const Tensor& dy) -> Gradients { return {dy.view(shape)}; });
}

Tensor reshape(const Tensor& x, std::initializer_list<Index> dims) {
  const auto open = std::ranges::count(dims, -1);
  if (open == 0) return reshape(x, Shape(dims));
  Shape others;  // whose product is checked
  for (Index n : dims) {
    if (n > 0) others = others.with_front(n);
  }
  const Index given =
      std::ranges::any_of(dims, [](Index n) { return n < -1 || n == 0; }) ? 0 : others.size();
  if (open > 1 || given == 0 || x.size() % given != 0) {
    std::string wanted;
    for (Index n : dims) wanted += fmt::format("{}{}", wanted.empty() ? "" : ", ", n);
    fail("reshape",
         "shape {} cannot become ({}): at most one dimension may be -1, and the others must not "
         "be 0 and must divide {} elements",
         x.shape(), wanted, x.size());
  }
  Shape shape;
  for (auto n = std::rbegin(dims); n != std::rend(dims); ++n) {
    shape = shape.with_front(*n == -1 ? x.size() / given : *n);
  }
  return reshape(x, shape);
}

Tensor flatten(const Tensor& x) {
  if (x.shape().rank() == 0) fail("flatten", "a scalar has no batch dimension to keep");
  return reshape(x, {x.dim(0), x.shape().without_front().size()});
}

Tensor slice_rows(const Tensor& x, Index begin, Index end) {
  if (x.shape().rank() == 0 || begin < 0 || end < begin || end > x.dim(0)) {
    fail("slice_rows", "rows [{}, {}) asked of shape {}", begin, end, x.shape());
  }
  const Shape row = x.shape().without_front();
  Tensor y = x.view(row.with_front(end - begin), begin * row.size());
  return record("slice_rows", y, {x}, {}, {{"begin", begin}, {"end", end}},
                [x, at = begin * row.size()](const Tensor& dy) -> Gradients {
                  if (add_to_gradient(x, at, dy)) return {Tensor()};
                  Tensor dx = Tensor::zeros(x.shape());
                  std::ranges::copy(dy.values(), dx.data() + at);
                  return {dx};
                });
}

Tensor concat_rows(const std::vector<Tensor>& parts) {
  if (parts.empty()) fail("concat_rows", "at least one part is needed");
  Index rows = 0;
  for (const Tensor& part : parts) {
    if (part.shape().rank() == 0 ||
        part.shape().without_front() != parts.front().shape().without_front()) {
      fail("concat_rows", "shapes {} and {} differ in more than their first dimension",
           parts.front().shape(), part.shape());
    }
    rows += part.dim(0);
  }
  Tensor y = Tensor::empty(parts.front().shape().without_front().with_front(rows));
  real* out = y.data();
  for (const Tensor& part : parts) out = std::ranges::copy(part.values(), out).out;
  return record("concat_rows", y, parts, {}, [parts](const Tensor& dy) {
    Gradients dx;
    Index at = 0;
    for (const Tensor& part : parts) {
      dx.push_back(dy.view(part.shape(), at));
      at += part.size();
    }
    return dx;
  });
}

namespace {

// A dimension of y, and the distances of its elements in x and in y.
struct Dimension {
  Index size, step, y_step;
};

// y's dimensions, from the last on; neighbours in y that are so in x as well are one.
std::vector<Dimension> dimensions(const Tensor& x, const std::vector<int>& axes) {
  std::vector<Index> steps(axes.size());  // in x, of its dimensions
  Index step = 1;
  for (std::size_t i = axes.size(); i-- > 0;) {
    steps[i] = step;
    step *= x.dim(static_cast<int>(i));
  }
  std::vector<Dimension> dims;
  Index y_step = 1;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    const Dimension d{x.dim(*axis), steps[static_cast<std::size_t>(*axis)], y_step};
    y_step *= d.size;
    if (d.size == 1) continue;
    if (!dims.empty() && d.step == dims.back().step * dims.back().size) {
      dims.back().size *= d.size;
    } else {
      dims.push_back(d);
    }
  }
  return dims;
}

// Plane by plane of two dimensions: y's last, and the one whose elements are neighbours in x. Where
// both are the same, that and the next.
Tensor permuted(const Tensor& x, const std::vector<int>& axes) {
  Shape shape;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    shape = shape.with_front(x.dim(*axis));
  }
  std::vector<Dimension> dims = dimensions(x, axes);
  if (dims.size() < 2) return x.view(shape).clone();
  Tensor y = Tensor::empty(shape);
  if (y.size() == 0) return y;
  const Dimension inner = dims[0];
  const auto of_rows =
      inner.step == 1 ? dims.begin() + 1 : std::ranges::find(dims, Index{1}, &Dimension::step);
  const Dimension rows = *of_rows;
  dims.erase(of_rows);
  constexpr Index together = 64;  // rows that a thread takes at a time
  const Index blocks = (rows.size + together - 1) / together;
  const Index items = y.size() / (inner.size * rows.size) * blocks;
  const Index grain = elementwise_grain / (inner.size * std::min(rows.size, together)) + 1;
  parallel_for(items, grain, [&, py = y.data(), px = x.data()](Index begin, Index end) {
    for (Index item = begin; item < end; ++item) {
      const Index first = item % blocks * together;
      const Index n = std::min(together, rows.size - first);
      const real* from = px + first * rows.step;
      real* to = py + first * rows.y_step;
      Index rest = item / blocks;
      for (std::size_t i = 1; i < dims.size(); ++i) {
        from += rest % dims[i].size * dims[i].step;
        to += rest % dims[i].size * dims[i].y_step;
        rest /= dims[i].size;
      }
      if (inner.step == 1) {
        for (Index i = 0; i < n; ++i) {
          std::copy_n(from + i * rows.step, inner.size, to + i * rows.y_step);
        }
      } else {
        transposed(to, rows.y_step, from, inner.step, n, inner.size);
      }
    }
  });
  return y;
}

}  // namespace

Tensor permute(const Tensor& x, std::initializer_list<int> axes) {
  const std::vector<int> order(axes);
  std::vector<int> sorted = order, back(order.size());
  std::ranges::sort(sorted);
  bool each_once = static_cast<int>(order.size()) == x.shape().rank();
  for (std::size_t i = 0; i < order.size(); ++i) each_once &= sorted[i] == static_cast<int>(i);
  if (!each_once) {
    std::string given;
    for (const int axis : order) given += fmt::format("{}{}", given.empty() ? "" : ", ", axis);
    fail("permute", "the axes must be each of the {} dimensions of {} once; got ({})",
         x.shape().rank(), x.shape(), given);
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    back[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  }
  return record("permute", permuted(x, order), {x}, {}, {{"axes", order}},
                [back](const Tensor& dy) -> Gradients { return {permuted(dy, back)}; });
}

}  // namespace limbeck
