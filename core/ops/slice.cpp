#include "core/ops/slice.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/along.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

using detail::Along;
using detail::along;

// Some places along a dimension, as they lie in memory: `count` blocks of `length` elements, from
// `begin` on, `stride` apart. In a tensor of these places alone, block follows block.
struct Blocks {
  Index count, length, begin, stride;
};

Blocks places(const Along& a, Index begin, Index size) {
  return {.count = a.outer,
          .length = size * a.inner,
          .begin = begin * a.inner,
          .stride = a.size * a.inner};
}

// Calls f(in the whole, in the part), in parallel, for where each block begins.
template <class F>
void for_blocks(const Blocks& b, const F& f) {
  const Index grain = elementwise_grain / std::max<Index>(b.length, 1) + 1;
  parallel_for(b.count, grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) f(b.begin + i * b.stride, i * b.length);
  });
}

// The blocks of `whole` as a tensor of their own.
Tensor taken(const Tensor& whole, const Blocks& b, const Shape& shape) {
  Tensor part = Tensor::empty(shape);
  for_blocks(b, [&b, from = whole.data(), to = part.data()](Index in_whole, Index in_part) {
    std::copy_n(from + in_whole, b.length, to + in_part);
  });
  return part;
}

void put(Tensor& whole, const Blocks& b, const Tensor& part) {
  for_blocks(b, [&b, to = whole.data(), from = part.data()](Index in_whole, Index in_part) {
    std::copy_n(from + in_part, b.length, to + in_whole);
  });
}

void add(real* whole, const Blocks& b, const Tensor& part) {
  for_blocks(b, [&b, whole, from = part.data()](Index in_whole, Index in_part) {
    for (Index i = 0; i < b.length; ++i) whole[in_whole + i] += from[in_part + i];
  });
}

}  // namespace

Tensor slice(const Tensor& x, int dim, Index begin, Index end) {
  const Along a = along("slice", x.shape(), dim);
  if (begin < 0 || end < begin || end > a.size) {
    fail("slice", "places [{}, {}) asked of dimension {} of shape {}", begin, end, a.dim,
         x.shape());
  }
  if (a.dim == 0) return slice_rows(x, begin, end);
  const Blocks part = places(a, begin, end - begin);
  Tensor y = taken(x, part, x.shape().with_dim(dim, end - begin));
  return record("slice", y, {x}, {}, {{"dim", a.dim}, {"begin", begin}, {"end", end}},
                [x, part](const Tensor& dy) -> Gradients {
                  return {gradient_of_part(x, [&](real* dx) { add(dx, part, dy); })};
                });
}

std::vector<Tensor> split(const Tensor& x, int dim, Index size) {
  const Along a = along("split", x.shape(), dim);
  if (size < 1) fail("split", "the parts must have a size of at least 1; got {}", size);
  std::vector<Tensor> parts;
  Index begin = 0;
  do {  // once at least: of nothing there is one part, of nothing
    parts.push_back(slice(x, dim, begin, std::min(begin + size, a.size)));
    begin += size;
  } while (begin < a.size);
  return parts;
}

Tensor concat(const std::vector<Tensor>& parts, int dim) {
  if (parts.empty()) fail("concat", "at least one part is needed");
  const Shape& first = parts.front().shape();
  const Along a = along("concat", first, dim);
  if (a.dim == 0) return concat_rows(parts);
  Index size = 0;
  for (const Tensor& part : parts) {
    if (part.shape().rank() != first.rank() || part.shape().with_dim(a.dim, a.size) != first) {
      fail("concat", "shapes {} and {} differ in more than dimension {}", first, part.shape(),
           a.dim);
    }
    if (__builtin_add_overflow(size, part.dim(a.dim), &size)) {
      fail("concat", "the sizes of dimension {} add up to more than a number holds", a.dim);
    }
  }
  Tensor y = Tensor::empty(first.with_dim(a.dim, size));
  const Along whole = along("concat", y.shape(), a.dim);
  Index at = 0;
  for (const Tensor& part : parts) {
    put(y, places(whole, at, part.dim(a.dim)), part);
    at += part.dim(a.dim);
  }
  return record("concat", y, parts, {}, {{"dim", a.dim}}, [parts, whole](const Tensor& dy) {
    Gradients dx;
    Index from = 0;
    for (const Tensor& part : parts) {
      const Index places_of_part = part.dim(whole.dim);
      dx.push_back(part.wants_grad() ? taken(dy, places(whole, from, places_of_part), part.shape())
                                     : Tensor());
      from += places_of_part;
    }
    return dx;
  });
}

Tensor stack(const std::vector<Tensor>& parts, int dim) {
  if (parts.empty()) fail("stack", "at least one part is needed");
  const Shape& first = parts.front().shape();
  const auto count = static_cast<Index>(parts.size());
  const int at = along("stack", first.with_front(count), dim).dim;
  std::vector<Tensor> thick;
  for (const Tensor& part : parts) {
    if (part.shape() != first) fail("stack", "shapes {} and {} differ", first, part.shape());
    thick.push_back(reshape(part, first.insert_dim(at, 1)));
  }
  return concat(thick, at);
}

Tensor pad(const Tensor& x, int dim, const PadOptions& options) {
  const Along a = along("pad", x.shape(), dim);
  constexpr Index most = Index{1} << 40;
  const auto fits = [](Index places) { return places >= 0 && places <= most; };
  if (!fits(options.before) || !fits(options.after)) {
    fail("pad", "before and after must be from 0 to {}; got {} and {} (slice takes away)", most,
         options.before, options.after);
  }
  const Shape shape = x.shape().with_dim(dim, options.before + a.size + options.after);
  const Blocks inside = places(along("pad", shape, dim), options.before, a.size);
  Tensor y = Tensor::full(shape, static_cast<real>(options.value));
  put(y, inside, x);
  return record("pad", y, {x}, {},
                {{"dim", a.dim},
                 {"before", options.before},
                 {"after", options.after},
                 {"value", options.value}},
                [inside, x_shape = x.shape()](const Tensor& dy) -> Gradients {
                  return {taken(dy, inside, x_shape)};
                });
}

}  // namespace limbeck
