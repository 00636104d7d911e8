// A tensor seen along one of its dimensions: for the sources of ops.
#pragma once

#include <algorithm>

#include "core/parallel.h"
#include "core/shape.h"

namespace limbeck::detail {

// x (…, D, …) as (outer, D, inner). Along D lie outer · inner lines of D elements each, which are
// `inner` apart. Line l is the first of row l / inner, and within it begins at l % inner.
struct Along {
  int dim = 0;  // which dimension, from the front
  Index outer = 1, size = 0, inner = 1;

  Index lines() const { return outer * inner; }
  // Where line l begins.
  Index start(Index l) const {
    return inner == 1 ? l * size : l / inner * size * inner + l % inner;
  }
};

// Error, in the name of `op`: there is no such dimension. A negative one counts from the end.
Along along(const char* op, const Shape& shape, int dim);

// Calls piece(line, at, count), in parallel, for all lines: `count` of them that lie side by side,
// at most so many, the first being `line` and beginning at `at`.
inline constexpr Index lines_together = 64;
template <class Piece>
void for_lines(const Along& a, const Piece& piece) {
  const Index grain = elementwise_grain / std::max<Index>(a.size, 1) + 1;
  parallel_for(a.lines(), grain, [&](Index begin, Index end) {
    for (Index line = begin; line < end;) {
      const Index beside = a.inner == 1 ? 1 : a.inner - line % a.inner;
      const Index count = std::min({beside, end - line, lines_together});
      piece(line, a.start(line), count);
      line += count;
    }
  });
}

}  // namespace limbeck::detail
