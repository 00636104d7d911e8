#include "core/ops/gather.h"

#include <algorithm>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

Index grain_of(Index elements) {
  return elementwise_grain / std::max<Index>(elements, 1) + 1;
}

template <class Integer>
Tensor gathered(const Tensor& x, std::span<const Integer> indices) {
  if (x.shape().rank() == 0) fail("gather_rows", "a scalar has no rows");
  const Shape row = x.shape().without_front();
  const Index rows = x.dim(0), columns = row.size(), count = static_cast<Index>(indices.size());
  for (const Integer i : indices) {
    if (i < 0 || i >= rows) fail("gather_rows", "row {} asked of {}", i, x.shape());
  }
  Tensor y = Tensor::empty(row.with_front(count));
  parallel_for(count, grain_of(columns),
               [=, from = x.data(), to = y.data(), p = indices.data()](Index begin, Index end) {
                 for (Index m = begin; m < end; ++m) {
                   std::copy_n(from + p[m] * columns, columns, to + m * columns);
                 }
               });
  if (!is_recorded(x)) return y;
  return record("gather_rows", y, {x}, {},
                [x, columns, kept = std::vector<Integer>(indices.begin(), indices.end())](
                    const Tensor& dy) -> Gradients {
                  const auto m_count = static_cast<Index>(kept.size());
                  return {gradient_of_part(x, [&](real* dx) {
                    // A part has some columns of all rows: no two add to the same element.
                    parallel_for(columns, grain_of(m_count), [&](Index begin, Index end) {
                      for (Index m = 0; m < m_count; ++m) {
                        real* const to = dx + kept[static_cast<std::size_t>(m)] * columns;
                        const real* const from = dy.data() + m * columns;
                        for (Index j = begin; j < end; ++j) to[j] += from[j];
                      }
                    });
                  })};
                });
}

}  // namespace

Tensor gather_rows(const Tensor& x, std::span<const Index> indices) {
  return gathered(x, indices);
}

Tensor gather_rows(const Tensor& x, std::span<const std::int32_t> indices) {
  return gathered(x, indices);
}

}  // namespace limbeck
